"""The exchange of hashes: its parts put together, and what other rooms ask of it as a whole."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.collaborators import ErasedCount, StoryEvent
from service.enrolment.service import EnrolmentService
from service.hashbank.exchange.bank_removals import BankRemovals
from service.hashbank.exchange.connections import ConnectionService
from service.hashbank.exchange.consents import ConsentBook, ExportLine
from service.hashbank.exchange.exports import ExportService
from service.hashbank.exchange.hand_over import HandOverBook
from service.hashbank.exchange.hits import HitBook
from service.hashbank.exchange.list_index import ListIndex
from service.hashbank.exchange.list_service import ListService
from service.hashbank.exchange.outbound import OutboundRules
from service.hashbank.exchange.peers import PeerService
from service.hashbank.exchange.person_repository import PersonExchangeRepository
from service.hashbank.exchange.shareable import HaltedHashes, ShareableHashes
from service.vault import Vault

_TOLD_FORMS = frozenset({"text", "csv", "push"})


@dataclass(frozen=True, slots=True)
class HashExchange:
    """Lists and what they find; programmes and what was handed to them; hand-overs."""

    clock: Clock
    connections: ConnectionService
    lists: ListService
    index: ListIndex
    hits: HitBook
    peers: PeerService
    consents: ConsentBook
    shareable: ShareableHashes
    exports: ExportService
    banks: BankRemovals
    hand_overs: HandOverBook

    def erase(self, session: Session, person_id: uuid.UUID) -> tuple[ErasedCount, ...]:
        """See `PersonEraser`. What lies in a bank is taken out afterwards, by its number alone."""
        left = self.exports.leave_removals(session, person_id)
        repository = PersonExchangeRepository(session, Actor.system("erasure"), self.clock.now())
        consents, exports, hand_overs = repository.delete_all_of(person_id)
        return (
            ErasedCount("consents to programmes", consents),
            ErasedCount("exports of hashes", exports),
            ErasedCount("hashes to be taken out of programmes' banks", left),
            ErasedCount("notes of services", hand_overs),
        )

    def story(self, session: Session, actor: Actor, person_id: uuid.UUID) -> tuple[StoryEvent, ...]:
        """See `StorySource`: consents and exports, in words."""
        events: list[StoryEvent] = []
        for view in self.consents.programmes(session, actor, person_id):
            name = view.programme.name
            if view.given_at is not None:
                events.append(
                    StoryEvent(
                        view.given_at, f"You agreed that fingerprints may be handed to {name}."
                    )
                )
            if view.withdrawn_at is not None:
                events.append(
                    StoryEvent(view.withdrawn_at, f"You withdrew what you had agreed for {name}.")
                )
            events += [_told(line, name) for line in view.exports if line.hashes]
        return tuple(events)


def build_exchange(
    vault: Vault,
    clock: Clock,
    audit: AuditTrail,
    database: Database,
    enrolment: EnrolmentService,
    halted: HaltedHashes,
    rules: OutboundRules,
    index_dir: Path,
) -> HashExchange:
    """Put the parts together. `index_dir` is the folder of this machine's index of entries."""
    index = ListIndex(database, index_dir)
    connections = ConnectionService(vault, clock, audit)
    banks = BankRemovals(clock, audit, connections, rules)
    shareable = ShareableHashes(vault, clock, enrolment, index, halted)
    return HashExchange(
        clock=clock,
        connections=connections,
        lists=ListService(clock, audit, enrolment.gallery, connections, rules, index.follow),
        index=index,
        hits=HitBook(clock),
        peers=PeerService(connections, rules),
        consents=ConsentBook(vault, clock, audit),
        shareable=shareable,
        exports=ExportService(vault, clock, audit, enrolment, connections, shareable, banks, rules),
        banks=banks,
        hand_overs=HandOverBook(vault, clock, audit),
    )


def _told(line: ExportLine, name: str) -> StoryEvent:
    some = f"{line.hashes} {'fingerprint' if line.hashes == 1 else 'fingerprints'}"
    was = "was" if line.hashes == 1 else "were"
    if line.form in _TOLD_FORMS:
        return StoryEvent(line.made_at, f"{some} {was} handed to {name}.")
    if line.form == "removal_call":
        return StoryEvent(line.made_at, f"{some} {was} taken back from {name}.")
    return StoryEvent(line.made_at, f"{name} was asked to delete {some}.")
