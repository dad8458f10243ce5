"""Logs as JSON lines, without personal data whatever is thrown into them.

1. A line has time, level, logger, message; of an error its class and where it came from.
2. The text of an error is left out: it may hold an address, a value of a row, or what was typed.
3. Our own messages hold ids of runs, codes and counts. Those of libraries are cleaned: addresses,
   names of hosts and mailboxes, quoted text, long numbers and ids become "[…]".
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

OWN = ("service.", "indexer.")
_PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LONGEST = 300
_LEFT_OUT = "[…]"
_PERHAPS_PERSONAL = re.compile(
    r"""\w+://\S+                        # addresses
      | \S+@\S+                          # mailboxes
      | "[^"]*" | '[^']*' | \([^)]*\) | \[[^\]]*\] | \{[^}]*\}   # quoted text, values of rows
      | \b[0-9a-fA-F]{8,}(?:-[0-9a-fA-F]+)*\b                    # ids and digests
      | \b(?:[\w-]+\.)+[a-zA-Z]{2,}\b(?:/\S*)?                   # names of hosts
      | \b\d{1,3}(?:\.\d{1,3}){3}\b                              # network addresses
    """,
    re.VERBOSE,
)
_ID_IN_A_PATH = re.compile(r"/[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}")


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; never with the text of an error."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._message(record),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            line["at"] = [f"{frame.name}:{frame.lineno}" for frame in frames[-5:]]
        return json.dumps(line, ensure_ascii=False)

    def _message(self, record: logging.LogRecord) -> str:
        if record.name.startswith(OWN):
            return _ID_IN_A_PATH.sub(f"/{_LEFT_OUT}", record.getMessage())
        # what follows the first line is a traceback, with the text of an error
        first = (record.getMessage().splitlines() or [""])[0]
        return _PERHAPS_PERSONAL.sub(_LEFT_OUT, first)[:_LONGEST]


def configure(form: str, level: str, stream: TextIO | None = None) -> None:
    """Set up logging of a server or worker; `form` is "plain" or "json".

    `level` is of our own lines. Libraries write warnings and errors only: at finer levels they
    write rows and addresses.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(_PLAIN))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    for name in OWN:
        logging.getLogger(name.rstrip(".")).setLevel(level)
    if form == "json":
        # the durable engine writes by a handler of its own unless it has one
        engine = logging.getLogger("dbos")
        engine.handlers[:] = [handler]
        engine.propagate = False
