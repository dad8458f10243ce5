"""One fetched medium: what is known of it, and what the eyes see.

1. A list that stops its very bytes: it is not even decoded.
2. Content that was examined before with the same model and watch-list, and showed nobody, is not
   looked at again.
3. Everything else is looked at, and compared with the lists by what it looks like.

Takes no transaction while it looks. Several threads use it at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from indexer.crawl.messages import MediumFetched
from indexer.observations import Examination, ModelStamp
from service.sources.leasing import Ending, Lease
from service.sources.views import KnownMedium, RunCount, RunView
from service.work.asked_together import AskedTogether
from service.work.line_parts import LineParts
from service.work.outcomes import LookedAt, place_of_medium
from service.work.unchanged import Looking, UnchangedAddresses, answer_of

_Known = tuple[KnownMedium | None, int]
"""What was examined in the same way before, and how often the lists had changed by then."""


class Looks:
    """Looks at the media of one slice."""

    def __init__(self, parts: LineParts, run: RunView, unchanged: UnchangedAddresses) -> None:
        self._parts = parts
        self._run = run
        self._unchanged = unchanged
        self._known: AskedTogether[tuple[str, Looking], _Known] = AskedTogether(self._ask)

    def at(self, held: Lease, fetched: MediumFetched, digest: str) -> LookedAt:
        """Look at a medium whose SHA-256 is `digest` (hex)."""
        looking = self._unchanged.looking()
        known, lists_change = self._known.answer((digest, looking))
        listed = self._parts.lists.before_looking(
            self._run.organisation_id, fetched.content, digest, lists_change
        )
        count = RunCount(
            media_seen=1,
            bytes_fetched=len(fetched.content),
            media_in_part=int(bool(fetched.left_out)),
        )
        examination = None
        if listed.stop:
            # it may show a minor: it is not even decoded (design rule 6)
            count = replace(count, media_examined=1)
        elif known is not None and not listed.matches:
            unreadable = known.refusal_code is not None
            small = held.is_small and not unreadable
            count = replace(count, media_unreadable=int(unreadable), media_small=int(small))
        else:
            examination = self._parts.eyes.examine(
                fetched.content,
                declared_type=fetched.declared_type,
                media_url=held.url,
                page_url=held.referrer,
                only_person=self._run.only_person,
                with_faces=looking.with_faces,
                run=str(self._run.id),
            )
            listed = self._parts.lists.after_looking(self._run.organisation_id, listed, examination)
        if (
            looking.with_faces
            and not listed.stop
            and self._looked_without_model(looking.model, examination)
        ):
            count = replace(count, media_without_faces=1)
        return LookedAt(
            held,
            place_of_medium(self._run, held, fetched.final_url),
            # Of a stream the message says what of it is not there.
            Ending(http_status=fetched.status, message=fetched.left_out or None),
            digest,
            count,
            examination,
            listed,
            answer_of(fetched),
            looking.looked_for,
        )

    def _ask(self, media: Sequence[tuple[str, Looking]]) -> list[_Known]:
        with self._parts.database.read() as session:
            change = self._parts.lists.change_in(session)
            return [(known, change) for known in self._unchanged.looked_already(session, media)]

    def _looked_without_model(
        self, before: ModelStamp | None, examination: Examination | None
    ) -> bool:
        """Whether no face could be looked for: no model was there before, or is there after."""
        if examination is None:
            return before is None
        return examination.model is None and (before is None or self._parts.eyes.model is None)
