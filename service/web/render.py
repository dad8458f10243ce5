"""Templates to pages: escaped by default, and an unknown name in a template is an error.

Every template knows `request`, `actor`, `navigation`, `csrf_token()`, `is_staff` and `shows_exit`.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from service.accounts.actor import Role
from service.web import cookies
from service.web.csrf import csrf_token
from service.web.dependencies import current_actor
from service.web.navigation import navigation

TEMPLATES_DIR = Path(__file__).parent / "templates"
STATIC_DIR = Path(__file__).parent / "static"
_MAX_SHOWN_CHARACTERS = 300
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def render(
    request: Request, template: str, status_code: int = 200, **context: object
) -> HTMLResponse:
    """The page made from `template` (a path below templates/) and `context`."""
    actor = current_actor(request)
    is_staff = actor is not None and actor.role in {Role.ADVOCATE, Role.OPERATOR}
    content = (
        environment()
        .get_template(template)
        .render(
            request=request,
            actor=actor,
            is_staff=is_staff,
            shows_exit=not is_staff,
            navigation=navigation(actor),
            csrf_token=lambda: csrf_token(request),
            **context,
        )
    )
    response = HTMLResponse(content, status_code=status_code)
    new_form_cookie = getattr(request.state, "new_form_cookie", None)
    if new_form_cookie is not None:
        cookies.set_form(request, response, new_form_cookie)
    return response


@cache
def environment() -> Environment:
    """The one template environment."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES_DIR),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["moment"] = moment
    made.filters["day"] = day
    made.filters["plain"] = plain
    return made


def moment(value: datetime | None) -> Markup:
    """A moment in UTC as a `<time>` element; a dash for none."""
    if value is None:
        return Markup("–")
    utc = value.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        utc.isoformat(timespec="seconds"), utc.strftime("%Y-%m-%d %H:%M")
    )


def day(value: datetime | None) -> Markup:
    """The day of a moment in UTC as a `<time>` element; a dash for none."""
    if value is None:
        return Markup("–")
    utc = value.astimezone(UTC)
    return Markup('<time datetime="{0}">{0}</time>').format(utc.date().isoformat())


def plain(value: object, longest: int = _MAX_SHOWN_CHARACTERS) -> Markup:
    """Text from elsewhere as harmless text: control and direction marks shown as U+FFFD, cut."""
    text = "".join(
        "�" if unicodedata.category(letter) in _HIDDEN_CATEGORIES else letter
        for letter in str(value)
    )
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return escape(text)
