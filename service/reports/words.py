"""Stable codes in words for people. What we could not look at is never called clean (rule 13)."""

from __future__ import annotations

from collections.abc import Sequence

from service.sources.words import REASON_WORDS, UNREADABLE_WORDS

_UNKNOWN = "another reason"

CANDIDATE_STATES = {
    "waiting": "waiting to be confirmed",
    "confirmed": "confirmed",
    "dismissed": "dismissed",
    "halted": "halted",
    "expired": "ended without a decision",
}
CANDIDATE_KINDS = {
    "face": "by face",
    "hash": "as a known picture",
    "name": "by name",
    "pointed": "pointed to",
}


_NOTES = (("budget", " Not everything was visited: the budget was used up."),)
_UNFINISHED = {
    "blind": "We could not look: {why}. Nothing can be concluded from this run.",
    "failed": "The run failed before its end: {why}. It says nothing about what it did not see.",
    "cancelled": "The run was cancelled. It says nothing about what it did not see.",
}


def reason(code: str) -> str:
    """The words for why an address or a run failed; an unknown code is named as it is."""
    return REASON_WORDS.get(code, f"{_UNKNOWN} ({code.replace('_', ' ')})")


def unreadable(code: str) -> str:
    """The words for why a medium could not be looked at."""
    return UNREADABLE_WORDS.get(code, f"{_UNKNOWN} ({code.replace('_', ' ')})")


def conclusion(
    *,
    state: str,
    codes: Sequence[str],
    candidates: int,
    media_examined: int,
    faces: bool,
    media_unreadable: int = 0,
    media_only_small: int = 0,
    media_in_part: int = 0,
    pages_not_due: int = 0,
    resting: int = 0,
    held_back: int = 0,
    not_searched: int = 0,
) -> str:
    """The one sentence that may be said of a run."""
    why = "; ".join(reason(code) for code in codes if code != "budget")
    if state != "finished":
        return _UNFINISHED.get(state, "The run has not ended yet.").format(why=why)
    how = "" if faces else " Faces were not looked for: only known pictures were."
    part = "".join(words for code, words in _NOTES if code in codes)
    part += _not_looked_at(
        unreadable=media_unreadable,
        only_small=media_only_small,
        in_part=media_in_part,
        not_due=pages_not_due,
    )
    if resting:
        people = "1 person" if resting == 1 else f"{resting} people"
        part += (
            f" For {people} the search by face rests for review: what it would find of them is not "
            "known."
        )
    if held_back:
        likenesses = "1 likeness was" if held_back == 1 else f"{held_back} likenesses were"
        part += f" {likenesses} counted and not shown; whom they show is not known."
    if not_searched and faces:
        people = "1 person" if not_searched == 1 else f"{not_searched} people"
        part += (
            f" {people} could not be looked for by their face: none of their photos can be used "
            "with the model that compares faces."
        )
    if candidates:
        found = "1 candidate was" if candidates == 1 else f"{candidates} candidates were"
        return f"{found} found. A candidate is not an identification.{how}{part}"
    if not media_examined:
        return f"Pages were visited, but no new medium was there to look at.{part}"
    if resting or held_back:
        return f"There are no new candidates of what was looked at.{how}{part}"
    # what was found by an earlier run, and is still there, is no new candidate of this one
    return f"Nothing new was found in what was looked at.{how}{part}"


def _not_looked_at(*, unreadable: int, only_small: int, in_part: int, not_due: int) -> str:
    """What a run met and did not see, or not as a whole."""
    part = ""
    if unreadable:
        show = "it shows" if unreadable == 1 else "they show"
        part += f" {_media(unreadable)} could not be read; what {show} is not known."
    if only_small:
        was = "was" if only_small == 1 else "were"
        part += f" {_media(only_small)} {was} seen only as a small preview."
    if in_part:
        was = "was" if in_part == 1 else "were"
        part += f" {_media(in_part)} {was} looked at only in part."
    if not_due:
        pages = "1 page that hardly ever changes was"
        if not_due > 1:
            pages = f"{not_due} pages that hardly ever change were"
        part += f" {pages} not due; what may be new there is not known."
    return part


def _media(count: int) -> str:
    return "1 medium" if count == 1 else f"{count} media"
