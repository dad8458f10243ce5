"""A site as somebody describes it, checked before anything is stored.

`checked` returns the draft in canonical spelling, or raises `SiteInvalidError` with the field that
is wrong and what would be right. After it: seeds are http(s) addresses inside the allowed hosts
and paths that others can reach too, purpose and legal basis are there in words, robots.txt is left
aside only for a stated reason, the schedule is a cron expression, and canaries are pages that the
run may visit.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TypeVar

from indexer.crawl.messages import AddressException, Scope
from indexer.crawl.scope import BadAddressError, canonical_address, is_in_scope, place_of
from service.sources.errors import SiteInvalidError
from service.sources.reachable import is_never_public
from service.sources.timetable import check_cron

MAX_SEEDS = 1000
MAX_HOSTS = 50
MAX_PREFIXES = 50
MAX_CANARIES = 20
MAX_NAME_CHARACTERS = 120
MAX_WORDS_CHARACTERS = 4000
LEAST_WORDS_CHARACTERS = 8
MAX_DELAY_S = 3600.0
MAX_PAGE_BUDGET = 1_000_000
MAX_MEDIA_BUDGET = 10_000_000
MAX_DEPTH = 100

Item = TypeVar("Item")

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Canary:
    """A page that is known to show at least `least_media` media: if it does not, we were blind."""

    url: str
    least_media: int

    @classmethod
    def parse(cls, text: str) -> Canary:
        """Read "LEAST_MEDIA ADDRESS"; an address alone means at least one medium."""
        head, _, rest = text.strip().partition(" ")
        if not rest:
            head, rest = "1", head
        if not head.isdecimal() or not 1 <= int(head) <= 10_000:
            raise SiteInvalidError(
                "canaries",
                f'the canary "{text[:100]}" must be the least number of media (1 to 10000), a '
                "space, and the page's address",
            )
        return cls(_address("canaries", rest.strip()), int(head))

    def __str__(self) -> str:
        return f"{self.least_media} {self.url}"


@dataclass(frozen=True, slots=True)
class SiteDraft:
    """All that an operator says of a site. Hosts are names, with `:port` unless the default one.

    `adaptive`: pages that hardly ever change are not read in each run.
    `needs_script`: its pages show their media only once a browser has run their scripts;
    `script_hosts` are further hosts from which these come.
    """

    name: str
    seeds: tuple[str, ...]
    purpose: str
    legal_basis: str
    allowed_hosts: tuple[str, ...] = ()
    media_hosts: tuple[str, ...] = ()
    path_prefixes: tuple[str, ...] = ()
    max_depth: int = 5
    page_budget: int = 1000
    media_budget: int = 10_000
    delay_s: float = 2.0
    obey_robots: bool = True
    robots_reason: str = ""
    monitoring_purpose: str = ""
    schedule: str = ""
    canaries: tuple[str, ...] = ()
    extractors: bool = False
    adaptive: bool = True
    needs_script: bool = False
    script_hosts: tuple[str, ...] = ()


def checked(draft: SiteDraft, exceptions: tuple[AddressException, ...] = ()) -> SiteDraft:
    """The draft in canonical spelling; raises `SiteInvalidError` naming the first wrong field.

    Without allowed hosts, those of the seeds are taken. `exceptions` are the addresses that may be
    contacted although they are not public.
    """
    seeds = _lines(draft.seeds)
    if not seeds:
        raise SiteInvalidError("seeds", "give at least one address to begin at")
    if len(seeds) > MAX_SEEDS:
        raise SiteInvalidError("seeds", f"at most {MAX_SEEDS} addresses to begin at")
    seeds = _unique(tuple(_address("seeds", seed) for seed in seeds))
    allowed = _hosts("allowed_hosts", draft.allowed_hosts) or _unique(
        tuple(_host_of(seed) for seed in seeds)
    )
    clean = replace(
        draft,
        name=_words("name", draft.name, 1, MAX_NAME_CHARACTERS),
        seeds=seeds,
        allowed_hosts=allowed,
        media_hosts=_hosts("media_hosts", draft.media_hosts),
        path_prefixes=_prefixes(draft.path_prefixes),
        script_hosts=_hosts("script_hosts", draft.script_hosts),
        purpose=_words("purpose", draft.purpose, LEAST_WORDS_CHARACTERS),
        legal_basis=_words("legal_basis", draft.legal_basis, LEAST_WORDS_CHARACTERS),
        robots_reason=draft.robots_reason.strip(),
        monitoring_purpose=draft.monitoring_purpose.strip(),
        schedule=draft.schedule.strip(),
    )
    _check_numbers(clean)
    if not clean.obey_robots:
        _words("robots_reason", clean.robots_reason, LEAST_WORDS_CHARACTERS)
    elif clean.robots_reason:
        clean = replace(clean, robots_reason="")
    if clean.script_hosts and not clean.needs_script:
        raise SiteInvalidError(
            "script_hosts",
            "hosts of scripts are only asked where pages need JavaScript: say that they do, or "
            "leave these out",
        )
    if clean.monitoring_purpose:
        _words("monitoring_purpose", clean.monitoring_purpose, LEAST_WORDS_CHARACTERS)
    if clean.schedule:
        check_cron(clean.schedule)
    return _with_pages_in_scope(clean, exceptions)


def _with_pages_in_scope(draft: SiteDraft, exceptions: tuple[AddressException, ...]) -> SiteDraft:
    scope = Scope(allowed_hosts=draft.allowed_hosts, path_prefixes=draft.path_prefixes)
    canaries = _unique(tuple(Canary.parse(line) for line in _lines(draft.canaries)))
    if len(canaries) > MAX_CANARIES:
        raise SiteInvalidError("canaries", f"at most {MAX_CANARIES} canaries")
    pages = [("seeds", seed) for seed in draft.seeds]
    pages += [("canaries", canary.url) for canary in canaries]
    for field, address in pages:
        if is_never_public(address, exceptions):
            raise SiteInvalidError(
                field,
                f"{address} leads to one machine or into a private network, which is never "
                "visited; only an exact entry in the setting address_exceptions would allow it",
            )
        if not is_in_scope(address, "page", scope):
            raise SiteInvalidError(
                field,
                f"{address} lies outside the allowed hosts ({', '.join(draft.allowed_hosts)}) or "
                "paths; add its host, or leave it out",
            )
    return replace(draft, canaries=tuple(str(canary) for canary in canaries))


def _check_numbers(draft: SiteDraft) -> None:
    if not math.isfinite(draft.delay_s) or not 0 <= draft.delay_s <= MAX_DELAY_S:
        raise SiteInvalidError("delay_s", f"the delay is 0 to {MAX_DELAY_S:.0f} seconds")
    if not 0 <= draft.max_depth <= MAX_DEPTH:
        raise SiteInvalidError("max_depth", f"the depth is 0 to {MAX_DEPTH} links")
    if not 1 <= draft.page_budget <= MAX_PAGE_BUDGET:
        raise SiteInvalidError("page_budget", f"a run visits 1 to {MAX_PAGE_BUDGET} pages")
    if not 0 <= draft.media_budget <= MAX_MEDIA_BUDGET:
        raise SiteInvalidError("media_budget", f"a run fetches 0 to {MAX_MEDIA_BUDGET} media")


def _address(field: str, text: str) -> str:
    if "://" not in text:
        text = f"https://{text}"
    try:
        return canonical_address(text)
    except BadAddressError as error:
        raise SiteInvalidError(field, f'"{text[:200]}": {error}') from error


def _host_of(address: str) -> str:
    place = place_of(address)
    return address.split("/", 3)[2] if place.host else ""


def _hosts(field: str, given: tuple[str, ...]) -> tuple[str, ...]:
    names = _lines(given)
    if len(names) > MAX_HOSTS:
        raise SiteInvalidError(field, f"at most {MAX_HOSTS} hosts")
    hosts = []
    for name in names:
        if "/" in name or "@" in name or "*" in name:
            raise SiteInvalidError(
                field, f'"{name[:200]}" is not a host name: give the exact name, without http://'
            )
        # The port, if any, must be kept even where it is the default of one scheme.
        _address(field, f"https://{name}/")
        port = re.fullmatch(r"(?:.*[^\]:]|\[.*\]):(\d{1,5})", name)
        bare = name[: -len(port[1]) - 1] if port else name
        canonical = _host_of(_address(field, f"https://{bare}/"))
        hosts.append(f"{canonical}:{port[1]}" if port else canonical)
    return _unique(tuple(hosts))


def _prefixes(given: tuple[str, ...]) -> tuple[str, ...]:
    prefixes = _unique(_lines(given))
    if len(prefixes) > MAX_PREFIXES:
        raise SiteInvalidError("path_prefixes", f"at most {MAX_PREFIXES} path beginnings")
    for prefix in prefixes:
        if not prefix.startswith("/") or _CONTROL.search(prefix):
            raise SiteInvalidError("path_prefixes", 'the beginning of a path starts with "/"')
    return prefixes


def _words(field: str, text: str, least: int, most: int = MAX_WORDS_CHARACTERS) -> str:
    clean = text.strip()
    label = field.replace("_", " ")
    if len(clean) < least:
        raise SiteInvalidError(field, f"say the {label} in words (at least {least} letters)")
    if len(clean) > most:
        raise SiteInvalidError(field, f"the {label} has at most {most} letters")
    if _CONTROL.search(clean.replace("\n", " ").replace("\r", " ").replace("\t", " ")):
        raise SiteInvalidError(field, f"the {label} contains control characters")
    return clean


def _lines(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line.strip() for line in given if line.strip())


def _unique(items: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(items))
