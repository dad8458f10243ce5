"""A change of the model in words, for operators."""

from __future__ import annotations

from service.enrolment.model_views import BuildCounts, ChangeView

_ENDED = {
    "confirmed": "{after} searches; the templates of the model before it are deleted.",
    "abandoned": "Building {after} was given up; nothing changed.",
    "went_back": "{before} searches again; the templates of {after} are deleted.",
    "superseded": "A newer program took the place of this change.",
}


def progress_words(change: ChangeView) -> str:
    """How a change stands, and what comes next."""
    after, before = change.after.pack, change.before.pack if change.before else "nothing"
    if not change.is_open:
        return _ENDED[change.state].format(after=after, before=before)
    if change.state == "building":
        rest = (
            "No face is looked for until it is done."
            if change.stops_searching
            else f"{before} searches meanwhile."
        )
        return f"{after} is being built: {count_words(change.counts)} {rest}"
    if change.state == "ready":
        return f"{after} is built: {count_words(change.counts)} {_next_when_ready(change)}"
    kept = (
        "Until it is confirmed the old templates are kept (`likeness models confirm`)"
        if change.reason == "program"
        else f"Until it is confirmed (`likeness models confirm`) {before} is kept, and "
        "`likeness models back` returns to it at once"
    )
    return f"{after} searches: {count_words(change.counts)} {kept}."


def count_words(counts: BuildCounts) -> str:
    """The counts of a build in a sentence or three."""
    words = f"{counts.made:,} of {photos_words(counts.photos)} done"
    if counts.refused:
        words += f", {photos_words(counts.refused)} could not be used"
    words += "."
    if counts.people_without:
        words += (
            f" {_people(counts.people_without)} no photo that can be used; they and their advocates"
            " are told what to do."
        )
    return words


def _next_when_ready(change: ChangeView) -> str:
    if change.counts.people_lost and change.reason == "chosen":
        return (
            f"{_people(change.counts.people_lost)} a template of the old model and none of this "
            "one: they would not be found by their face any more. It waits for new photos of "
            "theirs, or for `likeness models switch`."
        )
    if change.asks_before_switch:
        return "It waits for `likeness models switch`."
    if change.waits_for_operator:
        return (
            "It waits: somebody of another organisation on this installation would not be found by "
            "their face any more. New photos of theirs let it go on, or `likeness models switch`."
        )
    return "It is switched in a moment."


def photos_words(count: int) -> str:
    """So many photos."""
    return "1 photo" if count == 1 else f"{count:,} photos"


def _people(count: int) -> str:
    return "1 person has" if count == 1 else f"{count:,} people have"
