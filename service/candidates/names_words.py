"""A find by name in words: which name, and in what of the page; never what is around it."""

from __future__ import annotations

from collections.abc import Mapping

from service.candidates.documents import CandidateDocument

REMOVED_NAME = "a name that the person has removed meanwhile"
_PLACES = {
    "title": "in its title",
    "text": "in its text",
    "address": "in its address",
    "media_address": "in the address of a picture or video on it",
}


def name_words(document: CandidateDocument, names: Mapping[str, str]) -> tuple[str, ...]:
    """A line for each name that was found; `names` are those that are still chosen, by id."""
    lines = []
    for found in document.names:
        name = names.get(found.name_id)
        places = [_PLACES[place] for place in found.places if place in _PLACES]
        lines.append(f"{f'“{name}”' if name else REMOVED_NAME}, {_listed(places)}")
    return tuple(lines)


def _listed(places: list[str]) -> str:
    if len(places) < 2:
        return "".join(places)
    return f"{', '.join(places[:-1])} and {places[-1]}"
