"""DASH manifests (MPD), as ISO/IEC 23009-1 has them: forms of the pictures, and their pieces.

1. The longest period counts, and what goes on with it (`streams_dash_periods.py`): others are
   advertisements more often than not, and are said.
2. Of its adaptation sets those with pictures; pictures for seeking and encrypted ones do not.
3. Pieces by SegmentTemplate (numbers, times, a time-line), SegmentList or SegmentBase. Of a live
   stream those of the last minutes, counted by the clock where there is no list.

Nothing that the manifest refers to elsewhere (XLink, events, licences) is ever asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]  # has no stubs
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]  # has no stubs

from indexer.crawl.streams import (
    GOES_ON,
    MAX_FORMS,
    MAX_LISTED_PIECES,
    MAX_LIVE_S,
    MAX_SECONDS,
    Form,
    Piece,
    StreamError,
    Track,
    byte_range,
    piece_address,
    whole_number,
)
from indexer.crawl.streams_dash_periods import MAX_PERIODS, DashForm, films_of, saying

_DURATION = re.compile(
    r"P(?:([0-9]{1,6})D)?(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,7})M)?(?:([0-9]{1,9}(?:\.[0-9]{1,12})?)S)?)?"
)
_IDENTIFIER = re.compile(r"\$(RepresentationID|Number|Bandwidth|Time|)(?:%0([0-9]{1,2})d)?\$")
_ADDRESSING = ("SegmentTemplate", "SegmentList", "SegmentBase")
_LIVE_MARGIN = 1
_FOR_SEEKING = "dashif.org/guidelines/trickmode"


def read_dash(text: str, url: str, now_s: float) -> tuple[DashForm, ...]:
    """The forms with pictures that the manifest at `url` offers at `now_s` (seconds since 1970).

    Raises `StreamError`.
    """
    root = _parsed(text)
    if _name(root) != "MPD":
        raise StreamError("bad_playlist", "the stream's manifest does not begin like one")
    periods = [child for child in root if _name(child) == "Period"]
    if not periods:
        raise StreamError("bad_playlist", "the stream's manifest has no period")
    whole_s = _seconds(root.get("mediaPresentationDuration"))
    lengths_s = _lengths(periods, whole_s)
    longest = max(range(len(periods)), key=lambda number: lengths_s[number])
    live = None
    if root.get("type") == "dynamic":
        # The last one goes on; what was before it may be gone.
        longest = len(periods) - 1
        live = _live(root, _seconds(periods[longest].get("start")), now_s)
    base = _base(root, url)
    read = _read_periods(periods, lengths_s, base, live, longest)
    forms = read[longest].found
    if not forms:
        raise read[longest].why_none()
    if live is not None:
        # What was before it is over; what it shows now is what counts.
        others = (f"{len(periods) - 1} other parts of the presentation",) * (len(periods) > 1)
        return tuple(saying(form, (*others, GOES_ON)) for form in forms)
    return films_of([period.found for period in read], longest)


def _read_periods(
    periods: list[Element], lengths_s: list[float], base: str, live: _Live | None, main: int
) -> list[_Period]:
    """All periods, with their forms; of another one than `main` nothing is of interest when live,
    and one that cannot be read is one without forms.
    """
    read = []
    for number, period in enumerate(periods):
        reading = _Period(lengths_s[number], live if number == main else None)
        read.append(reading)
        if number == main:
            reading.found = tuple(reading.forms(period, _base(period, base)))
        elif live is None and number < MAX_PERIODS:
            with suppress(StreamError):
                reading.found = tuple(reading.forms(period, _base(period, base)))
    return read


def _parsed(text: str) -> Element:
    try:
        # A declared encoding would contradict text that is decoded already.
        root: Element = fromstring(text.encode("utf-8"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise StreamError("bad_playlist", "the stream's manifest is not XML to be read") from error
    return root


def _lengths(periods: list[Element], whole_s: float) -> list[float]:
    """Seconds of each period: as it says, or up to the beginning of the next one or the end."""
    lengths = []
    for number, period in enumerate(periods):
        length_s = _seconds(period.get("duration"))
        if not length_s:
            following = periods[number + 1].get("start") if number + 1 < len(periods) else None
            end_s = _seconds(following) or (whole_s if number + 1 == len(periods) else 0.0)
            length_s = max(0.0, end_s - _seconds(period.get("start")))
        lengths.append(min(length_s, MAX_SECONDS))
    return lengths


class _Live(NamedTuple):
    """A stream that goes on: what can be fetched now, in seconds since its period began.

    `until_s` is None where the manifest does not say when it began.
    """

    from_s: float
    until_s: float | None


def _live(root: Element, start_s: float, now_s: float) -> _Live:
    try:
        began = datetime.fromisoformat(root.get("availabilityStartTime", ""))
    except ValueError:
        return _Live(0.0, None)
    began = began if began.tzinfo is not None else began.replace(tzinfo=UTC)
    until_s = now_s - began.timestamp() - start_s
    kept_s = min(_seconds(root.get("timeShiftBufferDepth")) or MAX_LIVE_S, MAX_LIVE_S)
    return _Live(max(0.0, until_s - kept_s), max(0.0, until_s))


@dataclass(slots=True)
class _Period:
    """Reads one period of `seconds`; remembers why it had nothing to look at."""

    seconds: float
    live: _Live | None
    encrypted: bool = False
    found: tuple[DashForm, ...] = ()

    def forms(self, period: Element, base: str) -> Iterator[DashForm]:
        found = 0
        for group in period:
            if _name(group) != "AdaptationSet" or _is_for_seeking(group):
                continue
            group_base = _base(group, base)
            for shown in group:
                if _name(shown) != "Representation" or not _has_pictures(group, shown):
                    continue
                if _is_encrypted(group) or _is_encrypted(shown):
                    self.encrypted = True
                    continue
                if found < MAX_FORMS:
                    found += 1
                    yield self._form((period, group, shown), _base(shown, group_base))

    def why_none(self) -> StreamError:
        if self.encrypted:
            return StreamError("encrypted", "the stream is encrypted; it was not looked at")
        return StreamError("not_media", "the stream's manifest names nothing with pictures")

    def _form(self, levels: tuple[Element, ...], base: str) -> DashForm:
        shown = levels[-1]
        width, height = (_inherited(levels, name) for name in ("width", "height"))
        sides = [side for side in (whole_number(width), whole_number(height)) if side]
        bits = whole_number(shown.get("bandwidth"))
        form = Form(min(sides, default=None), bits)
        name = shown.get("id", "")
        return DashForm(form, self.seconds, partial(self._track, levels, base), name)

    def _track(self, levels: tuple[Element, ...], base: str) -> Track:
        for name in _ADDRESSING:
            chain = [found for level in levels if (found := _child(level, name)) is not None]
            if not chain:
                continue
            if name == "SegmentTemplate":
                return self._by_template(levels[-1], chain, base)
            if name == "SegmentList":
                return self._by_list(chain, base)
            return self._whole_file(base)
        return self._whole_file(base)

    def _whole_file(self, base: str) -> Track:
        return Track((Piece(base),), self.seconds, cut_at_limit=True)

    def _by_list(self, chain: list[Element], base: str) -> Track:
        pieces: list[Piece] = []
        beyond = unreachable = 0
        for entry in (entry for level in chain for entry in level):
            if _name(entry) != "SegmentURL":
                continue
            if len(pieces) >= MAX_LISTED_PIECES:
                beyond += 1
                continue
            piece = _piece(base, entry.get("media"), entry.get("mediaRange"))
            if piece is None:
                unreachable += 1
            else:
                pieces.append(piece)
        beginnings = [
            first for level in chain if (first := _child(level, "Initialization")) is not None
        ]
        init = None
        if beginnings:
            init = _piece(base, beginnings[-1].get("sourceURL"), beginnings[-1].get("range"))
        return self._listed(pieces, init, beyond, unreachable)

    def _by_template(self, shown: Element, chain: list[Element], base: str) -> Track:
        media = _last(chain, "media") or ""
        values = {
            "RepresentationID": shown.get("id", ""),
            "Bandwidth": whole_number(shown.get("bandwidth")) or 0,
        }
        scale = whole_number(_last(chain, "timescale")) or 1
        first = whole_number(_last(chain, "startNumber"))
        first = 1 if first is None else first
        offset = whole_number(_last(chain, "presentationTimeOffset")) or 0
        time_lines = [
            found for level in chain if (found := _child(level, "SegmentTimeline")) is not None
        ]
        if time_lines:
            begin, end = self._span(scale)
            listed = list(_times(time_lines[-1], offset + begin, offset + end))
            # Where the clocks say that all of it is over, the list is believed.
            listed = listed or list(_times(time_lines[-1], 0, offset + end))
        else:
            length = whole_number(_last(chain, "duration")) or 0
            listed = [(number, number * length) for number in self._numbers(length, scale)]
        count = len(listed)
        pieces = []
        unreachable = 0
        for number, time in listed[:MAX_LISTED_PIECES]:
            address = _filled(media, {**values, "Number": first + number, "Time": time})
            piece = _piece(base, address, None) if address else None
            if piece is None:
                unreachable += 1
            else:
                pieces.append(piece)
        beginning = _last(chain, "initialization")
        init = None if beginning is None else _piece(base, _filled(beginning, values), None)
        return self._listed(pieces, init, max(0, count - MAX_LISTED_PIECES), unreachable)

    def _span(self, scale: int) -> tuple[int, int]:
        """(from, to) of what can be fetched, in the time-line's units."""
        if self.live is None or self.live.until_s is None:
            return 0, int(self.seconds * scale)
        return int(self.live.from_s * scale), int(self.live.until_s * scale)

    def _numbers(self, length: int, scale: int) -> range:
        """Which pieces there are where each is `length` long; one more than the limit at most."""
        if length <= 0:
            return range(0)
        begin, end = self._span(scale)
        if self.live is None:
            count = -(-int(self.seconds * scale * 1000) // (length * 1000))
            return range(min(count, MAX_LISTED_PIECES + 1))
        # The newest ones may be there a moment later: clocks differ.
        newest = end // length - 1 - _LIVE_MARGIN
        oldest = max(0, -(-begin // length), newest - MAX_LISTED_PIECES)
        return range(oldest, max(oldest, newest + 1))

    def _listed(
        self, pieces: list[Piece], init: Piece | None, beyond: int, unreachable: int
    ) -> Track:
        if not pieces:
            raise StreamError("not_media", "the stream's manifest does not list what to fetch")
        left_out = []
        if beyond:
            left_out.append(f"{beyond} pieces beyond the first {MAX_LISTED_PIECES}")
        if unreachable:
            left_out.append(f"{unreachable} pieces without a web address")
        goes_on = self.live is not None
        return Track(tuple(pieces), self.seconds, init, tuple(left_out), goes_on=goes_on)


def _times(time_line: Element, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """(number from 0, when it begins) of each piece that does not end before `begin`.

    A repeat of -1 goes on to the next entry or `end`. Gives one more than `MAX_LISTED_PIECES` at
    most.
    """
    entries = [entry for entry in time_line if _name(entry) == "S"]
    now = given = place = 0
    for number, entry in enumerate(entries):
        start, length = whole_number(entry.get("t")), whole_number(entry.get("d"))
        now = now if start is None else start
        if not length:
            raise StreamError("bad_playlist", "the manifest's time-line has an entry of no length")
        repeats = whole_number(entry.get("r"))
        if entry.get("r", "").strip() == "-1":
            following = entries[number + 1].get("t") if number + 1 < len(entries) else None
            until = whole_number(following) if following is not None else end
            repeats = max(0, -(-((until or 0) - now) // length) - 1)
        count = (repeats or 0) + 1
        over = min(count, max(0, (begin - now) // length))
        now, place = now + over * length, place + over
        for _ in range(count - over):
            if given > MAX_LISTED_PIECES:
                return
            given += 1
            yield place, now
            now, place = now + length, place + 1


def _filled(template: str, values: dict[str, object]) -> str:
    def value(match: re.Match[str]) -> str:
        if not match[1]:
            return "$"
        number = values.get(match[1], "")
        digits = min(int(match[2] or 0), 20)
        return f"{number:0{digits}d}" if digits and isinstance(number, int) else str(number)

    return _IDENTIFIER.sub(value, template[:4096])


def _piece(base: str, address: str | None, part: str | None) -> Piece | None:
    url = piece_address(base, address or "") if address else base
    if url is None:
        return None
    return Piece(url) if part is None else Piece(url, byte_range(part))


def _base(element: Element, base: str) -> str:
    """The base address below `element`; where it names several, the first."""
    named = _child(element, "BaseURL")
    if named is None or not (named.text or "").strip():
        return base
    address = piece_address(base, named.text or "")
    if address is None:
        raise StreamError("bad_playlist", "the stream's manifest has a base that is no web address")
    return address


def _has_pictures(group: Element, shown: Element) -> bool:
    kind = shown.get("mimeType") or group.get("mimeType") or ""
    return kind.lower().startswith("video/") or (
        not kind and (group.get("contentType") or "").lower() == "video"
    )


def _is_encrypted(element: Element) -> bool:
    return _child(element, "ContentProtection") is not None


def _is_for_seeking(group: Element) -> bool:
    return any(
        _name(each) in ("EssentialProperty", "SupplementalProperty")
        and _FOR_SEEKING in each.get("schemeIdUri", "")
        for each in group
    )


def _inherited(levels: tuple[Element, ...], name: str) -> str | None:
    return next((value for level in reversed(levels) if (value := level.get(name))), None)


def _last(chain: list[Element], name: str) -> str | None:
    return next((value for level in reversed(chain) if (value := level.get(name))), None)


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if _name(child) == name), None)


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _seconds(text: str | None) -> float:
    match = _DURATION.fullmatch((text or "").strip())
    if match is None:
        return 0.0
    days, hours, minutes, seconds = (float(value or 0) for value in match.groups())
    return min(days * 86_400 + hours * 3600 + minutes * 60 + seconds, MAX_SECONDS)
