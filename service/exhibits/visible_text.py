"""Scraped text made safe to read: what is invisible or turns writing around becomes visible.

Control, bidirectional and zero-width characters can make an address look like another one in a
PDF, a page or a terminal. They are replaced by their code point in brackets; nothing else changes.
"""

from __future__ import annotations

import unicodedata

_KEPT_CONTROLS = frozenset("\n")
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible_text(text: str, *, max_chars: int = 10_000) -> str:
    """`text` with every control, format, surrogate or unassigned character spelled out.

    Line feeds stay. Longer text is cut, and says so.
    """
    shown = "".join(_visible(character) for character in text[:max_chars])
    if len(text) > max_chars:
        shown += f" [cut after {max_chars} characters]"
    return shown


def visible_line(text: str, *, max_chars: int = 2_000) -> str:
    """The same on one line: line feeds are spelled out too."""
    return visible_text(text, max_chars=max_chars).replace("\n", "[U+000A]")


def _visible(character: str) -> str:
    if character in _KEPT_CONTROLS:
        return character
    if unicodedata.category(character) in _INVISIBLE_CATEGORIES:
        return f"[U+{ord(character):04X}]"
    return character
