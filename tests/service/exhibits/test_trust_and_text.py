"""Pinning signers, and making scraped text safe to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.exhibits.errors import BadTrustError
from service.exhibits.trust import Trust, grouped, key_fingerprint, pem_key, raw_key
from service.exhibits.visible_text import visible_line, visible_text
from tests.service.exhibits.bundle_factory import make_key

FINGERPRINT = key_fingerprint(raw_key(make_key().public_key()))


def test_a_fingerprint_is_accepted_with_and_without_colons() -> None:
    assert Trust.parse([FINGERPRINT]).knows(FINGERPRINT)
    assert Trust.parse([grouped(FINGERPRINT).upper()]).knows(FINGERPRINT)


def test_a_file_may_hold_keys_fingerprints_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    other = key_fingerprint(raw_key(make_key(2).public_key()))
    path.write_text(f"# ours\n{pem_key(make_key().public_key()).decode()}\n{other}  # theirs\n")
    trust = Trust.parse([str(path)])
    assert trust.knows(FINGERPRINT)
    assert trust.knows(other)


@pytest.mark.parametrize("text", ["", "# nothing\n", "not a key\n", "ab" * 31 + "\n"])
def test_a_file_without_a_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.txt"
    path.write_text(text)
    with pytest.raises(BadTrustError):
        Trust.parse([str(path)])


def test_neither_a_fingerprint_nor_a_file_is_refused() -> None:
    with pytest.raises(BadTrustError, match="neither"):
        Trust.parse(["/nowhere/at/all"])
    with pytest.raises(BadTrustError):
        Trust.parse(["\0"])


@pytest.mark.parametrize(
    "hidden", ["\u202e", "\u2066", "\u200b", "\x1b", "\x00", "\ufeff", "\u2028"]
)
def test_what_cannot_be_seen_is_spelled_out(hidden: str) -> None:
    shown = visible_text(f"a{hidden}b")
    assert hidden not in shown
    assert f"[U+{ord(hidden):04X}]" in shown


def test_ordinary_writing_in_any_script_stays() -> None:
    text = "Grüße, Привет, 你好, مرحبا, שלום\nnext"
    assert visible_text(text) == text
    assert "\n" not in visible_line(text)


def test_long_text_is_cut_and_says_so() -> None:
    assert visible_text("x" * 50, max_chars=10).endswith("[cut after 10 characters]")
