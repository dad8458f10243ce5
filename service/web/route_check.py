"""Rules that every route must keep, checked when the application is put together.

A unit of work must commit before its answer leaves (scope "function"): otherwise somebody reads
"done" and what was done may still fail. A route is a plain function: one that awaits would hold
up all others while it touches the database.
"""

from __future__ import annotations

import inspect

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from service.web.dependencies import write_session


class RouteRuleError(TypeError):
    """A route was written in a way that the application does not allow."""


def check_routes(app: FastAPI) -> None:
    """Refuse to start with a route that breaks a rule, naming it."""
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute):
            continue
        if inspect.iscoroutinefunction(route.endpoint):
            raise RouteRuleError(f"{route.path}: write the route as a plain `def`")
        _check_unit_of_work(str(route.path), route.dependant)


def _check_unit_of_work(path: str, dependant: Dependant) -> None:
    for needed in dependant.dependencies:
        if needed.call is write_session and needed.scope != "function":
            raise RouteRuleError(f"{path}: take the unit of work as `session: WriteSession`")
        _check_unit_of_work(path, needed)
