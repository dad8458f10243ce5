"""Whatever is sent to the API, by whichever role: what is documented comes back, nothing breaks."""

from __future__ import annotations

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.app import Rooms
from tests.service.web.conftest import PASSWORD, bearer
from tests.service.web.page_client import BASE_URL, PageClient

pytestmark = pytest.mark.slow

HOST = {"Host": "127.0.0.1:8000"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def as_operator(rooms: Rooms, operator: PageClient) -> dict[str, str]:
    """Headers of the operator's program. `operator` is here because it sets the house up."""
    return bearer(rooms, "olga")


@pytest.fixture
def as_advocate(rooms: Rooms, operator: PageClient) -> dict[str, str]:
    """Headers of an advocate's program."""
    made = operator.http.post(
        "/api/v1/invitations",
        json={"role": "advocate", "trained": True},
        headers=bearer(rooms, "olga"),
    )
    operator.http.cookies.clear()
    joined = operator.http.post(
        "/api/v1/invitations/accept",
        json={"token": made.json()["token"], "username": "ada", "password": PASSWORD},
    )
    assert joined.status_code == 201
    return bearer(rooms, "ada")


@pytest.fixture
def description(app: FastAPI) -> schemathesis.BaseSchema:
    """The API as it describes itself."""
    config = schemathesis.Config()
    described = schemathesis.openapi.from_asgi(
        "/api/v1/openapi.json", app, config=config, headers=HOST
    )
    described.config.update(base_url=BASE_URL)
    return described


# what would end the session that the other requests need, or the operator's own account
LEAVES = {
    ("DELETE", "/api/v1/session"),
    ("DELETE", "/api/v1/sessions"),
    ("PATCH", "/api/v1/accounts/{account_id}"),
    ("PUT", "/api/v1/account/password"),
}


@pytest.mark.parametrize("role", ["operator", "advocate"])
def test_nothing_breaks_and_every_answer_is_as_documented(
    description: schemathesis.BaseSchema, role: str, request: pytest.FixtureRequest
) -> None:
    headers = {**request.getfixturevalue(f"as_{role}"), **HOST}
    problems: list[str] = []
    asked = 0
    for found in description.get_all_operations():
        operation = found.ok()
        asked += 1
        if (operation.method.upper(), operation.path) not in LEAVES:
            problems += _problems_of(operation, headers)
    assert asked > 20
    assert not problems, "\n\n".join(problems)


def _problems_of(operation: schemathesis.APIOperation, headers: dict[str, str]) -> list[str]:
    problems: list[str] = []

    @given(case=operation.as_strategy())
    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case) -> None:
        try:
            case.call_and_validate(headers=headers, checks=CHECKS)
        except BaseExceptionGroup as group:
            problems.append(f"{operation.label}: {group.exceptions[0]}")
        except AssertionError as failure:
            problems.append(f"{operation.label}: {failure}")

    ask()
    return problems[:1]
