"""Several decoders behind one: as many media are decoded at a time as there are children.

A child starts with the first medium that finds no idle one, so that whoever decodes one after the
other has one process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from indexer.media.decoder import Decoder, EachSample
from indexer.media.limits import MediaLimits
from indexer.media.medium import Medium
from indexer.media.picture import Decoded
from indexer.media.watching import FrameWatcher
from indexer.sandbox import SandboxSetting, SandboxState


class DecoderPool:
    """Decodes for several threads; one more waits until a decoder is free."""

    def __init__(
        self, size: int, limits: MediaLimits | None = None, sandbox: SandboxSetting = "auto"
    ) -> None:
        """`size` children at most; limits and sandbox are each decoder's."""
        if size < 1:
            raise ValueError("a pool has at least one decoder")
        self.limits = limits if limits is not None else MediaLimits()
        self._all = tuple(Decoder(self.limits, sandbox) for _ in range(size))
        self._idle = list(reversed(self._all))
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all children. A later `decode` starts new ones."""
        for decoder in self._all:
            decoder.close()

    def start(self) -> SandboxState:
        """Start one child now and say how it is confined; see `Decoder.start`."""
        return self._all[0].start()

    def decode(
        self,
        medium: Medium,
        each_sample: EachSample | None = None,
        *,
        least_side_px: int | None = None,
        watcher: FrameWatcher | None = None,
        frame_indexes: tuple[int, ...] = (),
    ) -> Decoded:
        """See `Decoder.decode`."""
        with self._one() as decoder:
            return decoder.decode(
                medium,
                each_sample,
                least_side_px=least_side_px,
                watcher=watcher,
                frame_indexes=frame_indexes,
            )

    @contextmanager
    def _one(self) -> Iterator[Decoder]:
        """The decoder that was idle for the shortest time: the others' children stay unstarted."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._idle))
            decoder = self._idle.pop()
        try:
            yield decoder
        finally:
            with self._changed:
                self._idle.append(decoder)
                self._changed.notify()
