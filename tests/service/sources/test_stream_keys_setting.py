"""Whether open keys of streams are used is the operator's setting, in every scope."""

from __future__ import annotations

from service.settings import Settings
from service.sources.scopes import CrawlManners, intake_scope


def test_it_is_off_until_an_operator_decides() -> None:
    assert Settings().open_stream_keys is False
    assert intake_scope("https://a.example/", CrawlManners("t", 1.0)).open_stream_keys is False


def test_links_that_are_brought_follow_it_too() -> None:
    manners = CrawlManners("t", 1.0, open_stream_keys=True)
    assert intake_scope("https://a.example/", manners).open_stream_keys is True
