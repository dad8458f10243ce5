"""Receipts of erasure: canonical JSON, signed by the organisation's key, without personal data.

Whoever holds a receipt can check it with the public key in it (Ed25519 over the RFC 8785 form of
`erased`); the operator publishes the key's fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import datetime

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.enrolment.collaborators import ErasedCount


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt's content (canonical JSON of what was done) and its signature."""

    content: str
    signature: bytes

    def file(self) -> bytes:
        """The receipt as the JSON file that a person takes along."""
        whole = {"erased": json.loads(self.content), "signature": self.signature.hex()}
        return json.dumps(whole, indent=2, sort_keys=True).encode() + b"\n"


def sign_receipt(
    key: Ed25519PrivateKey,
    *,
    receipt_id: uuid.UUID,
    organisation_id: uuid.UUID,
    counts: tuple[ErasedCount, ...],
    gallery_change: int,
    asked_at: datetime,
    finished_at: datetime,
) -> SignedReceipt:
    """Say what was done, and sign it."""
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    content = rfc8785.dumps(
        {
            "kind": "likeness/erasure-receipt",
            "version": 1,
            "receipt": str(receipt_id),
            "organisation": str(organisation_id),
            "asked_at": asked_at.isoformat(timespec="seconds"),
            "finished_at": finished_at.isoformat(timespec="seconds"),
            "deleted": [{"what": count.what, "count": count.count} for count in counts],
            "watch_list_change": gallery_change,
            "key_destroyed": True,
            "key_store_made_anew": True,
            "kept": "A tombstone without personal data, this receipt, and entries of the audit "
            "trail that hold numbers only.",
            "public_key": public.hex(),
            "public_key_fingerprint": hashlib.sha256(public).hexdigest(),
        }
    )
    return SignedReceipt(content.decode(), key.sign(content))


def receipt_is_genuine(file: bytes) -> bool:
    """Whether a receipt's file is unaltered since it was signed by the key that it names."""
    try:
        whole = json.loads(file)
        erased = whole["erased"]
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(erased["public_key"]))
        public.verify(bytes.fromhex(whole["signature"]), rfc8785.dumps(erased))
    except (ValueError, KeyError, TypeError, InvalidSignature):
        return False
    return True
