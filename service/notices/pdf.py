"""Sets a notice as PDF/A with typst, from data alone.

1. Control, bidirectional and invisible characters are spelled out.
2. The form goes to typst as JSON through `sys.inputs`; the layout is a fixed file and the
   compiler's root is an empty folder, so scraped text cannot become markup or read a file.
3. PDF/A refuses characters that no font can show. Those are spelled out as code points, a visible
   sentence says so, and the JSON form keeps the exact text. Nothing is left out silently.
"""

from __future__ import annotations

import json
import re
import tempfile
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
import typst

from service.exhibits.visible_text import visible_text
from service.notices.errors import NoticeTextError
from service.notices.form import NoticeForm

PDF_STANDARD: Final = "a-2u"
_MAX_ROUNDS = 400
_UNSHOWN = re.compile(r'the text `"(.+?)"` could not be displayed', re.DOTALL)
_ESCAPE = re.compile(r"\\u\{([0-9a-fA-F]{1,6})\}")


def notice_pdf(form: NoticeForm, signed_at: datetime) -> bytes:
    """The notice as PDF. Raises `NoticeTextError` when the text cannot be set at all."""
    plain = _visible(msgspec.to_builtins(form))
    spelled: set[str] = set()
    for _ in range(_MAX_ROUNDS):
        inputs = typst_inputs(_spelled_out(plain, spelled), signed_at, spelled=bool(spelled))
        try:
            return _compile(inputs, signed_at)
        except typst.TypstError as error:
            unshown = _unshown(str(error.message)) - spelled
            if not unshown:
                raise NoticeTextError(
                    "The notice could not be set as a document: shorten the text, or leave out "
                    "unusual characters."
                ) from error
            spelled |= unshown
    raise NoticeTextError(
        "The text has too many characters that no font here can show. Install fonts for its "
        "script on the server, or write it in another script."
    )


def typst_inputs(plain: object, signed_at: datetime, *, spelled: bool) -> dict[str, str]:
    """What the layout is given; strings only."""
    return {
        "notice": json.dumps(plain, ensure_ascii=False),
        "year": str(signed_at.year),
        "month": str(signed_at.month),
        "day": str(signed_at.day),
        "spelled": "yes" if spelled else "no",
    }


def layout() -> bytes:
    """The fixed layout."""
    return files("service.notices").joinpath("notice.typ").read_bytes()


def _compile(inputs: dict[str, str], signed_at: datetime) -> bytes:
    with tempfile.TemporaryDirectory() as empty:
        compiler = typst.Compiler(
            layout(), root=empty, font_paths=_fonts(), package_path=empty, package_cache_path=empty
        )
        content = compiler.compile(
            format="pdf",
            sys_inputs=inputs,
            pdf_standards=PDF_STANDARD,
            timestamp=int(signed_at.timestamp()),
        )
    if not isinstance(content, bytes):
        raise NoticeTextError("The notice could not be set as a document.")
    return content


@cache
def _fonts() -> typst.Fonts:
    """The fonts of the wheel first; the system's for scripts that those lack."""
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)


def _visible(value: object) -> object:
    if isinstance(value, str):
        return visible_text(value)
    if isinstance(value, dict):
        return {key: _visible(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_visible(part) for part in value]
    return value


def _spelled_out(value: object, characters: set[str]) -> object:
    if not characters:
        return value
    if isinstance(value, str):
        return "".join(f"[U+{ord(c):04X}]" if c in characters else c for c in value)
    if isinstance(value, dict):
        return {key: _spelled_out(part, characters) for key, part in value.items()}
    if isinstance(value, list):
        return [_spelled_out(part, characters) for part in value]
    return value


def _unshown(message: str) -> set[str]:
    found = _UNSHOWN.search(message)
    if found is None:
        return set()
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), found[1])
    return {character for character in text if not character.isascii()}
