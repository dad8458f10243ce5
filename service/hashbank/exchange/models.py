"""Tables of the exchange of hashes.

Lists, their entries and what was found from them belong to an organisation and say nothing of any
enrolled person. What a person agreed to, and what was handed over for them, is sealed under that
person's key; in the clear are ids, counts and times.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class HashConnection(Base):
    """A server or programme that hashes come from or are handed to.

    `kind` is a key of `registry.KINDS`. `address` is the base address of a server, or the name of
    an environment. `secret` holds the credentials, sealed by the vault under the installation's own
    key. `entitlement` is the statement as it was signed by `entitled_by`. A connection is closed,
    never deleted: what was handed over to it stays told.
    """

    __tablename__ = "hash_connections"
    __table_args__ = (UniqueConstraint("organisation_id", "name"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str]
    kind: Mapped[str]
    address: Mapped[str] = mapped_column(default="")
    bank: Mapped[str] = mapped_column(default="")
    takes_exports: Mapped[bool] = mapped_column(default=False)
    run_by: Mapped[str]
    terms: Mapped[str]
    entitlement: Mapped[str]
    entitled_by: Mapped[str]
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    added_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    added_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class HashList(Base):
    """A list of hashes that an operator is entitled to use.

    `action`: "match", "never_show" or "stop". `selection` says what of the connection it is (a
    bank, a privacy group). `attempt` counts imports that were begun; entries of attempts after
    `live` are not in force yet, those last seen before `floor` not any more. `checkpoint` is the
    exchange's own, as JSON. `problem` is why the last fetch failed, in words. Once `removed_at` is
    set nothing of it is in force, and its entries are being deleted.
    """

    __tablename__ = "hash_lists"
    __table_args__ = (UniqueConstraint("organisation_id", "name"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str]
    action: Mapped[str]
    given_by: Mapped[str]
    terms: Mapped[str]
    entitlement: Mapped[str]
    entitled_by: Mapped[str]
    connection_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("hash_connections.id"), index=True
    )
    selection: Mapped[str] = mapped_column(default="")
    attempt: Mapped[int] = mapped_column(default=0)
    live: Mapped[int] = mapped_column(default=0)
    floor: Mapped[int] = mapped_column(default=0)
    pdq_entries: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256_entries: Mapped[int] = mapped_column(BigInteger, default=0)
    md5_entries: Mapped[int] = mapped_column(BigInteger, default=0)
    checkpoint: Mapped[str | None]
    problem: Mapped[str] = mapped_column(default="")
    added_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    added_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]


class HashListEntry(Base):
    """One hash of a list. `source_key` is the exchange's own key of the record it came in.

    Ids are given in the order of commits (writers take the lock of `HashListChange` first), so
    that an index can follow the table by its highest id.
    """

    __tablename__ = "hash_list_entries"
    __table_args__ = (
        UniqueConstraint("kind", "value", "list_id", "source_key"),
        Index("ix_hash_list_entries_of_list", "list_id", "source_key"),
        # an id that was given once is never given again: an index follows the table by it
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    list_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("hash_lists.id"))
    source_key: Mapped[str] = mapped_column(default="")
    kind: Mapped[str]
    value: Mapped[bytes] = mapped_column(LargeBinary)
    added_in: Mapped[int]
    seen_in: Mapped[int]


class HashListChange(Base):
    """One row: counts each change of what is in force; the lock of all who write entries."""

    __tablename__ = "hash_list_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    change: Mapped[int] = mapped_column(BigInteger, default=0)


class HashListHit(Base):
    """A medium of a list at an address at a time, seen by a run; nothing of any person.

    The list's name and action are kept as they were. `medium_id` is empty for action "stop": of
    that nothing is kept but address, time and reason (design rule 6). `distance` is in bits.
    """

    __tablename__ = "hash_list_hits"
    __table_args__ = (UniqueConstraint("list_id", "run_id", "address_key"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    list_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("hash_lists.id"), index=True)
    list_name: Mapped[str]
    action: Mapped[str]
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id"), index=True)
    medium_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("media.id"), index=True)
    media_url: Mapped[str]
    page_url: Mapped[str | None]
    address_key: Mapped[str]
    host: Mapped[str]
    kind: Mapped[str]
    distance: Mapped[int]
    seen_at: Mapped[datetime]


class ProgrammeConsent(Base):
    """A person's say that hashes of their pictures may be handed to one programme.

    `document` is a sealed `ConsentDocument` with the whole text as it was signed.
    """

    __tablename__ = "hash_programme_consents"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("hash_connections.id"), index=True)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class ProgrammeExport(Base):
    """Hashes that were handed to a programme, or taken back: how many, when, by whom.

    `form`: "text", "csv", "push", "removal_text", "removal_call". `state`: "done", "failed" or
    "part". The sealed document holds what is needed to take them back, and goes with the
    person's key.
    """

    __tablename__ = "hash_programme_exports"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("hash_connections.id"), index=True)
    consent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("hash_programme_consents.id"))
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    form: Mapped[str]
    state: Mapped[str]
    hashes: Mapped[int]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]


class BankRemoval(Base):
    """A content that has to be taken out of a programme's bank for somebody who was erased.

    Nothing of a person: only the number that the bank's own server gave it. The row goes with it.
    """

    __tablename__ = "hash_bank_removals"
    __table_args__ = (UniqueConstraint("connection_id", "content_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("hash_connections.id"))
    content_id: Mapped[int] = mapped_column(BigInteger)


class HandOver(Base):
    """A person's own note that they went to a service where only they may submit."""

    __tablename__ = "hash_hand_overs"
    __table_args__ = (UniqueConstraint("person_id", "service"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    service: Mapped[str]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    noted_at: Mapped[datetime]
