"""Smaller forms of a medium and the full one, as pages show them."""

from __future__ import annotations

import pytest
from parsel import Selector

from indexer.crawl.discovery import discover
from indexer.crawl.messages import Scope

SITE = "http://site.example"


def full_of(html: str) -> dict[str, str | None]:
    found = discover(Selector(html, type="html"), f"{SITE}/p", Scope(("site.example",)), depth=0)
    return {
        link.url.removeprefix(SITE): link.variant_of and link.variant_of.removeprefix(SITE)
        for link in found.links
        if link.kind == "medium"
    }


@pytest.mark.parametrize(
    "html",
    [
        '<img src="/s.jpg" srcset="/s.jpg 400w, /full.jpg 1600w">',
        '<img srcset="/s.jpg 1x, /full.jpg 2x">',
        '<picture><source srcset="/s.jpg 300w, /full.jpg 900w"><img src="/s.jpg"></picture>',
        '<a href="/full.jpg"><img src="/s.jpg"></a>',
        '<a href="/full.jpg"><span><img data-src="/s.jpg"></span></a>',
        '<img src="/s.jpg" data-original="/full.jpg">',
    ],
)
def test_a_small_picture_names_its_full_one(html: str) -> None:
    assert full_of(html) == {"/s.jpg": "/full.jpg", "/full.jpg": None}


def test_a_poster_stands_for_its_video() -> None:
    html = '<video poster="/s.jpg"><source src="/v.mp4"></video>'
    assert full_of(html)["/s.jpg"] == "/v.mp4"


def test_a_social_card_stands_for_the_larger_one_beside_it() -> None:
    html = '<meta property="og:image" content="/up/x-600x315.jpg"><img src="/up/x.jpg">'
    assert full_of(html) == {"/up/x-600x315.jpg": "/up/x.jpg", "/up/x.jpg": None}
    html = '<meta property="og:image" content="/x.jpg"><meta property="og:video" content="/x.mp4">'
    assert full_of(html)["/x.jpg"] == "/x.mp4"


@pytest.mark.parametrize(
    ("small", "full"),
    [
        ("/a-150x150.jpg", "/a.jpg"),
        ("/a_thumb.jpg", "/a.jpg"),
        ("/thumbs/a.jpg", "/a.jpg"),
        ("/g/thumbnails/a.jpg", "/g/a.jpg"),
        ("/a.jpg?w=100", "/a.jpg?w=1600"),
        ("/a.php?id=1&width=80", "/a.php?id=1"),
    ],
)
def test_names_that_differ_in_a_size_alone_are_one_medium(small: str, full: str) -> None:
    assert full_of(f'<img src="{small}"><img src="{full}">') == {small: full, full: None}


@pytest.mark.parametrize(
    "html",
    [
        '<img src="/1.jpg"><img src="/2.jpg">',
        '<a href="/page"><img src="/1.jpg"></a><img src="/2.jpg">',
        '<img src="/a.php?id=1"><img src="/a.php?id=2">',
        '<img src="/a.jpg"><img src="/a.png">',
    ],
)
def test_what_is_something_else_stays_by_itself(html: str) -> None:
    assert set(full_of(html).values()) == {None}


def test_a_chain_ends_at_its_last_and_a_circle_nowhere() -> None:
    chain = '<img src="/1.jpg" data-src="/2.jpg"><a href="/3.jpg"><img src="/2.jpg"></a>'
    assert full_of(chain) == {"/1.jpg": "/3.jpg", "/2.jpg": "/3.jpg", "/3.jpg": None}
    circle = '<a href="/2.jpg"><img src="/1.jpg"></a><a href="/1.jpg"><img src="/2.jpg"></a>'
    assert full_of(circle) == {"/1.jpg": None, "/2.jpg": None}


def test_a_full_form_out_of_scope_is_still_the_full_form() -> None:
    html = '<a href="http://else.example/full.jpg"><img src="/s.jpg"></a>'
    assert full_of(html) == {"/s.jpg": "http://else.example/full.jpg"}
