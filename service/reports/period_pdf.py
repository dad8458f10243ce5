"""Sets a periodic report as PDF with typst, from data alone.

The report goes to typst as JSON and the pictures as SVG through `sys.inputs`; the layout is a fixed
file and the compiler's root an empty folder, so that the name of a site cannot become markup or
read a file. Control and direction marks are shown as U+FFFD.
"""

from __future__ import annotations

import json
import tempfile
import unicodedata
from functools import cache
from importlib.resources import files

import msgspec
import typst

from service.reports.errors import ReportNotSetError
from service.reports.period_pictures import trends
from service.reports.period_views import PeriodReport

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def period_pdf(report: PeriodReport) -> bytes:
    """The report as PDF. Raises `ReportNotSetError` when it cannot be set."""
    content = json.dumps(_visible(msgspec.to_builtins(report)), ensure_ascii=False)
    pictures = [{"heading": each.heading, "svg": str(each.picture)} for each in trends(report)]
    with tempfile.TemporaryDirectory() as empty:
        compiler = typst.Compiler(
            files("service.reports").joinpath("period.typ").read_bytes(),
            root=empty,
            font_paths=_fonts(),
            package_path=empty,
            package_cache_path=empty,
        )
        try:
            made = compiler.compile(
                format="pdf",
                sys_inputs={"report": content, "pictures": json.dumps(pictures)},
                timestamp=int(report.made_at.timestamp()),
            )
        except typst.TypstError as error:
            raise ReportNotSetError(
                "The report could not be set as a document: take its JSON, or its page."
            ) from error
    if not isinstance(made, bytes):
        raise ReportNotSetError("The report could not be set as a document: take its page.")
    return made


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)


def _visible(value: object) -> object:
    if isinstance(value, str):
        return "".join("�" if unicodedata.category(c) in _HIDDEN else c for c in value)
    if isinstance(value, dict):
        return {key: _visible(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_visible(part) for part in value]
    return value
