"""What is sealed under a person's key in this room. Times inside are ISO 8601 in UTC."""

from __future__ import annotations

import msgspec


class ConsentDocument(msgspec.Struct, frozen=True):
    """A person's say for one programme, with the whole text as they signed it."""

    text_version: str
    text: str
    signature_name: str
    given_at: str


class ExportedHash(msgspec.Struct, frozen=True):
    """A hash that was handed over. `remote_id` is the receiver's number of it, where it told one.

    Kept for nothing but taking it back.
    """

    kind: str
    value: str
    is_video: bool = False
    remote_id: int | None = None


class ExportDocument(msgspec.Struct, frozen=True):
    """What is needed to take an export back. `statement` is what the advocate ticked."""

    hashes: tuple[ExportedHash, ...]
    statement: str = ""
    problem: str = ""


class HandOverDocument(msgspec.Struct, frozen=True):
    """When the person went to a service by themselves, in their own words of a date."""

    done_on: str
