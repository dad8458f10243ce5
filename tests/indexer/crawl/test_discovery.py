from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsel import Selector

from indexer.crawl.discovery import MAX_LINKS, MAX_NAMED, Discovered, clean_text, discover
from indexer.crawl.messages import Scope
from indexer.crawl.scope import canonical_address, is_in_scope

SCOPE = Scope(allowed_hosts=("site.test",), media_hosts=("cdn.test",), max_depth=2)
PAGE = "http://site.test/dir/page"


def look(html: str, *, depth: int = 0, scope: Scope = SCOPE) -> Discovered:
    return discover(Selector(text=html, type="html"), PAGE, scope, depth=depth)


def links(html: str) -> list[tuple[str, str, str]]:
    return [(link.url, link.kind, link.how) for link in look(html).links]


@pytest.mark.parametrize(
    ("html", "url", "kind", "how"),
    [
        ('<img src="a.jpg">', "/dir/a.jpg", "medium", "img"),
        ('<img src="x.gif" data-src="/lazy">', "/lazy", "medium", "img"),
        ('<noscript><img src="/quiet.jpg"></noscript>', "/quiet.jpg", "medium", "img"),
        ('<img srcset="/s.jpg 1x, /l.jpg 2x">', "/l.jpg", "medium", "srcset"),
        ('<img srcset="/w,h=1.jpg 480w,/z.jpg 800w">', "/w,h=1.jpg", "medium", "srcset"),
        (
            '<picture><source srcset="/p.avif"><img src="/p.jpg"></picture>',
            "/p.avif",
            "medium",
            "srcset",
        ),
        ('<video src="/v"></video>', "/v", "medium", "video"),
        ('<video poster="/still"></video>', "/still", "medium", "poster"),
        ('<video><source src="/v.mp4"></video>', "/v.mp4", "medium", "video"),
        ('<video data-src="/later"></video>', "/later", "medium", "video"),
        ('<div data-video-src="/d.mp4">', "/d.mp4", "medium", "video"),
        ('<amp-video src="/amp"></amp-video>', "/amp", "medium", "video"),
        ('<meta itemprop="contentUrl" content="/m">', "/m", "medium", "microdata"),
        ('<link itemprop="thumbnailUrl" href="/t">', "/t", "medium", "microdata"),
        ('<a href="/clip.webm">clip</a>', "/clip.webm", "medium", "a"),
        ('<a href="/old.3G2">clip</a>', "/old.3G2", "medium", "a"),
        ('<meta property="og:image" content="/og">', "/og", "medium", "og:image"),
        ('<meta property="OG:IMAGE:url" content="/og">', "/og", "medium", "og:image"),
        ('<meta name="twitter:image" content="/tw">', "/tw", "medium", "twitter:image"),
        ('<meta property="og:video:url" content="/ov">', "/ov", "medium", "og:video"),
        ('<a href="/full.JPG?x=1">f</a>', "/full.JPG?x=1", "medium", "a"),
        ('<link rel="image_src" href="/is">', "/is", "medium", "link"),
        ('<link rel="preload" as="image" href="/pre">', "/pre", "medium", "link"),
        ('<div style="background: url( /bg.png )">', "/bg.png", "medium", "css"),
        ("<style>.a{background-image:url('/b2.png')}</style>", "/b2.png", "medium", "css"),
        ('<div data-bg="/lazybg">', "/lazybg", "medium", "css"),
        ('<svg><image href="/in-svg.png"/></svg>', "/in-svg.png", "medium", "svg"),
        ('<input type="image" src="/button.png">', "/button.png", "medium", "input"),
        ('<embed src="/clip.webm">', "/clip.webm", "medium", "embed"),
        ('<a href="next">n</a>', "/dir/next", "page", "a"),
        ('<map><area href="/area"></map>', "/area", "page", "a"),
        ('<link rel="next" href="?page=2">', "/dir/page?page=2", "page", "next"),
        ('<iframe src="/frame"></iframe>', "/frame", "page", "iframe"),
        (
            '<meta http-equiv="Refresh" content="0; URL=\'/there\'">',
            "/there",
            "page",
            "refresh",
        ),
    ],
)
def test_every_usual_place_is_looked_at(html: str, url: str, kind: str, how: str) -> None:
    assert ("http://site.test" + url, kind, how) in links(html)


def test_json_ld_media_are_found_at_any_depth() -> None:
    html = """<script type="application/ld+json">{"@graph": [
        {"image": ["/one.jpg", {"@type": "ImageObject", "url": "/two.jpg"}],
         "author": {"photo": "/three.jpg", "url": "/not-a-picture"}},
        {"video": {"contentUrl": "/four.mp4", "thumbnailUrl": "/five.jpg"}}]}</script>"""
    assert {url for url, _, how in links(html) if how == "json-ld"} == {
        f"http://site.test/{name}"
        for name in ("one.jpg", "two.jpg", "three.jpg", "four.mp4", "five.jpg")
    }


@pytest.mark.parametrize("block", ["{", "[" * 100_000, '{"image": 7}', "null", '"text"'])
def test_broken_json_ld_is_passed_over(block: str) -> None:
    html = f'<script type="application/ld+json">{block}</script><img src="/a.jpg">'
    assert links(html) == [("http://site.test/a.jpg", "medium", "img")]


def test_the_base_of_the_page_counts() -> None:
    html = '<base href="/other/"><img src="a.jpg"><a href="b">b</a>'
    assert [url for url, _, _ in links(html)] == [
        "http://site.test/other/a.jpg",
        "http://site.test/other/b",
    ]


@pytest.mark.parametrize("base", ["javascript:1", "http://[", "file:///etc/"])
def test_a_senseless_base_is_ignored(base: str) -> None:
    assert links(f'<base href="{base}"><img src="a.jpg">')[0][0] == "http://site.test/dir/a.jpg"


@pytest.mark.parametrize(
    "html",
    [
        '<img src="data:image/png;base64,AAAA">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="mailto:a@b.test">x</a>',
        '<a href="#here">x</a>',
        '<a href="/file.pdf">x</a>',
        '<a href="/song.mp3">x</a>',
        '<link rel="icon" href="/favicon.ico">',
        "<style>@font-face{src:url(/f.woff2)}</style>",
        '<a href="http://[::1">x</a>',
        '<img src="">',
        f'<a href="{PAGE}">myself</a>',
    ],
)
def test_what_is_neither_page_nor_medium_is_left_alone(html: str) -> None:
    found = look(html)
    assert found.links == ()
    assert found.out_of_scope == 0


def test_addresses_out_of_scope_are_counted_once_each_and_not_given() -> None:
    found = look(
        '<a href="http://else.test/">x</a><a href="http://else.test/#y">y</a>'
        '<img src="http://else.test/p.jpg"><img src="http://cdn.test/p.jpg">'
        '<a href="http://cdn.test/page">z</a>'
    )
    assert [link.url for link in found.links] == ["http://cdn.test/p.jpg"]
    assert found.out_of_scope == 3


def test_an_address_is_given_once_and_a_shown_one_is_a_medium() -> None:
    html = '<a href="/show">x</a><img src="/show"><img src="/show#again">'
    assert links(html) == [("http://site.test/show", "medium", "img")]


def test_at_the_deepest_page_only_media_are_followed() -> None:
    found = look('<a href="/deeper">d</a><img src="/a.jpg">', depth=2)
    assert [link.url for link in found.links] == ["http://site.test/a.jpg"]
    assert found.out_of_scope == 1


def test_a_page_of_endless_links_is_cut_and_says_so() -> None:
    html = "".join(f'<a href="/p{n}">x</a>' for n in range(MAX_LINKS + 7))
    found = look(html)
    assert len(found.links) == MAX_LINKS
    assert found.dropped == 7


def test_a_title_is_one_line_without_control_or_direction_marks() -> None:
    title = "<title>  A\x07 \u202egnp.exe\u202c\n\tpage \u200b \u2066x </title>"
    assert look(title).title == "A gnp.exe page x"


def test_joiners_that_scripts_need_stay_in_a_title() -> None:
    assert clean_text("می\u200cخواهم", 50) == "می\u200cخواهم"


def test_a_long_title_is_cut() -> None:
    assert look(f"<title>{'a' * 5000}</title>").title == "a" * 199 + "…"


@given(st.text(max_size=400))
def test_any_text_gives_links_in_scope_only(text: str) -> None:
    html = f"<a href='{text}'></a><img src='{text}' srcset='{text}'><p style='{text}'>{text}"
    for link in look(html).links:
        assert canonical_address(link.url) == link.url
        assert is_in_scope(link.url, link.kind, SCOPE, depth=1)


@pytest.mark.parametrize(
    "html",
    [
        "<img srcset='" + "a" * 2_000_000 + " q b'>",
        "<img srcset='" + "a," * 1_000_000 + "'>",
        "<style>" + "url(" * 500_000 + "</style>",
        "<style>url(" + " " * 2_000_000 + "</style>",
        "<meta http-equiv=refresh content='0;" + " " * 2_000_000 + "'>",
        "<a href='" + "../" * 600_000 + "'>",
        "<title>" + "\u202e" * 600_000 + "</title>",
    ],
    ids=["token", "commas", "urls", "spaces", "refresh", "dots", "title"],
)
@pytest.mark.timeout(20)
def test_text_made_to_be_slow_is_not_slow(html: str) -> None:
    """Each of these took minutes with a pattern that looks back; the limit is far above need."""
    assert look(html).title == ""


def test_of_a_page_with_endless_addresses_only_some_are_looked_at() -> None:
    found = look("<a href='/same'></a>" * (MAX_NAMED + 5))
    assert len(found.links) == 1
    assert found.dropped == 5


@pytest.mark.parametrize("tag", ["img", "a", "meta content=x name=y", "link rel=next"])
def test_an_attribute_with_a_hostile_name_costs_no_page(tag: str) -> None:
    html = f"<{tag} \x0c\x7f\ud7ff\ufdd0='' \x01='' href='/p' src='/p.jpg'><img src='/found.jpg'>"
    assert "http://site.test/found.jpg" in [link.url for link in look(html).links]
