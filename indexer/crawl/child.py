"""What every child process of this room does first, and how it is started.

The wire takes over standard input and output: file descriptor 1 is moved away and points to
standard error from then on, so that a stray print can never break a message. Core dumps are off.
A child gets a short list of environment variables only: no database, no keys.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from indexer.wire import Channel

Sent = TypeVar("Sent")
Received = TypeVar("Received")

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]


def channel_of_child(receives: object) -> Channel[Sent, Received]:
    """Called once, first thing in the child: core dumps off, and the channel to the parent."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return Channel(incoming, outgoing, receives)


def start_child(
    module: str,
    *,
    wrap: Callable[[list[str]], list[str]] | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.Popen[bytes]:
    """Start `python -m module` with pipes on its standard input and output.

    `wrap` puts the command into another one; `more` is set in its environment beside the usual.
    """
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= more
    environment["PYTHONPATH"] = str(_PACKAGE_ROOT)
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    command = [sys.executable, "-m", module]
    return subprocess.Popen(
        command if wrap is None else wrap(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
