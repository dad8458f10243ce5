"""A proxy that is set is used in every scope, and one that is set wrongly stops everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.crawl.messages import SocksProxy
from service.errors import NotConfiguredError
from service.settings import Settings
from service.sources.scopes import CrawlManners, intake_scope, proxy_of
from service.work.doctor import examine_installation
from tests.fixtures.socks_proxy import free_port, socks_proxy


def test_links_are_captured_by_the_proxy() -> None:
    manners = CrawlManners("t", 1.0, socks_proxy="127.0.0.1:9050", socks_onion=True)
    scope = intake_scope("https://pictures.example.com/a", manners)
    assert scope.proxy == SocksProxy("127.0.0.1", 9050, onion=True)


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("", None),
        ("127.0.0.1:9050", SocksProxy("127.0.0.1", 9050)),
        ("[::1]:9050", SocksProxy("::1", 9050)),
        (" Proxy.example.com:1080 ", SocksProxy("proxy.example.com", 1080)),
    ],
)
def test_a_proxy_is_one_host_and_port(text: str, proxy: SocksProxy | None) -> None:
    assert proxy_of(text, onion=False) == proxy


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "socks5://127.0.0.1:9050", "u:p@127.0.0.1:9050", "a:0", "a:70000", "a:b", " "],
)
def test_a_proxy_that_cannot_be_read_is_never_taken_for_none(text: str) -> None:
    with pytest.raises(NotConfiguredError, match="socks_proxy"):
        proxy_of(text, onion=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def findings(settings: Settings) -> list[str]:
    return [found.verdict for found in examine_installation(settings) if found.name == "proxy"]


def test_the_doctor_asks_whether_the_proxy_is_there(settings: Settings) -> None:
    assert findings(settings) == []
    with socks_proxy(free_port()) as proxy:
        address = f"127.0.0.1:{proxy.port}"
        assert findings(settings.model_copy(update={"socks_proxy": address})) == ["good"]
        assert proxy.asked == []
    assert findings(settings.model_copy(update={"socks_proxy": address})) == ["bad"]
    assert findings(settings.model_copy(update={"socks_proxy": "nonsense"})) == ["bad"]
