"""Answers that are not pages: going on after a form, signing in and out, and leaving."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse

from service.web import cookies


def see_other(path: str) -> RedirectResponse:
    """Go on to a page of ours after a form (303). Anything but a path of ours is refused."""
    if not is_local_path(path):
        raise ValueError("see_other leads to a path of this site only")
    return RedirectResponse(path, status_code=303)


def signed_in(request: Request, path: str, token: str) -> RedirectResponse:
    """Go on to `path` with a new session in the cookie."""
    response = see_other(path)
    cookies.set_session(request, response, token)
    return response


def signed_out(request: Request, path: str) -> RedirectResponse:
    """Go on to `path` without cookies, and ask the browser to forget what it kept of us."""
    response = see_other(path)
    cookies.clear(request, response)
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return response


def leave(request: Request, exit_url: str) -> RedirectResponse:
    """Go to the neutral page, without cookies; the browser's history is not erased by this."""
    response = RedirectResponse(exit_url, status_code=303)
    cookies.clear(request, response)
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return response


def is_local_path(path: str) -> bool:
    """Whether `path` is a path on this site, and cannot be read as another host's address."""
    return (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and path.isprintable()
    )
