"""Parts of a second for the durable engine on an older SQLite.

From Python 3.12 on, DBOS writes its moments as `unixepoch('subsec')`, which SQLite knows since
3.42. Debian 12 has 3.40, where it is NULL and the engine cannot start. There, and only there, the
function is ours.
"""

from __future__ import annotations

import math
import sqlite3
import time
from typing import Any

KNOWS_SUBSEC = (3, 42, 0)
_STEPS_A_SECOND = 8
"""Eighths are exact in binary: the thousandfold that DBOS stores is then a whole number."""


def add_subsec(
    connection: Any, version: tuple[int, int, int] = sqlite3.sqlite_version_info
) -> None:
    """Teach a connection of an SQLite older than 3.42 what `unixepoch('subsec')` means."""
    if version < KNOWS_SUBSEC:
        connection.create_function("unixepoch", 1, _unixepoch)


def _unixepoch(what: str) -> float:
    if what != "subsec":
        raise ValueError("only unixepoch('subsec') is known here")
    return math.floor(time.time() * _STEPS_A_SECOND) / _STEPS_A_SECOND
