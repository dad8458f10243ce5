"""What a person must write down, sealed into their own browser's cookie until they have done so.

A reload or a step back must not lose it. It is bound to the person, opens for 15 minutes only, and
is nowhere else: not in an address, and not in the database, which keeps hashes.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from datetime import datetime, timedelta

import msgspec

from service.clock import Clock
from service.vault import Vault
from service.vault.errors import VaultDamagedError
from service.web.cookies import SHOWN_ONCE_MAX_AGE_S

_FOR = timedelta(seconds=SHOWN_ONCE_MAX_AGE_S)


class ShownOnce(msgspec.Struct, frozen=True):
    """Case number and deletion code, and the passphrase where it was made up (else empty)."""

    case_number: str
    deletion_code: str
    passphrase: str
    until: datetime
    """Aware, UTC."""


def seal_shown_once(
    vault: Vault,
    clock: Clock,
    person_id: uuid.UUID,
    *,
    case_number: str,
    deletion_code: str,
    passphrase: str,
) -> str:
    """The value of the cookie."""
    shown = ShownOnce(case_number, deletion_code, passphrase, clock.now() + _FOR)
    sealed = vault.seal_system(_context(person_id), msgspec.json.encode(shown))
    return base64.urlsafe_b64encode(sealed).decode("ascii")


def open_shown_once(
    vault: Vault, clock: Clock, person_id: uuid.UUID, value: str | None
) -> ShownOnce | None:
    """What is to be shown again; None when the time is over or the cookie is not this person's."""
    if not value:
        return None
    try:
        sealed = base64.b64decode(value, altchars=b"-_", validate=True)
        plain = vault.unseal_system(_context(person_id), sealed)
        shown = msgspec.json.decode(plain, type=ShownOnce)
    except (ValueError, binascii.Error, VaultDamagedError):
        return None
    return shown if clock.now() < shown.until else None


def _context(person_id: uuid.UUID) -> str:
    return f"shown_once:{person_id}"
