"""The second factor: six digits that change every 30 seconds (RFC 6238), offered to all staff.

A secret counts only after a code made from it was typed once. No code is accepted twice.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import pyotp
import segno
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.accounts.errors import WrongCodeError
from service.accounts.models import Account
from service.accounts.repository import AccountRepository
from service.audit import AuditTrail
from service.clock import Clock
from service.errors import ConflictError, NotAllowedError, NotFoundError
from service.vault import Vault

_STEP_S = 30
_STEPS_OF_TOLERANCE = 1
_CODE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class PendingSecret:
    """A secret that was shown and not yet proven: as text to type and as an address to scan."""

    secret: str
    address: str

    def as_svg(self) -> bytes:
        """The address as a QR code, one SVG file without any reference outside itself."""
        out = io.BytesIO()
        segno.make(self.address, error="m").save(
            out, kind="svg", scale=6, border=4, dark="#000", light="#fff"
        )
        return out.getvalue()


class SecondFactor:
    """Sets up, checks and takes off the second factor of an account."""

    def __init__(self, vault: Vault, clock: Clock, audit: AuditTrail) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit

    def begin(self, session: Session, actor: Actor) -> None:
        """Make a new secret for the actor's own account; it counts once `confirm` has seen it."""
        account = _own(session, actor)
        if account.totp_secret is not None:
            raise ConflictError("A second factor is set up already; take it off first.")
        secret = pyotp.random_base32()
        account.totp_pending = self._vault.seal_system(_context(account), secret.encode())
        session.flush()

    def pending(self, session: Session, actor: Actor) -> PendingSecret | None:
        """The secret that waits to be proven, to be shown on the account's own page."""
        account = _own(session, actor)
        if account.totp_pending is None:
            return None
        secret = self._open(account, account.totp_pending)
        address = pyotp.TOTP(secret).provisioning_uri(name=account.username, issuer_name="Likeness")
        return PendingSecret(secret, address)

    def confirm(self, session: Session, actor: Actor, code: str) -> None:
        """Prove the pending secret with one code; from now on signing in asks for one."""
        account = _own(session, actor)
        if account.totp_pending is None:
            raise NotFoundError("There is no second factor waiting; begin again.")
        step = self._step(self._open(account, account.totp_pending), code)
        if step is None:
            raise WrongCodeError("Code: these six digits do not match. Is the phone's clock right?")
        account.totp_secret, account.totp_pending = account.totp_pending, None
        account.totp_last_step = step
        self._audit.record(session, actor, "account.second_factor_on", "account", account.id)

    def remove(self, session: Session, actor: Actor) -> None:
        """Take the second factor off the actor's own account; the password was asked for again."""
        account = _own(session, actor)
        account.totp_secret = account.totp_pending = account.totp_last_step = None
        self._audit.record(session, actor, "account.second_factor_off", "account", account.id)

    def accepts(self, account: Account, code: str) -> bool:
        """Whether `code` opens the account now; always when it has no second factor."""
        if account.totp_secret is None:
            return True
        step = self._step(self._open(account, account.totp_secret), code)
        if step is None or (account.totp_last_step is not None and step <= account.totp_last_step):
            return False
        account.totp_last_step = step
        return True

    def _step(self, secret: str, code: str) -> int | None:
        digits = "".join(code.split())
        if len(digits) != _CODE_DIGITS or not digits.isascii() or not digits.isdigit():
            return None
        now_step = int(self._clock.now().timestamp()) // _STEP_S
        totp = pyotp.TOTP(secret)
        for step in range(now_step - _STEPS_OF_TOLERANCE, now_step + _STEPS_OF_TOLERANCE + 1):
            if pyotp.utils.strings_equal(totp.generate_otp(step), digits):
                return step
        return None

    def _open(self, account: Account, sealed: bytes) -> str:
        return self._vault.unseal_system(_context(account), sealed).decode()


def _context(account: Account) -> str:
    return f"accounts.totp:{account.id}"


def _own(session: Session, actor: Actor) -> Account:
    if actor.account_id is None:
        raise NotAllowedError("This needs an account of an advocate or operator.")
    return AccountRepository(session, actor).account(actor.account_id)
