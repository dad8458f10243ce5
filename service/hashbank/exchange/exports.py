"""Hands a case's hashes to a programme that the person agreed to, and takes them back.

1. Only with the person's live consent for that very programme, an attested and active case, and the
   advocate's own statement.
2. Only what `shareable` gives: hashes of given pictures and confirmed finds.
3. A file in the library's form or CSV, or content by content into a bank. Nothing else goes along.
4. What was handed over is told as programme, number, time and by whom. The hashes themselves are
   kept sealed under the person's key, for nothing but taking them back.
5. When consent is withdrawn, what lies in a bank is taken out by a call, again until it is done;
   for other programmes a file names what has to be deleted.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.errors import StatementNotTickedError
from service.enrolment.service import EnrolmentService
from service.errors import ConflictError, LikenessError, NotAllowedError
from service.hashbank.exchange.bank_removals import BankRemovals
from service.hashbank.exchange.connections import ConnectionService
from service.hashbank.exchange.documents import ExportDocument, ExportedHash
from service.hashbank.exchange.errors import ConsentNeededError
from service.hashbank.exchange.hash_files import HashFile, hash_file, is_in_text_form
from service.hashbank.exchange.hma import HmaClient
from service.hashbank.exchange.models import ProgrammeExport
from service.hashbank.exchange.outbound import OutboundRules
from service.hashbank.exchange.person_repository import PersonExchangeRepository
from service.hashbank.exchange.registry import Form
from service.hashbank.exchange.shareable import ShareableHashes
from service.hashbank.exchange.signals import HashKind, hash_value
from service.hashbank.exchange.views import ConnectionView
from service.vault import Vault

STATEMENT: Final = (
    "I looked at the case. I have no reason to doubt that these pictures show the person, and that "
    "they were 18 or older in each of them."
)


@dataclass(frozen=True, slots=True)
class Handed:
    """What was done: how many hashes, and the file when there is one."""

    export_id: uuid.UUID | None
    hashes: int
    file: HashFile | None = None


class ExportService:
    """Exports, pushes and takes back. Talks to servers outside of transactions."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        enrolment: EnrolmentService,
        connections: ConnectionService,
        shareable: ShareableHashes,
        banks: BankRemovals,
        rules: OutboundRules,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._enrolment = enrolment
        self._connections = connections
        self._shareable = shareable
        self._rules = rules
        self._banks = banks

    def hand_over(
        self,
        database: Database,
        actor: Actor,
        person_id: uuid.UUID,
        connection_id: uuid.UUID,
        form: Form,
        *,
        statement_ticked: bool,
    ) -> Handed:
        """Make the file, or put the hashes into the programme's bank; what was done is recorded."""
        if actor.role is not Role.ADVOCATE:
            raise NotAllowedError("Only an advocate hands hashes over.")
        if not statement_ticked:
            raise StatementNotTickedError("Please tick the statement if it is true.")
        with database.read() as session:
            programme, _ = self._permitted(session, actor, person_id, connection_id)
        if form not in programme.kind.forms:
            raise ConflictError(f"{programme.kind.name} does not take hashes in this way.")
        hashes = self._shareable.of_case(database, actor, person_id, programme.kind.takes)
        if form == "text":
            # the library has no name for the SHA-256 of a picture
            hashes = tuple(each for each in hashes if is_in_text_form(each))
        if form == "push":
            return self._push(database, actor, person_id, programme, hashes)
        if not hashes:
            raise ConflictError("There is no hash that could be handed over.")
        document = ExportDocument(hashes, STATEMENT)
        with database.write() as session:
            row = self._row(session, actor, person_id, connection_id, form)
            self._put(session, actor, row, document, "done", "programme.export")
        return Handed(row.id, len(hashes), hash_file(hashes, form, self._clock.now()))

    def take_back_file(
        self, database: Database, actor: Actor, person_id: uuid.UUID, connection_id: uuid.UUID
    ) -> Handed:
        """The file that names what has to be deleted, after consent was withdrawn."""
        if actor.role is not Role.ADVOCATE:
            raise NotAllowedError("Only an advocate does this.")
        with database.write() as session:
            repository = self._repository(session, actor)
            if repository.live_consent(person_id, connection_id) is not None:
                raise ConflictError("The person agrees to this programme: nothing is taken back.")
            rows = [
                row
                for row in repository.exports(person_id)
                # what lies in a bank is taken out by a call, which needs what is kept of it
                if row.connection_id == connection_id
                and row.form != "push"
                and row.state in ("done", "part")
            ]
            hashes = tuple(
                dict.fromkeys(
                    msgspec.structs.replace(each, remote_id=None)
                    for row in rows
                    for each in self._document(row).hashes
                )
            )
            if not hashes:
                raise ConflictError("Nothing was handed over that would have to be taken back.")
            for row in rows:
                self._end(row)
            removal = ProgrammeExport(
                id=uuid.uuid4(),
                person_id=person_id,
                connection_id=connection_id,
                consent_id=rows[0].consent_id,
                account_id=actor.account_id,
                form="removal_text",
                made_at=self._clock.now(),
            )
            done = ExportDocument(())
            self._put(session, actor, removal, done, "taken_back", "programme.take_back")
            removal.hashes = len(hashes)
        return Handed(
            removal.id, len(hashes), hash_file(hashes, "csv", self._clock.now(), "remove")
        )

    def take_back(self, database: Database, of_person: uuid.UUID | None = None) -> int:
        """Take out of banks what lies there without consent; returns how many exports are done.

        Called when somebody withdraws, for what is theirs alone: they wait for it. And by a
        schedule for everybody, until it is done.
        """
        system = Actor.system("withdrawn consents")
        with database.read() as session:
            waiting = [
                (row.id, row.person_id, row.connection_id)
                for row in self._repository(session, system).any_withdrawn_pushes()
                if of_person is None or row.person_id == of_person
            ]
        done = 0
        for export_id, person_id, connection_id in waiting:
            try:
                self._take_out(database, system, export_id, person_id, connection_id)
            except LikenessError as error:
                self._note_problem(database, system, export_id, str(error))
                continue
            done += 1
        return done if of_person is not None else done + self._banks.take_out(database)

    def leave_removals(self, session: Session, person_id: uuid.UUID) -> int:
        """Note what lies in banks, before its person is erased; returns how many hashes."""
        rows = self._repository(session, Actor.system("erasure")).exports(person_id)
        return self._banks.leave(
            session,
            {
                (row.connection_id, each.remote_id)
                for row in rows
                if row.form == "push" and row.state in ("done", "part")
                for each in self._document(row).hashes
                if each.remote_id is not None
            },
        )

    def _push(
        self,
        database: Database,
        actor: Actor,
        person_id: uuid.UUID,
        programme: ConnectionView,
        hashes: tuple[ExportedHash, ...],
    ) -> Handed:
        with database.write() as session:
            # said again under the write lock: a consent may have been withdrawn meanwhile
            self._permitted(session, actor, person_id, programme.id)
            known = self._in_bank(session, actor, person_id, programme.id)
            new = [each for each in hashes if (each.kind, each.value) not in known]
            if not new:
                raise ConflictError("Everything that could be handed over is there already.")
            row = self._row(session, actor, person_id, programme.id, "push")
            empty = ExportDocument((), STATEMENT)
            self._put(session, actor, row, empty, "failed", "programme.push_begin")
        # a mandate that ends meanwhile must not keep us from noting what was done
        system = Actor.system("programme export", programme.organisation_id)
        added: list[ExportedHash] = []
        failure: LikenessError | None = None
        try:
            with self._client(database, actor, programme) as client:
                for each in new:
                    # each one leaves by itself: a consent may be withdrawn, a find halted meanwhile
                    self._require_still(database, actor, person_id, programme.id, each)
                    kind: HashKind = "pdq" if each.kind == "pdq" else "md5"
                    remote = client.add(programme.bank, {kind: hash_value(kind, each.value)})
                    added.append(msgspec.structs.replace(each, remote_id=remote))
                    # noted one by one: what lies there must be known, whatever happens next
                    self._note_pushed(database, system, row.id, added)
        except LikenessError as error:
            failure = error
        with database.write() as session:
            kept = self._repository(session, system).export(row.id)
            document = ExportDocument(tuple(added), STATEMENT, str(failure or ""))
            state = "done" if failure is None else ("part" if added else "failed")
            self._put(session, actor, kept, document, state, "programme.export")
        if failure is not None and added:
            raise ConflictError(
                f"{len(added)} of {len(new)} hashes were handed over. {failure} Try again for the "
                "others."
            )
        if failure is not None:
            raise failure
        return Handed(row.id, len(added))

    def _require_still(
        self,
        database: Database,
        actor: Actor,
        person_id: uuid.UUID,
        connection_id: uuid.UUID,
        each: ExportedHash,
    ) -> None:
        """Refuses a hash that may not leave any more."""
        with database.read() as session:
            self._permitted(session, actor, person_id, connection_id)
            if self._shareable.is_halted(session, each):
                raise ConflictError("One of the pictures was stopped meanwhile.")

    def _note_pushed(
        self, database: Database, actor: Actor, export_id: uuid.UUID, added: list[ExportedHash]
    ) -> None:
        with database.write() as session:
            row = self._repository(session, actor).export(export_id)
            row.state, row.hashes = "part", len(added)
            row.document = self._vault.seal_document(
                row.person_id, _context(row), ExportDocument(tuple(added), STATEMENT)
            )

    def _take_out(
        self,
        database: Database,
        system: Actor,
        export_id: uuid.UUID,
        person_id: uuid.UUID,
        connection_id: uuid.UUID,
    ) -> None:
        with database.read() as session:
            row = self._repository(session, system).export(export_id)
            document = self._document(row)
        programme, client = self._banks.client(database, system, connection_id)
        with client:
            for each in document.hashes:
                if each.remote_id is not None:
                    client.delete(programme.bank, each.remote_id)
        with database.write() as session:
            row = self._repository(session, system).export(export_id)
            self._end(row)
            removal = ProgrammeExport(
                id=uuid.uuid4(),
                person_id=person_id,
                connection_id=connection_id,
                consent_id=row.consent_id,
                form="removal_call",
                made_at=self._clock.now(),
            )
            actor = Actor.system("withdrawn consents", programme.organisation_id)
            empty = ExportDocument(())
            self._put(session, actor, removal, empty, "taken_back", "programme.take_back")
            removal.hashes = len(document.hashes)
            self._connections.forget_when_done(session, system, connection_id)

    def _permitted(
        self, session: Session, actor: Actor, person_id: uuid.UUID, connection_id: uuid.UUID
    ) -> tuple[ConnectionView, uuid.UUID]:
        """The programme and the consent; refuses without the person's say or an attested case."""
        programme = self._connections.connection(session, actor, connection_id)
        if not programme.takes_exports:
            raise ConflictError("Nothing is handed over to this connection.")
        view = self._enrolment.person_view(session, actor, person_id)
        attested = view.attestation is not None and view.attestation.accepted
        if view.state != "active" or not attested or view.release is None:
            raise ConflictError("Only hashes of a case that is attested and active leave.")
        consent = self._repository(session, actor).live_consent(person_id, connection_id)
        if consent is None:
            raise ConsentNeededError(
                "The person has not agreed to this programme. They can do so on their own page."
            )
        return programme, consent.id

    def _in_bank(
        self, session: Session, actor: Actor, person_id: uuid.UUID, connection_id: uuid.UUID
    ) -> set[tuple[str, str]]:
        return {
            (each.kind, each.value)
            for row in self._repository(session, actor).exports(person_id)
            if row.connection_id == connection_id
            and row.form == "push"
            and row.state in ("done", "part")
            for each in self._document(row).hashes
        }

    def _row(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        connection_id: uuid.UUID,
        form: Form,
    ) -> ProgrammeExport:
        _, consent_id = self._permitted(session, actor, person_id, connection_id)
        return ProgrammeExport(
            id=uuid.uuid4(),
            person_id=person_id,
            connection_id=connection_id,
            consent_id=consent_id,
            account_id=actor.account_id,
            form=form,
            made_at=self._clock.now(),
        )

    def _put(
        self,
        session: Session,
        actor: Actor,
        row: ProgrammeExport,
        document: ExportDocument,
        state: str,
        action: str,
    ) -> None:
        is_new = row.state is None
        row.state, row.hashes = state, len(document.hashes)
        row.document = self._vault.seal_document(row.person_id, _context(row), document)
        if is_new:
            self._repository(session, actor).add(row)
        self._audit.record(
            session,
            actor,
            action,
            "hash_connection",
            row.connection_id,
            form=row.form,
            hashes=row.hashes,
            state=state,
        )

    def _end(self, row: ProgrammeExport) -> None:
        """Taken back: the hashes are needed no more."""
        row.state = "taken_back"
        row.document = self._vault.seal_document(
            row.person_id, _context(row), ExportDocument((), self._document(row).statement)
        )

    def _note_problem(
        self, database: Database, system: Actor, export_id: uuid.UUID, problem: str
    ) -> None:
        with database.write() as session:
            row = self._repository(session, system).export(export_id)
            document = msgspec.structs.replace(self._document(row), problem=problem)
            row.document = self._vault.seal_document(row.person_id, _context(row), document)

    def _client(self, database: Database, actor: Actor, programme: ConnectionView) -> HmaClient:
        with database.read() as session:
            credentials = self._connections.credentials(session, actor, programme.id)
        return HmaClient(programme.address, self._rules, credentials.get("token", ""))

    def _document(self, row: ProgrammeExport) -> ExportDocument:
        return self._vault.unseal_document(
            row.person_id, _context(row), row.document, ExportDocument
        )

    def _repository(self, session: Session, actor: Actor) -> PersonExchangeRepository:
        return PersonExchangeRepository(session, actor, self._clock.now())


def _context(row: ProgrammeExport) -> str:
    return f"hash_programme_exports.document:{row.id}"
