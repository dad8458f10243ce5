"""The examiner process: `python -m indexer.examiner`, spoken to as in `protocol.py`.

1. Nothing of it may reach a disk by accident: no core dump, not readable by other processes.
2. The pipes move away from descriptors 0 and 1, so that a stray print cannot break a message and
   no decoder inherits them.
3. A crash says where it happened, never with what values.
4. Then models, gallery and media, until the worker closes the pipe.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import sys
import traceback
from pathlib import Path
from types import TracebackType

from indexer.examiner.protocol import ExaminerInbound, ExaminerOutbound
from indexer.wire import Channel

PR_SET_DUMPABLE = 4
MAX_THREADS = 2

logger = logging.getLogger("indexer.examiner")


def harden() -> None:
    """No core dumps, and no other process of this account may read our memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def take_pipes() -> Channel[ExaminerOutbound, ExaminerInbound]:
    """The channel over what were descriptors 0 and 1; these are the null device and the log."""
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return Channel(reader, writer, ExaminerInbound)


def say_where_only(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """An exception's message may quote a medium: only its kind and its place are logged."""
    del error
    place = "".join(
        f"\n  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)
    )
    logger.critical("the examiner ends on %s at%s", kind.__name__, place)


def main() -> None:
    """Serve until the worker closes the pipe."""
    harden()
    channel = take_pipes()
    logging.basicConfig(level=logging.WARNING, format="examiner: %(levelname)s %(message)s")
    sys.excepthook = say_where_only
    # After the pipes are safe: these load native libraries that may print.
    import cv2  # noqa: PLC0415
    import faiss  # noqa: PLC0415

    from indexer.examiner.server import ExaminerServer  # noqa: PLC0415

    # Media are looked at side by side, each by one thread; only comparing with many templates is
    # one large piece of work.
    cv2.setNumThreads(1)
    faiss.omp_set_num_threads(MAX_THREADS)
    try:
        ExaminerServer(channel).serve()
    finally:
        kind, error, trace = sys.exc_info()
        if kind is not None and error is not None:
            sys.excepthook(kind, error, trace)
        # Lanes may be in the middle of a medium, for which nobody waits any more: they would keep
        # the process. Their decoders end with it.
        os._exit(0 if error is None else 1)


if __name__ == "__main__":
    main()
