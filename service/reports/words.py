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
    if media_unreadable:
        if media_unreadable == 1:
            part += " 1 medium could not be read; what it shows is not known."
        else:
            part += f" {media_unreadable} media could not be read; what they show is not known."
    if media_only_small:
        seen = "1 medium was" if media_only_small == 1 else f"{media_only_small} media were"
        part += f" {seen} seen only as a small preview."
    if media_in_part:
        seen = "1 medium was" if media_in_part == 1 else f"{media_in_part} media were"
        part += f" {seen} looked at only in part."
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
