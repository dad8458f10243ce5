"""The reader of players: runs the extractors of yt-dlp over pages of one site's run.

`python -m indexer.crawl.extractor_child`, started by the crawl child, spoken to as in
`extractor_messages.py`. It has no network, no files and no keys (`extractor_walls.py`).

1. Which extractor knows the address? Never the one for any page, none that is known to be broken.
2. It runs with `DoorRH` as its only networking.
3. What it found is told as addresses (`extractor_results.py`); a failure as a code, not its text.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Any

from indexer.crawl.child import channel_of_child
from indexer.crawl.extractor_messages import (
    Came,
    Extract,
    Extracted,
    Kept,
    ReaderInbound,
    ReaderOutbound,
    Wanted,
)
from indexer.crawl.extractor_walls import wall_in
from indexer.errors import WireError
from indexer.wire import Channel

FAILED = "extractor"
_PR_SET_PDEATHSIG = 1
_NEVER = frozenset({"GenericIE"})


class PlayerExtractors:
    """Answers one page after the other over `channel`."""

    def __init__(self, channel: Channel[ReaderOutbound, ReaderInbound]) -> None:
        # Not at the top of the module: without plug-ins and settings of whoever started us.
        os.environ["YTDLP_NO_PLUGINS"] = "1"
        from yt_dlp.extractor import gen_extractor_classes  # noqa: PLC0415
        from yt_dlp.globals import plugin_dirs  # noqa: PLC0415

        from indexer.crawl.extractor_networking import WalledYoutubeDL  # noqa: PLC0415

        plugin_dirs.value = []
        self._channel = channel
        self._classes = [each for each in gen_extractor_classes() if each.__name__ not in _NEVER]
        self._reader = WalledYoutubeDL(self._ask)

    def extracted(self, asked: Extract) -> Extracted:
        """What the page plays."""
        from indexer.crawl.extractor_results import extracted_of  # noqa: PLC0415

        claimed = False
        try:
            extractor = self._extractor_for(asked.url)
            if extractor is None:
                return Extracted(False)
            claimed = True
            result = extractor.extract(asked.url)
            if not isinstance(result, dict):
                return Extracted(True, code=FAILED)
            return extracted_of(result, asked.budget_bytes)
        except WireError:
            raise
        except Exception:  # noqa: BLE001 (third-party code over hostile text fails in any way)
            return Extracted(claimed, code=FAILED if claimed else "")
        finally:
            # Nothing of one page is there while another one is read.
            self._reader.cookiejar.clear()

    def _extractor_for(self, url: str) -> Any | None:
        for extractor in self._classes:
            if extractor.suitable(url) and extractor.working():
                return self._reader.get_info_extractor(extractor.ie_key())
        return None

    def _ask(self, url: str) -> Came | Kept:
        self._channel.send(Wanted(url))
        answer = self._channel.receive()
        if not isinstance(answer, Came | Kept):
            raise WireError("an address was asked for and something else came")
        return answer


def serve(channel: Channel[ReaderOutbound, ReaderInbound], extractors: PlayerExtractors) -> None:
    """Answer pages, one at a time, until the pipe closes."""
    while (message := channel.receive()) is not None:
        if not isinstance(message, Extract):
            raise WireError("an answer came that nobody asked for")
        channel.send(extractors.extracted(message))


def main() -> None:
    """Serve the crawl child until it closes the pipe."""
    channel: Channel[ReaderOutbound, ReaderInbound] = channel_of_child(ReaderInbound)
    # An extractor that a page keeps busy would not notice that nobody waits for it any more.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with Path(os.devnull).open("wb") as nothing:
        # What third-party code prints holds addresses.
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    extractors = PlayerExtractors(channel)
    wall_in()
    try:
        serve(channel, extractors)
    except WireError:
        sys.exit(1)


if __name__ == "__main__":
    main()
