"""What the person signs: the release, the mandate, the attestation's statement; each versioned.

The texts carry what written consent to biometrics has to say (740 ILCS 14/15: the fact, the
purpose, the length of term, a public schedule of retention; GDPR Art. 9(2)(a), 7, 13, 14:
recipients, sources, withdrawal, human review), read on 2026-11-23. What was signed is kept whole
with the signature: a new version never changes an old consent. Nothing is ever ticked in advance.
"""

from __future__ import annotations

from dataclasses import dataclass

RELEASE_VERSION = "2026-11b"
MANDATE_VERSION = "2026-11"
ATTESTATION_VERSION = "2026-11"
RELEASE_TERM_DAYS = 365


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of a text: a heading and plain words."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class SignedText:
    """A text with its version; `whole` is what is kept with a signature."""

    version: str
    paragraphs: tuple[Paragraph, ...]
    statement: str

    @property
    def whole(self) -> str:
        """The whole text as it was shown, in plain lines."""
        lines = [f"{paragraph.heading}\n{paragraph.text}" for paragraph in self.paragraphs]
        return "\n\n".join([*lines, self.statement])


def release_text(organisation_name: str, *, covers_faces: bool, held_days: int) -> SignedText:
    """The release, with or without the paragraphs on face search."""
    paragraphs = [
        Paragraph(
            "What this is for",
            f"{organisation_name} looks for pictures and videos of you that were spread without "
            "your consent, real or faked, on sites that it lists, and helps you to have them "
            "removed. It does this for you only, and for nothing else.",
        ),
        Paragraph(
            "What is collected and kept",
            "What you type here; the pictures you give; fingerprints of those pictures that "
            "recognise copies (hashes, not biometrics); the links you bring; what was found, who "
            "decided what, and the notices that were sent.",
        ),
    ]
    if covers_faces:
        paragraphs.append(
            Paragraph(
                "Face search: biometric data",
                "You also ask for face search. From each reference photo a template of your face "
                "geometry is computed and stored. This is biometric data. It is used only to "
                "compare faces in media found on the listed sites with yours. It is never sold, "
                "traded or disclosed, and never used to search for anyone else.",
            )
        )
    paragraphs += [
        Paragraph(
            "How long",
            f"Until you withdraw, until your case is closed, or {RELEASE_TERM_DAYS} days after you "
            "sign, whichever comes first; you may then sign again. Templates are destroyed at that "
            f"moment. A find that nobody decided is destroyed after {held_days} days. Everything "
            "is destroyed when you erase your case.",
        ),
        Paragraph(
            "Where it comes from, and who receives it",
            "From you, and from the listed sites. Two trained reviewers and your advocate see "
            "words, and a small picture of the face alone when they ask for it. A site that has to "
            "remove something receives a notice with addresses, without your pictures. A site may "
            "show a notice to whoever put the picture there.",
        ),
        Paragraph(
            "Names, if you choose some",
            "You, or your advocate for you, may choose names and user names that are yours, and "
            "say what for. Pages of the listed sites are then read for them; face search is not "
            "needed. They are kept encrypted under your key, compared in memory only, and sent to "
            "no site; nothing of what stands around a name is kept. Others may have the same name: "
            "two trained people look at each page first, and you have the last word. A name can "
            "be removed at any time. If you choose none, none of yours is looked for.",
        ),
        Paragraph(
            "People decide, never a machine",
            "What the search returns is a candidate. Two trained people look at it independently, "
            "and you have the last word. Nothing is sent automatically.",
        ),
        Paragraph(
            "Other people in the pictures",
            "Media on the listed sites show other people too. Their faces are compared for a "
            "moment, in memory, and forgotten at once: nothing by which any of them could be "
            "recognised is kept. Please bring only links and pictures that concern you.",
        ),
        Paragraph(
            "Your rights",
            "You may withdraw at any time, with one button, without giving a reason; this is as "
            "easy as signing. You may see, correct, take along and erase what is kept, and "
            "complain to the data protection authority of your country. All of it is encrypted "
            "under a key of your own; erasing destroys that key.",
        ),
        Paragraph(
            "Only for adults",
            "You are 18 or older now, and you were 18 or older in every picture this is about.",
        ),
    ]
    statement = "I have read this and I agree. I am the person shown in the pictures I give."
    if covers_faces:
        statement += " I release my face geometry for the face search described here."
    return SignedText(
        f"{RELEASE_VERSION}{'+faces' if covers_faces else ''}", tuple(paragraphs), statement
    )


def mandate_text(
    organisation_name: str, *, may_search: bool, may_capture: bool, may_notify: bool, days: int
) -> SignedText:
    """The mandate with exactly the scopes that were chosen."""
    scopes = []
    if may_search:
        scopes.append("look for my pictures on the sites that it lists")
    if may_capture:
        scopes.append("record what is found as evidence")
    if may_notify:
        scopes.append("prepare, sign and send requests for removal on my behalf")
    return SignedText(
        MANDATE_VERSION,
        (
            Paragraph(
                "What your advocate may do",
                f"I let the advocates of {organisation_name}: " + "; ".join(scopes) + ".",
            ),
            Paragraph(
                "Until when",
                f"For {days} days from today. I may withdraw this at any time, and renew it.",
            ),
        ),
        "I sign this mandate.",
    )


ATTESTATION_STATEMENT = (
    "I checked, in the way I describe, that the person who registered is the person in the "
    "reference photos or on the links they bring, that they are an adult, and that they act of "
    "their own will."
)

AGE_NOW_QUESTION = "Are you 18 or older now?"
AGE_IN_PICTURES_QUESTION = "Were you under 18 in any of the pictures this is about?"
