"""What a candidate's figures are called: fixed words, never a percentage, never "authentic"."""

from __future__ import annotations

from indexer.observations import (
    DeclaredFact,
    Examination,
    FaceMatch,
    HashMatch,
    ManipulationFinding,
    PersonFinding,
)
from service.candidates.statements import MATCH_SENTENCE
from service.candidates.views import Assessment

_SIMILARITY = {
    "strong": "The faces are very similar.",
    "moderate": "The faces are similar.",
    "weak": "The faces are somewhat similar.",
}
MANIPULATION_WORDS = {
    "strong_signs": "Signs of manipulation: strong support",
    "moderate_signs": "Signs of manipulation: moderate support",
    "weak_signs": "Signs of manipulation: weak support",
    "inconclusive": "Signs of manipulation: inconclusive",
    "no_trace_found": "No trace of manipulation found. That does not mean that it is authentic.",
    "not_assessable": "Manipulation could not be assessed.",
}
_MEDIUM = {
    "still": "picture",
    "animation": "moving picture",
    "video": "video",
    "unreadable": "file",
}
_ONE_IN_AT_MOST = 10_000_000


def medium_words(examination: Examination | None) -> str:
    """What kind of thing was found."""
    return "link" if examination is None else _MEDIUM[examination.kind]


def chance_words(expected_chance_matches: float) -> str:
    """How often chance alone would do this, for a picture like this one."""
    if expected_chance_matches >= 0.5:
        return "By chance alone, a match like this is to be expected in every picture or two."
    if expected_chance_matches <= 1 / _ONE_IN_AT_MOST:
        one_in = _ONE_IN_AT_MOST
        return f"Less than 1 chance match in {one_in:,} pictures like these."
    one_in = round(1 / expected_chance_matches)
    magnitude = 10 ** max(0, len(str(one_in)) - 2)
    return f"About 1 chance match in {round(one_in / magnitude) * magnitude:,} pictures like these."


def copy_words(match: HashMatch) -> str:
    """How a medium is a copy of a known picture."""
    if match.kind == "sha256":
        return "Byte for byte the same file as a picture known to show the person."
    turned = "" if match.orientation == "upright" else f", turned or mirrored ({match.orientation})"
    return (
        f"By its perceptual hash a copy of a picture known to show the person{turned}: "
        f"{match.distance} of 256 bits differ."
    )


def assessment_of(finding: PersonFinding | None) -> Assessment | None:
    """All that the search said of one person in one medium, in words."""
    if finding is None:
        return None
    best = best_face(finding.faces)
    manipulation = finding.manipulation
    return Assessment(
        sentence=MATCH_SENTENCE,
        similarity=_SIMILARITY[best.band] if best else "",
        chance=chance_words(best.expected_chance_matches) if best else "",
        copies=tuple(copy_words(match) for match in finding.hashes),
        manipulation=manipulation_words(manipulation),
        manipulation_reasons=manipulation.reasons,
        declared=tuple(_declared(fact) for fact in manipulation.declared),
        not_looked_at=manipulation.parts_not_looked_at,
    )


def manipulation_words(finding: ManipulationFinding) -> str:
    """The band of a manipulation finding."""
    return MANIPULATION_WORDS[finding.band]


def best_face(faces: tuple[FaceMatch, ...]) -> FaceMatch | None:
    """The most similar of the matched faces."""
    return max(faces, key=lambda face: face.similarity, default=None)


def waits_for_words(*, needs_reviewer: bool, needs_person: bool, reviewer: str) -> str:
    """Whose word is missing. `reviewer` is what the reviewer is called in this place."""
    if needs_reviewer and needs_person:
        return f"{reviewer} and the person"
    if needs_reviewer:
        return reviewer
    return "the person" if needs_person else "nobody"


def _declared(fact: DeclaredFact) -> str:
    validated = f" ({fact.validation})" if fact.validation else ""
    return f"The file says of itself: {fact.name} = {fact.value}{validated}"
