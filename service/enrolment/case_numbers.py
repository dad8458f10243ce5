"""Case numbers, deletion-only codes and passphrases: made, tidied up, and judged.

A case number is twelve signs of an alphabet without look-alikes, so that it survives paper and
telephone. It is kept as a keyed HMAC only (and sealed, for the person to see again); the passphrase
and the deletion-only code as argon2id hashes only.
"""

from __future__ import annotations

import re
import secrets
import unicodedata

from service.accounts.passwords import MAX_PASSWORD_CHARACTERS
from service.enrolment.errors import WeakPassphraseError
from service.enrolment.words import WORDS
from service.vault import Vault

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No 0/O, 1/I/L, U/V look-alikes: 30 signs, 58 bits in twelve of them."""

_GROUPS = 3
_GROUP_LENGTH = 4
_DELETION_GROUPS = 4
_PASSPHRASE_WORDS = 6
MIN_PASSPHRASE_CHARACTERS = 12
_MIN_DIFFERENT_CHARACTERS = 5
_KNOWN_WORDS = frozenset(WORDS)
_NOT_SIGNS = re.compile(r"[^0-9A-Z]")


def new_case_number() -> str:
    """A new case number, like `K7F3-9QXM-2P4D`."""
    return _grouped(_GROUPS)


def new_deletion_code() -> str:
    """A code that can erase the case and nothing else, like `D-XXXX-XXXX-XXXX-XXXX`."""
    return "D-" + _grouped(_DELETION_GROUPS)


def new_passphrase() -> str:
    """Six random words (48 bits), for those who would rather not think of one."""
    return " ".join(secrets.choice(WORDS) for _ in range(_PASSPHRASE_WORDS))


def tidy_case_number(typed: str) -> str:
    """What was typed, in the form of a case number: case, spaces and dashes do not matter."""
    signs = _NOT_SIGNS.sub("", typed.upper()[:64])
    return _in_groups(signs)


def lookup_of_case_number(vault: Vault, typed: str) -> str:
    """The keyed HMAC by which a case number, as somebody typed it, is found."""
    return vault.lookup("case_number", tidy_case_number(typed))


def tidy_deletion_code(typed: str) -> str:
    """What was typed, in the form of a deletion-only code (the leading D may be left out)."""
    signs = _NOT_SIGNS.sub("", typed.upper()[:64])
    if len(signs) == _DELETION_GROUPS * _GROUP_LENGTH + 1 and signs.startswith("D"):
        signs = signs[1:]
    return "D-" + "-".join(
        signs[start : start + _GROUP_LENGTH] for start in range(0, len(signs), 4)
    )


def tidy_passphrase(typed: str) -> str:
    """Spaces at the ends and doubled ones do not matter; everything else does."""
    return " ".join(typed.split())


def made_up_form(typed: str) -> str:
    """What was typed, in the form of made-up words: capitals and all spaces do not matter.

    Empty when it is not exactly six of our words; a person's own passphrase is compared as typed.
    """
    words = unicodedata.normalize("NFKC", typed[:MAX_PASSWORD_CHARACTERS]).casefold().split()
    if len(words) != _PASSPHRASE_WORDS or not all(word in _KNOWN_WORDS for word in words):
        return ""
    return " ".join(words)


def checked_passphrase(typed: str) -> str:
    """The tidy passphrase when it is good enough, or an error that says what would be."""
    passphrase = tidy_passphrase(typed)
    if len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
        raise WeakPassphraseError(
            f"Passphrase: at least {MIN_PASSPHRASE_CHARACTERS} characters. Four or five words that "
            "have nothing to do with each other are easy to remember and hard to guess."
        )
    if len(passphrase) > MAX_PASSWORD_CHARACTERS:
        raise WeakPassphraseError(f"Passphrase: at most {MAX_PASSWORD_CHARACTERS} characters.")
    if len(set(passphrase.casefold())) < _MIN_DIFFERENT_CHARACTERS:
        raise WeakPassphraseError(
            "Passphrase: too few different letters. Four or five unrelated words are better."
        )
    return passphrase


def _grouped(groups: int) -> str:
    return "-".join(
        "".join(secrets.choice(ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(groups)
    )


def _in_groups(signs: str) -> str:
    return "-".join(
        signs[start : start + _GROUP_LENGTH] for start in range(0, len(signs), _GROUP_LENGTH)
    )
