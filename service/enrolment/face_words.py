"""A person's face search in words, where something is in its way: to the person, in plain words
with what to do, and to their advocates. What cannot be looked for is never called not found.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from service.enrolment.model_views import PHOTO_LOST, PersonFaces
from service.enrolment.photo_words import words_of_refusal


@dataclass(frozen=True, slots=True)
class FaceWords:
    """What a page says of a person's face search; empty where there is nothing to say."""

    reason: str = ""
    advice: str = ""


_SHORT = {
    "off": "off",
    "being_prepared": "being prepared",
    "no_photo": "on, as soon as there is a photo",
    "no_usable_photo": "a new photo is needed",
    "soon_no_usable_photo": "on; a new photo is needed soon",
}


def short_words(faces: PersonFaces) -> str:
    """Whether faces are compared, in a few words."""
    return _SHORT.get(faces.state, "on")


def words_for_person(faces: PersonFaces) -> FaceWords:
    """What the person reads, and can do."""
    match faces.state:
        case "being_prepared":
            return FaceWords(
                "Your photos are being prepared for face search. Until that is done, faces are not "
                "compared for you; known pictures are looked for as before.",
                "You need not do anything.",
            )
        case "no_usable_photo":
            return FaceWords(
                _lost(faces, "None of your photos can be used for face search as it works now.")
                + " Until there is one, your face is not looked for; known pictures are.",
                "Please add a new photo: from the front, in daylight, your face alone.",
            )
        case "soon_no_usable_photo":
            return FaceWords(
                "We are about to use a better way to compare faces, and "
                + _lost(faces, "none of your photos works with it."),
                "Please add one more photo: from the front, in daylight, your face alone.",
            )
        case _:
            return FaceWords()


def words_for_advocate(faces: PersonFaces) -> FaceWords:
    """What the advocates of the case read, and can do."""
    match faces.state:
        case "being_prepared":
            return FaceWords(
                "Reference photos are being prepared for the model that compares faces. Until that "
                "is done, this person is not looked for by their face: nothing found means nothing."
            )
        case "no_usable_photo":
            return FaceWords(
                "No reference photo of this person can be used with the model that compares faces. "
                "They are not looked for by their face.",
                "The person reads on their page that a new photo is needed. Ask them when you "
                "speak with them.",
            )
        case "soon_no_usable_photo":
            return FaceWords(
                "A new model is being prepared, and no reference photo of this person can be used "
                "with it. Once it searches, they would not be found by their face any more.",
                "The person reads on their page that one more photo is needed. Ask them when you "
                "speak with them.",
            )
        case _:
            return FaceWords()


def words_of_photo(faces: PersonFaces, photo_id: uuid.UUID) -> str:
    """Why one photo is not used for face search; empty when it is, or may be yet."""
    codes = [one.code for one in faces.refused if one.photo_id == photo_id]
    if not codes:
        return ""
    words = words_of_refusal(codes[0])
    return f"{words.reason} {words.advice}"


def _lost(faces: PersonFaces, otherwise: str) -> str:
    if faces.refused and all(one.code == PHOTO_LOST for one in faces.refused):
        gone = "your photos were not kept, so that they cannot be prepared again."
        return gone if otherwise[0].islower() else gone[0].upper() + gone[1:]
    return otherwise
