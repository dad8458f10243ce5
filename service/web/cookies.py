"""The two cookies: the signed-in session, and one that binds forms of people not signed in.

Both are HttpOnly and SameSite=Lax; under https they are Secure and carry the `__Host-` prefix,
so that no other host can set them. They end with the browser.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

_SESSION = "session"
_FORM = "form"


def is_https(public_url: str) -> bool:
    """Whether people reach the pages over https."""
    return public_url.startswith("https://")


def session_token(request: Request) -> str | None:
    """The token of the session cookie, or None."""
    return request.cookies.get(_name(request, _SESSION))


def form_token(request: Request) -> str | None:
    """The token of the cookie for forms of people who are not signed in, or None."""
    return request.cookies.get(_name(request, _FORM))


def set_session(request: Request, response: Response, token: str) -> None:
    """Sign the browser in; the cookie for anonymous forms goes."""
    _set(request, response, _SESSION, token)
    _delete(request, response, _FORM)


def set_form(request: Request, response: Response, token: str) -> None:
    """Give the browser a token that its anonymous forms are bound to."""
    _set(request, response, _FORM, token)


def clear(request: Request, response: Response) -> None:
    """Take both cookies away."""
    _delete(request, response, _SESSION)
    _delete(request, response, _FORM)


def _is_https(request: Request) -> bool:
    return is_https(request.app.state.rooms.settings.effective_public_url)


def _name(request: Request, name: str) -> str:
    return f"__Host-{name}" if _is_https(request) else name


def _set(request: Request, response: Response, name: str, value: str) -> None:
    response.set_cookie(
        _name(request, name),
        value,
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="lax",
    )


def _delete(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(
        _name(request, name), path="/", secure=_is_https(request), httponly=True, samesite="lax"
    )
