"""What goes out of the JSON API of evidence. Addresses are as they were captured."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from service.exhibits.custody import CustodyEntry
from service.exhibits.verify import Verification
from service.exhibits.views import CaptureLine, ExhibitDetail, ExhibitView, SignerView

_ID = "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_MOMENT = "2026-11-23T09:30:00Z"

_EXHIBIT: JsonDict = {
    "id": _ID,
    "person_id": _ID,
    "candidate_id": _ID,
    "host": "site.example",
    "version": 1,
    "appeared_again": False,
    "state": "sealed",
    "reason": "",
    "made_at": _MOMENT,
    "sealed_at": _MOMENT,
    "page_url": "https://site.example/page",
    "media_url": "https://site.example/picture.jpg",
    "medium_sha256": _HASH,
    "bundle_sha256": _HASH,
    "bundle_bytes": 48213,
    "signer_fingerprint": _HASH,
    "notes": ["The clock was not compared with another one before this capture."],
}


def _example(values: JsonDict) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class ExhibitOut(BaseModel):
    """One version of an exhibit. `state`: sealed, unsealed (with `reason`) or withdrawn."""

    model_config = _example(_EXHIBIT)

    id: uuid.UUID
    person_id: uuid.UUID
    candidate_id: uuid.UUID
    host: str
    version: int
    appeared_again: bool
    state: str
    reason: str
    made_at: datetime
    sealed_at: datetime | None
    page_url: str | None
    media_url: str | None
    medium_sha256: str | None
    bundle_sha256: str
    bundle_bytes: int
    signer_fingerprint: str
    notes: list[str]

    @classmethod
    def of(cls, view: ExhibitView) -> ExhibitOut:
        """From the view."""
        return cls(
            id=view.exhibit_id,
            person_id=view.person_id,
            candidate_id=view.candidate_id,
            host=view.host,
            version=view.version,
            appeared_again=view.place > 0,
            state=view.state,
            reason=view.reason,
            made_at=view.made_at,
            sealed_at=view.sealed_at,
            page_url=view.page_url,
            media_url=view.media_url,
            medium_sha256=view.medium_sha256,
            bundle_sha256=view.bundle_sha256,
            bundle_bytes=view.bundle_bytes,
            signer_fingerprint=view.signer_fingerprint,
            notes=list(view.notes),
        )


class CaptureOut(BaseModel):
    """One attempt at capturing."""

    model_config = _example(
        {
            "id": _ID,
            "attempt": 1,
            "state": "promoted",
            "reason": "",
            "wanted_at": _MOMENT,
            "held_at": _MOMENT,
        }
    )

    id: uuid.UUID
    attempt: int
    state: str
    reason: str
    wanted_at: datetime
    held_at: datetime | None

    @classmethod
    def of(cls, line: CaptureLine) -> CaptureOut:
        """From the view."""
        return cls(
            id=line.capture_id,
            attempt=line.attempt,
            state=line.state,
            reason=line.reason,
            wanted_at=line.wanted_at,
            held_at=line.held_at,
        )


class CustodyOut(BaseModel):
    """One entry of custody; `hash` covers it and the one before."""

    model_config = _example(
        {
            "number": 2,
            "action": "captured",
            "actor": "system:capture",
            "detail": f"attempt 1, warc sha256 {_HASH}",
            "at": "2026-11-23T09:30:00.000000+00:00",
            "previous_hash": _HASH,
            "hash": _HASH,
        }
    )

    number: int
    action: str
    actor: str
    detail: str
    at: str
    previous_hash: str
    hash: str

    @classmethod
    def of(cls, entry: CustodyEntry) -> CustodyOut:
        """From the entry."""
        return cls(
            number=entry.number,
            action=entry.action,
            actor=entry.actor,
            detail=entry.detail,
            at=entry.at,
            previous_hash=entry.previous_hash,
            hash=entry.hash,
        )


class ExhibitDetailOut(BaseModel):
    """One exhibit with its versions, captures and custody."""

    model_config = _example(
        {
            "exhibit": _EXHIBIT,
            "versions": [_EXHIBIT],
            "captures": [],
            "custody": [],
            "custody_defects": [],
        }
    )

    exhibit: ExhibitOut
    versions: list[ExhibitOut]
    captures: list[CaptureOut]
    custody: list[CustodyOut]
    custody_defects: list[str]

    @classmethod
    def of(cls, detail: ExhibitDetail) -> ExhibitDetailOut:
        """From the view."""
        return cls(
            exhibit=ExhibitOut.of(detail.exhibit),
            versions=[ExhibitOut.of(one) for one in detail.versions],
            captures=[CaptureOut.of(one) for one in detail.captures],
            custody=[CustodyOut.of(one) for one in detail.custody],
            custody_defects=list(detail.custody_defects),
        )


class DefectOut(BaseModel):
    """One thing that is wrong with a bundle."""

    model_config = _example(
        {
            "code": "file_altered",
            "subject": "capture.warc.gz",
            "message": "its content is not what was signed",
        }
    )

    code: str
    subject: str
    message: str


class VerificationOut(BaseModel):
    """`outcome`: intact_and_trusted, intact_signer_unknown or broken."""

    model_config = _example(
        {
            "outcome": "intact_and_trusted",
            "words": "Intact, and sealed by a signer whom you trust.",
            "files_checked": 6,
            "signer_fingerprint": _HASH,
            "defects": [],
            "notes": [],
        }
    )

    outcome: str
    words: str
    files_checked: int
    signer_fingerprint: str | None
    defects: list[DefectOut]
    notes: list[str]

    @classmethod
    def of(cls, verification: Verification) -> VerificationOut:
        """From the answer."""
        manifest = verification.manifest
        return cls(
            outcome=verification.outcome.value,
            words=verification.words,
            files_checked=verification.files_checked,
            signer_fingerprint=manifest.signer.fingerprint if manifest else None,
            defects=[
                DefectOut(code=one.code, subject=one.subject, message=one.message)
                for one in verification.defects
            ],
            notes=list(manifest.notes) if manifest else [],
        )


class SignerOut(BaseModel):
    """The organisation's key, for receivers to pin."""

    model_config = _example(
        {
            "organisation": "Helpline One",
            "fingerprint": _HASH,
            "pem": "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n",
        }
    )

    organisation: str
    fingerprint: str
    pem: str

    @classmethod
    def of(cls, view: SignerView) -> SignerOut:
        """From the view."""
        return cls(organisation=view.organisation, fingerprint=view.fingerprint, pem=view.pem)
