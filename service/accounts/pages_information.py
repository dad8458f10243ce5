"""What everybody may read: how data is treated here, and help."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.asked import AccountsDep
from service.accounts.errors import NotSetUpError
from service.web.dependencies import ReadSession, get_settings
from service.web.render import render

router = APIRouter()


@router.get("/privacy")
def show_privacy(request: Request, session: ReadSession, accounts: AccountsDep) -> Response:
    """Who is responsible, what is kept, for how long, and what one can ask for."""
    try:
        organisation = accounts.default_organisation(session)
    except NotSetUpError:
        organisation = None
    return render(
        request,
        "information/privacy.html",
        organisation=organisation,
        held_days=get_settings(request).held_days,
    )


@router.get("/help")
def show_help(request: Request) -> Response:
    """Where to find help, here and elsewhere."""
    return render(request, "information/help.html")
