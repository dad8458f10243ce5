"""From what an operator wrote to where a child process may go."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from msgspec import structs
from pydantic import SecretStr
from sqlalchemy.orm import Session

from indexer.crawl.messages import AddressException, Rendering, Scope, SocksProxy
from indexer.crawl.proxy import MAX_LOGIN_BYTES
from indexer.crawl.scope import BadAddressError, canonical_address
from service.accounts.actor import Actor
from service.errors import InvalidInputError, NotConfiguredError
from service.settings import Settings
from service.sources.models import Site
from service.sources.repository import SourcesRepository

_PROXY = re.compile(r"(?P<host>\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")

_NOT_SET = Rendering()


@dataclass(frozen=True, slots=True)
class CrawlManners:
    """The part of the settings that every outbound request obeys.

    `rendering` is for sites whose pages need JavaScript.
    """

    user_agent: str
    delay_s: float
    address_exceptions: tuple[str, ...] = ()
    max_medium_bytes: int = 60 * 1024 * 1024
    socks_proxy: str = ""
    socks_onion: bool = False
    socks_user: str = ""
    socks_password: SecretStr | None = None
    open_stream_keys: bool = False
    rendering: Rendering = _NOT_SET


def scope_of(site: Site, manners: CrawlManners) -> Scope:
    """Where a run of this site may go, and how politely."""
    return Scope(
        allowed_hosts=tuple(site.allowed_hosts),
        media_hosts=tuple(site.media_hosts),
        path_prefixes=tuple(site.path_prefixes),
        max_depth=site.max_depth,
        delay_s=site.delay_s,
        obey_robots=site.obey_robots,
        user_agent=manners.user_agent,
        max_medium_bytes=manners.max_medium_bytes,
        address_exceptions=address_exceptions(manners.address_exceptions),
        proxy=_proxy_of(manners),
        extractors=site.extractors,
        open_stream_keys=manners.open_stream_keys,
        rendering=_rendering_of(site, manners),
    )


def sites_that_need_script(session: Session) -> tuple[str, ...]:
    """The names of all sites of this installation whose pages are rendered."""
    repository = SourcesRepository(session, Actor.system("rendering"))
    return tuple(repository.names_that_need_script())


def rendering_by(settings: Settings) -> Rendering:
    """What this installation renders pages with."""
    return Rendering(
        chromium=settings.chromium,
        memory_bytes=settings.browser_memory_mb * 1024 * 1024,
        sandbox=settings.sandbox,
    )


def _rendering_of(site: Site, manners: CrawlManners) -> Rendering | None:
    if not site.needs_script:
        return None
    return structs.replace(manners.rendering, script_hosts=tuple(site.script_hosts))


def intake_scope(url: str, manners: CrawlManners) -> Scope:
    """The scope of one pasted link: its exact host and nothing else.

    robots.txt is not asked: it speaks to crawlers, and this is one address that the depicted
    person pointed to. Raises `InvalidInputError` when the text is no http(s) address.
    """
    try:
        host = canonical_address(url).split("/", 3)[2]
    except BadAddressError as error:
        raise InvalidInputError(f"this link cannot be captured: {error}") from error
    return Scope(
        allowed_hosts=(host,),
        delay_s=manners.delay_s,
        obey_robots=False,
        max_depth=0,
        user_agent=manners.user_agent,
        max_medium_bytes=manners.max_medium_bytes,
        address_exceptions=address_exceptions(manners.address_exceptions),
        proxy=_proxy_of(manners),
        open_stream_keys=manners.open_stream_keys,
    )


def _proxy_of(manners: CrawlManners) -> SocksProxy | None:
    return proxy_of(
        manners.socks_proxy,
        onion=manners.socks_onion,
        user=manners.socks_user,
        password=manners.socks_password,
    )


def proxy_of(
    text: str, *, onion: bool, user: str = "", password: SecretStr | None = None
) -> SocksProxy | None:
    """Read the setting `socks_proxy`; what is no host and port is a `NotConfiguredError`.

    It is never taken for "no proxy": nothing may go beside one that was meant to be set.
    """
    if not text:
        return None
    match = _PROXY.fullmatch(text.strip())
    port = int(match["port"]) if match else 0
    if match is None or not 1 <= port <= 65535:
        raise NotConfiguredError(
            # not what it is: somebody may have written a password into it
            "the setting socks_proxy cannot be read; it is one host and port, such as "
            "127.0.0.1:9050, without a scheme; a password has settings of its own"
        )
    secret = password.get_secret_value() if password is not None else ""
    if bool(user) != bool(secret):
        raise NotConfiguredError(
            "a proxy with a password needs both socks_user and socks_password (or "
            "socks_password_file)"
        )
    if max(len(user.encode()), len(secret.encode())) > MAX_LOGIN_BYTES:
        raise NotConfiguredError(
            f"socks_user and socks_password have at most {MAX_LOGIN_BYTES} bytes each"
        )
    return SocksProxy(match["host"].strip("[]").lower(), port, onion, user, secret)


def address_exceptions(lines: tuple[str, ...]) -> tuple[AddressException, ...]:
    """Read `address:port` pairs; a range, a name or a missing port is a `NotConfiguredError`."""
    exceptions = []
    for line in lines:
        address, _, port = line.strip().rpartition(":")
        try:
            literal = ipaddress.ip_address(address.strip("[]"))
            number = int(port)
        except ValueError as error:
            raise NotConfiguredError(
                f'the setting address_exceptions has "{line}"; each entry is one exact address '
                "and port, such as 127.0.0.1:8080"
            ) from error
        if not 1 <= number <= 65535:
            raise NotConfiguredError(f'the port in the setting address_exceptions "{line}" is none')
        exceptions.append(AddressException(str(literal), number))
    return tuple(exceptions)
