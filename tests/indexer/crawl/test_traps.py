"""Addresses that never end, and those that only look as if: no page of an ordinary site is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.crawl.scope import canonical_address
from indexer.crawl.traps import MOST_OF_A_CALENDAR, Trap, plain_address, trap_of

AT = "http://s.example"
YEAR = 2026


def trap(path: str) -> Trap | None:
    return trap_of(canonical_address(AT + path), YEAR)


def shapes(*paths: str) -> set[str]:
    found = [trap(path) for path in paths]
    assert all(found), found
    return {each.shape for each in found if each is not None}


class TestPlainAddresses:
    @pytest.mark.parametrize(
        ("written", "plain"),
        [
            ("/a?utm_source=x&id=3&utm_medium=y", "/a?id=3"),
            ("/a?fbclid=IwAR0", "/a"),
            ("/a?gclid=1&GCLID=2&b=", "/a?b="),
            ("/a?b=2&a=1", "/a?b=2&a=1"),
            ("/a?PHPSESSID=0123456789abcdef&t=5", "/a?t=5"),
            ("/a;jsessionid=ABC123.node1/b", "/a/b"),
            ("/viewtopic.php?t=1&sid=0123456789abcdef0123456789abcdef", "/viewtopic.php?t=1"),
            ("/search?s=holiday", "/search?s=holiday"),
        ],
    )
    def test_pages_lose_what_follows_visitors_about(self, written: str, plain: str) -> None:
        assert plain_address(AT + written, "page") == AT + plain

    @pytest.mark.parametrize(
        "query",
        ["id=5", "utm=1", "w=200&h=300", "ref=a", "session=5&n=1", "s=512", "v=1", "x=utm_source"],
    )
    def test_no_two_pictures_become_one(self, query: str) -> None:
        assert plain_address(f"{AT}/p.jpg?{query}", "medium") == f"{AT}/p.jpg?{query}"

    def test_tracking_is_dropped_from_media_too(self) -> None:
        assert plain_address(f"{AT}/p.jpg?id=1&utm_source=x", "medium") == f"{AT}/p.jpg?id=1"

    @pytest.mark.parametrize("signature", ["X-Amz-Signature=1", "sig=1", "token=1", "Expires=9"])
    def test_a_signed_address_stays_as_it_is(self, signature: str) -> None:
        signed = f"{AT}/p.jpg?utm_source=x&{signature}"
        assert plain_address(signed, "medium") == signed

    @given(st.text(max_size=60))
    def test_what_is_plain_stays_plain_and_canonical(self, text: str) -> None:
        address = canonical_address(f"{AT}/a?{text.replace('#', '')}")
        plain = plain_address(address, "page")
        assert plain_address(plain, "page") == plain
        assert canonical_address(plain) == plain


class TestTraps:
    @pytest.mark.parametrize(
        "path",
        [
            "/thread/123456",
            "/viewtopic.php?f=2&t=99&start=40",
            "/gallery?page=57",
            "/showthread.php?t=1&page=9",
            "/2024/05/17/a-post/",
            "/index.php?id=5&lang=de&cat=7&page=2",
            "/u/anna/albums/12/photos/3",
            "/search?s=beach",
            "/en/2024/en",
        ],
    )
    def test_ordinary_addresses_are_none(self, path: str) -> None:
        assert trap(path) is None

    @pytest.mark.parametrize(
        "path", ["/a/a/a/", "/x/y/x/y/x/y", "/" + "/".join("abcdefghijklmnopqrstu")]
    )
    def test_a_path_that_grows_is_never_followed(self, path: str) -> None:
        found = trap(path)
        assert found is not None
        assert (found.kind, found.most) == ("growing", 0)

    def test_the_months_of_a_calendar_are_one_shape_with_a_bound(self) -> None:
        months = [f"/calendar/2025/{month:02}" for month in range(1, 13)]
        assert len(shapes(*months)) == 1
        assert len(shapes(*(f"/list?month={month}&year=2024" for month in range(1, 13)))) == 1
        found = trap("/calendar/2025/11")
        assert found is not None
        assert (found.kind, found.most) == ("calendar", MOST_OF_A_CALENDAR)

    @pytest.mark.parametrize("path", ["/calendar/2999/01", "/events/1492-10", "/?date=2031-01-01"])
    def test_no_calendar_is_followed_into_years_that_are_not(self, path: str) -> None:
        found = trap(path)
        assert found is not None
        assert found.most == 0

    def test_orders_of_one_list_are_one_shape_and_its_pages_are_not(self) -> None:
        assert len(shapes("/g?sort=new&page=1", "/g?page=1&sort=old", "/g?page=1&order=a")) == 1
        assert len(shapes("/g?sort=new&page=1", "/g?sort=new&page=2")) == 2

    def test_facets_of_one_list_are_one_shape(self) -> None:
        assert len(shapes("/shop?filter[color]=red", "/shop?filter[size]=9&filter[color]=x")) == 1

    def test_what_is_never_the_same_is_one_shape(self) -> None:
        assert len(shapes("/p?id=1&_=1699999999999", "/p?_=1700000000001&id=1")) == 1
        assert len(shapes("/p?id=1&_=1699999999999", "/p?id=2&_=1699999999999")) == 2

    @given(st.text(max_size=200))
    def test_any_address_can_be_judged(self, text: str) -> None:
        try:
            address = canonical_address(f"{AT}/{text}")
        except Exception as error:  # noqa: BLE001 - only what is an address is judged
            assert type(error).__name__ == "BadAddressError"
            return
        found = trap_of(address, YEAR)
        assert found is None or len(found.shape) < 10_000
