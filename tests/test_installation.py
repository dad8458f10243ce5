"""What `make run` and `make test` stand on: the first check, the locks, the installer's words."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = [
    *("requirements.lock", "requirements-dev.lock"),
    *("requirements-build.lock", "requirements-browser.lock"),
]
Version = namedtuple("Version", "major minor micro releaselevel serial")


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def preflight() -> ModuleType:
    return load("preflight")


@pytest.fixture
def install() -> ModuleType:
    return load("install")


def pins(lock: str) -> set[str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {line.removesuffix(" \\") for line in text.splitlines() if re.match(r"[a-z0-9]", line)}


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_another_python_is_named(
    preflight: ModuleType, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int]
) -> None:
    monkeypatch.setattr(sys, "version_info", Version(*version, 1, "final", 0))
    missing = preflight.python_version()
    assert len(missing) == 1
    assert f"is Python {version[0]}.{version[1]}" in missing[0].what


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_supported_pythons_are_accepted(
    preflight: ModuleType, monkeypatch: pytest.MonkeyPatch, minor: int
) -> None:
    monkeypatch.setattr(sys, "version_info", Version(3, minor, 0, "final", 0))
    assert preflight.python_version() == []


def test_what_is_missing_is_named_with_one_line_that_installs_it(
    preflight: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(preflight, "system_libraries", list)

    def no_library(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(preflight.ctypes, "CDLL", no_library)
    assert preflight.main(["test"]) == 1
    said = capsys.readouterr().err
    for thing in ("C++ compiler", "libGL.so.1", "chromium", "bubblewrap"):
        assert thing in said
    lines = [line for line in said.splitlines() if "apt-get" in line]
    assert len(lines) == 1
    for package in ("bubblewrap", "chromium", "g++", "libgl1", "libglib2.0-0"):
        assert package in lines[0].split()


def test_running_needs_no_browser(
    preflight: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    preflight.main(["run", "--packages"])
    assert "chromium" not in capsys.readouterr().out


def test_too_little_disk_is_said_with_its_size(
    preflight: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VENV", str(tmp_path / "venv"))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 10**9))
    (missing,) = preflight.disk()
    assert missing.package is None
    assert "1.0 GB are free" in missing.what
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / ".likeness-installed").touch()
    assert preflight.disk() == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "not the one that the lock"),
        ("NewConnectionError: [Errno -3] Temporary failure in name resolution", "internet"),
        ("error: command 'g++' failed", "command 'g++' failed"),
    ],
)
def test_a_failed_installation_says_why(
    install: ModuleType, tmp_path: Path, words: str, says: str
) -> None:
    assert says in install.explain("packages", words, tmp_path / "install.log")


def test_what_was_installed_from_other_locks_is_not_current(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(install, "MARK", tmp_path / "mark")
    assert not install.is_current("run")
    (tmp_path / "mark").write_text(json.dumps({"test": install.digest("test")}))
    assert install.is_current("test")
    assert install.is_current("run"), "the tests' packages contain all that running needs"
    (tmp_path / "mark").write_text(json.dumps({"run": install.digest("run")}))
    assert not install.is_current("test")
    (tmp_path / "mark").write_text('{"run": "other"}')
    assert not install.is_current("run")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_and_every_package_has_digests(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    for pin in pins(lock):
        assert re.fullmatch(r"[a-z0-9.-]+==[^ ]+( ; .+)?", pin), pin
        after = text.split(f"{pin} \\\n", 1)[1]
        assert after.lstrip().startswith("--hash=sha256:"), pin


def test_tests_run_with_the_very_packages_that_run() -> None:
    assert pins("requirements.lock") - pins("requirements-dev.lock") == set()
    assert pins("requirements-browser.lock") - pins("requirements-dev.lock") == set()


def test_what_is_built_here_is_built_against_the_installed_numpy() -> None:
    numpy = {pin for pin in pins("requirements.lock") if pin.startswith("numpy==")}
    assert numpy
    assert numpy - pins("requirements-build.lock") == set()


def test_packages_built_here_are_locked(install: ModuleType) -> None:
    locked = {pin.partition("==")[0] for pin in pins("requirements.lock")}
    assert set(install.BUILT_HERE) <= locked
