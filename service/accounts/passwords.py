"""Secrets that people type, kept as argon2id hashes only.

An unknown name costs as much time as a wrong password: callers verify against
`hash_for_nobody()`, so that nobody learns from the clock which names exist.
"""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from service.accounts.errors import WeakPasswordError

MIN_PASSWORD_CHARACTERS = 12
MAX_PASSWORD_CHARACTERS = 1024
_MIN_DIFFERENT_CHARACTERS = 5

_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
"""RFC 9106's second recommended choice (64 MiB, three passes), with one lane: two cores."""


def hash_secret(text: str) -> str:
    """The argon2id hash of `text`, with a salt of its own, in the PHC form."""
    return _hasher.hash(text)


def verify_secret(hashed: str, text: str) -> bool:
    """Whether `text` is what `hashed` was made from; False also for a hash that cannot be read."""
    if len(text) > MAX_PASSWORD_CHARACTERS:
        return False
    try:
        return _hasher.verify(hashed, text)
    except (VerificationError, InvalidHashError):
        return False


@cache
def hash_for_nobody() -> str:
    """A hash that no text opens in practice, to spend the same time on a name that is unknown."""
    return _hasher.hash("nobody has this password: it only takes the time of one")


def checked_password(password: str, username: str = "") -> str:
    """`password` when it is good enough, else `WeakPasswordError` saying what would be."""
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise WeakPasswordError(
            f"Password: at least {MIN_PASSWORD_CHARACTERS} characters; four unrelated words do."
        )
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise WeakPasswordError(f"Password: at most {MAX_PASSWORD_CHARACTERS} characters.")
    if len(set(password.casefold())) < _MIN_DIFFERENT_CHARACTERS:
        raise WeakPasswordError("Password: too few different characters; four unrelated words do.")
    if username and username.casefold() in password.casefold():
        raise WeakPasswordError("Password: it must not contain the username.")
    return password
