"""The cookies: the signed-in session, and one that binds forms of people not signed in.

A third, for 15 minutes at most, holds sealed what somebody has to write down when a case begins.
All are HttpOnly and SameSite=Lax; under https they are Secure and carry the `__Host-` prefix, so
that no other host can set them. They end with the browser, and go together on leaving.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

_SESSION = "session"
_FORM = "form"
_SHOWN_ONCE = "shown-once"
SHOWN_ONCE_MAX_AGE_S = 15 * 60


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


def shown_once(request: Request) -> str | None:
    """What is sealed in the cookie of things to write down, or None."""
    return request.cookies.get(_name(request, _SHOWN_ONCE))


def set_shown_once(request: Request, response: Response, sealed: str) -> None:
    """Give the browser what is to be shown again if the page is loaded again; sealed."""
    _set(request, response, _SHOWN_ONCE, sealed, max_age_s=SHOWN_ONCE_MAX_AGE_S)


def forget_shown_once(request: Request, response: Response) -> None:
    """It was written down."""
    _delete(request, response, _SHOWN_ONCE)


def clear(request: Request, response: Response) -> None:
    """Take all cookies away."""
    _delete(request, response, _SESSION)
    _delete(request, response, _FORM)
    _delete(request, response, _SHOWN_ONCE)


def _is_https(request: Request) -> bool:
    return is_https(request.app.state.rooms.settings.effective_public_url)


def _name(request: Request, name: str) -> str:
    return f"__Host-{name}" if _is_https(request) else name


def _set(
    request: Request, response: Response, name: str, value: str, *, max_age_s: int | None = None
) -> None:
    response.set_cookie(
        _name(request, name),
        value,
        max_age=max_age_s,
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="lax",
    )


def _delete(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(
        _name(request, name), path="/", secure=_is_https(request), httponly=True, samesite="lax"
    )
