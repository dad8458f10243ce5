"""Verifies a bundle offline: from its bytes and the receiver's trust alone.

1. The container is read within limits and compared with its one form.
2. The manifest is read in its one canonical form.
3. The signature is checked against the key that the manifest names.
4. Every file is compared with the manifest: added, removed, altered, swapped.
5. Statements, custody chain and the WARC's own digests are checked, and that it holds every piece
   of a video that was joined.
6. Only when nothing at all is wrong does it matter whether the signer is trusted.

Nothing here touches a database, the network or the disk.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass

import msgspec
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from service.exhibits.bundle import (
    CUSTODY_NAME,
    MANIFEST_NAME,
    SIGNATURE_NAME,
    SIGNER_NAME,
    WARC_NAME,
    Statement,
)
from service.exhibits.container import Container, ContainerDefect, read_container
from service.exhibits.custody import CustodyRecord, chain_defects
from service.exhibits.errors import BundleRefusedError
from service.exhibits.manifest import Manifest, ManifestError, canonical_json, read_manifest
from service.exhibits.trust import Trust, key_fingerprint, pem_key
from service.exhibits.warc_check import check_warc

Defect = ContainerDefect


class Outcome(enum.StrEnum):
    """The three answers."""

    TRUSTED = "intact_and_trusted"
    UNKNOWN = "intact_signer_unknown"
    BROKEN = "broken"


_EXIT_CODES = {Outcome.TRUSTED: 0, Outcome.UNKNOWN: 3, Outcome.BROKEN: 1}
_WORDS = {
    Outcome.TRUSTED: "Intact, and sealed by a signer whom you trust.",
    Outcome.UNKNOWN: "Intact, but sealed by a signer whom you have not said that you trust.",
    Outcome.BROKEN: "BROKEN: this is not what was sealed.",
}


@dataclass(frozen=True)
class Verification:
    """The answer. What stands in a broken bundle's manifest is what it claims, no more."""

    outcome: Outcome
    defects: tuple[Defect, ...]
    manifest: Manifest | None
    files_checked: int

    @property
    def exit_code(self) -> int:
        """0 intact and trusted, 3 intact but signer unknown, 1 anything wrong."""
        return _EXIT_CODES[self.outcome]

    @property
    def words(self) -> str:
        """The outcome for people."""
        return _WORDS[self.outcome]


def verify_bundle(content: bytes, trust: Trust) -> Verification:
    """Verify `content`. Never raises for what the bytes are: that is the answer."""
    try:
        container = read_container(content)
    except BundleRefusedError as refused:
        defect = Defect("not_a_bundle", "bundle", str(refused))
        return Verification(Outcome.BROKEN, (defect,), None, 0)
    _check_presence(container)
    manifest = _read_manifest(container)
    if manifest is None:
        return Verification(Outcome.BROKEN, tuple(container.defects), None, 0)
    _check_signature(container, manifest)
    checked = _check_files(container, manifest)
    _check_statements(container, manifest)
    _check_custody(container, manifest)
    _check_capture(container, manifest)
    if container.defects:
        outcome = Outcome.BROKEN
    else:
        known = trust.knows(manifest.signer.fingerprint)
        outcome = Outcome.TRUSTED if known else Outcome.UNKNOWN
    return Verification(outcome, tuple(container.defects), manifest, checked)


def _check_presence(container: Container) -> None:
    for name in (MANIFEST_NAME, SIGNATURE_NAME, SIGNER_NAME, WARC_NAME, CUSTODY_NAME):
        if name not in container.files and name not in container.unreadable:
            container.defect("file_removed", name, "every bundle has this file; it is gone")


def _read_manifest(container: Container) -> Manifest | None:
    content = container.files.get(MANIFEST_NAME)
    if content is None:
        return None
    try:
        return read_manifest(content)
    except ManifestError as error:
        container.defect("manifest_altered", MANIFEST_NAME, str(error))
        return None


def _check_signature(container: Container, manifest: Manifest) -> None:
    signer = manifest.signer
    try:
        raw = bytes.fromhex(signer.public_key)
        key = Ed25519PublicKey.from_public_bytes(raw)
    except ValueError:
        container.defect("manifest_altered", MANIFEST_NAME, "the signer's key in it is no key")
        return
    if signer.fingerprint != key_fingerprint(raw) or signer.public_key != raw.hex():
        container.defect(
            "manifest_altered", MANIFEST_NAME, "the signer's fingerprint in it is not its key's"
        )
    if container.files.get(SIGNER_NAME, pem_key(key)) != pem_key(key):
        container.defect(
            "signer_replaced", SIGNER_NAME, "the key file is not the key that the manifest names"
        )
    signature = container.files.get(SIGNATURE_NAME)
    if signature is None:
        return
    try:
        key.verify(signature, container.files[MANIFEST_NAME])
    except InvalidSignature:
        container.defect(
            "signature_wrong",
            SIGNATURE_NAME,
            f"the signature does not fit {MANIFEST_NAME} and its key: one of them was altered, "
            "or it was signed anew with another key",
        )


def _check_files(container: Container, manifest: Manifest) -> int:
    listed = {entry.name: entry for entry in manifest.files}
    if len(listed) != len(manifest.files):
        container.defect("manifest_altered", MANIFEST_NAME, "it lists a name twice")
    unlisted_by_rule = {MANIFEST_NAME, SIGNATURE_NAME}
    for name in sorted(container.files.keys() | container.unreadable):
        if name not in listed and name not in unlisted_by_rule:
            container.defect("file_added", name, "the manifest does not list this file")
    owner_of = {entry.sha256: entry.name for entry in manifest.files}
    checked = 0
    for name, entry in sorted(listed.items()):
        body = container.files.get(name)
        if body is None:
            if name not in container.unreadable:
                _once(container, "file_removed", name, "the manifest lists this file; it is gone")
            continue
        checked += 1
        digest = hashlib.sha256(body).hexdigest()
        if digest == entry.sha256 and len(body) == entry.size_bytes:
            continue
        other = owner_of.get(digest)
        if other is not None and other != name:
            container.defect("file_swapped", name, f"it holds the content of {other}")
        else:
            container.defect("file_altered", name, "its content is not what was signed")
    return checked


def _once(container: Container, code: str, subject: str, message: str) -> None:
    if not any(known.code == code and known.subject == subject for known in container.defects):
        container.defect(code, subject, message)


def _check_statements(container: Container, manifest: Manifest) -> None:
    for reference in manifest.statements:
        body = container.files.get(reference.file)
        if body is None:
            _once(container, "file_removed", reference.file, "a statement is gone")
            continue
        try:
            statement = msgspec.json.decode(body, type=Statement)
            fits = canonical_json(statement) == body
        except (msgspec.DecodeError, rfc8785.CanonicalizationError, UnicodeError):
            fits = False
        else:
            fits = fits and (statement.id, statement.by, statement.verdict) == (
                reference.id,
                reference.by,
                reference.verdict,
            )
        if not fits:
            container.defect(
                "statement_wrong", reference.file, "it is not the statement that the manifest names"
            )


def _check_custody(container: Container, manifest: Manifest) -> None:
    body = container.files.get(CUSTODY_NAME)
    if body is None:
        return
    try:
        record = msgspec.json.decode(body, type=CustodyRecord)
    except (msgspec.DecodeError, UnicodeError):
        container.defect("custody_broken", CUSTODY_NAME, "it is not a record of custody")
        return
    head = manifest.custody
    broken = chain_defects(head.candidate_id, record.entries)
    if record.candidate_id != head.candidate_id:
        broken.append("it belongs to another candidate")
    if len(record.entries) != head.entries:
        broken.append(f"it has {len(record.entries)} entries; {head.entries} were signed")
    if (record.entries[-1].hash if record.entries else "") != head.head:
        broken.append("its last entry is not the one that was signed")
    for message in broken:
        container.defect("custody_broken", CUSTODY_NAME, message)


def _check_capture(container: Container, manifest: Manifest) -> None:
    body = container.files.get(WARC_NAME)
    if body is None:
        return
    if hashlib.sha256(body).hexdigest() != manifest.capture.warc_sha256:
        container.defect(
            "capture_replaced", WARC_NAME, "it is not the capture that the manifest describes"
        )
    checked = check_warc(body)
    for message in checked.defects:
        container.defect("warc_damaged", WARC_NAME, message)
    for resource in manifest.capture.resources:
        pieces = resource.stream.pieces if resource.stream is not None else ()
        missing = sum(piece.body_sha256 not in checked.body_sha256s for piece in pieces)
        if missing:
            container.defect(
                "pieces_missing",
                WARC_NAME,
                f"{missing} of {len(pieces)} pieces of the video are not in the capture",
            )
