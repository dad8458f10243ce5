"""`/metrics`: off until the operator sets a token, and then for whoever has it."""

from __future__ import annotations

import hmac

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.errors import NotFoundError, SignInRequiredError
from service.sources.run_totals import run_totals
from service.web.csrf import bearer_token
from service.web.dependencies import DatabaseDep, get_settings
from service.work.metrics import CONTENT_TYPE, exposition

router = APIRouter()


@router.get("/metrics", include_in_schema=False)
def show_metrics(request: Request, database: DatabaseDep) -> Response:
    """Counts of this installation for Prometheus."""
    token = get_settings(request).metrics_token
    if token is None:
        raise NotFoundError("There is no such page.")
    given = bearer_token(request) or ""
    if not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
        raise SignInRequiredError("Metrics need the bearer token that the operator has set.")
    with database.read() as session:
        totals = run_totals(session)
    return Response(exposition(totals), media_type=CONTENT_TYPE)
