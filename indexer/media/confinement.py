"""What a decoder process takes away from itself before it reads the first hostile byte.

Limits of memory, processor time, files and core dumps always; the network where the kernel lets an
unprivileged process leave it (bubblewrap has done it already when it is in use).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000

# Diagnostics only: standard error is a memory file, pixels go through a mapping (not counted).
_MAX_WRITTEN_BYTES = 64 * 1024


def confine(*, address_space_bytes: int, cpu_lifetime_s: int, open_files: int) -> None:
    """Set the limits of the calling process for good: hard limits cannot be raised again."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, address_space_bytes)
    _limit(resource.RLIMIT_CPU, cpu_lifetime_s)
    _limit(resource.RLIMIT_FSIZE, _MAX_WRITTEN_BYTES)
    _limit(resource.RLIMIT_NOFILE, open_files)
    # Writing past the file limit shall be an error, not the end of the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # An answer of -1 means that user namespaces are off here: the limits above still hold.
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    os.umask(0o077)


def cpu_seconds() -> float:
    """Processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (allowed, allowed))
