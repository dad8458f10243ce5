"""What the examiner holds of the watch-list, and how it is brought up to date.

1. A new examiner is given the whole gallery: templates are decrypted one by one on their way to it.
2. From then on only ids are compared: with those of the templates that may be looked for now, when
   the change number has moved, and every few minutes anyway, because a release or mandate also ends
   by itself. New templates alone are decrypted; those that left are named, and overwritten there.
3. Where that fails, whatever the reason, the whole gallery is loaded again.

The worker itself keeps ids, no template.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
from sqlalchemy.orm import Session

from indexer.examiner.client import ExaminerClient
from indexer.examiner.errors import ExaminerRefusedError, ExaminerUnavailableError
from indexer.examiner.gallery_content import GalleryDifference, WholeGallery
from indexer.examiner.protocol import GalleryHash, GalleryLoaded, GalleryTemplate
from indexer.observations import ModelStamp
from service.database import Database

logger = logging.getLogger(__name__)

COMPARE_EVERY_S: Final = 300.0
"""Well below the ten minutes after which nothing of a person may be in memory."""
_AT_ONCE: Final = 20_000
"""More new templates than this are streamed, with all others."""


class WatchedTemplates(Protocol):
    """What enrolment tells of the templates to look for."""

    def gallery_change(self, session: Session) -> int:
        """The change number of the watch-list."""
        ...

    def template_refs_for_gallery(self, session: Session, model: ModelStamp) -> tuple[str, ...]:
        """References of all templates of this model that may be looked for now."""
        ...

    def templates_of_refs(
        self, session: Session, model: ModelStamp, refs: Collection[str]
    ) -> tuple[GalleryTemplate, ...]:
        """These templates, decrypted, as far as they may be looked for now."""
        ...

    def each_template(self, session: Session, model: ModelStamp) -> Iterator[GalleryTemplate]:
        """All templates of this model that may be looked for now, decrypted one by one."""
        ...


class BearableChance(Protocol):
    """What candidates say of how much chance is bearable."""

    def chance_matches_per_face(self, session: Session) -> float:
        """How many chance matches a face may cause; it stays the same while little changes."""
        ...

    def loaded(self, database: Database, answer: GalleryLoaded) -> None:
        """The examiner has taken a gallery, and says what chance does with it."""
        ...


class KnownHashes(Protocol):
    """What the hash bank tells of known pictures."""

    def hashes_for_gallery(self, session: Session) -> tuple[GalleryHash, ...]:
        """Hashes of all known pictures of people who may be looked for."""
        ...


@dataclass(frozen=True, slots=True)
class _Held:
    """What an examiner was given. `hashes` is a digest."""

    change: int
    bearable: float
    model: ModelStamp | None
    refs: frozenset[str]
    hashes: bytes


class GalleryFollower:
    """Knows what one examiner holds. `follow` is called by one thread at a time."""

    def __init__(
        self,
        database: Database,
        templates: WatchedTemplates,
        known: KnownHashes,
        bearable: BearableChance,
    ) -> None:
        self._database = database
        self._templates = templates
        self._known = known
        self._bearable = bearable
        self._held: _Held | None = None
        self._compared_at = 0.0

    @property
    def change(self) -> int | None:
        """The change number of what the examiner holds; None while it holds nothing."""
        return self._held.change if self._held is not None else None

    def forget(self) -> None:
        """The examiner is gone."""
        self._held = None

    def follow(self, client: ExaminerClient) -> None:
        """Bring the examiner up to date, if anything has changed."""
        with self._database.read() as session:
            now = (
                self._templates.gallery_change(session),
                self._bearable.chance_matches_per_face(session),
                client.model,
            )
        # Whoever is masked from here on may still be in what is read below.
        masked = client.masked
        held = self._held
        if held is not None and now == (held.change, held.bearable, held.model):
            compare_again = self._compared_at + COMPARE_EVERY_S
            if client.model is None or time.monotonic() < compare_again:
                return
        if held is not None:
            answer = self._give_difference(client, held, masked)
        else:
            answer = self._give_whole(client, masked)
        self._compared_at = time.monotonic()
        if answer is not None:
            self._bearable.loaded(self._database, answer)

    def whole(self, model: ModelStamp | None) -> WholeGallery:
        """The whole gallery for an examiner with this model.

        Number and known pictures are of one moment; the templates of that moment or a later one,
        so that nothing is ever missing at that number.
        """
        with self._database.read() as session:
            change = self._templates.gallery_change(session)
            hashes = self._known.hashes_for_gallery(session)
            bearable = self._bearable.chance_matches_per_face(session)
        held = _Held(change, bearable, model, frozenset(), _digest(hashes))
        return WholeGallery(change, model, self._streamed(held), hashes, bearable)

    def _streamed(self, held: _Held) -> Iterator[GalleryTemplate]:
        refs: list[str] = []
        if held.model is not None:
            with self._database.read() as session:
                for template in self._templates.each_template(session, held.model):
                    refs.append(template.template_ref)
                    yield template
        self._held = _Held(held.change, held.bearable, held.model, frozenset(refs), held.hashes)

    def _give_whole(self, client: ExaminerClient, masked: frozenset[str]) -> GalleryLoaded:
        whole = self.whole(client.model)
        try:
            return client.load_gallery(
                whole.change,
                whole.model,
                whole.templates,
                whole.hashes,
                chance_matches_per_face=whole.chance_matches_per_face,
                masks_ended=masked,
            )
        except BaseException:
            # The examiner has the old gallery or none: begin anew the next time.
            self._held = None
            raise

    def _give_difference(
        self, client: ExaminerClient, held: _Held, masked: frozenset[str]
    ) -> GalleryLoaded | None:
        """None when there is none."""
        if held.model is None or held.model != client.model:
            return self._give_whole(client, masked)
        difference, then = self._difference(held, held.model)
        if then is None:
            return self._give_whole(client, masked)
        if difference is None:
            return None
        try:
            answer = client.change_gallery(difference, masks_ended=masked)
        except (ExaminerRefusedError, ExaminerUnavailableError) as error:
            logger.warning("the watch-list is loaded whole again: %s", error.code)
            return self._give_whole(client, masked)
        self._held = then
        return answer

    def _difference(
        self, held: _Held, model: ModelStamp
    ) -> tuple[GalleryDifference | None, _Held | None]:
        """The difference, and what the examiner holds with it; (None, None) to load it whole."""
        with self._database.read() as session:
            change = self._templates.gallery_change(session)
            bearable = self._bearable.chance_matches_per_face(session)
            hashes = self._known.hashes_for_gallery(session)
            refs = frozenset(self._templates.template_refs_for_gallery(session, model))
            lacking = refs - held.refs
            if len(lacking) > _AT_ONCE:
                return None, None
            added: tuple[GalleryTemplate, ...] = ()
            if lacking:
                added = self._templates.templates_of_refs(session, model, lacking)
        there = (held.refs & refs) | {template.template_ref for template in added}
        removed = held.refs - refs
        then = _Held(change, bearable, model, there, _digest(hashes))
        if then == held:
            return None, held
        difference = GalleryDifference(
            change_from=held.change,
            change=change,
            model=model,
            added=added,
            removed=removed,
            templates=len(there),
            hashes=hashes if then.hashes != held.hashes else None,
            chance_matches_per_face=bearable,
        )
        return difference, then


def _digest(hashes: Sequence[GalleryHash]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    encoder = msgspec.msgpack.Encoder()
    for each in hashes:
        digest.update(encoder.encode(each))
    return digest.digest()
