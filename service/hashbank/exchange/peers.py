"""Asking a Hasher-Matcher-Actioner server, for the operator who connects it: what it has, and
what it finds for a hash. Nothing is kept of the answer.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from service.accounts.actor import Actor
from service.database import Database
from service.errors import ConflictError
from service.hashbank.exchange.connections import ConnectionService
from service.hashbank.exchange.hma import HmaClient, PeerMatch
from service.hashbank.exchange.outbound import OutboundRules
from service.hashbank.exchange.signals import HashKind
from service.hashbank.exchange.texts import require_operator


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """A server's banks, and (kind of hash, how many its index was built of)."""

    banks: tuple[str, ...]
    indexes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """Banks that match a hash, and the contents in them with their distances."""

    banks: tuple[str, ...]
    matches: tuple[PeerMatch, ...]


class PeerService:
    """Talks to one server at a time, outside of transactions."""

    def __init__(self, connections: ConnectionService, rules: OutboundRules) -> None:
        self._connections = connections
        self._rules = rules

    def status(self, database: Database, actor: Actor, connection_id: uuid.UUID) -> PeerStatus:
        """What the server says of itself: a test of address and credentials, too."""
        with self._client(database, actor, connection_id) as client:
            banks = tuple(bank.name for bank in client.banks())
            indexes = sorted((name, each.size) for name, each in client.index_status().items())
        return PeerStatus(banks, tuple(indexes))

    def look_up(
        self,
        database: Database,
        actor: Actor,
        connection_id: uuid.UUID,
        kind: HashKind,
        value: bytes,
    ) -> PeerAnswer:
        """What the server finds for one hash. The hash is told to the server."""
        with self._client(database, actor, connection_id) as client:
            return PeerAnswer(client.banks_of(kind, value), client.matches(kind, value))

    def _client(self, database: Database, actor: Actor, connection_id: uuid.UUID) -> HmaClient:
        require_operator(actor)
        with database.read() as session:
            connection = self._connections.connection(session, actor, connection_id)
            if connection.kind.key != "hma":
                raise ConflictError("Only a Hasher-Matcher-Actioner server can be asked this.")
            credentials = self._connections.credentials(session, actor, connection_id)
        return HmaClient(connection.address, self._rules, credentials.get("token", ""))
