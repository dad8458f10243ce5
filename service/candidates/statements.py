"""The fixed words that reviewers and the person confirm, and the reasons they may choose.

Statements are ticked by the signer, never for them; what is kept is the wording itself.
"""

from __future__ import annotations

from typing import Literal

Verdict = Literal["same", "different", "cannot_tell", "minor_sign"]

MATCH_SENTENCE = (
    "Automated search returned a candidate match. A similarity score is not an identification or a "
    "probability of identity."
)
CONFIRMED_SENTENCE = (
    "Two trained reviewers independently confirmed it; the depicted person confirmed it."
)
POINTED_CONFIRMED_SENTENCE = (
    "The depicted person pointed to it and declared that it shows them; an advocate confirmed it."
)

NAME_SENTENCE = (
    "Automated search found a name that the person had chosen on a page. A name is not an "
    "identification: others may have it too."
)

REVIEWER_STATEMENTS: tuple[str, ...] = (
    (
        "I compared this myself with the reference photos, without knowing what another reviewer "
        "decided."
    ),
    "I saw no sign that it may show somebody under 18.",
)
HASH_REVIEWER_STATEMENTS: tuple[str, ...] = (
    (
        "I checked what is known of both pictures, and have no reason to doubt that this is a copy "
        "of one that shows the person; I did not know what another reviewer decided."
    ),
    "I saw no sign that it may show somebody under 18.",
)
ADVOCATE_STATEMENTS: tuple[str, ...] = (
    (
        "The person pointed to this address and declared that it shows them; I have no reason to "
        "doubt it."
    ),
    "I saw no sign that it may show somebody under 18.",
)
NAME_REVIEWER_STATEMENTS: tuple[str, ...] = (
    (
        "I looked at what is known of the page and of the person, and have no reason to doubt that "
        "it means this person; I did not know what another reviewer decided."
    ),
    "I saw no sign that it may show somebody under 18.",
)
PERSON_STATEMENTS: tuple[str, ...] = (
    "This shows me, or was made to look like me.",
    "I did not agree that it is spread there.",
)
NAME_PERSON_STATEMENTS: tuple[str, ...] = (
    "This page means me.",
    "I did not agree to what it says or shows of me.",
)
DECLARATION = "This shows me, or was made to look like me, and I did not agree that it is spread."

OWN_PUBLICATION = "own_publication"
ANOTHER_PERSON = "another_person"
REASONS: tuple[tuple[str, str], ...] = (
    (ANOTHER_PERSON, "It is another person"),
    ("not_enough_to_see", "There is not enough to see"),
    ("turned_or_covered", "The face is turned away, covered or cut off"),
    ("not_a_person", "It is no person"),
    (OWN_PUBLICATION, "The person published it themselves and it may stay"),
    ("other", "Another reason, in words"),
)
HASH_REASONS: tuple[tuple[str, str], ...] = (
    ("another_picture", "It is another picture"),
    ("not_enough_to_tell", "There is not enough to tell by"),
    (OWN_PUBLICATION, "The person published it themselves and it may stay"),
    ("other", "Another reason, in words"),
)
"""Where no face was compared: nothing is said of one."""
NAME_REASONS: tuple[tuple[str, str], ...] = (
    ("another_of_this_name", "It means somebody else of this name"),
    ("no_name", "The words are there, but not as a name"),
    ("not_enough_to_tell", "There is not enough to tell by"),
    (OWN_PUBLICATION, "The person published it themselves and it may stay"),
    ("other", "Another reason, in words"),
)
MINOR_REASON = "may show somebody under 18"
LIKENESS_REASON = "it looks like a medium that was halted"

MINOR_REPORTING: tuple[tuple[str, str], ...] = (
    ("United States", "CyberTipline of NCMEC: report.cybertip.org"),
    ("United Kingdom", "Internet Watch Foundation: report.iwf.org.uk"),
    ("Elsewhere", "The hotline of your country, listed by INHOPE: inhope.org"),
    ("Danger right now", "The police"),
)
"""Where a halted candidate is reported: address, time and reason; never the picture."""


_STATEMENTS = {
    "pointed": ADVOCATE_STATEMENTS,
    "hash": HASH_REVIEWER_STATEMENTS,
    "name": NAME_REVIEWER_STATEMENTS,
}
_REASONS = {"hash": HASH_REASONS, "name": NAME_REASONS}


def statements_for(kind: str) -> tuple[str, ...]:
    """What a reviewer of a candidate of this kind confirms."""
    return _STATEMENTS.get(kind, REVIEWER_STATEMENTS)


def person_statements_for(kind: str) -> tuple[str, ...]:
    """What the person says of a candidate of this kind when they confirm it."""
    return NAME_PERSON_STATEMENTS if kind == "name" else PERSON_STATEMENTS


def found_sentence(kind: str) -> str:
    """What may be said of what the search found, before anybody has confirmed it."""
    return NAME_SENTENCE if kind == "name" else MATCH_SENTENCE


def reason_words(reason: str) -> str:
    """The words of a chosen reason; free text stays as it is."""
    return dict((*NAME_REASONS, *HASH_REASONS, *REASONS)).get(reason, reason)


def reasons_for(kind: str) -> tuple[tuple[str, str], ...]:
    """What a reviewer of a candidate of this kind may choose when they do not confirm."""
    return _REASONS.get(kind, REASONS)
