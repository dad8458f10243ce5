"""`likeness exhibit verify`: exit codes and words, offline, without any installation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli import run
from service.exhibits.trust import grouped, key_fingerprint, pem_key, raw_key
from tests.service.exhibits.bundle_factory import make_bundle, make_key

FINGERPRINT = key_fingerprint(raw_key(make_key().public_key()))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "exhibit.zip"
    path.write_bytes(make_bundle().content)
    return path


def test_a_trusted_bundle_ends_with_0(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["exhibit", "verify", str(bundle), "--trust", grouped(FINGERPRINT)]) == 0
    shown = capsys.readouterr().out
    assert "whom you trust" in shown
    assert grouped(FINGERPRINT) in shown


def test_a_file_of_keys_is_trusted(bundle: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.pem"
    keys.write_bytes(pem_key(make_key().public_key()))
    assert run(["exhibit", "verify", str(bundle), "--trust", str(keys)]) == 0


def test_an_unknown_signer_ends_with_3(bundle: Path) -> None:
    assert run(["exhibit", "verify", str(bundle)]) == 3
    assert run(["exhibit", "verify", str(bundle), "--trust", "ab" * 32]) == 3


def test_a_broken_bundle_ends_with_1_and_says_what(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(bundle.read_bytes())
    content[content.index(b"step-1")] ^= 1
    bundle.write_bytes(bytes(content))
    assert run(["exhibit", "verify", str(bundle), "--trust", FINGERPRINT, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["outcome"] == "broken"
    assert {"custody.json"} == {one["subject"] for one in answer["defects"]}


def test_a_wrong_trust_is_an_error_of_its_own(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["exhibit", "verify", str(bundle), "--trust", "nobody"]) == 2
    assert "neither a fingerprint" in capsys.readouterr().err


def test_a_missing_file_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["exhibit", "verify", str(tmp_path / "none.zip")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_it_runs_in_an_empty_folder_and_leaves_nothing_there(bundle: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "exhibit", "verify", str(bundle)],
        cwd=empty,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "HOME": str(empty)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert list(empty.iterdir()) == []
