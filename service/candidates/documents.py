"""What is sealed under a person's key in this room."""

from __future__ import annotations

import msgspec

from indexer.observations import Examination


class SeenAt(msgspec.Struct, frozen=True):
    """One address at which the medium was seen, or that the person pointed to.

    `run_id` is the run that saw it there, if one did. `again` marks an address at which it appeared
    after it had been confirmed.
    """

    media_url: str | None
    page_url: str | None
    host: str
    seen_at: str
    run_id: str = ""
    again: bool = False


class NameAt(msgspec.Struct, frozen=True):
    """A chosen name on a page: which one, and in what of it.

    `places`: "title", "text", "address", "media_address". Nothing of what stands around it is kept.
    """

    name_id: str
    places: tuple[str, ...]


class Declaration(msgspec.Struct, frozen=True):
    """The person's own declaration, as they signed it."""

    statement: str
    signature_name: str
    signed_at: str


class Brought(msgspec.Struct, frozen=True):
    """A capture that somebody else made: shown as "captured by NAME with TOOL, not by us"."""

    captured_by: str
    tool: str
    file_name: str
    file_sha256: str
    file_id: str
    captured_at: str = ""
    payload_sha256: str = ""


class ConfirmationDocument(msgspec.Struct, frozen=True):
    """One verdict with its wording, signed by the organisation's key over its canonical JSON."""

    verdict: str
    statements: tuple[str, ...]
    reason: str
    by: str
    account: str
    candidate: str
    decided_at: str
    signature_name: str = ""
    never_again: bool = False
    never_on_site: bool = False
    public_key: str = ""
    signature: str = ""


class CandidateDocument(msgspec.Struct, frozen=True):
    """What was seen. `examination` holds this person's finding alone, without any face crop.

    `never_show` names the lists for which no picture of it may be shown or kept; empty without any.
    `names` are those that were found on a page. `earlier` is what was said of it before it expired
    and was found again: it counts no more.
    """

    addresses: tuple[SeenAt, ...]
    examination: Examination | None = None
    captured_examination: Examination | None = None
    declaration: Declaration | None = None
    note: str = ""
    brought: tuple[Brought, ...] = ()
    never_show: str = ""
    names: tuple[NameAt, ...] = ()
    earlier: tuple[ConfirmationDocument, ...] = ()


class LookAlikeDocument(msgspec.Struct, frozen=True):
    """Similarities of decided finds of the enrolled person; of the stranger there is nothing.

    Below `limit` a face is only counted. Only faces that `model` saw are compared with it: other
    models count otherwise (design rule 14).
    """

    model: str
    limit: float
    dismissed: tuple[float, ...] = ()


class HaltedDocument(msgspec.Struct, frozen=True):
    """All that is kept of a candidate that may show a minor: addresses, time and reason."""

    addresses: tuple[SeenAt, ...]
    reason: str
    halted_at: str
