"""A real worker to be killed while it builds a model: `python -m tests.chaos.model_worker`.

The settings come from the environment. It says "launched" on standard output and works until it is
ended.
"""

from __future__ import annotations

import signal
import threading

from service.app import build_rooms
from service.settings import Settings
from service.work.assembly import assemble, work_rooms


def main() -> None:
    rooms = build_rooms(Settings())
    engine = assemble(work_rooms(rooms), "main")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    engine.launch()
    print("launched", flush=True)  # noqa: T201 - the parent process reads this line
    stop.wait()
    engine.close()
    rooms.close()


if __name__ == "__main__":
    main()
