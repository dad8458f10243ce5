"""One decoder process seen from its owner: started, watched, ended.

It shares one memory file with us. The file's size is sealed, so that a hostile child cannot shrink
it under our feet; it has no name, so that nothing is left behind when the child is killed.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import subprocess
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO, cast

import numpy as np

from indexer.errors import WireError
from indexer.media.errors import DecoderUnavailableError, SandboxUnavailableError
from indexer.media.limits import MediaLimits
from indexer.media.messages import ChildSettings, DecoderReady, FromChild, ToChild
from indexer.sandbox import (
    SandboxSetting,
    SandboxState,
    bubblewrapped,
    child_environment,
    find_bubblewrap,
    plain_command,
)
from indexer.watchdog import Deadline, Watchdog
from indexer.wire import Channel

_CHILD_MODULE = "indexer.media.decode_child"
# An answer is places and short texts; a child that sends more is not ours any longer.
_MAX_MESSAGE_OVERHEAD_BYTES = 4 * 1024 * 1024
_END_TIMEOUT_S = 5.0
# Most pictures then go through in one go, without waiting for each other's turn.
_PIPE_BYTES = 1024 * 1024
_KEPT_BYTES = 16 * 1024 * 1024


@dataclass(slots=True, eq=False)
class ChildProcess:
    """A confined decoder that has said that it is ready."""

    process: subprocess.Popen[bytes]
    channel: Channel[ToChild, FromChild]
    memory: mmap.mmap
    sandbox: SandboxState
    _notes_fd: int
    _watchdog: Watchdog
    _ended: bool = field(default=False)

    @classmethod
    def start(cls, limits: MediaLimits, setting: SandboxSetting) -> ChildProcess:
        """Start a child under bubblewrap or without it, as `setting` says.

        Raises `SandboxUnavailableError` when it is required and does not work, and
        `DecoderUnavailableError` when no child can be started at all.
        """
        bwrap = find_bubblewrap() if setting != "off" else None
        if setting == "require" and bwrap is None:
            raise SandboxUnavailableError(
                "the settings require bubblewrap, and there is no `bwrap` on the path: "
                "install it, or set the sandbox to auto"
            )
        if bwrap is not None:
            try:
                return cls._spawn(limits, bwrap)
            except DecoderUnavailableError as error:
                if setting == "require":
                    raise SandboxUnavailableError(
                        f"the settings require bubblewrap, and it does not work here: {error}"
                    ) from error
        return cls._spawn(limits, None)

    @classmethod
    def _spawn(cls, limits: MediaLimits, bwrap: str | None) -> ChildProcess:
        memory_fd = _sealed_memory(limits.output_bytes)
        notes_fd = os.memfd_create("decoder-notes", os.MFD_CLOEXEC)
        arguments = [
            str(memory_fd),
            str(limits.output_bytes),
            str(limits.address_space_bytes),
            str(limits.cpu_lifetime_s),
            str(limits.open_files),
        ]
        command = plain_command(_CHILD_MODULE, arguments)
        try:
            process = subprocess.Popen(
                bubblewrapped(bwrap, command) if bwrap is not None else command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=notes_fd,
                pass_fds=(memory_fd,),
                env=child_environment(),
                cwd="/",
            )
            memory = mmap.mmap(memory_fd, limits.output_bytes)
        finally:
            os.close(memory_fd)
        child = cls(
            process=process,
            channel=_channel(process, limits),
            memory=memory,
            sandbox="bubblewrap" if bwrap is not None else "limits only",
            _notes_fd=notes_fd,
            _watchdog=Watchdog("decoder-watchdog", process.kill),
        )
        child._greet(limits)
        return child

    def _greet(self, limits: MediaLimits) -> None:
        settings = ChildSettings(
            max_pixels=limits.max_pixels,
            max_side_px=limits.max_side_px,
            max_frames=limits.max_frames,
            max_animation_pixels=limits.max_animation_pixels,
            max_video_moments=limits.max_video_moments,
            max_video_pixels=limits.max_video_pixels,
            max_video_packets=limits.max_video_packets,
            video_seconds=limits.video_seconds,
            max_animation_frames=limits.max_animation_frames,
            max_shown_frames=limits.max_shown_frames,
            faces_seconds=limits.faces_seconds,
        )
        try:
            with self.deadline(limits.start_timeout_s):
                self.channel.send(settings)
                answer = self.channel.receive()
        except WireError:
            answer = None
        if not isinstance(answer, DecoderReady):
            notes = self._notes()
            self.end()
            raise DecoderUnavailableError(f"a decoder process did not start: {notes}")

    def deadline(self, seconds: float) -> AbstractContextManager[Deadline]:
        """Kill the child when the block takes longer; reading from it then ends with an error."""
        return self._watchdog.deadline(seconds)

    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def forget_pixels(self, used_bytes: int) -> None:
        """Overwrite what was used, from the beginning; or give it back to the kernel, if it was
        much: pages that are given back are made anew, one by one, with the next picture, on both
        sides, which takes as long as decoding a photograph smaller.
        """
        if used_bytes <= _KEPT_BYTES:
            np.frombuffer(self.memory, np.uint8, used_bytes).fill(0)
        else:
            self.memory.madvise(mmap.MADV_REMOVE)

    def end(self) -> None:
        """Kill the process, reap it and release all that it shared with us."""
        if self._ended:
            return
        self._ended = True
        self._watchdog.close()
        self.process.kill()
        self.process.wait(timeout=_END_TIMEOUT_S)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was still to be written has no reader any more
                    stream.close()
        self.memory.close()
        os.close(self._notes_fd)

    def _notes(self) -> str:
        """The last that the child wrote to standard error."""
        self.process.kill()
        self.process.wait(timeout=_END_TIMEOUT_S)
        text = os.pread(self._notes_fd, 64 * 1024, 0).decode("utf-8", errors="replace").strip()
        return text[-600:] or f"it ended with status {self.process.returncode} and said nothing"


def _channel(process: subprocess.Popen[bytes], limits: MediaLimits) -> Channel[ToChild, FromChild]:
    if process.stdin is None or process.stdout is None:
        raise DecoderUnavailableError("the decoder process has no pipes")
    with suppress(OSError):  # an account that has many pipes may have no larger ones
        fcntl.fcntl(process.stdin, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return Channel(
        cast("BinaryIO", process.stdout),
        cast("BinaryIO", process.stdin),
        FromChild,
        max_frame_bytes=limits.max_content_bytes + _MAX_MESSAGE_OVERHEAD_BYTES,
    )


def _sealed_memory(size_bytes: int) -> int:
    """An anonymous memory file of a fixed size; its pages cost nothing until they are touched."""
    memory_fd = os.memfd_create("decoded-pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(memory_fd, size_bytes)
    fcntl.fcntl(
        memory_fd,
        fcntl.F_ADD_SEALS,
        fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL,
    )
    return memory_fd
