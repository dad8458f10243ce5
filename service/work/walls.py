"""Pages that are not what they seem: challenges, log-in, age and consent walls, unfilled frames.

The crawl child names the signs it saw (`indexer/crawl/walls.py`); here two more are added that it
cannot know: that many addresses of the slice were answered with the same words, and that there are
no media where there were some the last time. What stands behind a wall was not looked at, and
"nothing found" is never said of it (design rule 13).
"""

from __future__ import annotations

from collections import Counter

from indexer.crawl.messages import FetchRefused, PageSeen
from indexer.crawl.wall_words import ACTIONS
from indexer.crawl.walls import MANY_MEDIA, wall_among

WALL_PREFIX = "wall_"
ACTION_NEEDS_LOGIN = "action_needs_login"
"""Where one writes or registers: it shows nothing, so that asking to log in there hides nothing."""

_STATUS_WALLS = {401: "login", 403: "forbidden", 407: "login", 429: "busy", 451: "legal"}
_ALIKE = 3


class Walls:
    """Tells the walls of one slice; remembers digests of what its pages said, and nothing else."""

    def __init__(self) -> None:
        self._said: Counter[str] = Counter()

    def code_of(self, page: PageSeen, *, media_before: int = 0) -> str | None:
        """Why the page counts as refused ("wall_login", …), or None when it is a page.

        `media_before` is how many media it led to the last time.
        """
        shapes = []
        if page.words_digest:
            self._said[page.words_digest] += 1
            if self._said[page.words_digest] > _ALIKE:
                shapes.append("alike")
        if media_before >= MANY_MEDIA and not media_shown(page):
            shapes.append("lost")
        return _code(wall_among(page.wall_signs, shapes=shapes), page.url)


def code_of_refusal(refused: FetchRefused) -> str | None:
    """The wall that a refused page stands behind: what it showed, else what its status says."""
    kind = refused.wall
    if kind is None and refused.status is not None:
        kind = _STATUS_WALLS.get(refused.status)
    return _code(kind, refused.url)


def words_of_wall(page: PageSeen) -> str:
    """What is kept of a page that is a wall; where a script may have been missing, from where."""
    words = "what came is a wall before the page"
    if page.hosts_missing:
        words += (
            "; in the browser it asked for scripts or data of hosts outside the site: "
            f"{', '.join(page.hosts_missing)}"
        )
    return words


def media_shown(page: PageSeen) -> int:
    """How many media in scope the page links to."""
    return sum(1 for link in page.links if link.kind == "medium")


def _code(kind: str | None, url: str) -> str | None:
    if kind is None:
        return None
    if kind in ("login", "forbidden") and ACTIONS.search(url):
        return ACTION_NEEDS_LOGIN
    return WALL_PREFIX + kind
