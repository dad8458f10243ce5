"""Lists that an operator is entitled to: added, imported, fetched and removed.

Adding takes who gave the list, on what terms, and the operator's own statement. An import of a file
is all or nothing; a fetch goes on from where the last one stood. Reading, asking and deciding are
done outside of transactions; each of those is short.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Final

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.gallery import GallerySource
from service.errors import ConflictError, InvalidInputError, LikenessError, NotFoundError
from service.hashbank.exchange.connections import ConnectionService
from service.hashbank.exchange.entries import (
    Changed,
    Entry,
    EntryWriter,
    count_change,
    delete_entries,
)
from service.hashbank.exchange.errors import PeerRefusedError
from service.hashbank.exchange.list_files import ListFile
from service.hashbank.exchange.models import HashList
from service.hashbank.exchange.outbound import OutboundRules
from service.hashbank.exchange.programmes import Fetched, ListSource, Step, source_of
from service.hashbank.exchange.registry import ENTITLEMENT_STATEMENT, kind_of
from service.hashbank.exchange.repository import ExchangeRepository
from service.hashbank.exchange.signals import HashKind
from service.hashbank.exchange.texts import entitled, one_line, require_operator
from service.hashbank.exchange.views import ACTIONS, ListAction, ListView

FETCH_EVERY: Final = timedelta(hours=6)
MAX_STEPS: Final = 100_000
SCHEDULED_S: Final = 600.0
"""A fetch by schedule ends after so long, and goes on the next time: other upkeep waits for it."""
_FETCHER: Final = "hash lists"


@dataclass(frozen=True, slots=True)
class ListDraft:
    """What an operator types to add a list."""

    name: str
    action: str
    given_by: str
    terms: str
    signed_by: str
    agreed: bool
    connection_id: uuid.UUID | None = None
    selection: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import or a fetch did. `left_out` counts kinds of hashes that cannot be compared."""

    changed: Changed
    left_out: tuple[tuple[str, int], ...] = ()


class ListService:
    """The lists of each organisation. `follow` brings the index up to date after a change."""

    def __init__(
        self,
        clock: Clock,
        audit: AuditTrail,
        gallery: GallerySource,
        connections: ConnectionService,
        rules: OutboundRules,
        follow: Callable[[], object],
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._gallery = gallery
        self._connections = connections
        self._rules = rules
        self._follow = follow

    def lists(self, session: Session, actor: Actor) -> tuple[ListView, ...]:
        """The organisation's lists, by name."""
        return tuple(ListView.of(row) for row in ExchangeRepository(session, actor).lists())

    def list(self, session: Session, actor: Actor, list_id: uuid.UUID) -> ListView:
        """One list."""
        return ListView.of(ExchangeRepository(session, actor).list(list_id))

    def list_named(self, session: Session, actor: Actor, name: str) -> ListView:
        """One list by its name or id; `NotFoundError` says how to see them all."""
        repository = ExchangeRepository(session, actor)
        found = repository.list_named(name)
        if found is None:
            try:
                found = repository.list(uuid.UUID(name))
            except (ValueError, NotFoundError):
                raise NotFoundError(
                    f'There is no list called "{name}": see `likeness hashes list`.'
                ) from None
        return ListView.of(found)

    def add(self, session: Session, actor: Actor, draft: ListDraft) -> ListView:
        """Add a list, still without hashes."""
        repository = ExchangeRepository(session, require_operator(actor))
        name = one_line("Name", draft.name)
        action = _action(draft.action)
        given_by, terms, signed_by = entitled(
            draft.given_by, draft.terms, draft.signed_by, agreed=draft.agreed
        )
        if repository.list_named(name) is not None:
            raise ConflictError(f'Name: there is a list "{name}" already.')
        selection = one_line("Selection", draft.selection, required=False)
        if draft.connection_id is not None:
            kind = kind_of(repository.connection(draft.connection_id).kind)
            if not kind.gives:
                raise InvalidInputError(f"Connection: nothing is fetched from {kind.name}.")
            if kind.selection_required and not selection:
                raise InvalidInputError(f"{kind.selection}: please fill it in.")
            if kind.minors_only and action != "stop":
                raise InvalidInputError(
                    f'Action: lists of {kind.name} are about children; only "stop" is possible.'
                )
        now = self._clock.now()
        row = HashList(
            id=uuid.uuid4(),
            organisation_id=actor.organisation_id,
            name=name,
            action=action,
            given_by=given_by,
            terms=terms,
            entitlement=ENTITLEMENT_STATEMENT,
            entitled_by=signed_by,
            connection_id=draft.connection_id,
            selection=selection,
            attempt=0,
            live=0,
            floor=0,
            added_by=actor.account_id,
            added_at=now,
            changed_at=now,
        )
        repository.add(row)
        self._audit.record(session, actor, "hash_list.add", "hash_list", row.id, does=action)
        return ListView.of(row)

    def set_action(
        self, session: Session, actor: Actor, list_id: uuid.UUID, action: str
    ) -> ListView:
        """Do something else with what is found from the list, from now on."""
        row = ExchangeRepository(session, require_operator(actor)).list(list_id)
        wanted = _action(action)
        if row.connection_id is not None and wanted != "stop":
            kind = kind_of(ExchangeRepository(session, actor).connection(row.connection_id).kind)
            if kind.minors_only:
                raise InvalidInputError('Action: this list is about children; only "stop".')
        if wanted != row.action:
            count_change(session)
            row.action = wanted
            row.changed_at = self._clock.now()
            self._gallery.bump_gallery(session)
            self._audit.record(
                session, actor, "hash_list.action", "hash_list", list_id, does=wanted
            )
        return ListView.of(row)

    def import_file(
        self,
        database: Database,
        actor: Actor,
        list_id: uuid.UUID,
        content: IO[bytes],
        *,
        kind: HashKind | None = None,
        whole: bool = False,
    ) -> Imported:
        """Add the hashes of a file; with `whole` the list is what the file holds, no more.

        All or nothing: a line that cannot be read changes nothing, and the error names it.
        """
        with database.read() as session:
            row = ExchangeRepository(session, require_operator(actor)).list(list_id)
            if row.connection_id is not None:
                raise ConflictError("This list is fetched from its connection, not from files.")
        file = ListFile(content, kind)
        writer = EntryWriter(database, self._clock, self._gallery, list_id, whole=whole)
        writer.begin()
        try:
            writer.put(Entry(one.kind, one.value) for one in file)
            changed = writer.finish()
        except BaseException:
            writer.give_up()
            raise
        self._record(database, actor, "hash_list.import", list_id, changed)
        return Imported(changed, _sorted(file.left_out))

    def fetch(
        self,
        database: Database,
        actor: Actor,
        list_id: uuid.UUID,
        *,
        within_s: float = float("inf"),
    ) -> Imported:
        """Fetch what changed since the last time. What went wrong is kept for the list's page.

        After `within_s` it ends between two steps, and the next fetch goes on from there.
        """
        require_operator(actor)
        try:
            source, checkpoint = self._source(database, actor, list_id)
            stale = checkpoint is not None and source.is_stale(checkpoint)
            until = float("inf") if stale else time.monotonic() + within_s
            imported = self._fetch(
                database, list_id, source, None if stale else checkpoint, until, whole=stale
            )
        except LikenessError as error:
            self._note_problem(database, actor, list_id, str(error))
            raise
        self._record(database, actor, "hash_list.fetch", list_id, imported.changed)
        return imported

    def fetch_due(self, database: Database) -> int:
        """Fetch every list whose time has come; called by a schedule. Returns how many."""
        now = self._clock.now()
        with database.read() as session:
            rows = ExchangeRepository(session, Actor.system(_FETCHER)).lists()
            due = [
                (row.organisation_id, row.id)
                for row in rows
                if row.connection_id is not None
                and (row.tried_at is None or now - row.tried_at >= FETCH_EVERY)
            ]
        done = 0
        for organisation_id, list_id in due:
            try:
                actor = Actor.system(_FETCHER, organisation_id)
                self.fetch(database, actor, list_id, within_s=SCHEDULED_S)
            except LikenessError:
                # kept for the list's page; the others are fetched all the same
                continue
            done += 1
        return done

    def remove(self, database: Database, actor: Actor, list_id: uuid.UUID) -> None:
        """Out of force at once; its hashes are deleted then, what was found keeps its name."""
        with database.write() as session:
            row = ExchangeRepository(session, require_operator(actor)).list(list_id)
            count_change(session)
            row.removed_at = self._clock.now()
            row.name = f"{row.name} ({row.id})"
            row.checkpoint = None
            self._audit.record(
                session,
                actor,
                "hash_list.remove",
                "hash_list",
                list_id,
                entries=row.pdq_entries + row.sha256_entries + row.md5_entries,
            )
        self.finish_removals(database)

    def finish_removals(self, database: Database) -> int:
        """Delete what is left of removed lists; also what an earlier, broken removal left."""
        system = Actor.system("removed lists")
        with database.read() as session:
            removed = [row.id for row in ExchangeRepository(session, system).any_removed_lists()]
        for list_id in removed:
            delete_entries(database, list_id)
            with database.write() as session:
                found = session.get(HashList, list_id)
                if found is not None:
                    ExchangeRepository(session, system).forget_list(found)
        if removed:
            self._follow()
        return len(removed)

    def _source(
        self, database: Database, actor: Actor, list_id: uuid.UUID
    ) -> tuple[ListSource, str | None]:
        with database.write() as session:
            repository = ExchangeRepository(session, actor)
            row = repository.list(list_id)
            if row.connection_id is None:
                raise ConflictError("This list has no connection to fetch from: import a file.")
            row.tried_at = self._clock.now()
            connection = repository.connection(row.connection_id)
            credentials = self._connections.credentials(session, actor, connection.id)
            kind, address = connection.kind, connection.address
            selection, checkpoint = row.selection, row.checkpoint
        return source_of(kind, address, selection, credentials, self._rules), checkpoint

    def _fetch(
        self,
        database: Database,
        list_id: uuid.UUID,
        source: ListSource,
        checkpoint: str | None,
        until_s: float,
        *,
        whole: bool,
    ) -> Imported:
        fetched = Fetched()
        writer = EntryWriter(database, self._clock, self._gallery, list_id, whole=whole)
        writer.begin()
        last = checkpoint
        try:
            for step in _bounded(source.steps(checkpoint, fetched)):
                writer.follow(step.gone, step.entries, step.checkpoint)
                last = step.checkpoint
                if time.monotonic() > until_s:
                    break
        except BaseException:
            if whole:
                writer.give_up()
            else:
                # what came so far is in force; the next fetch goes on from there
                writer.finish(last)
                self._follow()
            raise
        changed = writer.finish(last)
        left_out = (("other", fetched.left_out),) if fetched.left_out else ()
        return Imported(changed, left_out)

    def _note_problem(
        self, database: Database, actor: Actor, list_id: uuid.UUID, problem: str
    ) -> None:
        with database.write() as session:
            ExchangeRepository(session, actor).list(list_id).problem = problem

    def _record(
        self, database: Database, actor: Actor, action: str, list_id: uuid.UUID, changed: Changed
    ) -> None:
        with database.write() as session:
            self._audit.record(
                session,
                actor,
                action,
                "hash_list",
                list_id,
                added=changed.added,
                removed=changed.removed,
                entries=changed.entries,
            )
        self._follow()


def _bounded(steps: Iterator[Step]) -> Iterator[Step]:
    for number, step in enumerate(steps):
        if number >= MAX_STEPS:
            raise PeerRefusedError("The server goes on without end; the fetch was ended.")
        yield step


def _action(text: str) -> ListAction:
    for action in ACTIONS:
        if text == action:
            return action
    raise InvalidInputError(
        f"Please choose what is done with what the list names: {', '.join(ACTIONS)}."
    )


def _sorted(left_out: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(left_out.items()))
