"""Names on the pages of one slice: looked for in memory, and written with the page's completion.

`find` is slow and is called before the transaction; `write` belongs into it. What a page says is
looked at here and nowhere kept.
"""

from __future__ import annotations

import msgspec
from sqlalchemy.orm import Session

from indexer.crawl.messages import PageSeen, Scope
from service.candidates.names_finds import NamesOnPage, NamesWritten
from service.sources.views import RunView
from service.work.line_parts import LineParts


class PageNames:
    """What one slice looks for in its pages. Used once; made outside any transaction."""

    def __init__(self, parts: LineParts, run: RunView) -> None:
        self._findings = parts.findings
        self._run = run
        self._look = parts.names.look_for(run.organisation_id, run.only_person)

    @property
    def looked_for(self) -> str:
        """What pages are read for now."""
        return self._look.looked_for

    def scope(self, scope: Scope) -> Scope:
        """The scope of the slice: pages come with what they say where names are looked for."""
        return msgspec.structs.replace(scope, page_words=self._look.is_wanted)

    def find(self, page: PageSeen) -> NamesOnPage | None:
        """The names that are on a page."""
        return self._look.find(page)

    def write(self, session: Session, on_page: NamesOnPage | None) -> tuple[int, str]:
        """How many candidates are new, and what the page has been read for with that."""
        written = NamesWritten()
        if on_page is not None:
            written = self._findings.record_names(
                session, self._run.organisation_id, on_page, self._run.id
            )
        return len(written.candidates), self._look.was_looked_for(written.left_out)
