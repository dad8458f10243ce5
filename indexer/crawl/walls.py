"""Signs that an answer is no page but a wall before it: told by the server, or by what it shows.

1. What the server says of itself: a header, or where it redirected to.
2. What the page is named: the whole title, never a word in it.
3. What it is made of: forms, buttons, what makers of challenges and of consent banners put there.
4. How it looks: little text, no media, hardly a link; or a frame that a script would have to fill.

Signs are independent of each other, and no single one of the weak ones decides: an article about
cookies, a log-in box on a forum and a widget against spam each have one. What is a wall is
decided by `wall_among`. Nothing of the page itself leaves but the names of signs and one digest.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from parsel import Selector
from scrapy.http import Response

from indexer.crawl.messages import FoundLink, WallSign
from indexer.crawl.wall_words import (
    MARKUP,
    OWN_PATHS,
    PHRASES,
    REFUSING_WORDS,
    SCRIPT_WORDS,
    TITLES,
    UNCOUNTED_LINKS,
)

CHALLENGE, LOGIN, AGE, CONSENT, SCRIPT = "challenge", "login", "age", "consent", "script"
KINDS = (CHALLENGE, LOGIN, AGE, CONSENT, SCRIPT)

_CHALLENGE_HEADERS = {
    ("cf-mitigated", "challenge"),
    ("x-amzn-waf-action", "challenge"),
    ("x-amzn-waf-action", "captcha"),
}
CHALLENGING_STATUSES = frozenset({202, 401, 403, 405, 406, 429, 503})
"""What challenges come under, beside 200; that a page is gone (404, 410) stays what it is."""

DECISIVE = frozenset({"header", "redirect"})
ENOUGH_SIGNS = 2
MANY_MEDIA = 3
"""A page that shows so many is none: what lies over it hides nothing from us."""

_SHORT_CHARS = 600
_NEARLY_EMPTY_CHARS = 200
_FEW_LINKS = 3
_NO_MORE_LINKS = 10
_MAX_TEXT_CHARS = 20_000
_SPACE = re.compile(r"\s+")
_VISIBLE = (
    "//body//text()[not(ancestor::script or ancestor::style or ancestor::noscript"
    " or ancestor::template)]"
)
_BUTTONS = "//button | //a | //input[@type='submit' or @type='button']/@value"
_OVER_AGE = re.compile(
    r"^\W*((yes\W+)?i\W?a?m (over |at least )?(18|21)|(yes\W+)?enter\W*$|over (18|21)|"
    r"ich bin (über |mindestens )?18|j.ai (plus de )?18|soy mayor|sono maggiorenne|mi?a?n? ?18\+)",
    re.IGNORECASE,
)
_UNDER_AGE = re.compile(
    r"^\W*(no\b.{0,20}|leave|exit|i\W?a?m (under|not) .{0,12}|under (18|21)|verlassen|quitter|"
    r"salir|esci|sair|verlaat)\W*$",
    re.IGNORECASE,
)
_BORN = "//*[self::input or self::select][contains(@name,'birth') or contains(@name,'dob')]"
_MOUNTS = (
    "//body//*[self::div or self::main or local-name()='app-root']"
    "[not(normalize-space()) and not(*)]"
    "[@id='root' or @id='app' or @id='__next' or @id='__nuxt' or @id='___gatsby'"
    " or local-name()='app-root']"
)


class Signs(NamedTuple):
    """What was seen of a page: its signs, and the digest of its words (of pages without media)."""

    signs: tuple[WallSign, ...]
    words_digest: str


def signs_of(
    page: Selector,
    *,
    source: str,
    asked: str,
    url: str,
    title: str,
    links: Sequence[FoundLink],
    headers: Iterable[tuple[str, str]] = (),
) -> Signs:
    """The signs that the page at `url`, which answers for the address `asked`, is a wall.

    `source` is the page's text as it was sent.
    """
    signs = [*_said_by_server(headers), *_led_elsewhere(asked, url)]
    if sum(link.kind == "medium" for link in links) >= MANY_MEDIA:
        return Signs(_of_others(asked, signs), "")
    text = _visible_text(page)
    further = _further_links(links, url)
    signs += _named(title)
    signs += _made_of(page, source, text, further)
    signs += _forwarding(page, url)
    if len(text) <= _SHORT_CHARS and further <= _FEW_LINKS:
        signs.append(WallSign("", "short"))
    signs += _unfilled(page, text, further)
    digest = hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()[:32]
    return Signs(_of_others(asked, signs), digest)


def wall_among(signs: Iterable[WallSign], *, shapes: Iterable[str] = ()) -> str | None:
    """The kind of wall that `signs` are enough for, or None.

    One decisive sign is enough; of the others two that are independent, at least one of which
    names the kind. `shapes` are further ones that only the asker can know ("alike", "lost").
    """
    seen = set(signs)
    shaped = {sign.sign for sign in seen if not sign.kind} | set(shapes)
    named = {sign for sign in seen if sign.kind}
    for kind in KINDS:
        if any(sign.kind == kind and sign.sign in DECISIVE for sign in named):
            return kind
    counted = Counter(sign.kind for sign in named)
    enough = [
        kind for kind in KINDS if counted[kind] and counted[kind] + len(shaped) >= ENOUGH_SIGNS
    ]
    return max(enough, key=lambda kind: counted[kind], default=None)


def is_named_as(url: str, kind: str) -> bool:
    """Whether the address itself says that it is a page of this kind."""
    pattern = OWN_PATHS.get(kind)
    return pattern is not None and pattern.search(urlsplit(url).path) is not None


def headers_of_response(response: Response) -> list[tuple[str, str]]:
    """All headers of an answer, as text."""
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in response.headers.items()
        for value in values
    ]


def challenge_by_headers(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether the server says, under whatever status, that it challenges."""
    return any(True for _ in _said_by_server(headers))


def _of_others(asked: str, signs: Iterable[WallSign]) -> tuple[WallSign, ...]:
    """Without those that the asked address would have by right: a log-in page is what it says."""
    return tuple(
        dict.fromkeys(sign for sign in signs if not sign.kind or not is_named_as(asked, sign.kind))
    )


def _said_by_server(headers: Iterable[tuple[str, str]]) -> Iterator[WallSign]:
    said = {(name.lower(), value.strip().lower()) for name, value in headers}
    if said & _CHALLENGE_HEADERS:
        yield WallSign(CHALLENGE, "header")


def _led_elsewhere(asked: str, url: str) -> Iterator[WallSign]:
    if asked != url:
        for kind in OWN_PATHS:
            if is_named_as(url, kind) and not is_named_as(asked, kind):
                yield WallSign(kind, "redirect")


def _named(title: str) -> Iterator[WallSign]:
    for kind, pattern in TITLES:
        if pattern.search(title.strip()):
            yield WallSign(kind, "title")


def _made_of(page: Selector, source: str, text: str, further: int) -> Iterator[WallSign]:
    for kind, marks in MARKUP:
        if any(mark in source for mark in marks):
            yield WallSign(kind, "markup")
    if further <= _NO_MORE_LINKS:
        # A log-in box stands on many a page; here it is the main thing.
        if page.xpath("//form//input[@type='password']"):
            yield WallSign(LOGIN, "form")
        if _asks_for_age(page):
            yield WallSign(AGE, "form")
        for kind, pattern in PHRASES:
            if pattern.search(text):
                yield WallSign(kind, "words")
    if any(is_named_as(action, CONSENT) for action in page.xpath("//form/@action").getall()[:20]):
        yield WallSign(CONSENT, "form")


def _asks_for_age(page: Selector) -> bool:
    if page.xpath(_BORN):
        return True
    words = [
        _SPACE.sub(" ", button.xpath("string()").get(button.get() or "")).strip()
        for button in page.xpath(_BUTTONS)[:100]
    ]
    return any(_OVER_AGE.search(word) for word in words) and any(
        _UNDER_AGE.search(word) for word in words
    )


def _forwarding(page: Selector, url: str) -> Iterator[WallSign]:
    """A page that sends on by itself, to where one logs in or proves an age."""
    for content in page.xpath("//meta[@http-equiv]/@content").getall()[:10]:
        _, _, target = content.partition("=")
        try:
            meant = urljoin(url, target.strip(" '\""))
            kinds = [kind for kind in OWN_PATHS if target and is_named_as(meant, kind)]
        except ValueError:
            continue
        yield from (WallSign(kind, "forwarding") for kind in kinds)


def _unfilled(page: Selector, text: str, further: int) -> Iterator[WallSign]:
    """A page that shows nothing before a script has run."""
    if len(text) > _NEARLY_EMPTY_CHARS or further or not page.xpath("//script"):
        return
    if page.xpath(_MOUNTS):
        yield WallSign(SCRIPT, "markup")
    unscripted = " ".join(page.xpath("//noscript//text()").getall()[:20])
    if any(
        SCRIPT_WORDS.search(said) and REFUSING_WORDS.search(said) for said in (unscripted, text)
    ):
        yield WallSign(SCRIPT, "words")


def _visible_text(page: Selector) -> str:
    pieces: list[str] = []
    size = 0
    for piece in page.xpath(_VISIBLE).getall():
        pieces.append(piece)
        size += len(piece)
        if size > _MAX_TEXT_CHARS:
            break
    return _SPACE.sub(" ", " ".join(pieces)).strip()


def _further_links(links: Sequence[FoundLink], url: str) -> int:
    """How many other pages it leads to that are more than imprint, help or registration."""
    here = urlsplit(url).path
    return sum(
        link.kind == "page"
        and link.how in ("a", "area", "next")
        and not UNCOUNTED_LINKS.search(path := urlsplit(link.url).path)
        and path not in (here, "/")
        for link in links
    )
