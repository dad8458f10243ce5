"""Files of hashes to hand over: in the library's own form, or CSV. Nothing else is in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from service.hashbank.exchange.documents import ExportedHash
from service.hashbank.exchange.registry import Form
from service.hashbank.exchange.signals import library_name


@dataclass(frozen=True, slots=True)
class HashFile:
    """A file to hand over; its name says nothing of the case."""

    name: str
    content_type: str
    content: bytes


def hash_file(
    hashes: Iterable[ExportedHash], form: Form, now: datetime, word: str = "hashes"
) -> HashFile:
    """A file with these hashes; a `form` other than "text" gives CSV."""
    name = f"{word}-{now:%Y%m%d-%H%M%S}"
    if form == "text":
        lines = "".join(f"{_library_name(each)} {each.value}\n" for each in hashes)
        return HashFile(f"{name}.txt", "text/plain; charset=utf-8", lines.encode())
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("signal_type", "signal_value"))
    writer.writerows((each.kind, each.value) for each in hashes)
    return HashFile(f"{name}.csv", "text/csv; charset=utf-8", out.getvalue().encode())


def is_in_text_form(each: ExportedHash) -> bool:
    """Whether the library has a name for it: it has none for the SHA-256 of a picture."""
    return bool(_library_name(each))


def _library_name(each: ExportedHash) -> str:
    if each.kind == "pdq":
        return library_name("pdq")
    return library_name("sha256") if each.kind == "sha256" and each.is_video else ""
