"""The one way by which yt-dlp's extractors see anything: they ask, and the crawl child fetches.

yt-dlp chooses among registered request handlers; here every other one is left out, so that none
(urllib, requests, curl_cffi, websockets) can be chosen. Only plain reading is passed on: no data
is sent, and of an extractor's headers, cookies, disguises and proxies nothing leaves.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from yt_dlp import YoutubeDL
from yt_dlp.networking.common import Request, RequestDirector, RequestHandler, Response
from yt_dlp.networking.exceptions import HTTPError, TransportError, UnsupportedRequest

from indexer.crawl.extractor_messages import Came, Kept

Ask = Callable[[str], Came | Kept]
"""Have an address fetched by the crawl child, under all its rules."""

_SETTINGS: dict[str, Any] = {
    "quiet": True,
    "no_warnings": True,
    "noprogress": True,
    "simulate": True,
    "skip_download": True,
    "cachedir": False,
    "cookiefile": None,
    "cookiesfrombrowser": None,
    "usenetrc": False,
    "geo_bypass": False,
    "check_formats": False,
    "extractor_retries": 0,
    "socket_timeout": 30,
    "js_runtimes": {},
    "remote_components": (),
    "proxy": "",
    "enable_file_urls": False,
    "color": "no_color",
    "noplaylist": True,
}


class DoorRH(RequestHandler):
    """Hands every request to the crawl child, and refuses what is more than reading."""

    _SUPPORTED_URL_SCHEMES = ("http", "https")
    _SUPPORTED_PROXY_SCHEMES = None
    _SUPPORTED_FEATURES = None
    ask: Ask

    def _check_extensions(self, extensions: dict[str, Any]) -> None:
        super()._check_extensions(extensions)
        # What would change how a request looks is left out, not obeyed.
        extensions.clear()

    def _validate(self, request: Request) -> None:
        super()._validate(request)
        if request.method != "GET" or request.data is not None:
            raise UnsupportedRequest("only plain reading is passed on")

    def _send(self, request: Request) -> Response:
        answer = self.ask(request.url)
        if isinstance(answer, Kept):
            raise TransportError(f"not asked: {answer.code}")
        response = Response(
            io.BytesIO(answer.body), answer.url, dict(answer.headers), status=answer.status
        )
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise HTTPError(response)
        return response


class SilentLog:
    """What yt-dlp wants to say holds addresses and titles: it is said to nobody."""

    def debug(self, message: str) -> None:
        """Say nothing."""

    def info(self, message: str) -> None:
        """Say nothing."""

    def warning(self, message: str) -> None:
        """Say nothing."""

    def error(self, message: str) -> None:
        """Say nothing."""


class WalledYoutubeDL(YoutubeDL):
    """yt-dlp with `DoorRH` as its whole networking."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        super().__init__({**_SETTINGS, "logger": SilentLog()}, auto_init=False)

    def build_request_director(self, *_: object, **__: object) -> Any:
        """One handler, whatever else is registered."""
        director: RequestDirector = super().build_request_director((DoorRH,), ())
        for handler in director.handlers.values():
            handler.ask = self._ask
        return director
