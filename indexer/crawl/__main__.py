"""The crawl child: `python -m indexer.crawl`, spoken to as in `messages.py`."""

from __future__ import annotations

import logging
import os
import sys

from indexer.crawl.child import channel_of_child
from indexer.crawl.messages import ChildMessage, WorkerMessage
from indexer.errors import WireError
from indexer.wire import Channel


def main() -> None:
    """Serve the worker on the other end of standard input and output until it closes them."""
    channel: Channel[ChildMessage, WorkerMessage] = channel_of_child(WorkerMessage)
    logging.basicConfig(level=logging.ERROR, format="crawl child: %(levelname)s %(message)s")
    from indexer.crawl.process import CrawlProcess  # noqa: PLC0415 (after the wire is safe)

    status = 0
    try:
        CrawlProcess(channel).run()
    except WireError as error:
        sys.stderr.write(f"crawl child: the conversation with the worker broke: {error}\n")
        status = 1
    # Not sys.exit: it waits for threads, and one may be busy for hours with a hostile page.
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
