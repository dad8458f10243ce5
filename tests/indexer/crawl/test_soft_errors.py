"""Pages that say "not found" or "forbidden" under status 200, and pages that only speak of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.crawl.client import CrawlClient
from indexer.crawl.messages import Fetch, FetchRefused, FoundLink, PageSeen
from indexer.crawl.soft_errors import soft_error
from tests.fixtures.hostile_site import HostileSite, page, redirect

AT = "http://s.example/forum/thread/5"


def no_wait(host: str, delay_s: float) -> float:
    return 0.0


def said(title: str, media: int = 0) -> str | None:
    links = [FoundLink(f"http://s.example/{n}.jpg", "medium", "img") for n in range(media)]
    return soft_error(AT, AT, title, links, depth=1)


@pytest.mark.parametrize(
    "title",
    [
        "404",
        "404 Not Found",
        "Error 404",
        "Page not found - Example Forum",
        "Example Forum | Page not found",
        "Sorry, this page doesn't exist",
        "Thread not found",
        "The requested page could not be found",
        "This video is no longer available",
        "Seite nicht gefunden – Forum",
        "Page introuvable",
        "Página no encontrada",
        "Страница не найдена",
        "ページが見つかりません",
        "页面不存在",
    ],
)
def test_such_titles_say_that_there_is_nothing(title: str) -> None:
    assert said(title) == "soft_404"


@pytest.mark.parametrize(
    "title",
    [
        "403",
        "403 Forbidden",
        "Error 403",
        "Example Forum - Access denied",
        "You do not have permission to view this page",
        "Zugriff verweigert | Forum",
        "Accès refusé",
        "Acceso denegado",
        "Доступ запрещён",
        "禁止访问",
    ],
)
def test_such_titles_say_that_it_is_forbidden_which_is_not_gone(title: str) -> None:
    assert said(title) == "soft_403"


@pytest.mark.parametrize(
    "title",
    [
        "",
        "Forbidden love, a story in pictures",
        "Route 403 to the sea",
        "How to fix 403 forbidden in nginx",
        "Example Forum",
        "My cat was not found for three days",
        "Room 404 in the old hotel",
        "How to fix 404 not found in nginx",
        "Lost and found",
        "Page 404 of the gallery",
        "Pictures that were removed from the gallery",
    ],
)
def test_other_titles_do_not(title: str) -> None:
    assert said(title) is None


def test_a_page_that_shows_media_is_looked_at_whatever_its_title_says() -> None:
    assert said("404", media=2) == "soft_404"
    assert said("404", media=3) is None
    assert said("403", media=3) is None


@given(st.text(max_size=300))
def test_any_title_can_be_judged(title: str) -> None:
    assert said(title) in (None, "soft_404", "soft_403")


def ask(crawler: CrawlClient, site: HostileSite, url: str, depth: int) -> object:
    fetch = Fetch("t", url, "page", depth)
    (answer,) = crawler.run_slice("s", site.scope(), [fetch], no_wait)
    return answer


def test_a_soft_error_is_refused_and_never_seen(site: HostileSite, crawler: CrawlClient) -> None:
    url = site.put("/gone", page("<title>Page not found</title><a href=/x>home</a>"))
    refused = ask(crawler, site, url, 1)
    assert isinstance(refused, FetchRefused)
    assert (refused.code, refused.retry) == ("soft_404", False)


def test_a_forbidden_page_is_refused_as_such(site: HostileSite, crawler: CrawlClient) -> None:
    url = site.put("/members", page("<title>403 Forbidden</title><a href=/x>home</a>"))
    refused = ask(crawler, site, url, 1)
    assert isinstance(refused, FetchRefused)
    assert (refused.code, refused.retry) == ("soft_403", False)


def test_a_deep_address_that_leads_to_the_first_page_is_gone_but_a_start_is_not(
    site: HostileSite, crawler: CrawlClient
) -> None:
    site.put("/", page("<title>Welcome</title><a href=/x>x</a>"))
    url = site.put("/forum/thread/5", redirect("/"))
    refused = ask(crawler, site, url, 1)
    assert isinstance(refused, FetchRefused)
    assert refused.code == "soft_404"
    assert isinstance(ask(crawler, site, url, 0), PageSeen)
    assert isinstance(ask(crawler, site, site.put("/start", redirect("/")), 1), PageSeen)
