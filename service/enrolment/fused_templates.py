"""One more template for each person of several photos: all of them fused (`indexer.faces.fusion`).

1. `people_watched` groups the templates that may be compared by person.
2. The fused one has a ref that is made of the ids of those it is made of: when one leaves or joins,
   it is another template, and followers of the watch-list drop the old one and ask for the new one.
3. It is made when it is asked for, from sealed templates that are opened for it; it is stored
   nowhere, so nothing more has to be erased.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from indexer.examiner.protocol import GalleryTemplate
from indexer.faces.fusion import fused_template
from indexer.faces.template import Template
from indexer.observations import ModelStamp

_PREFIX = "fused-"


class TemplateRow(NamedTuple):
    """A template, whose it is, and the photo that it was made of."""

    template_id: uuid.UUID
    person_id: uuid.UUID
    photo_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class PersonWatched:
    """A person and their templates, in order of their ids."""

    person_id: uuid.UUID
    rows: tuple[TemplateRow, ...]

    @property
    def refs(self) -> tuple[str, ...]:
        """Of each template, and of the fused one where there is one."""
        own = tuple(str(row.template_id) for row in self.rows)
        return (*own, self.fused_ref) if len(own) > 1 else own

    @property
    def fused_ref(self) -> str:
        """Names the fused template by what it is made of."""
        made_of = hashlib.sha256(b"".join(row.template_id.bytes for row in self.rows))
        return _PREFIX + made_of.hexdigest()[:32]

    def is_fused(self, wanted: frozenset[str] | None) -> bool:
        """Whether there is a fused template, and it is among the wanted refs (None is all)."""
        return len(self.rows) > 1 and (wanted is None or self.fused_ref in wanted)

    def template_ids_of(self, wanted: frozenset[str] | None) -> tuple[uuid.UUID, ...]:
        """Which templates have to be opened for these refs (None is all)."""
        if wanted is None or self.is_fused(wanted):
            return tuple(row.template_id for row in self.rows)
        return tuple(row.template_id for row in self.rows if str(row.template_id) in wanted)

    def fused(
        self,
        model: ModelStamp,
        vectors: Mapping[uuid.UUID, bytes],
        figures: Mapping[uuid.UUID, float | None],
    ) -> GalleryTemplate:
        """The fused template. `vectors` are by template, `figures` of quality by photo."""
        templates = [Template.from_bytes(vectors[row.template_id], model) for row in self.rows]
        fused = fused_template(templates, [figures.get(row.photo_id) for row in self.rows])
        return GalleryTemplate(str(self.person_id), self.fused_ref, fused.to_bytes())


def people_watched(rows: Iterable[TemplateRow]) -> list[PersonWatched]:
    """The people of these templates, in order of their ids."""
    of_person: dict[uuid.UUID, list[TemplateRow]] = {}
    for row in rows:
        of_person.setdefault(row.person_id, []).append(row)
    return [PersonWatched(person, tuple(sorted(of_person[person]))) for person in sorted(of_person)]


def in_parts(people: Sequence[PersonWatched], at_once: int) -> Iterator[Sequence[PersonWatched]]:
    """So many people at a time that they have about that many templates."""
    part: list[PersonWatched] = []
    templates = 0
    for person in people:
        part.append(person)
        templates += len(person.rows)
        if templates >= at_once:
            yield part
            part, templates = [], 0
    if part:
        yield part
