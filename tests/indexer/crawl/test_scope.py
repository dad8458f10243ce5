from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.crawl.addresses import numeric_host
from indexer.crawl.messages import Scope
from indexer.crawl.scope import BadAddressError, canonical_address, is_in_scope, place_of

SCOPE = Scope(
    allowed_hosts=("example.org", "other.example:8443", "Bücher.example"),
    media_hosts=("cdn.example",),
    path_prefixes=("/gallery", "/people/"),
    max_depth=3,
)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("http://example.org:80/a", "http://example.org/a"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("https://example.org:80/a", "https://example.org:80/a"),
        ("http://example.org/a#part", "http://example.org/a"),
        ("http://example.org/a/../b/./c", "http://example.org/b/c"),
        ("http://example.org/a/%2e%2E/b", "http://example.org/b"),
        ("http://example.org/../../x", "http://example.org/x"),
        ("http://example.org/a/..", "http://example.org/"),
        ("http://example.org./a", "http://example.org/a"),
        ("http://exa%6dple.org/a", "http://example.org/a"),
        ("http:\\\\example.org\\a?b\\c", "http://example.org/a?b\\c"),
        ("  http://exa\nmple.org/\ta ", "http://example.org/a"),
        ("http://bücher.example/ä?ü", "http://xn--bcher-kva.example/%C3%A4?%C3%BC"),
        ("http://example.org/%7euser/%c3%a4", "http://example.org/~user/%C3%A4"),
        ("http://example.org/a b", "http://example.org/a%20b"),
        ("http://example.org?b=2&a=1", "http://example.org/?b=2&a=1"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://2130706433:81/", "http://127.0.0.1:81/"),
        ("http://127.0.0.1/", "http://127.0.0.1/"),
        ("http://[::FFFF:7f00:1]/", "http://[::ffff:127.0.0.1]/"),
        ("http://[2A00:1450::0001]:8080/", "http://[2a00:1450::1]:8080/"),
    ],
)
def test_an_address_has_one_spelling(written: str, canonical: str) -> None:
    got = canonical_address(written)
    if "[::ffff" in canonical:
        assert numeric_host(place_of(got).host) == numeric_host("::ffff:127.0.0.1")
    elif "?b\\c" in canonical:
        assert got in (canonical, canonical.replace("\\", "%5C"))
    else:
        assert got == canonical


@pytest.mark.parametrize(
    "written",
    [
        "",
        "example.org/a",
        "ftp://example.org/",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "file:///etc/passwd",
        "http://",
        "http:///a",
        "http://user:secret@example.org/",
        "http://example.org@evil.example/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:x/",
        "http://exa mple.org/",
        "http://-x-.example/",
        "http://a..b/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://1.2.3.4.5/",
        "http://ex\u2100mple.org/",
        "http://example.org/" + "a" * 5000,
        "http://" + "a" * 64 + ".example/",
    ],
)
def test_what_cannot_be_fetched_is_a_bad_address(written: str) -> None:
    with pytest.raises(BadAddressError):
        canonical_address(written)


hosts = st.one_of(
    st.sampled_from(
        ["example.org", "EXAMPLE.org.", "evil.example", "cdn.example", "127.1", "[::1]", "büro.de"]
    ),
    st.text(max_size=12),
)
addresses = st.one_of(
    st.text(max_size=60),
    st.builds(
        "{}{}{}{}{}".format,
        st.sampled_from(["http://", "https://", "HTTP:\\\\", "//", "http:/", ""]),
        hosts,
        st.sampled_from(["", ":80", ":443", ":8443", ":", "@example.org", "\\@example.org"]),
        st.sampled_from(["", "/", "\\", "?", "#"]),
        st.text(max_size=30),
    ),
)


@given(addresses)
@example("http://example.org/%25%32%65%25%32%65/")
@example("http://example.org/%zz%2")
def test_canonical_is_final(written: str) -> None:
    try:
        once = canonical_address(written)
    except BadAddressError:
        return
    assert canonical_address(once) == once
    assert once.isascii()
    parts = urlsplit(once)
    assert parts.scheme in ("http", "https")
    assert parts.path.startswith("/")
    assert not {".", ".."} & set(parts.path.split("/"))
    assert "#" not in once and "@" not in parts.netloc


@given(addresses, st.sampled_from(["page", "medium"]), st.integers(0, 6))
def test_nothing_in_scope_leads_to_a_host_that_is_not_listed(
    written: str, kind: str, depth: int
) -> None:
    try:
        url = canonical_address(written)
    except BadAddressError:
        return
    if not is_in_scope(url, kind, SCOPE, depth=depth):  # type: ignore[arg-type]
        return
    parts = urlsplit(url)
    listed = {("example.org", None), ("other.example", 8443), ("xn--bcher-kva.example", None)}
    if kind == "medium":
        listed.add(("cdn.example", None))
    else:
        assert depth <= 3
        assert parts.path.startswith(("/gallery", "/people/"))
    assert (parts.hostname, parts.port) in listed


@pytest.mark.parametrize(
    ("url", "page", "medium"),
    [
        ("http://example.org/gallery/1", True, True),
        ("https://example.org/gallery", True, True),
        ("https://example.org/elsewhere", False, True),
        ("https://www.example.org/gallery", False, False),
        ("https://example.org:8443/gallery", False, False),
        ("https://other.example:8443/people/1", True, True),
        ("https://other.example/people/1", False, False),
        ("https://cdn.example/gallery/1", False, True),
        ("http://bücher.example/gallery", True, True),
        ("http://example.org/gallery/../admin", False, True),
        ("http://example.org.evil.example/gallery", False, False),
    ],
)
def test_pages_need_host_and_path_and_media_need_a_host(url: str, page: bool, medium: bool) -> None:
    canonical = canonical_address(url)
    assert is_in_scope(canonical, "page", SCOPE) is page
    assert is_in_scope(canonical, "medium", SCOPE) is medium


def test_a_page_deeper_than_the_limit_is_out_of_scope() -> None:
    assert is_in_scope("http://example.org/gallery", "page", SCOPE, depth=3)
    assert not is_in_scope("http://example.org/gallery", "page", SCOPE, depth=4)


def test_the_lease_of_a_host_is_named_with_its_port() -> None:
    assert place_of("https://example.org/").slot == "example.org:443"
    assert place_of("http://[2a00:1450::1]:81/").slot == "[2a00:1450::1]:81"


def test_http_and_https_of_a_host_are_visited_under_one_lease() -> None:
    assert place_of("http://a.example/").lease == place_of("https://a.example/").lease
    assert place_of("http://a.example:8080/").lease != place_of("http://a.example/").lease
