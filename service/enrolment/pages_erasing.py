"""Erasing a case: signed in with the passphrase typed again, or with the deletion-only code."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from service.enrolment.asked import EnrolmentDep, ErasureDep, EyesDep, own_person_id
from service.enrolment.erasure import FinishedErasure
from service.enrolment.errors import SignInFailedError
from service.errors import TooManyAttemptsError
from service.web import cookies
from service.web.dependencies import DatabaseDep, PersonActor, client_address, require_person
from service.web.render import render

router = APIRouter()

Field = Annotated[str, Form()]


@router.get("/my/erase", dependencies=[Depends(require_person)])
def show_erase(request: Request) -> Response:
    """What erasing does, and what cannot be undone."""
    return render(request, "enrolment/erase.html", problem=None, signed_in=True, case_number="")


@router.post("/my/erase")
def erase(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    erasure: ErasureDep,
    eyes: EyesDep,
    actor: PersonActor,
    passphrase: Field = "",
    sure: Field = "",
) -> Response:
    """Erase the signed-in person's case."""
    person_id = own_person_id(actor)
    problem = None
    if sure != "on":
        problem = "Please tick that you are sure."
    elif not enrolment.signing_in.passphrase_is_right(database, person_id, passphrase):
        problem = "The passphrase is not right."
    if problem is not None:
        return render(
            request,
            "enrolment/erase.html",
            status_code=422,
            problem=problem,
            signed_in=True,
            case_number="",
        )
    return _erased(request, erasure.erase(database, actor, eyes, person_id))


@router.get("/erase")
def show_erase_by_code(request: Request) -> Response:
    """Erase without signing in, with the code that can do nothing else."""
    return render(request, "enrolment/erase.html", problem=None, signed_in=False, case_number="")


@router.post("/erase")
def erase_by_code(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    erasure: ErasureDep,
    eyes: EyesDep,
    case_number: Field = "",
    deletion_code: Field = "",
    sure: Field = "",
) -> Response:
    """Check number and code, then erase."""
    if sure != "on":
        return _asked_again(request, case_number, "Please tick that you are sure.", 422)
    try:
        actor = enrolment.signing_in.person_of_deletion_code(
            database, case_number, deletion_code, client_address(request)
        )
    except (SignInFailedError, TooManyAttemptsError) as error:
        return _asked_again(request, case_number, str(error), error.http_status)
    return _erased(request, erasure.erase(database, actor, eyes, own_person_id(actor)))


@router.get("/erasure-receipts/{receipt_id}.json")
def download_receipt(database: DatabaseDep, erasure: ErasureDep, receipt_id: uuid.UUID) -> Response:
    """The signed receipt; its address is unguessable and it holds nothing of anybody."""
    return Response(
        erasure.receipt(database, receipt_id).file(),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="receipt.json"'},
    )


def _asked_again(request: Request, case_number: str, problem: str, status_code: int) -> Response:
    return render(
        request,
        "enrolment/erase.html",
        status_code=status_code,
        problem=problem,
        signed_in=False,
        case_number=case_number,
    )


def _erased(request: Request, done: FinishedErasure) -> Response:
    request.state.actor = None
    page = render(request, "enrolment/erased.html", receipt_id=done.receipt_id, counts=done.counts)
    cookies.clear(request, page)
    page.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return page
