"""A worker process to be killed: `python -m tests.chaos.crash_worker DATA_DIR DATABASE_URL PORT`.

It says "launched" on standard output and works until it is ended.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from service.clock import SystemClock
from service.database import Database
from tests.service.sources.sources_factory import make_service
from tests.service.work.work_factory import build_worker

LOOK_S = 0.01


def main(data_dir: str, database_url: str, port: str, name: str = "main") -> None:
    database = Database.open(database_url)
    exceptions = (f"127.0.0.1:{port}",)
    service = make_service(SystemClock(), exceptions=exceptions)
    engine = build_worker(
        database, Path(data_dir), service, exceptions=exceptions, look_s=LOOK_S, name=name
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    engine.launch()
    print("launched", flush=True)  # noqa: T201 - the parent process reads this line
    stop.wait()
    engine.close()
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
