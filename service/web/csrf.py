"""Protection against forged requests: every change that a cookie allows carries a token.

1. The token is a keyed HMAC of the session cookie, or of the form cookie of someone who is not
   signed in (made when a form is shown).
2. `check_csrf` runs for every route: an unsafe method without the right token is refused, and so
   is any that the browser itself calls cross-site.
3. Requests that carry `Authorization: Bearer` use no cookie at all and need no token; nor do
   requests of programs without a session cookie: they send JSON, which no form can.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request

from service.errors import LikenessError
from service.web import cookies

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf"
HEADER = "x-csrf-token"
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


class ForgedRequestError(LikenessError):
    """The form is too old, or the request came from another site."""

    code = "forged_request"
    http_status = 403


def csrf_token(request: Request) -> str:
    """The token for forms of this page; makes the form cookie when there is no cookie yet."""
    bound_to = cookies.session_token(request) or cookies.form_token(request)
    if bound_to is None:
        bound_to = getattr(request.state, "new_form_cookie", None) or secrets.token_urlsafe(32)
        request.state.new_form_cookie = bound_to
    return _token(request, bound_to)


async def check_csrf(request: Request) -> None:
    """Refuse an unsafe request whose token is not the one of its cookie."""
    if request.method in SAFE_METHODS or bearer_token(request) is not None:
        return
    _refuse_other_sites(request)
    if request.url.path.startswith("/api/") and cookies.session_token(request) is None:
        return
    bound_to = cookies.session_token(request) or cookies.form_token(request)
    sent = request.headers.get(HEADER) or await _field(request)
    if bound_to is None or not sent or not hmac.compare_digest(_token(request, bound_to), sent):
        raise ForgedRequestError(
            "This form is too old. Please go back, load the page again, and repeat the last step."
        )


def bearer_token(request: Request) -> str | None:
    """The token of an `Authorization: Bearer` header; then no cookie counts."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.casefold() != "bearer" or not value.strip():
        return None
    return value.strip()


def _token(request: Request, bound_to: str) -> str:
    return str(request.app.state.rooms.vault.lookup("csrf", bound_to))


async def _field(request: Request) -> str:
    if not request.headers.get("content-type", "").startswith(_FORM_TYPES):
        return ""
    form = await request.form()
    value = form.get(FIELD)
    return value if isinstance(value, str) and value.isascii() else ""


def _refuse_other_sites(request: Request) -> None:
    origin = request.headers.get("origin")
    from_elsewhere = request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}
    if origin is not None and origin != "null":
        from_elsewhere = from_elsewhere or urlsplit(origin).netloc != request.headers.get("host")
    if from_elsewhere:
        raise ForgedRequestError("This request came from another site and was refused.")
