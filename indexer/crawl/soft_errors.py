"""Pages that say "not found" under status 200: soft 404s.

Two signs, each narrow, because a page that is taken for one is not looked at:
1. the title, or one of its parts between separators, is nothing but such words, and the page shows
   fewer than `MANY_MEDIA` media;
2. an address deep in the site, not one where a run begins, was redirected to the site's first page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from indexer.crawl.messages import FoundLink

MANY_MEDIA = 3
MAX_TITLE_CHARS = 200

_SEPARATORS = re.compile(r"\s+[-–—|·•:»«/]+\s+|\s*[|·•»«]\s*|:\s+")
_THING = (
    r"(?:page|file|document|url|address|content|post|thread|topic|article|image|picture|photo"
    r"|video|user|member|profile|album|gallery|item|forum|board)"
)
_NOT_FOUND = re.compile(
    r"(?:(?:http )?(?:error|fehler|erreur|errore|ошибка)? ?#?40[34](?: ?error)?"
    r"|(?:(?:error|http) )?#?(?:404|410)[ ,.]*(?:page |file )?(?:not found|gone|error)"
    rf"|(?:the |this |that |requested |sorry,? )*{_THING}? ?(?:was |is |could |can)?"
    r" ?(?:not|cannot|can't|couldn't|could not) ?(?:be )?found"
    rf"|not found|(?:the |this |that |sorry,? )*{_THING} (?:does not|doesn't) exist(?: anymore)?"
    rf"|(?:the |this |that |sorry,? )*{_THING} (?:is )?no longer (?:available|exists)"
    rf"|(?:the |this |that )*{_THING} (?:has been|was) (?:removed|deleted)"
    rf"|no such {_THING}|(?:oops|whoops)[!.]* ?(?:page not found|404)?"
    r"|seite (?:wurde )?nicht gefunden|nicht gefunden"
    r"|page (?:non trouvée|introuvable)|p[aá]gina no encontrada|no encontrado"
    r"|pagina non trovata|p[aá]gina n[aã]o encontrada|pagina niet gevonden"
    r"|nie znaleziono(?: strony)?|strona nie znaleziona|страница не найдена|не найдено"
    r"|сторінку не знайдено|sayfa bulunamad[ıi]|sidan (?:kunde inte hittas|hittades inte)"
    r"|ページが見つかりません(?:でした)?|页面不存在|找不到页面|页面未找到|找不到網頁"
    r"|페이지를 찾을 수 없습니다|الصفحة غير موجودة)[.!]?",
    re.IGNORECASE,
)


def is_soft_error(
    asked_url: str, final_url: str, title: str, links: Sequence[FoundLink], *, depth: int
) -> bool:
    """Whether a page that came with status 200 only says that there is nothing.

    `asked_url` and `final_url` are canonical, before and after redirects; `depth` counts links from
    the start.
    """
    if depth > 0 and final_url != asked_url and _led_to_the_start(asked_url, final_url):
        return True
    shown = sum(1 for link in links if link.kind == "medium")
    return shown < MANY_MEDIA and _says_not_found(title)


def _says_not_found(title: str) -> bool:
    parts = _SEPARATORS.split(title[:MAX_TITLE_CHARS])
    whole = (title[:MAX_TITLE_CHARS], *parts)
    return any(_NOT_FOUND.fullmatch(part.strip()) for part in whole if part.strip())


def _led_to_the_start(asked_url: str, final_url: str) -> bool:
    asked, final = urlsplit(asked_url), urlsplit(final_url)
    if asked.hostname != final.hostname or final.path != "/" or final.query:
        return False
    return len([segment for segment in asked.path.split("/") if segment]) > 1
