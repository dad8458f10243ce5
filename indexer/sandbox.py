"""How a process that reads hostile input is started: under bubblewrap where that works.

bubblewrap gives it an empty machine: no network, no other process to see, a read-only view of the
interpreter and of the packages, nothing of the disk besides. The limits that a process sets for
itself hold either way; they are mandatory because unprivileged user namespaces may be off.
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import indexer

SandboxSetting = Literal["auto", "off", "require"]
SandboxState = Literal["bubblewrap", "limits only"]

_SOURCE_ROOT: Final = Path(indexer.__file__).resolve().parent.parent
_SYSTEM_PATHS: Final = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache")


def child_environment() -> dict[str, str]:
    """The whole environment of a decoder: nothing of ours (keys, proxies) goes along."""
    return {
        "PYTHONPATH": str(_SOURCE_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "LC_ALL": "C.UTF-8",
        # One thread and one arena: every thread's stack and arena counts against RLIMIT_AS.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
        "TOKIO_WORKER_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }


def find_bubblewrap() -> str | None:
    """Where bubblewrap is, if it is installed."""
    return shutil.which("bwrap")


def plain_command(module: str, arguments: list[str]) -> list[str]:
    """Start `module` by this interpreter; the working folder is never on its import path."""
    return [sys.executable, "-P", "-m", module, *arguments]


def bubblewrapped(
    bwrap: str,
    command: list[str],
    *,
    readable: Sequence[str] = (),
    account: int | None = None,
    temporary_bytes: int | None = None,
) -> list[str]:
    """Wrap `command`. Open descriptors named to the starting call stay open inside.

    `readable` are further paths to see, `account` is the number of the account that it believes to
    be, `temporary_bytes` the most that it may write to its own /tmp.
    """
    wrapped = [bwrap, "--unshare-all", "--die-with-parent", "--new-session"]
    if account is not None:
        wrapped += ["--uid", str(account), "--gid", str(account)]
    for path in (*_SYSTEM_PATHS, *readable):
        wrapped += ["--ro-bind-try", path, path]
    wrapped += ["--proc", "/proc", "--dev", "/dev"]
    if temporary_bytes is not None:
        wrapped += ["--size", str(temporary_bytes)]
    wrapped += ["--tmpfs", "/tmp"]  # noqa: S108 -- inside
    for folder in _python_folders():
        wrapped += ["--ro-bind-try", folder, folder]
    return [*wrapped, "--chdir", "/", "--", *command]


def _python_folders() -> list[str]:
    """The interpreter, its library, the installed packages and our own package; nothing else."""
    folders = [
        sys.base_prefix,
        sys.prefix,
        str(Path(sys.executable).parent),
        str(Path(sys.executable).resolve().parent),
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
        str(_SOURCE_ROOT / "indexer"),
    ]
    return list(dict.fromkeys(folders))
