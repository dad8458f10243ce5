#!/usr/bin/env python3
"""Makes the virtual environment and installs exactly what the lock files name, checked by digest.

1. Nothing to do when the environment's mark equals the digest of locks and Python version.
2. Make the environment (anew when it belongs to another Python version).
3. Build tools from `requirements-build.lock`, ready-made packages only.
4. Everything else from the purpose's lock, ready-made packages only; the packages of
   `BUILT_HERE` have none for Linux and are built with the tools of step 3 and nothing else.
5. Likeness itself, linked to this folder.

    python3 .ci/install.py run|test

Runs on the system's Python with its standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("VENV", ROOT / ".venv")).resolve()
MARK = VENV / ".likeness-installed"
BUILD_LOCK = ROOT / "requirements-build.lock"
LOCKS = {"run": ROOT / "requirements.lock", "test": ROOT / "requirements-dev.lock"}
BUILT_HERE = ("pdqhash", "weighted-levenshtein")
NETWORK_SIGNS = (
    "Temporary failure in name resolution",
    "Name or service not known",
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Connection refused",
    "Network is unreachable",
    "No route to host",
    "ProxyError",
)


class InstallError(Exception):
    """An installation step failed; the message says what to do."""


def main(arguments: list[str]) -> int:
    """Bring the environment to the state of the locks for one purpose."""
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        sys.stderr.write("usage: install.py run|test\n")
        return 2
    purpose = arguments[0]
    try:
        with only_one():
            if is_current(purpose):
                return 0
            install(purpose)
    except InstallError as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    return 0


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two installations into one environment would spoil each other: the second one waits."""
    try:
        handle = (VENV.parent / f"{VENV.name}.lock").open("w")
    except OSError as error:
        raise InstallError(f"{VENV.parent} cannot be written to: {error.strerror}.") from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def is_current(purpose: str) -> bool:
    """Whether the environment was completely installed from the present locks."""
    try:
        mark = json.loads(MARK.read_text())
    except (OSError, ValueError):
        return False
    # The locks for tests contain all that running needs, at the same versions.
    return any(mark.get(covers) == digest(covers) for covers in {purpose, "test"})


def digest(purpose: str) -> str:
    """One digest over everything that decides what is installed."""
    total = hashlib.sha256(repr((sys.version_info[:2], str(ROOT))).encode())
    for path in (BUILD_LOCK, LOCKS[purpose], ROOT / "pyproject.toml", Path(__file__)):
        total.update(path.read_bytes())
    return total.hexdigest()


def install(purpose: str) -> None:
    """Steps 2 to 5."""
    began = time.monotonic()
    MARK.unlink(missing_ok=True)
    make_environment()
    pip("build tools", "-r", BUILD_LOCK, "--only-binary=:all:", "--require-hashes")
    pip(
        "packages (about 1.5 GB; some minutes)",
        *("-r", LOCKS[purpose], "--require-hashes", "--no-build-isolation"),
        *("--only-binary=:all:", f"--no-binary={','.join(BUILT_HERE)}"),
    )
    pip("likeness", "--no-deps", "--no-build-isolation", "--no-index", "-e", ROOT)
    MARK.write_text(json.dumps({purpose: digest(purpose)}))
    say(f"installed in {time.monotonic() - began:.0f} s")


def make_environment() -> None:
    """A virtual environment of the Python that runs this."""
    python = VENV / "bin" / "python"
    again = False
    if python.exists():
        version = "import sys; print(*sys.version_info[:2])"
        answer = subprocess.run(
            [python, "-c", version], capture_output=True, text=True, check=False
        )
        if answer.stdout.split() == [str(part) for part in sys.version_info[:2]]:
            return
        again = True
    say(f"{'making anew' if again else 'making'} {VENV} with {sys.executable}")
    made = subprocess.run(
        [sys.executable, "-m", "venv", *(["--clear"] if again else []), VENV], check=False
    )
    if made.returncode != 0:
        raise InstallError(f"Python could not make the environment in {VENV}: see the lines above.")


def pip(what: str, *arguments: str | Path) -> None:
    """One `pip install`; its words go to a log that is shown when it fails."""
    say(f"installing {what}")
    log = VENV / "install.log"
    command = [VENV / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--no-input", "--retries", "3", *arguments]
    with log.open("w") as output:
        done = subprocess.run(
            [str(part) for part in command], stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode == 0:
        return
    words = log.read_text(errors="replace")
    raise InstallError(explain(what, words, log))


def explain(what: str, words: str, log: Path) -> str:
    """Why pip failed, and what to do."""
    if "No space left on device" in words:
        return "The disk is full. Free about 3 GB and start again: what is there is kept."
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in words:
        return (
            "A downloaded package is not the one that the lock file names. Nothing of it was "
            f"installed. Do not go on; the file and both digests are in {log}."
        )
    if any(sign in words for sign in NETWORK_SIGNS):
        return (
            "The package index cannot be reached. The first installation needs the internet (or "
            "an index of yours, set for pip by PIP_INDEX_URL); later starts do not. Start again "
            "when there is a connection: what was fetched is kept."
        )
    last = "\n".join(words.strip().splitlines()[-15:])
    return f"Installing {what} failed. The end of {log}:\n\n{last}"


def say(text: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"likeness: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
