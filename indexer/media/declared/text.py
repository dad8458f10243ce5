"""Scraped text made safe to show: short, on one line, and reading in the order it is stored."""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_VALUE_CHARS: Final = 300
MAX_NAME_CHARS: Final = 80

_REPLACEMENT = "�"
# Format characters include every bidirectional control and the invisible joiners.
_REPLACED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_LINE_BREAKS: Final = frozenset("\n\r\t\v\f\x1c\x1d\x1e\x85\u2028\u2029")


def neutral(value: object, max_chars: int = MAX_VALUE_CHARS) -> str:
    """`value` as one line of at most `max_chars` characters, with nothing invisible in it.

    Line breaks become spaces; control, bidirectional, private and unassigned characters become a
    visible replacement mark; a cut is shown by an ellipsis.
    """
    text = value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)
    # Look at little more than will be shown: a file may carry megabytes of "text".
    shown = " ".join("".join(_plain(char) for char in text[: max_chars * 4]).split())
    if len(shown) > max_chars or len(text) > max_chars * 4:
        return shown[: max_chars - 1].rstrip() + "…"
    return shown


def _plain(char: str) -> str:
    if char in _LINE_BREAKS:
        return " "
    return _REPLACEMENT if unicodedata.category(char) in _REPLACED_CATEGORIES else char
