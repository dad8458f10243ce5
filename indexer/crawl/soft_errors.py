"""Pages that say "not found" or "forbidden" under status 200: soft 404s and soft 403s.

Two signs, each narrow, because a page that is taken for one is not looked at:
1. the title, or one of its parts between separators, is nothing but such words, and the page shows
   fewer than `MANY_MEDIA` media;
   What is forbidden is there and was not seen: it is told apart from what is gone;
2. an address deep in the site, not one where a run begins, was redirected to the site's first page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal
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
    r"(?:(?:http )?(?:error|fehler|erreur|errore|ошибка)? ?#?(?:404|410)(?: ?error)?"
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
_FORBIDDEN = re.compile(
    r"(?:(?:http )?(?:error|fehler|erreur|errore|ошибка)? ?#?403(?: ?error)?"
    r"|(?:(?:error|http) )?#?403[ :,.-]*(?:forbidden|access denied|error)|forbidden"
    r"|(?:access|permission)(?: to this (?:page|site|resource))? (?:is |has been |was )?denied"
    r"|(?:sorry,? )?(?:you (?:do not|don't) have|you have no) (?:permission|access)"
    r"(?: to (?:view|access|see|read) this (?:page|thread|forum|content|area|site))?"
    r"|you are not (?:allowed|permitted) to (?:view|access|see|read) this"
    r" (?:page|thread|forum|content|area|site)"
    r"|zugriff verweigert|kein(?:e)? (?:zugriff|zugang|berechtigung)|zugriff nicht erlaubt"
    r"|acc[eè]s (?:refusé|interdit)|acceso (?:denegado|prohibido)|accesso (?:negato|vietato)"
    r"|acesso (?:negado|proibido)|toegang geweigerd|brak dostępu|dostęp zabroniony"
    r"|доступ запрещ[её]н|доступ заборонено|erişim engellendi|åtkomst nekad"
    r"|アクセスが拒否されました|アクセス拒否|禁止访问|拒绝访问|접근이 거부되었습니다"
    r"|تم رفض الوصول)[.!]?",
    re.IGNORECASE,
)
NOTHING_THERE: Final = "soft_404"
FORBIDDEN: Final = "soft_403"


def soft_error(
    asked_url: str, final_url: str, title: str, links: Sequence[FoundLink], *, depth: int
) -> Literal["soft_404", "soft_403"] | None:
    """What a page that came with status 200 says instead of showing something; None if nothing.

    "soft_404": that there is nothing; "soft_403": that it is forbidden. `asked_url` and `final_url`
    are canonical, before and after redirects; `depth` counts links from the start.
    """
    if depth > 0 and final_url != asked_url and _led_to_the_start(asked_url, final_url):
        return NOTHING_THERE
    if sum(1 for link in links if link.kind == "medium") >= MANY_MEDIA:
        return None
    if _says(_FORBIDDEN, title):
        return FORBIDDEN
    return NOTHING_THERE if _says(_NOT_FOUND, title) else None


def _says(words: re.Pattern[str], title: str) -> bool:
    parts = _SEPARATORS.split(title[:MAX_TITLE_CHARS])
    whole = (title[:MAX_TITLE_CHARS], *parts)
    return any(words.fullmatch(part.strip()) for part in whole if part.strip())


def _led_to_the_start(asked_url: str, final_url: str) -> bool:
    asked, final = urlsplit(asked_url), urlsplit(final_url)
    if asked.hostname != final.hostname or final.path != "/" or final.query:
        return False
    return len([segment for segment in asked.path.split("/") if segment]) > 1
