"""Servers and programmes that an operator connects, with their credentials.

Credentials are sealed by the vault under the installation's own key, bound to their row. They are
never shown again, and are in no setting, log, audit entry or durable step.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.errors import ConflictError, InvalidInputError
from service.hashbank.exchange.errors import CredentialsMissingError
from service.hashbank.exchange.models import HashConnection
from service.hashbank.exchange.registry import (
    ENTITLEMENT_STATEMENT,
    EXPORT_STATEMENT,
    KindOfConnection,
    kind_of,
)
from service.hashbank.exchange.repository import ExchangeRepository
from service.hashbank.exchange.texts import entitled, one_line, require_operator
from service.hashbank.exchange.views import ConnectionView
from service.vault import Vault

_MAX_SECRET = 4096
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class ConnectionDraft:
    """What an operator types to connect a server or programme."""

    name: str
    kind: str
    run_by: str
    terms: str
    signed_by: str
    agreed: bool
    address: str = ""
    bank: str = ""
    takes_exports: bool = False
    credentials: Mapping[str, str] | None = None


class ConnectionService:
    """Adds, lists and closes connections; keeps their credentials."""

    def __init__(self, vault: Vault, clock: Clock, audit: AuditTrail) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit

    def add(self, session: Session, actor: Actor, draft: ConnectionDraft) -> ConnectionView:
        """Connect a server or programme that the organisation is entitled to use."""
        repository = ExchangeRepository(session, require_operator(actor))
        kind = kind_of(draft.kind)
        name = one_line("Name", draft.name)
        run_by, terms, signed_by = entitled(
            draft.run_by, draft.terms, draft.signed_by, agreed=draft.agreed
        )
        if draft.takes_exports and not kind.forms:
            raise InvalidInputError(f"{kind.name} takes no hashes from organisations: {_why(kind)}")
        if not draft.takes_exports and not kind.gives:
            raise InvalidInputError(f"{kind.name}: tick that hashes are handed to it.")
        if repository.connection_named(name) is not None:
            raise ConflictError(f'Name: there is (or was) a connection "{name}" already.')
        bank = one_line("Bank", draft.bank, required=False)
        if draft.takes_exports and "push" in kind.forms and not bank:
            raise InvalidInputError("Bank: say into which bank hashes are put.")
        row = HashConnection(
            id=uuid.uuid4(),
            organisation_id=actor.organisation_id,
            name=name,
            kind=kind.key,
            address=_address(kind, draft.address),
            bank=bank,
            takes_exports=draft.takes_exports,
            run_by=run_by,
            terms=terms,
            entitlement=EXPORT_STATEMENT if draft.takes_exports else ENTITLEMENT_STATEMENT,
            entitled_by=signed_by,
            added_by=actor.account_id,
            added_at=self._clock.now(),
        )
        given = draft.credentials or {}
        if any(value.strip() for value in given.values()):
            self._put_secret(row, kind, given)
        repository.add(row)
        self._audit.record(
            session,
            actor,
            "hash_connection.add",
            "hash_connection",
            row.id,
            kind=kind.key,
            takes_exports=draft.takes_exports,
        )
        return ConnectionView.of(row)

    def set_credentials(
        self, session: Session, actor: Actor, connection_id: uuid.UUID, given: Mapping[str, str]
    ) -> None:
        """Replace the credentials; the old ones are gone."""
        row = ExchangeRepository(session, require_operator(actor)).connection(connection_id)
        self._put_secret(row, kind_of(row.kind), given)
        self._audit.record(
            session, actor, "hash_connection.credentials", "hash_connection", connection_id
        )

    def close(self, session: Session, actor: Actor, connection_id: uuid.UUID) -> None:
        """Use it no more and forget its credentials; what was handed over stays told.

        While hashes lie in its bank the credentials are kept for nothing but taking them out.
        """
        repository = ExchangeRepository(session, require_operator(actor))
        row = repository.connection(connection_id)
        if repository.lists_of_connection(connection_id):
            raise ConflictError("Lists are fetched over this connection: remove them first.")
        row.closed_at = self._clock.now()
        if not repository.lies_in_bank(connection_id):
            row.secret = None
        self._audit.record(
            session, actor, "hash_connection.close", "hash_connection", connection_id
        )

    def for_taking_back(
        self, session: Session, actor: Actor, connection_id: uuid.UUID
    ) -> tuple[ConnectionView, dict[str, str]]:
        """A connection, also a closed one, and its credentials, to take out what lies there."""
        row = ExchangeRepository(session, actor).connection(connection_id, also_closed=True)
        return ConnectionView.of(row), self._credentials(row)

    def forget_when_done(self, session: Session, actor: Actor, connection_id: uuid.UUID) -> None:
        """The credentials of a closed connection go when nothing lies in its bank any more."""
        repository = ExchangeRepository(session, actor)
        row = repository.connection(connection_id, also_closed=True)
        if row.closed_at is not None and not repository.lies_in_bank(connection_id):
            row.secret = None

    def connections(self, session: Session, actor: Actor) -> tuple[ConnectionView, ...]:
        """The organisation's open connections, by name."""
        rows = ExchangeRepository(session, actor).connections()
        return tuple(ConnectionView.of(row) for row in rows)

    def connection(
        self, session: Session, actor: Actor, connection_id: uuid.UUID
    ) -> ConnectionView:
        """One open connection."""
        return ConnectionView.of(ExchangeRepository(session, actor).connection(connection_id))

    def credentials(
        self, session: Session, actor: Actor, connection_id: uuid.UUID
    ) -> dict[str, str]:
        """The credentials, for the moment in which the server is asked; never to be shown."""
        return self._credentials(ExchangeRepository(session, actor).connection(connection_id))

    def _credentials(self, row: HashConnection) -> dict[str, str]:
        kind = kind_of(row.kind)
        if row.secret is None:
            if any(field.required for field in kind.credentials):
                raise CredentialsMissingError(
                    f'"{row.name}" has no credentials: type them on its page, or give them to '
                    "`likeness hashes credentials`."
                )
            return {}
        plaintext = self._vault.unseal_system(_context(row), row.secret)
        return msgspec.json.decode(plaintext, type=dict[str, str])

    def _put_secret(
        self, row: HashConnection, kind: KindOfConnection, given: Mapping[str, str]
    ) -> None:
        kept: dict[str, str] = {}
        for field in kind.credentials:
            value = given.get(field.key, "").strip()
            if not value and field.required:
                raise InvalidInputError(f"{field.label}: please fill it in.")
            if len(value) > _MAX_SECRET or not value.isascii() or not value.isprintable():
                raise InvalidInputError(
                    f"{field.label}: plain letters, digits and signs on one line, at most "
                    f"{_MAX_SECRET} characters."
                )
            if value:
                kept[field.key] = value
        if not kind.credentials:
            raise CredentialsMissingError(f"{kind.name} needs no credentials.")
        row.secret = self._vault.seal_system(_context(row), msgspec.json.encode(kept))


def _context(row: HashConnection) -> str:
    return f"hash_connections.secret:{row.organisation_id}:{row.id}"


def _why(kind: KindOfConnection) -> str:
    return kind.who_may_submit


def _address(kind: KindOfConnection, text: str) -> str:
    """The base address of a server, or the name of an environment; empty where neither is."""
    given = text.strip()
    if kind.environments:
        if given not in kind.environments:
            raise InvalidInputError(f"Environment: one of {', '.join(kind.environments)}.")
        return given
    if not kind.has_address:
        if given:
            raise InvalidInputError(f"Address: {kind.name} has a fixed one.")
        return ""
    try:
        parts = urlsplit(given)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if (
        parts.scheme not in ("http", "https")
        or not host
        or parts.query
        or parts.fragment
        or parts.username is not None
        or parts.password is not None
        or not given.isascii()
    ):
        raise InvalidInputError(
            "Address: the server's own, such as https://hashes.example.org, without a user, "
            "password or question mark."
        )
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise InvalidInputError("Address: https, unless the server is on this machine.")
    shown_host = f"[{host}]" if ":" in host else host
    shown_port = f":{port}" if port is not None else ""
    return f"{parts.scheme}://{shown_host}{shown_port}{parts.path.rstrip('/')}"
