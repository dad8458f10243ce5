"""What a page's players are told to show; no script runs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsel import Selector

from indexer.crawl.discovery import discover
from indexer.crawl.messages import FoundLink, Scope
from indexer.crawl.players import MAX_PLAYED, player_media

AT = "http://site.example/watch/1"


def links(html: str) -> dict[str, FoundLink]:
    scope = Scope(("site.example",), media_hosts=("cdn.example",))
    found = discover(Selector(html, type="html"), AT, scope, depth=0)
    return {link.url: link for link in found.links}


VIDEO = "http://cdn.example/v/1.m3u8"


@pytest.mark.parametrize(
    "html",
    [
        # video.js, plyr, flowplayer
        """<video data-setup='{"sources": [{"src": "//cdn.example/v/1.m3u8", "type": "x"}]}'>""",
        """<div data-plyr-config='{"source": {"src": "//cdn.example/v/1.m3u8"}}'></div>""",
        """<div data-item='{"sources": [{"src": "http://cdn.example/v/1.m3u8"}]}'></div>""",
        # jwplayer, with slashes as PHP writes them
        r"""<script>jwplayer("a").setup({"file":"http:\/\/cdn.example\/v\/1.m3u8"});</script>""",
        """<script>jwplayer('a').setup({ file : 'http://cdn.example/v/1.m3u8', w: 1 });</script>""",
        r"""<script>var s = {hls: "http\u003a//cdn.example/v/1\x2em3u8"};</script>""",
        # the whole state of a page, as frameworks leave it
        """<script type="application/json">{"a": [{"b": {"streamUrl":
           "http://cdn.example/v/1.m3u8"}}]}</script>""",
        """<script>flashvars = {video_url: 'function/0/http://cdn.example/v/1.m3u8'}</script>""",
        """<script type="application/ld+json">{"@type": "VideoObject",
           "contentUrl": "http://cdn.example/v/1.m3u8"}</script>""",
        """<div data-hls="http://cdn.example/v/1.m3u8"></div>""",
        """<video><source src="http://cdn.example/v/1.m3u8"></video>""",
    ],
)
def test_the_video_of_a_player_is_a_medium(html: str) -> None:
    assert links(html)[VIDEO].kind == "medium"


def test_an_address_without_an_ending_counts_where_its_type_is_said() -> None:
    html = """<video data-setup='{"src": "/play?id=7", "type": "application/x-mpegURL"}'>"""
    assert links(html)["http://site.example/play?id=7"].kind == "medium"


def test_a_poster_of_a_player_is_a_smaller_form_of_its_video() -> None:
    for html in (
        """<b data-setup='{"poster": "/p.jpg", "sources": [{"src": "/v.mp4"}]}'></b>""",
        """<script>setup({file: "/v.mp4", image: "/p.jpg"})</script>""",
        """<script type="application/ld+json">{"@type": "VideoObject", "contentUrl": "/v.mp4",
           "thumbnailUrl": "/p.jpg"}</script>""",
    ):
        found = links(html)
        assert found["http://site.example/p.jpg"].variant_of == "http://site.example/v.mp4", html
        assert found["http://site.example/v.mp4"].variant_of is None


def test_the_page_in_which_a_video_is_embedded_is_visited() -> None:
    html = """<script type="application/ld+json">{"@type": "VideoObject", "embedUrl": "/e/1"}
        </script>"""
    assert links(html)["http://site.example/e/1"].kind == "page"


def test_what_a_script_would_still_fill_in_is_no_address() -> None:
    assert links("<script>a = {file: `${host}/v.mp4`, src: '{id}.mp4'}</script>") == {}


def test_other_texts_of_scripts_are_left_alone() -> None:
    html = (
        '<script>x = {file: "/app.js", url: "/api/v1", src: "/v.mp4.html", name: "/v.mp4"}</script>'
    )
    assert links(html) == {}


def test_addresses_out_of_scope_or_not_of_the_web_are_not_followed() -> None:
    html = """<script>a = {file: "http://else.example/v.mp4", src: "file:///etc/x.mp4"}</script>"""
    assert links(html) == {}


@pytest.mark.parametrize(
    "text",
    [
        "{" * 500_000,
        '{"file":"' * 100_000,
        "file:'" * 150_000,
        "a:" * 400_000,
        'file:"' + "\\" * 900_000,
        'file:"' + "x" * 900_000,
        "[" * 900_000,
        ('file:"/v' + "x" * 4000 + "',") * 200,
    ],
)
def test_hostile_text_is_read_once_and_bounded(text: str) -> None:
    html = f"<script>{text}</script><b data-setup='{text[:60_000]}'></b>"
    assert len(list(player_media(Selector(html, type="html")))) <= MAX_PLAYED


def test_a_million_videos_are_bounded() -> None:
    text = json.dumps([{"file": f"/{number}.mp4"} for number in range(20_000)])
    html = f"<script type='application/json'>{text}</script>"
    assert len(list(player_media(Selector(html, type="html")))) == MAX_PLAYED


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    for html in (f"<script>{text}</script>", f"<script type='application/json'>{text}</script>"):
        list(player_media(Selector(html, type="html")))
