"""Pages that are not what they seem: challenges, log-in, age and consent walls.

A wall is told by where the page led (its address), by its title, or by the server's status; and a
page that shows media is none. What stands behind a wall was not looked at, and "nothing found" is
never said of it (design rule 13).
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from indexer.crawl.messages import FetchRefused, PageSeen

WALL_PREFIX = "wall_"
_STATUS_WALLS = {401: "login", 403: "forbidden", 407: "login", 429: "busy", 451: "legal"}
_MANY_MEDIA = 3

_TITLES = (
    (
        "challenge",
        (
            r"just a moment|attention required|verif(y|ying) (that )?you|are you (a )?(human|robot)"
            r"|captcha|security check|checking your browser|ddos|access denied|bot detection"
        ),
    ),
    ("login", r"^(please )?(log|sign)[ -]?in\b|login required|members only|\banmelden\b"),
    ("age", r"age (verification|check|gate|restricted)|are you (over )?(18|21)|adults only"),
    ("consent", r"before you continue|cookie (consent|notice)|we value your privacy|consent"),
)
_PATHS = (
    ("challenge", r"/(cdn-cgi/challenge|captcha|challenge|verify-human)"),
    ("login", r"/(log-?in|sign-?in|auth|account/login|users/sign_in)(/|$|\.)"),
    ("age", r"/(age-?(gate|check|verification)|over18)(/|$|\.)"),
    ("consent", r"/(consent|cookie-?wall|privacy-?gate)(/|$|\.)"),
)
_TITLE_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _TITLES)
_PATH_PATTERNS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _PATHS)


def wall_of(page: PageSeen) -> str | None:
    """The kind of wall that this answer is ("challenge", "login", "age", "consent"), or None."""
    if page.final_url != page.url:
        path = urlsplit(page.final_url).path
        for kind, pattern in _PATH_PATTERNS:
            if pattern.search(path) and not pattern.search(urlsplit(page.url).path):
                return kind
    if media_shown(page) >= _MANY_MEDIA:
        return None
    for kind, pattern in _TITLE_PATTERNS:
        if pattern.search(page.title.strip()):
            return kind
    return None


def wall_of_refusal(refused: FetchRefused) -> str | None:
    """The kind of wall that a refused page stands behind, judged by the server's status."""
    return _STATUS_WALLS.get(refused.status) if refused.status is not None else None


def media_shown(page: PageSeen) -> int:
    """How many media in scope the page links to."""
    return sum(1 for link in page.links if link.kind == "medium")
