"""Whom a receiver trusts: fingerprints of signers' keys, pinned before a bundle is believed.

A fingerprint is the SHA-256 of the raw 32-byte Ed25519 public key, in hex, with or without
colons. A file of keys may hold fingerprints, PEM blocks, blank lines and `#` comments.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from service.exhibits.errors import BadTrustError

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_MAX_FILE_BYTES = 1024 * 1024


def key_fingerprint(raw_public_key: bytes) -> str:
    """SHA-256 of the raw public key, 64 hex digits."""
    return hashlib.sha256(raw_public_key).hexdigest()


def grouped(fingerprint: str) -> str:
    """The fingerprint in pairs with colons, as people compare it aloud."""
    return ":".join(fingerprint[at : at + 2] for at in range(0, len(fingerprint), 2))


def raw_key(key: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def pem_key(key: Ed25519PublicKey) -> bytes:
    """The key as a PEM file (SubjectPublicKeyInfo), as openssl reads it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class Trust:
    """Fingerprints of the signers whom the receiver trusts; empty: nobody is known."""

    fingerprints: frozenset[str] = frozenset()

    def knows(self, fingerprint: str) -> bool:
        """Whether this signer was pinned."""
        return fingerprint in self.fingerprints

    @classmethod
    def parse(cls, values: Iterable[str]) -> Trust:
        """Trust in each value: a fingerprint, or the path of a file of keys."""
        found: set[str] = set()
        for value in values:
            fingerprint = _as_fingerprint(value)
            found |= {fingerprint} if fingerprint is not None else _from_file(Path(value))
        return cls(frozenset(found))


def _as_fingerprint(text: str) -> str | None:
    digits = text.strip().replace(":", "").replace(" ", "").lower()
    return digits if _FINGERPRINT.fullmatch(digits) else None


def _from_file(path: Path) -> set[str]:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise BadTrustError(f"{path} is too large for a file of keys")
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise BadTrustError(
            f"{path!s} is neither a fingerprint (64 hex digits) nor a readable file of keys"
        ) from error
    found = {_from_pem(block.encode("ascii"), path) for block in _PEM.findall(text)}
    for line in _PEM.sub("", text).splitlines():
        wanted = line.split("#", 1)[0].strip()
        if not wanted:
            continue
        fingerprint = _as_fingerprint(wanted)
        if fingerprint is None:
            raise BadTrustError(f"{path} holds a line that is neither a fingerprint nor a key")
        found.add(fingerprint)
    if not found:
        raise BadTrustError(f"{path} holds no fingerprint and no key")
    return found


def _from_pem(block: bytes, path: Path) -> str:
    try:
        key = load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadTrustError(f"{path} holds a key that cannot be read") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadTrustError(f"{path} holds a key that is not Ed25519")
    return key_fingerprint(raw_key(key))
