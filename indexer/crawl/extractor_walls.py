"""What the process that runs yt-dlp's extractors may do: compute, and speak by its two pipes.

1. Limits of the system: memory, processor time, no byte into any file, no core dump.
2. An audit hook, which cannot be taken away again: no socket, no process, no file but the
   installed program's own, nothing deleted or renamed.

The extractors are third-party code that is trusted not to attack; the pages that they read are
not. This keeps what such a page could bring them to do inside the process.
"""

from __future__ import annotations

import mimetypes
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

MAX_MEMORY_BYTES = 1024 * 1024 * 1024
MAX_CPU_S = 600
_FORBIDDEN = frozenset(
    {
        "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "os.kill",
        "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate",
        "os.chmod", "os.chown", "os.utime", "os.setxattr", "pty.spawn", "subprocess.Popen",
        "webbrowser.open", "sqlite3.connect", "ctypes.dlopen", "tempfile.mkstemp",
        "tempfile.mkdtemp", "urllib.Request", "syslog.openlog",
    }
)  # fmt: skip
_FORBIDDEN_ROOMS = ("socket.", "shutil.", "ftplib.", "http.client.", "smtplib.", "imaplib.")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class NotHereError(PermissionError):
    """Something was tried that this process may not do."""


def wall_in() -> None:
    """Put up the limits of this process, for good."""
    mimetypes.init(files=())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    sys.addaudithook(_hook(_installed()))


def _installed() -> tuple[str, ...]:
    """Where the program itself lies: what may be read."""
    named = [sys.prefix, sys.base_prefix, *(entry for entry in sys.path if entry)]
    package = Path(__file__).resolve().parents[2]
    roots = {str(Path(entry).resolve()) for entry in named} | {str(package / "indexer")}
    own = (root + os.sep for root in roots - {str(package), os.sep})
    return (*own, "/usr/share/zoneinfo/")


def _hook(readable: tuple[str, ...]) -> Callable[[str, tuple[object, ...]], None]:
    def check(event: str, arguments: tuple[object, ...]) -> None:
        if event in _FORBIDDEN or event.startswith(_FORBIDDEN_ROOMS):
            raise NotHereError(f"{event} is not allowed in this process")
        if event == "open":
            _check_open(arguments, readable)

    return check


def _check_open(arguments: tuple[object, ...], readable: tuple[str, ...]) -> None:
    path, mode, flags = (*arguments, None, None, None)[:3]
    if isinstance(path, int):
        return
    writes = isinstance(mode, str) and any(letter in mode for letter in "wax+")
    writes = writes or (isinstance(flags, int) and bool(flags & _WRITING))
    name = os.path.realpath(os.fsdecode(path)) if isinstance(path, str | bytes) else ""
    if writes or not name.startswith(readable):
        raise NotHereError("no file is opened in this process but the program's own")
