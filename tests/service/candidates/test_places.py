"""Which finds are one event, by the page's address alone."""

from __future__ import annotations

import uuid

import pytest

from service.candidates.documents import SeenAt
from service.candidates.places import event_key, found_at
from service.vault.vault import Vault


def seen(page: str | None, media: str | None = "http://cdn.test/a.jpg") -> SeenAt:
    return SeenAt(media, page, "cdn.test", "2026-11-23T09:00:00+00:00")


@pytest.mark.parametrize(
    "page",
    [
        "https://a.test/user/Some.Body",
        "https://a.test/u/some.body/posts/12",
        "https://a.test/@some.body/status/99",
        "https://a.test/profile.php?user=some.body&page=3",
        "https://a.test/members/some.body/",
    ],
)
def test_pages_of_one_account_are_one_event(page: str) -> None:
    assert found_at(seen(page)).event == "account some.body"
    assert found_at(seen(page)).site == "a.test"


def test_other_pages_are_events_of_their_own() -> None:
    events = {
        found_at(seen(f"https://a.test/{page}")).event
        for page in ("thread/1", "thread/2", "thread?id=1", "thread?id=2", "user", "")
    }
    assert len(events) == 6


def test_a_medium_without_a_page_is_at_its_own_address() -> None:
    assert found_at(seen(None)).site == "cdn.test"
    assert found_at(seen(None, None)).site == "cdn.test"
    assert found_at(seen("https://name:secret@a.test:8443/x")).site == "a.test:8443"


def test_what_is_no_address_still_has_a_place() -> None:
    assert found_at(seen("http://[::1")).site == "cdn.test"
    assert found_at(seen("https://a.test./x")).site == "a.test"


def test_the_key_tells_neither_account_nor_whether_two_people_share_one(vault: Vault) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    place = found_at(seen("https://a.test/user/somebody"))
    key = event_key(vault, one, place)
    assert key == event_key(vault, one, found_at(seen("https://a.test/u/SomeBody?page=2")))
    assert key != event_key(vault, other, place)
    assert "somebody" not in key
    assert len(key) == 64
