"""What is sealed under a person's key in this room: one document for each kind of row."""

from __future__ import annotations

import msgspec

from service.exhibits.manifest import ExaminationSummary, ResourceSummary

CLOCK_NOT_MEASURED = "not measured"


class CaptureDocument(msgspec.Struct, frozen=True):
    """What one capture did. With `failure` set, nothing but the attempt was kept.

    `examinations` are of what was found (if it was examined then) and of what was captured (if
    that was other content). `notes` are defects that must stay visible, in words.
    """

    started_at: str
    finished_at: str
    user_agent: str
    software: str
    clock: str
    keeps_media_bytes: bool
    warc_sha256: str
    warc_bytes: int
    resources: tuple[ResourceSummary, ...]
    found_sha256: str | None
    captured_sha256: str | None
    examinations: tuple[ExaminationSummary, ...]
    notes: tuple[str, ...]
    failure: str = ""


class ExhibitDocument(msgspec.Struct, frozen=True):
    """Where the exhibit is from, and what was sealed (empty until it is).

    `manipulation` are the band and reasons, for those who want them in a notice.
    """

    host: str
    page_url: str | None
    media_url: str | None
    medium_sha256: str | None = None
    captured_at: str = ""
    bundle_sha256: str = ""
    bundle_bytes: int = 0
    manifest_sha256: str = ""
    signer_fingerprint: str = ""
    notes: tuple[str, ...] = ()
    found_by: str = ""
    manipulation: tuple[str, ...] = ()
