"""One exhibit as one file that anyone can verify.

1. Every part becomes a file: the capture, one statement each, custody, the key, the explanation.
2. The manifest lists them all with SHA-256 and size.
3. The organisation's key signs the manifest's exact bytes.
4. All goes into a container of one fixed form.

The same content and key give the same bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.exhibits.container import write_container
from service.exhibits.custody import CustodyEntry, CustodyRecord
from service.exhibits.manifest import (
    FORMAT,
    BroughtSummary,
    BundleFile,
    CaptureSummary,
    CustodyHead,
    ExaminationSummary,
    Manifest,
    Signer,
    StatementReference,
    TrustedTime,
    canonical_json,
    manifest_bytes,
)
from service.exhibits.readme_text import README
from service.exhibits.trust import key_fingerprint, pem_key, raw_key

MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "manifest.sig"
SIGNER_NAME = "signer.pub"
WARC_NAME = "capture.warc.gz"
CUSTODY_NAME = "custody.json"
README_NAME = "README.txt"


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one reviewer, or the depicted person, stated. `account` is an opaque id, or empty.

    `wording` are the sentences that they confirmed, `stated_at` is UTC.
    """

    id: str
    by: str
    account: str
    verdict: str
    wording: tuple[str, ...]
    stated_at: str


@dataclass(frozen=True)
class ExhibitContent:
    """Everything that goes into one bundle, before it is signed."""

    exhibit_id: str
    version: int
    candidate_id: str
    created_at: str
    software: str
    organisation: str
    capture: CaptureSummary
    warc_gz: bytes
    examinations: tuple[ExaminationSummary, ...]
    brought: tuple[BroughtSummary, ...]
    statements: tuple[Statement, ...]
    custody: tuple[CustodyEntry, ...]
    trusted_time: TrustedTime
    wording: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SealedBundle:
    """The bundle's bytes, with the digest of what was signed."""

    content: bytes
    sha256: str
    manifest_sha256: str
    manifest: Manifest


def signer_of(key: Ed25519PrivateKey, organisation: str) -> Signer:
    """How an organisation's key stands in a manifest."""
    raw = raw_key(key.public_key())
    return Signer(organisation, "Ed25519", raw.hex(), key_fingerprint(raw))


def seal_bundle(content: ExhibitContent, key: Ed25519PrivateKey) -> SealedBundle:
    """Make and sign the bundle."""
    statements = {f"statements/{one.id}.json": one for one in content.statements}
    files = {
        WARC_NAME: content.warc_gz,
        CUSTODY_NAME: canonical_json(CustodyRecord(content.candidate_id, content.custody)),
        SIGNER_NAME: pem_key(key.public_key()),
        README_NAME: README.encode("utf-8"),
        **{name: canonical_json(one) for name, one in statements.items()},
    }
    manifest = Manifest(
        format=FORMAT,
        exhibit_id=content.exhibit_id,
        version=content.version,
        created_at=content.created_at,
        software=content.software,
        signer=signer_of(key, content.organisation),
        files=tuple(
            BundleFile(name, hashlib.sha256(body).hexdigest(), len(body))
            for name, body in sorted(files.items())
        ),
        capture=content.capture,
        examinations=content.examinations,
        brought=content.brought,
        statements=tuple(
            StatementReference(one.id, one.by, one.verdict, name)
            for name, one in sorted(statements.items())
        ),
        custody=CustodyHead(
            content.candidate_id,
            len(content.custody),
            content.custody[-1].hash if content.custody else "",
        ),
        trusted_time=content.trusted_time,
        wording=content.wording,
        notes=content.notes,
    )
    signed = manifest_bytes(manifest)
    container = write_container({**files, MANIFEST_NAME: signed, SIGNATURE_NAME: key.sign(signed)})
    return SealedBundle(
        content=container,
        sha256=hashlib.sha256(container).hexdigest(),
        manifest_sha256=hashlib.sha256(signed).hexdigest(),
        manifest=manifest,
    )
