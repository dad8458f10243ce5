"""Reads a file of hashes line by line, in memory that does not grow with it.

Forms, told apart by what the file begins with:

1. the `threatexchange` library's own file: `pdq 0f3c…` on each line;
2. one hash on each line, when the caller says of which kind they are;
3. CSV with a column for the kind, with or without a heading;
4. JSON: an object on each line, or one list or object of at most `MAX_JSON_BYTES`.

A line that is none of these ends the reading with its number (`BrokenListError`). Hashes of kinds
that we cannot compare are counted and left out.
"""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Final

import msgspec

from service.hashbank.exchange.errors import BrokenListError
from service.hashbank.exchange.signals import (
    KIND_WORDS,
    HashKind,
    hash_value,
    is_other_kind,
    kind_of_name,
)

MAX_LINE_BYTES: Final = 64 * 1024
MAX_JSON_BYTES: Final = 64 * 1024 * 1024
MAX_HASHES: Final = 20_000_000

_KIND_COLUMNS: Final = ("type", "kind", "signal_type", "hash_type", "indicator_type")
_VALUE_COLUMNS: Final = ("hash", "value", "signal", "signal_value", "indicator", "fingerprint")


@dataclass(frozen=True, slots=True)
class ListedHash:
    """One hash of a file, with the number of its line (from 1)."""

    line: int
    kind: HashKind
    value: bytes


@dataclass(slots=True)
class ListFile:
    """A file of hashes. Iterate once; `left_out` then counts kinds that we cannot compare."""

    content: IO[bytes]
    kind: HashKind | None = None
    left_out: Counter[str] = field(default_factory=Counter)
    read: int = 0

    def __iter__(self) -> Iterator[ListedHash]:
        """The hashes in their order. Raises `BrokenListError`."""
        lines = self._lines()
        first = next(lines, None)
        if first is None:
            raise BrokenListError("There is no hash in this file.")
        pairs = self._pairs(first, lines)
        for number, name, text in pairs:
            listed = self._listed(number, name, text)
            if listed is None:
                continue
            self.read += 1
            if self.read > MAX_HASHES:
                raise BrokenListError(f"At most {MAX_HASHES} hashes at once.", number)
            yield listed
        if self.read == 0:
            raise BrokenListError(f"There is no hash in this file that can be used{self._words()}.")

    def _words(self) -> str:
        left = ", ".join(f"{count} {name}" for name, count in self.left_out.most_common())
        return f" (left out: {left})" if left else ""

    def _pairs(
        self, first: tuple[int, str], lines: Iterator[tuple[int, str]]
    ) -> Iterable[tuple[int, str, str]]:
        """(line, name of the kind or "", hash as text)."""
        whole = itertools.chain([first], lines)
        start = first[1].lstrip()
        if start.startswith("["):
            return _json_whole(whole)
        if start.startswith("{"):
            try:
                _object_pair(start)
            except ValueError:
                return _json_whole(whole)
            return _json_lines(whole)
        return _csv_lines(whole) if "," in start else _plain_lines(whole)

    def _listed(self, number: int, name: str, text: str) -> ListedHash | None:
        kind = kind_of_name(name) if name else self.kind
        if kind is None:
            if not name:
                raise BrokenListError(
                    "It does not say which kind of hash it is: say so for the whole file, or write "
                    '"pdq", "sha256" or "md5" before each.',
                    number,
                )
            if is_other_kind(name):
                self.left_out[name.strip().lower()] += 1
                return None
            raise BrokenListError("This names no known kind of hash.", number)
        try:
            return ListedHash(number, kind, hash_value(kind, text))
        except ValueError:
            raise BrokenListError(f"This is no {KIND_WORDS[kind]} hash.", number) from None

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Lines that hold something, with their numbers; lines that begin with # are remarks."""
        for number in itertools.count(1):
            raw = self.content.readline(MAX_LINE_BYTES + 1)
            if not raw:
                return
            if len(raw) > MAX_LINE_BYTES:
                raw = self._rest_of_json(raw, number)
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError:
                raise BrokenListError("This is no text.", number) from None
            if line and not line.startswith("#"):
                yield number, line

    def _rest_of_json(self, raw: bytes, number: int) -> bytes:
        """One JSON value may stand on one long line; no other line is long."""
        if raw.lstrip(b"\xef\xbb\xbf \t")[:1] in (b"[", b"{"):
            raw += self.content.read(MAX_JSON_BYTES + 1 - len(raw))
            if len(raw) <= MAX_JSON_BYTES:
                return raw
        raise BrokenListError("This line is too long.", number)


def _plain_lines(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    for number, line in lines:
        words = line.split()
        if len(words) == 1:
            yield number, "", words[0]
        elif len(words) == 2:
            yield number, words[0], words[1]
        else:
            raise BrokenListError("More than a kind and a hash stand here.", number)


def _csv_lines(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    kind_at, value_at = -1, -1
    for count, (number, line) in enumerate(lines):
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], strict=True))]
        except csv.Error:
            raise BrokenListError("This is no line of CSV.", number) from None
        if count == 0:
            names = [cell.lower().replace(" ", "_").replace("-", "_") for cell in cells]
            kind_at, value_at, is_heading = _columns(names, number)
            if is_heading:
                continue
        if max(kind_at, value_at) >= len(cells):
            raise BrokenListError("This line has too few columns.", number)
        yield number, cells[kind_at], cells[value_at]


def _columns(names: list[str], number: int) -> tuple[int, int, bool]:
    """Where kind and hash stand, and whether this line only says so."""
    kinds = [names.index(name) for name in _KIND_COLUMNS if name in names]
    values = [names.index(name) for name in _VALUE_COLUMNS if name in names]
    if kinds and values:
        return kinds[0], values[0], True
    for at, name in enumerate(names):
        if kind_of_name(name) is not None or is_other_kind(name):
            return at, 1 if at == 0 else 0, False
    raise BrokenListError(
        'The first line has no column that names the kind of hash, such as "type".', number
    )


def _json_lines(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    for number, line in lines:
        try:
            name, text = _object_pair(line)
        except ValueError:
            raise BrokenListError("This is no object with a type and a hash.", number) from None
        yield number, name, text


def _json_whole(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    kept: list[str] = []
    size = 0
    number = 1
    for number, line in lines:
        size += len(line) + 1
        if size > MAX_JSON_BYTES:
            raise BrokenListError(
                f"A file that is one JSON value has at most {MAX_JSON_BYTES // 1024 // 1024} MiB; "
                "write one object on each line instead.",
                number,
            )
        kept.append(line)
    try:
        content = msgspec.json.decode("\n".join(kept))
    except msgspec.DecodeError:
        raise BrokenListError("This is no JSON.", number) from None
    if isinstance(content, dict):
        content = [
            {"type": name, "hash": text}
            for name, values in content.items()
            for text in (values if isinstance(values, list) else [values])
        ]
    for at, item in enumerate(content, start=1):
        try:
            name, text = ("", item) if isinstance(item, str) else _pair_of(item)
        except ValueError:
            raise BrokenListError(f"Entry {at} is no object with a type and a hash.") from None
        yield at, name, text


def _object_pair(line: str) -> tuple[str, str]:
    try:
        return _pair_of(msgspec.json.decode(line))
    except msgspec.DecodeError as error:
        raise ValueError("no JSON") from error


def _pair_of(item: object) -> tuple[str, str]:
    if not isinstance(item, dict):
        raise ValueError("no object")  # noqa: TRY004 - one kind of error for what is no pair
    named = {str(key).lower(): value for key, value in item.items()}
    name = next((named[key] for key in _KIND_COLUMNS if key in named), "")
    text = next((named[key] for key in _VALUE_COLUMNS if key in named), None)
    if not isinstance(name, str) or not isinstance(text, str):
        raise ValueError("no type or no hash")  # noqa: TRY004
    return name, text
