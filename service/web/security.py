"""What surrounds every request: which hosts, how many bytes, and the headers of each answer.

1. A Host header that is not ours is refused (a page elsewhere cannot reach us by its own name).
2. A body is cut off above its limit, whether or not its length was announced.
3. Every answer carries a strict content policy and is not kept by caches, static files apart.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import SignInRequiredError
from service.settings import Settings
from service.web.dependencies import current_actor
from service.web.errors import sign_in_path
from service.web.responses import see_other

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# For the page that watches a run: its script asks for a part of the same page again.
WATCHING_POLICY = f"{CONTENT_SECURITY_POLICY}; connect-src 'self'"
# For the page that makes fingerprints of pictures and videos on the person's own device: it starts
# a worker of ours and reads frames of a video that was chosen there. Scripts of no other page than
# the one above have a fetch or a socket (connect-src falls back to 'none').
ON_DEVICE_POLICY = f"{CONTENT_SECURITY_POLICY}; worker-src 'self'; media-src blob:"
_LET_THROUGH = frozenset({ON_DEVICE_POLICY, WATCHING_POLICY})
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=(), "
    "payment=(), usb=(), browsing-topics=(), interest-cohort=()",
}
_HSTS = "max-age=31536000; includeSubDomains"
_STATIC_PREFIX = "/static/"
_SMALL_BODY_BYTES = 1024 * 1024


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """The host names (without port) under which the pages may be asked for."""
    public = urlsplit(settings.effective_public_url).hostname or ""
    local = {"127.0.0.1", "localhost", "::1"}
    named = {name.casefold() for name in settings.allowed_hosts}
    return frozenset({public.casefold(), settings.host.casefold(), *local, *named} - {""})


class HostGuard:
    """Refuses requests under a host name that is not ours."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on or answer 400."""
        if scope["type"] != "http" or self._is_ours(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        answer = PlainTextResponse(
            "This host name is not served here. The operator can allow it: LIKENESS_ALLOWED_HOSTS "
            "or LIKENESS_PUBLIC_URL.\n",
            status_code=400,
        )
        await answer(scope, receive, send)

    def _is_ours(self, headers: Headers) -> bool:
        names = headers.getlist("host")
        if len(names) != 1:
            return False
        try:
            name = urlsplit(f"//{names[0]}").hostname
        except ValueError:
            return False
        return name is not None and name.casefold() in self._hosts


class BodyLimit:
    """Cuts off request bodies above their limit: small ones, and uploads of files.

    Uploads are held in memory, never on the disk: only those who are signed in may send any.
    """

    def __init__(self, app: ASGIApp, upload_bytes: int) -> None:
        self._app = app
        self._upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a body that counts itself, answer 413, or ask to sign in first."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = _SMALL_BODY_BYTES
        announced = headers.get("content-length", "0")
        if not announced.isascii() or not announced.isdigit():
            await _too_large(limit)(scope, receive, send)
            return
        is_large = int(announced) > limit
        is_upload = headers.get("content-type", "").startswith("multipart/form-data")
        if is_upload and (is_large or "content-length" not in headers):
            if await run_in_threadpool(_is_signed_in, scope):
                limit = self._upload_bytes
            elif is_large:
                await _sign_in_first(scope)(scope, receive, send)
                return
        if int(announced) > limit:
            await _too_large(limit)(scope, receive, send)
            return
        await self._app(scope, _Counted(receive, limit), send)


class _Counted:
    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = self._left = limit

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise HTTPException(413, _too_large_message(self._limit))
        return message


def _is_signed_in(scope: Scope) -> bool:
    return current_actor(Request(scope)) is not None


def _sign_in_first(scope: Scope) -> Response:
    path = scope["path"]
    if path.startswith("/api/"):
        error = SignInRequiredError("Please sign in first.")
        answer: Response = JSONResponse(
            {"code": error.code, "message": str(error)}, status_code=error.http_status
        )
    else:
        answer = see_other(sign_in_path(path))
    answer.headers["Connection"] = "close"
    return answer


def _too_large_message(limit: int) -> str:
    return f"Too large: at most {limit // (1024 * 1024)} MiB can be sent at once."


def _too_large(limit: int) -> PlainTextResponse:
    return PlainTextResponse(
        f"{_too_large_message(limit)}\n", status_code=413, headers={"Connection": "close"}
    )


class SecurityHeaders:
    """Adds the headers that every answer carries."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if https:
            self._headers["Strict-Transport-Security"] = _HSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers added to the answer's start."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_static = scope["path"].startswith(_STATIC_PREFIX)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                own_policy = headers.get("content-security-policy")
                for name, value in self._headers.items():
                    headers[name] = value
                if own_policy in _LET_THROUGH:
                    headers["Content-Security-Policy"] = own_policy
                if "cache-control" not in headers:
                    headers["Cache-Control"] = "max-age=3600" if is_static else "no-store"
            await send(message)

        await self._app(scope, receive, with_headers)


def set_on_device_policy(response: Response) -> None:
    """Answer a page under `ON_DEVICE_POLICY`, one of the two others that are let through."""
    response.headers["Content-Security-Policy"] = ON_DEVICE_POLICY


def set_watching_policy(response: Response) -> None:
    """Answer a page under `WATCHING_POLICY`, the other one."""
    response.headers["Content-Security-Policy"] = WATCHING_POLICY
