"""A proxy that is set is used in every scope, and one that is set wrongly stops everything."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

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


class TestPasswords:
    def test_both_parts_are_passed_on(self) -> None:
        secret = SecretStr("secret words")
        manners = CrawlManners(
            "t", 1.0, socks_proxy="a.example:1", socks_user="crawler", socks_password=secret
        )
        proxy = intake_scope("https://pictures.example.com/a", manners).proxy
        assert proxy == SocksProxy("a.example", 1, user="crawler", password="secret words")
        assert "secret words" not in repr(manners) + repr(proxy)

    @pytest.mark.parametrize(
        ("user", "password"),
        [
            ("crawler", None),
            ("crawler", ""),
            ("", "secret"),
            ("x" * 256, "secret"),
            ("x", "ä" * 128),
        ],
        ids=["no-password", "empty", "no-name", "long-name", "long-password"],
    )
    def test_half_of_it_or_too_much_is_refused(self, user: str, password: str | None) -> None:
        secret = SecretStr(password) if password is not None else None
        with pytest.raises(NotConfiguredError, match="socks_user"):
            proxy_of("a.example:1", onion=False, user=user, password=secret)

    def test_it_may_lie_in_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "password"
        file.write_text("secret words\nanything\n")
        settings = Settings(data_dir=tmp_path, socks_password_file=file)
        found = settings.effective_socks_password
        assert found is not None
        assert found.get_secret_value() == "secret words"
        assert "secret words" not in repr(settings) + repr(found)

    def test_a_file_that_is_not_there_is_said(self, tmp_path: Path) -> None:
        settings = Settings(data_dir=tmp_path, socks_password_file=tmp_path / "none")
        with pytest.raises(NotConfiguredError, match="socks_password_file"):
            _ = settings.effective_socks_password

    def test_a_password_in_the_wrong_setting_is_not_repeated(self) -> None:
        with pytest.raises(NotConfiguredError) as refused:
            proxy_of("crawler:secret@a.example:1", onion=False)
        assert "secret" not in str(refused.value)

    def test_the_doctor_signs_in_and_tells_no_secret(self, settings: Settings) -> None:
        with socks_proxy(free_port()) as proxy:
            proxy.user, proxy.password = "crawler", "secret words"
            named = settings.model_copy(update={"socks_proxy": f"127.0.0.1:{proxy.port}"})
            right = {"socks_user": "crawler", "socks_password": SecretStr("secret words")}
            assert findings(named.model_copy(update=right)) == ["good"]
            assert findings(named) == ["bad"]
            wrong = right | {"socks_password": SecretStr("other words")}
            told = examine_installation(named.model_copy(update=wrong))
        assert [found.verdict for found in told if found.name == "proxy"] == ["bad"]
        assert "other words" not in repr(told)
