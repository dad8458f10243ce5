"""A worker over real rooms, to be killed: `names_worker FOLDER DATABASE_URL HOST`.

It says "launched" on standard output and works until it is ended.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from tests.service.work.names_world import names_engine, names_rooms


def main(folder: str, database_url: str, host: str) -> None:
    """Launch, and wait for the end."""
    names_engine(names_rooms(database_url, Path(folder), host)).launch()
    print("launched", flush=True)  # noqa: T201 - the test reads this line
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
