"""Addresses that never end: calendars, sort orders and facets, session ids, paths that grow.

1. `plain_address` drops from an address what only follows visitors about: tracking parameters, and
   from pages session ids. Parameters that could choose another picture stay, and a signed address
   stays as it is: its signature may be over all of it.
2. `trap_of` tells by the shape of a page's address alone whether it looks endless, and how many of
   that shape a run takes. Numbered threads and pages are not endless by themselves: the budget and
   the depth of a run bound them.

A shape is the address with everything replaced that such a trap would count through.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

from indexer.crawl.messages import FetchKind

TrapKind = Literal["calendar", "facets", "sorting", "session", "growing"]

MOST_OF_A_CALENDAR = 1000
MOST_OF_FACETS = 200
MOST_OF_MANY_PARAMETERS = 2000
MOST_OF_SORTING = 4
"""Orders of one and the same list: the pages of a list that is sorted are lists of their own."""
MOST_OF_A_SESSION = 2
MAX_SEGMENTS = 20
MAX_REPEATS = 2
"""A segment may stand twice in a path (/2024/a/2024/), a third time is growth."""
MAX_REPEATED_PARAMETERS = 8
MANY_PARAMETERS = 5
FIRST_YEAR = 1970
YEARS_AHEAD = 1

_TRACKING = re.compile(
    r"(?:utm_[a-z_]{1,30}|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|ysclid|twclid"
    r"|ttclid|igshid|igsh|mc_cid|mc_eid|mkt_tok|_hsenc|_hsmi|__hstc|__hssc|__hsfp|hsctatracking"
    r"|oly_anon_id|oly_enc_id|vero_id|vero_conv|wickedid|rb_clickid|s_cid|ml_subscriber"
    r"|ml_subscriber_hash|_openstat|pk_campaign|pk_kwd|piwik_campaign|piwik_kwd|mtm_[a-z_]{1,30}"
    r"|_ga|_gl|epik|srsltid)"
)
_SIGNATURE = re.compile(
    r"(?:x-amz-.*|x-goog-.*|sig|signature|sign|hmac|hash|token|policy|key-pair-id|expires?|exp"
    r"|auth|auth_key|hdnea|hdnts|hdntl|md5|secure|verify|oh|oe|st|e)"
)
_SESSION = re.compile(
    r"(?:phpsessid|jsessionid|aspsessionid[a-z]{0,20}|sessionid|session_id|sessid|sess|session"
    r"|oscsid|zenid|cfid|cftoken|xtcsid)"
)
_SHORT_SESSION = frozenset({"s", "sid"})
_RANDOM = re.compile(r"[0-9a-fA-F]{24,128}")
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;]*", re.IGNORECASE)

_SORTING = frozenset(
    {
        "sort", "sortby", "sort_by", "sort_order", "order", "orderby", "order_by", "dir", "desc",
        "asc", "direction", "view", "display", "layout", "mode", "per_page", "perpage", "pagesize",
        "page_size", "limit", "replytocom", "share", "print", "highlight",
    }
)  # fmt: skip
_FACETS = re.compile(r"(?:filter|facet|refine|attr)s?(?:\[|%5b|_|\.|$)|f(?:\[|%5b)")
_CALENDAR_WORD = re.compile(
    r"calendar|kalender|calendrier|calendario|\bevents?\b|agenda|termine|schedule|whatson"
)
_CALENDAR_NAME = frozenset(
    {
        "month", "year", "week", "day", "date", "ical", "tribe-bar-date", "eventdate", "event_date",
        "start_date", "startdate", "end_date", "enddate", "calendar", "yr", "mo",
    }
)  # fmt: skip
_NUMBER = re.compile(r"[0-9]+")
_DATE_IN_PATH = re.compile(r"/[0-9]{4}(?:[-/][0-9]{1,2}){0,2}(?:/|$)")
_SHAPE_CHARS = 500
_YEAR = re.compile(r"(?<![0-9])([0-9]{4})(?![0-9])")
_NEVER_THE_SAME = frozenset(
    {
        "_", "rand", "random", "rnd", "nonce", "cb", "cachebust", "cachebuster", "nocache",
        "timestamp", "csrf", "csrf_token", "csrftoken", "_token", "sid", "s",
    }
)  # fmt: skip
_ONE_TIME = re.compile(r"[0-9]{8,40}|(?=.*[0-9])[0-9a-zA-Z_-]{16,200}")


@dataclass(frozen=True, slots=True)
class Trap:
    """An address that looks endless. `most` of its `shape` are taken in one run; 0: none is."""

    kind: TrapKind
    shape: str
    most: int


def plain_address(url: str, kind: FetchKind) -> str:
    """The canonical `url` without what follows visitors about."""
    parts = urlsplit(url)
    path = _PATH_SESSION.sub("", parts.path) if kind == "page" else parts.path
    if not parts.query:
        return url if path == parts.path else _with(parts, path, "")
    named = [(pair, _name(pair)) for pair in parts.query.split("&")]
    if any(_SIGNATURE.fullmatch(name) for _, name in named):
        return url
    kept = [
        pair
        for pair, name in named
        if not _TRACKING.fullmatch(name) and not (kind == "page" and _is_session(pair, name))
    ]
    if len(kept) == len(named) and path == parts.path:
        return url
    return _with(parts, path, "&".join(kept))


def trap_of(url: str, year: int) -> Trap | None:  # noqa: PLR0911 (one for each kind of trap)
    """Why the page at the canonical `url` looks endless in this `year`; None when it does not."""
    parts = urlsplit(url)
    path = parts.path.lower()
    here = f"{parts.scheme}://{parts.netloc}{path}"[:_SHAPE_CHARS]
    named = [(_name(pair), pair.partition("=")[2]) for pair in parts.query.split("&") if pair]
    names = {name for name, _ in named}
    if _grows([segment for segment in path.split("/") if segment], named):
        return Trap("growing", f"{parts.scheme}://{parts.netloc}", 0)
    changing = {name for name, value in named if _is_one_time(name, value)}
    if changing:
        return Trap("session", _without(here, named, changing), MOST_OF_A_SESSION)
    if _is_calendar(path, named):
        counted = _NUMBER.sub("#", f"{here}?{'&'.join(sorted(names))}")
        return Trap("calendar", counted, _most_of_calendar(path, named, year))
    orders = _SORTING & names
    if orders:
        return Trap("sorting", _without(here, named, orders), MOST_OF_SORTING)
    if any(_FACETS.match(name) for name in names):
        return Trap("facets", here, MOST_OF_FACETS)
    if len(names) >= MANY_PARAMETERS:
        return Trap("facets", f"{here}?{'&'.join(sorted(names))}", MOST_OF_MANY_PARAMETERS)
    return None


def _without(here: str, named: Sequence[tuple[str, str]], dropped: AbstractSet[str]) -> str:
    """The same list or page, whatever these parameters say."""
    kept = sorted(f"{name}={value}" for name, value in named if name not in dropped)
    return f"{here}?{'&'.join(kept)}"


def _most_of_calendar(path: str, named: Sequence[tuple[str, str]], year: int) -> int:
    text = " ".join((path, *(value for _, value in named)))
    years = [int(match[1]) for match in _YEAR.finditer(text)]
    possible = all(FIRST_YEAR <= each <= year + YEARS_AHEAD for each in years[:1])
    return MOST_OF_A_CALENDAR if possible else 0


def _is_one_time(name: str, value: str) -> bool:
    return name in _NEVER_THE_SAME and _ONE_TIME.fullmatch(value) is not None


def _grows(segments: Sequence[str], named: Sequence[tuple[str, str]]) -> bool:
    if len(segments) > MAX_SEGMENTS:
        return True
    words = Counter(segment for segment in segments if not segment.isdigit())
    repeated = Counter(name for name, _ in named)
    return any(count > MAX_REPEATS for count in words.values()) or any(
        count > MAX_REPEATED_PARAMETERS for count in repeated.values()
    )


def _is_calendar(path: str, named: Sequence[tuple[str, str]]) -> bool:
    dated = [value for name, value in named if name in _CALENDAR_NAME]
    if any(any(letter.isdigit() for letter in value) for value in dated):
        return True
    return _CALENDAR_WORD.search(path) is not None and _DATE_IN_PATH.search(path) is not None


def _is_session(pair: str, name: str) -> bool:
    value = pair.partition("=")[2]
    if _SESSION.fullmatch(name):
        return True
    return name in _SHORT_SESSION and _RANDOM.fullmatch(value) is not None


def _name(pair: str) -> str:
    return pair.partition("=")[0].lower()


def _with(parts: SplitResult, path: str, query: str) -> str:
    return urlunsplit((parts.scheme, parts.netloc, path or "/", query, ""))
