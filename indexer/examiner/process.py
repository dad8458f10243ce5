"""The examiner as a child process: two pipes, conversations over them, an orderly end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO, cast

from indexer.errors import WireError
from indexer.examiner.conversations import Conversation, Conversations
from indexer.examiner.protocol import ExaminerInbound, ExaminerOutbound
from indexer.watchdog import Watchdog
from indexer.wire import Channel

MAX_THREADS = "2"
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
PACKAGE_ROOT = Path(__file__).resolve().parents[2]
ORDERLY_END_S = 5.0


def examiner_environment() -> dict[str, str]:
    """The whole environment of an examiner: no key, password or database address goes along.

    `LD_BIND_NOW` because the dynamic linker, when it resolves a function at its first call, saves
    all vector registers to the stack: whole probes were found there. NumPy's small products take
    one thread: two wait for each other, on a busy machine longer than the product takes.
    """
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment["PYTHONPATH"] = str(PACKAGE_ROOT)
    environment["LD_BIND_NOW"] = "1"
    environment["ORT_DISABLE_TELEMETRY"] = "1"
    environment["OPENBLAS_NUM_THREADS"] = "1"
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = MAX_THREADS
    return environment


class ExaminerProcess:
    """A started `python -m indexer.examiner`. Its log goes where ours goes: to standard error."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "indexer.examiner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=examiner_environment(),
            start_new_session=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise WireError("the examiner was started without pipes")
        self._writer = cast(BinaryIO, self._process.stdin)
        self._reader = cast(BinaryIO, self._process.stdout)
        self._handing_over = threading.Lock()
        self._watchdog = Watchdog("examiner-watchdog", self.kill)
        self.conversations = Conversations(Channel(self._reader, self._writer, ExaminerOutbound))

    @property
    def process_id(self) -> int:
        """Its process id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it at once: whoever waits for it sees an end."""
        self._process.kill()

    def say(self, conversation: Conversation, message: ExaminerInbound, until_s: float) -> None:
        """Hand something over; kill the process when that takes until `until_s` of the monotonic
        clock: a pipe that nobody reads blocks whoever writes. Raises `WireError` when it is gone.
        """
        try:
            with self._handing_over, self._watchdog.deadline(until_s - time.monotonic()):
                conversation.say(message)
        except WireError:
            if time.monotonic() >= until_s:
                # What it was killed over is under way until its end has been seen.
                self.kill()
                self.conversations.wait_for_end()
            raise

    def end(self) -> None:
        """Close its pipe, wait a moment, then kill."""
        self._watchdog.close()
        at_last = threading.Timer(ORDERLY_END_S, self.kill)
        at_last.daemon = True
        at_last.start()
        # Closing waits for whoever is handing something over.
        with contextlib.suppress(OSError, ValueError):
            self._writer.close()
        self._process.wait()
        at_last.cancel()
        # Only now: a pipe that is being read cannot be closed, and at its end nobody reads it.
        self.conversations.wait_for_end()
        with contextlib.suppress(OSError, ValueError):
            self._reader.close()
