"""Why a photo was refused and what to do, in plain words, for each code of the examiner."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RefusalWords:
    """A reason and a way out."""

    reason: str
    advice: str


_WORDS = {
    "no_face": RefusalWords(
        "We could not find a face in this photo.",
        "Take one from the front, with your whole face in view, in daylight.",
    ),
    "several_faces": RefusalWords(
        "There is more than one face in this photo.",
        "Use a photo of you alone, or cut the others away first.",
    ),
    "too_small": RefusalWords(
        "Your face is too small in this photo.",
        "Come closer: your face should fill about a third of the picture.",
    ),
    "too_dark": RefusalWords(
        "The photo is too dark.", "Turn towards a window or a lamp and try again."
    ),
    "too_bright": RefusalWords(
        "The photo is too bright.", "Move out of direct light, or turn the flash off."
    ),
    "blurred": RefusalWords("The photo is blurred.", "Hold still, wipe the lens, and try again."),
    "turned_away": RefusalWords(
        "Your face is turned too far to the side.", "Look straight into the camera."
    ),
    "covered": RefusalWords(
        "A part of your face is covered in this photo.",
        "Take sunglasses, mask, cap or hand away, or choose a photo that shows your whole face.",
    ),
    "unclear": RefusalWords(
        "Your face cannot be made out well enough in this photo.",
        "Take one from the front, in daylight, close enough that your face fills a third of it.",
    ),
    "not_same_person": RefusalWords(
        "This does not look like the same person as in your other photos.",
        "Use a photo of yourself. If all of them are of you, remove the one that looks least "
        "like you and try again; your advocate can help.",
    ),
    "already_there": RefusalWords(
        "You have given this very photo already.", "Choose another one, if you like."
    ),
    "photo_lost": RefusalWords(
        "This photo is no longer kept here, so that it cannot be prepared again.",
        "Remove it and give it once more, or another one.",
    ),
    "unreadable": RefusalWords(
        "This file could not be read as a picture.",
        "Use a JPEG, PNG, WebP or HEIC photo, as your phone makes them.",
    ),
}
_OTHER = RefusalWords("This photo could not be used.", "Please try another one.")


def words_of_refusal(code: str) -> RefusalWords:
    """The words for a refusal's code."""
    return _WORDS.get(code, _OTHER)
