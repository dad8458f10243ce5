"""What goes wrong, told once: as a calm page, or as `{code, message}` below /api."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.errors import IndexerError
from service.errors import LikenessError, SignInRequiredError
from service.web.render import render
from service.web.responses import see_other

logger = logging.getLogger(__name__)

_API_PREFIX = "/api/"
_FRAMES_LOGGED = 6
_PATHS_OF_PEOPLE = frozenset({"my", "enrol"})
_TITLES = {
    400: "That did not work",
    401: "Please sign in",
    403: "This page is not for you",
    404: "There is nothing here",
    405: "That did not work",
    409: "This has changed in the meantime",
    410: "This is gone",
    413: "Too large",
    422: "Please check what you entered",
    429: "Please wait a little",
    500: "Something went wrong on our side",
    503: "This is not available now",
}
_TITLES_OF_CODES = {"forged_request": "This page was open for too long"}
_NOT_FOUND = "There is nothing here, or you may not see it."
_OURS = "Something went wrong on our side. What was saved before is safe. Please try again."


class ErrorBody(BaseModel):
    """How every error of the API looks."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "not_found", "message": "There is nothing here."}]}
    )

    code: str
    message: str


def error_responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """`responses=` of an endpoint: the errors that it documents."""
    return {
        status: {"model": ErrorBody, "description": _TITLES.get(status, "Error")}
        for status in statuses
    }


def install_error_handlers(app: FastAPI) -> None:
    """Map every error once. Handlers are plain functions: they may read the database."""

    def on_likeness(request: Request, error: Exception) -> Response:
        return _answer_likeness(request, error)

    def on_indexer(request: Request, error: Exception) -> Response:
        code = error.code if isinstance(error, IndexerError) else "error"
        return _answer(request, 422, code, str(error))

    def on_validation(request: Request, error: Exception) -> Response:
        return _answer(request, 422, "invalid_input", _validation_message(error))

    def on_http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        message = _NOT_FOUND if error.status_code == 404 else str(error.detail)
        code = "not_found" if error.status_code == 404 else "http_error"
        answer = _answer(request, error.status_code, code, message)
        answer.headers.update(error.headers or {})
        return answer

    app.add_exception_handler(LikenessError, on_likeness)
    app.add_exception_handler(IndexerError, on_indexer)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)


class UnhandledErrors:
    """Answers what nobody foresaw with a calm page, inside of what adds the security headers.

    The log gets the kind of error and where it happened, never its text or its values: they may
    hold what somebody sent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; answer 500 when the application fails before it has begun to answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def note_start(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except Exception as error:  # noqa: BLE001 - the last place that can answer it
            logger.error("unhandled %s at %s", type(error).__name__, _places(error))  # noqa: TRY400
            if begun:
                raise BrokenAnswerError from None
            answer = await run_in_threadpool(_answer, Request(scope), 500, "internal", _OURS)
            await answer(scope, receive, send)


class BrokenAnswerError(Exception):
    """The application failed in the middle of an answer; the connection is closed."""


def _places(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_LOGGED:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))


def sign_in_path(path: str) -> str:
    """Where somebody signs in who wanted to see `path`."""
    first = path.strip("/").partition("/")[0]
    return "/sign-in" if first in _PATHS_OF_PEOPLE else "/staff/sign-in"


def is_api(request: Request) -> bool:
    """Whether the request is one of a program."""
    return request.url.path.startswith(_API_PREFIX)


def _answer_likeness(request: Request, error: Exception) -> Response:
    if not isinstance(error, LikenessError):
        raise error
    wants_page = isinstance(error, SignInRequiredError) and request.method in {"GET", "HEAD"}
    if wants_page and not is_api(request):
        return see_other(sign_in_path(request.url.path))
    if error.http_status >= 500:
        logger.error("%s at %s", error.code, request.scope.get("path", ""))
    return _answer(request, error.http_status, error.code, str(error))


def _answer(request: Request, status: int, code: str, message: str) -> Response:
    if is_api(request):
        return JSONResponse({"code": code, "message": message}, status_code=status)
    title = _TITLES_OF_CODES.get(code) or _TITLES.get(
        status, _TITLES[400] if status < 500 else _TITLES[500]
    )
    return render(
        request,
        "error.html",
        status_code=status,
        heading=title,
        message=message,
        status=status,
        sign_in=sign_in_path(request.url.path),
    )


def _validation_message(error: Exception) -> str:
    """Field and reason only: what was sent is not repeated, it may be a password."""
    if not isinstance(error, RequestValidationError):
        return "The request is not valid."
    problems: Sequence[object] = error.errors()
    words = []
    for problem in problems:
        if isinstance(problem, dict):
            where = ".".join(str(part) for part in problem["loc"][1:]) or "body"
            words.append(f"{where}: {problem['msg']}")
    return "; ".join(words) or "The request is not valid."
