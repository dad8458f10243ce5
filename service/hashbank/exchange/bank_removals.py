"""Takes out of programmes' banks what lies there for people who were erased.

Erasing destroys what was kept of their exports, and never waits for a server. What stays until it
is out is the number that the server gave each content, and nothing of the person.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.errors import LikenessError
from service.hashbank.exchange.connections import ConnectionService
from service.hashbank.exchange.hma import HmaClient
from service.hashbank.exchange.outbound import OutboundRules
from service.hashbank.exchange.person_repository import PersonExchangeRepository
from service.hashbank.exchange.views import ConnectionView

logger = logging.getLogger(__name__)

_ERASED = "erased people's exports"


class BankRemovals:
    """Notes what has to be taken out, and takes it out; asks servers outside of transactions."""

    def __init__(
        self, clock: Clock, audit: AuditTrail, connections: ConnectionService, rules: OutboundRules
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._connections = connections
        self._rules = rules

    def leave(self, session: Session, contents: Collection[tuple[uuid.UUID, int]]) -> int:
        """Note (connection, content) in the transaction that erases; returns how many."""
        return self._repository(session).leave_removals(contents)

    def take_out(self, database: Database) -> int:
        """Take out what was noted; what a server refuses now is tried again. How many are out."""
        system = Actor.system(_ERASED)
        with database.read() as session:
            waiting = [
                (row.id, row.connection_id, row.content_id)
                for row in self._repository(session).any_removals()
            ]
        done = 0
        away: set[uuid.UUID] = set()
        for removal_id, connection_id, content_id in waiting:
            if connection_id in away:
                continue
            try:
                programme, client = self.client(database, system, connection_id)
                with client:
                    client.delete(programme.bank, content_id)
            except LikenessError as error:
                logger.warning("taking out of a bank waits: %s", error.code)
                away.add(connection_id)
                continue
            with database.write() as session:
                self._repository(session).forget_removal(removal_id)
                self._connections.forget_when_done(session, system, connection_id)
                actor = Actor.system(_ERASED, programme.organisation_id)
                self._audit.record(
                    session, actor, "programme.take_back", "hash_connection", connection_id
                )
            done += 1
        return done

    def client(
        self, database: Database, actor: Actor, connection_id: uuid.UUID
    ) -> tuple[ConnectionView, HmaClient]:
        """A programme, also a closed one, and a client of its server."""
        with database.read() as session:
            programme, credentials = self._connections.for_taking_back(
                session, actor, connection_id
            )
        return programme, HmaClient(programme.address, self._rules, credentials.get("token", ""))

    def _repository(self, session: Session) -> PersonExchangeRepository:
        return PersonExchangeRepository(session, Actor.system(_ERASED), self._clock.now())
