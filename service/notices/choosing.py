"""Which exhibits may stand in one notice: of one person, seen on one host, every address listed."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.exhibits.finds import Cases
from service.exhibits.service import ExhibitService
from service.exhibits.views import ExhibitAddress, ExhibitView
from service.notices.documents import ItemDocument
from service.notices.errors import ExhibitsDoNotFitError
from service.notices.views import ChoiceGroup

MAX_ITEMS = 200


class ChosenExhibits:
    """Offers exhibits, checks a choice of them, and makes items of their addresses."""

    def __init__(self, exhibits: ExhibitService, cases: Cases) -> None:
        self._exhibits = exhibits
        self._cases = cases

    def choices(self, session: Session, actor: Actor, *, page: int = 1) -> tuple[ExhibitView, ...]:
        """Exhibits of which a notice can be made, the newest version of each; a page at a time."""
        newest: dict[tuple[uuid.UUID, int], ExhibitView] = {}
        for exhibit in self._exhibits.list_exhibits(session, actor, page=page):
            of = (exhibit.candidate_id, exhibit.place)
            known = newest.get(of)
            if exhibit.state != "withdrawn" and (known is None or known.version < exhibit.version):
                newest[of] = exhibit
        return tuple(newest.values())

    def groups(self, session: Session, actor: Actor, *, page: int = 1) -> tuple[ChoiceGroup, ...]:
        """The choices by person and host: what may stand in one notice together."""
        groups: dict[tuple[uuid.UUID, str], list[tuple[ExhibitView, int]]] = {}
        for exhibit in self.choices(session, actor, page=page):
            addresses = self._exhibits.addresses(session, actor, exhibit)
            for host, count in Counter(one.host for one in addresses).items():
                groups.setdefault((exhibit.person_id, host), []).append((exhibit, count))
        labels = {
            person_id: self._cases.person_view(session, actor, person_id).display_name
            for person_id in {person_id for person_id, _ in groups}
        }
        return tuple(
            ChoiceGroup(labels[person_id], host, tuple(exhibits))
            for (person_id, host), exhibits in groups.items()
        )

    def fitting(
        self, session: Session, actor: Actor, exhibit_ids: Sequence[uuid.UUID]
    ) -> list[ExhibitView]:
        """The exhibits of these ids, when they are of one person and none was withdrawn."""
        wanted = list(dict.fromkeys(exhibit_ids))
        if not 1 <= len(wanted) <= MAX_ITEMS:
            raise ExhibitsDoNotFitError(f"Choose between 1 and {MAX_ITEMS} exhibits.")
        exhibits = [self._exhibits.exhibit(session, actor, one) for one in wanted]
        if len({one.person_id for one in exhibits}) > 1:
            raise ExhibitsDoNotFitError("These exhibits are of different people: one notice each.")
        if any(one.state == "withdrawn" for one in exhibits):
            raise ExhibitsDoNotFitError("One of these exhibits was withdrawn.")
        return exhibits

    def items(
        self, session: Session, actor: Actor, exhibits: Sequence[ExhibitView], host: str
    ) -> tuple[ItemDocument, ...]:
        """One item for each address on the host; every exhibit has to have been seen there."""
        items: dict[tuple[str | None, str | None], ItemDocument] = {}
        for exhibit in exhibits:
            here = [
                one for one in self._exhibits.addresses(session, actor, exhibit) if one.host == host
            ]
            if not here:
                raise ExhibitsDoNotFitError(
                    f"One of these exhibits was not seen on {host}: one notice for each host."
                )
            for one in here:
                at = (one.media_url, one.page_url)
                # an address may have an exhibit of its own beside the find's first one
                if at not in items or (one.is_captured and not items[at].is_captured):
                    items[at] = _item(exhibit, one)
        if len(items) > MAX_ITEMS:
            raise ExhibitsDoNotFitError(f"At most {MAX_ITEMS} addresses fit one notice.")
        return tuple(items.values())


def one_host(exhibits: Sequence[ExhibitView]) -> str:
    """The host on which all of them were captured."""
    hosts = {one.host for one in exhibits}
    if len(hosts) > 1:
        raise ExhibitsDoNotFitError("These exhibits are on different hosts: one notice each.")
    return hosts.pop()


def _item(exhibit: ExhibitView, address: ExhibitAddress) -> ItemDocument:
    return ItemDocument(
        exhibit_id=str(exhibit.exhibit_id),
        exhibit_version=exhibit.version,
        is_sealed=exhibit.is_sealed,
        is_captured=address.is_captured,
        page_url=address.page_url,
        media_url=address.media_url,
        sha256=address.sha256,
        seen_at=address.seen_at,
        manifest_sha256=exhibit.manifest_sha256,
        found_by=exhibit.found_by,
        manipulation=exhibit.manipulation,
    )
