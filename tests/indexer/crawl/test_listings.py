"""Sitemaps and feeds: what they name, and that hostile ones do no harm."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.crawl.client import CrawlClient
from indexer.crawl.discovery import discover_listing
from indexer.crawl.messages import Fetch, FetchRefused, FoundLink, PageSeen, Scope
from indexer.crawl.refusals import RefusedError
from indexer.crawl.sitemaps import MAX_PARTS
from indexer.crawl.xml_listings import MAX_LISTING_BYTES, listing_kind, unpacked
from tests.fixtures.hostile_site import HostileSite, body, page

SCOPE = Scope(allowed_hosts=("site.example",), media_hosts=("cdn.example",))
AT = "http://site.example/sitemap.xml"
SITEMAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
        xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"
        xmlns:video="http://www.google.com/schemas/sitemap-video/1.1"
        xmlns:xhtml="http://www.w3.org/1999/xhtml">
  <url><loc>http://site.example/old</loc><lastmod>2020-01-01</lastmod></url>
  <url><loc>http://site.example/new?a=1&amp;b=2</loc><lastmod>2026-01-01T10:00:00Z</lastmod>
    <xhtml:link rel="alternate" hreflang="de" href="http://site.example/de/new"/>
    <image:image><image:loc>http://cdn.example/1.jpg</image:loc></image:image>
    <video:video><video:thumbnail_loc>http://cdn.example/t.jpg</video:thumbnail_loc>
      <video:content_loc>http://cdn.example/v.mp4</video:content_loc></video:video></url>
  <url><loc>http://other.example/away</loc></url>
</urlset>"""
RSS = """<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"
  xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><link>http://site.example/</link>
  <image><url>http://site.example/logo.png</url></image>
  <item><link>http://site.example/post/1</link><enclosure url="/v.mp4" type="video/mp4" length="1"/>
    <enclosure url="/sound.mp3" type="audio/mpeg"/>
    <media:group><media:content url="http://cdn.example/full.jpg" medium="image"/></media:group>
    <media:thumbnail url="http://cdn.example/small.jpg"/>
    <content:encoded>
    <![CDATA[<p><img src="/inside.png"><a href="/more">x</a></p>]]></content:encoded>
  </item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><link rel="self" href="/atom"/>
  <link rel="next" href="/atom?page=2"/>
  <entry><link href="/e/1"/><link rel="enclosure" type="image/jpeg" href="/e/1.jpg"/>
  <content type="html">&lt;img src="/quoted.gif"&gt;</content></entry></feed>"""


def read(text: str | bytes, how: str = "") -> list[FoundLink]:
    content = text.encode() if isinstance(text, str) else text
    kind = listing_kind(content)
    assert kind is not None
    return list(discover_listing(content, kind, AT, SCOPE, depth=0, how=how).links)


def addresses(links: list[FoundLink], kind: str) -> list[str]:
    return [link.url.partition(".example")[2] for link in links if link.kind == kind]


def no_wait(host: str, delay_s: float) -> float:
    return 0.0


class TestSitemaps:
    def test_pages_come_newest_first_and_media_with_them(self) -> None:
        links = read(SITEMAP)
        assert addresses(links, "page") == ["/new?a=1&b=2", "/de/new", "/old"]
        assert addresses(links, "medium") == ["/1.jpg", "/t.jpg", "/v.mp4"]

    def test_an_index_names_its_newest_parts_and_a_part_names_none(self) -> None:
        parts = "".join(
            f"<sitemap><loc>/s{number}.xml</loc><lastmod>{2000 + number}-01-01</lastmod></sitemap>"
            for number in range(MAX_PARTS + 10)
        )
        index = f"<sitemapindex>{parts}</sitemapindex>"
        links = read(index, "sitemap")
        assert len(links) == MAX_PARTS
        assert links[0] == FoundLink(
            f"http://site.example/s{MAX_PARTS + 9}.xml", "page", "sitemap_part"
        )
        assert read(index, "sitemap_part") == []

    def test_broken_xml_is_read_as_far_as_it_goes(self) -> None:
        cut = SITEMAP[: SITEMAP.index("<url><loc>http://other")]
        assert "/old" in addresses(read(cut), "page")
        assert addresses(read("<urlset><url><loc>/a</loc></url><url><b></urlset>"), "page") == [
            "/a"
        ]

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "windows-1251", "utf-8-sig"])
    def test_other_charsets_are_read(self, encoding: str) -> None:
        text = "<urlset><url><loc>http://site.example/путь</loc></url></urlset>"
        if encoding == "windows-1251":
            text = f'<?xml version="1.0" encoding="{encoding}"?>{text}'
        content = text.encode(encoding)
        if encoding == "utf-16-le":
            content = b"\xff\xfe" + content
        assert addresses(read(content), "page") == ["/%D0%BF%D1%83%D1%82%D1%8C"]


class TestFeeds:
    def test_rss_gives_entries_enclosures_and_what_they_quote(self) -> None:
        links = read(RSS)
        assert addresses(links, "page") == ["/", "/post/1", "/more"]
        assert sorted(addresses(links, "medium")) == [
            "/full.jpg",
            "/inside.png",
            "/logo.png",
            "/small.jpg",
            "/v.mp4",
        ]

    def test_atom_gives_entries_enclosures_and_the_next_page(self) -> None:
        links = read(ATOM)
        assert addresses(links, "page") == ["/atom?page=2", "/e/1"]
        assert addresses(links, "medium") == ["/e/1.jpg", "/quoted.gif"]


class TestHostileXml:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-7"])
    def test_a_document_with_entities_is_refused_in_any_encoding(self, encoding: str) -> None:
        lines = "".join(f'<!ENTITY l{n} "&l{n - 1};&l{n - 1};">' for n in range(1, 30))
        text = (
            f'<?xml version="1.0" encoding="{encoding}"?>'
            f'<!DOCTYPE urlset [<!ENTITY l0 "lol">{lines}]>'
            "<urlset><url><loc>/&l29;</loc></url></urlset>"
        )
        with pytest.raises(RefusedError, match="entities"):
            read(text.encode(encoding))

    def test_an_outside_file_is_never_loaded(self) -> None:
        text = (
            '<!DOCTYPE urlset SYSTEM "file:///etc/passwd"><urlset><url><loc>/a</loc></url></urlset>'
        )
        assert addresses(read(text), "page") == ["/a"]

    def test_what_unpacks_beyond_the_limit_is_refused(self) -> None:
        with pytest.raises(RefusedError, match="larger"):
            unpacked(gzip.compress(bytes(MAX_LISTING_BYTES + 1)))

    def test_what_is_no_gzip_after_all_is_refused(self) -> None:
        with pytest.raises(RefusedError, match="decompressed"):
            unpacked(b"\x1f\x8b\x08 not at all")

    def test_a_web_page_is_no_listing(self) -> None:
        assert listing_kind(b"<!doctype html><html><body><feed></feed>") is None
        assert listing_kind(b"plain text") is None

    @given(st.binary(max_size=400))
    @settings(max_examples=200, deadline=None)
    def test_any_rubbish_below_a_root_is_read_or_refused(self, rubbish: bytes) -> None:
        for root in (b"<urlset>", b"<sitemapindex>", b"<rss>", b"<feed>"):
            try:
                links = read(root + rubbish)
            except RefusedError:
                continue
            hosts = {"site.example", "cdn.example"}
            assert {link.url.split("/")[2] for link in links} <= hosts


class TestThroughTheChild:
    def ask(self, crawler: CrawlClient, scope: Scope, fetch: Fetch) -> object:
        (answer,) = crawler.run_slice("s", scope, [fetch], no_wait)
        return answer

    def test_a_start_page_brings_the_sitemaps_that_robots_txt_names(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.robots = f"Sitemap: {site.at('/map.xml')}\nSitemap: http://other.example/map.xml"
        url = site.put("/", page("<a href=/a>a</a>"))
        seen = self.ask(crawler, site.scope(), Fetch("t", url, "page", 0))
        assert isinstance(seen, PageSeen)
        assert seen.links[-1] == FoundLink(site.at("/map.xml"), "page", "sitemap")
        assert all("other.example" not in link.url for link in seen.links)
        deeper = self.ask(crawler, site.scope(), Fetch("t", url, "page", 1))
        assert isinstance(deeper, PageSeen)
        assert [link.how for link in deeper.links] == ["a"]

    def test_where_robots_txt_names_none_the_usual_place_is_tried(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.robots = "User-agent: *\nDisallow: /x"
        url = site.put("/", page("hello"))
        seen = self.ask(crawler, site.scope(), Fetch("t", url, "page", 0))
        assert isinstance(seen, PageSeen)
        assert seen.links == (FoundLink(site.at("/sitemap.xml"), "page", "sitemap_guess"),)

    def test_a_packed_sitemap_is_read(self, site: HostileSite, crawler: CrawlClient) -> None:
        packed = gzip.compress(f"<urlset><url><loc>{site.at('/a')}</loc></url></urlset>".encode())
        url = site.put("/map.xml.gz", body(packed, "application/gzip"))
        seen = self.ask(crawler, site.scope(), Fetch("t", url, "page", 0, how="sitemap"))
        assert isinstance(seen, PageSeen)
        assert seen.links == (FoundLink(site.at("/a"), "page", "listed"),)

    def test_a_page_in_place_of_a_sitemap_is_none(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/sitemap.xml", page("<title>Not found</title>"))
        refused = self.ask(crawler, site.scope(), Fetch("t", url, "page", 0, how="sitemap_guess"))
        assert isinstance(refused, FetchRefused)
        assert refused.code == "not_listing"

    def test_a_page_offers_its_feeds(self, site: HostileSite, crawler: CrawlClient) -> None:
        feed = '<link rel="alternate" type="application/rss+xml" href="/feed">'
        html = feed + '<link rel="alternate" hreflang="de" href="/de">'
        url = site.put("/", page(html))
        seen = self.ask(crawler, site.scope(), Fetch("t", url, "page", 2))
        assert isinstance(seen, PageSeen)
        assert seen.links == (FoundLink(site.at("/feed"), "page", "feed"),)
