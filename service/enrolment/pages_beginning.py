"""The first pages: start, age, secret, the case number; and coming back to a case."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor, Role
from service.accounts.asked import AccountsDep
from service.accounts.errors import NotSetUpError
from service.enrolment.asked import EnrolmentDep, own_person_id
from service.enrolment.case_numbers import new_passphrase
from service.enrolment.errors import SignInFailedError
from service.enrolment.own_services import SERVICES_FOR_MINORS
from service.enrolment.shown_once import ShownOnce, open_shown_once, seal_shown_once
from service.enrolment.views_of import next_step
from service.errors import InvalidInputError, LikenessError, TooManyAttemptsError
from service.web import cookies
from service.web.dependencies import (
    CurrentActor,
    DatabaseDep,
    PersonActor,
    ReadSession,
    client_address,
    get_clock,
    get_vault,
)
from service.web.render import render
from service.web.responses import see_other, signed_in

router = APIRouter()

Field = Annotated[str, Form()]
BEGIN_BY_ADDRESS = ("person-begin-address", 20, 60 * 60)


@router.get("/")
def show_start(request: Request, session: ReadSession, accounts: AccountsDep) -> Response:
    """What this is, in a few words, and the two ways in."""
    try:
        organisation = accounts.default_organisation(session).name
    except NotSetUpError:
        organisation = ""
    return render(request, "enrolment/start.html", organisation=organisation)


@router.get("/enrol")
def show_age(request: Request, actor: CurrentActor) -> Response:
    """Step 1: two questions about age; nothing is kept of the answers unless one goes on."""
    if _is_person(actor):
        return see_other("/my")
    return render(request, "enrolment/age.html", problem=None)


@router.post("/enrol")
def answer_age(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    adult_now: Field = "",
    minor_in_pictures: Field = "",
) -> Response:
    """Adults go on; everybody else is shown the services that are made for them."""
    if {adult_now, minor_in_pictures} - {"yes", "no"}:
        return render(
            request, "enrolment/age.html", status_code=422, problem="Please answer both questions."
        )
    if adult_now == "no" or minor_in_pictures == "yes":
        with database.write() as session:
            enrolment.count_handed_over_minor(session)
        return render(request, "enrolment/minor.html", services=SERVICES_FOR_MINORS)
    return render(
        request, "enrolment/secret.html", problem=None, display_name="", country="", contact=""
    )


@router.post("/enrol/secret")
def begin(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    accounts: AccountsDep,
    actor: CurrentActor,
    adult: Field = "",
    make_words: Field = "",
    passphrase: Field = "",
    display_name: Field = "",
    country: Field = "",
    contact: Field = "",
) -> Response:
    """Step 2: the case begins. Number, code and a made-up passphrase come on the next page."""
    if _is_person(actor):
        return see_other("/my")
    kind, attempts, window_s = BEGIN_BY_ADDRESS
    accounts.limits.hit(database, kind, client_address(request), attempts, window_s)
    made_up = new_passphrase() if make_words == "yes" else ""
    try:
        with database.write() as session:
            begun = enrolment.begin(
                session,
                adult_now=adult == "yes",
                adult_in_pictures=adult == "yes",
                passphrase=made_up or passphrase,
                display_name=display_name,
                country=country,
                contact=contact,
            )
            token = accounts.open_person_session(session, begun.person_id, begun.organisation_id)
    except InvalidInputError as error:
        return render(
            request,
            "enrolment/secret.html",
            status_code=error.http_status,
            problem=str(error),
            display_name=display_name,
            country=country,
            contact=contact,
        )
    sealed = seal_shown_once(
        get_vault(request),
        get_clock(request),
        begun.person_id,
        case_number=begun.case_number,
        deletion_code=begun.deletion_code,
        passphrase=made_up,
    )
    response = signed_in(request, "/enrol/write-down", token)
    cookies.set_shown_once(request, response, sealed)
    return response


@router.get("/enrol/write-down")
def show_to_write_down(request: Request, actor: PersonActor) -> Response:
    """Number, code and a made-up passphrase, again after a reload, until the number is typed."""
    shown = _to_write_down(request, actor)
    if shown is None:
        return see_other("/enrol/next")
    return render(
        request,
        "enrolment/number_shown.html",
        case_number=shown.case_number,
        deletion_code=shown.deletion_code,
        passphrase=shown.passphrase,
    )


@router.get("/enrol/number")
def show_number(request: Request, actor: PersonActor) -> Response:
    """The case number has to be typed again: it is the only way back."""
    return _number_page(request, actor, None)


@router.post("/enrol/number")
def confirm_number(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    actor: PersonActor,
    case_number: Field = "",
) -> Response:
    """Compare what was typed with what was shown."""
    try:
        with database.write() as session:
            enrolment.confirm_number(session, actor, own_person_id(actor), case_number)
    except InvalidInputError as error:
        return _number_page(request, actor, error)
    response = see_other("/enrol/release")
    cookies.forget_shown_once(request, response)
    return response


@router.get("/enrol/next")
def go_on(session: ReadSession, enrolment: EnrolmentDep, actor: PersonActor) -> Response:
    """Where somebody was when they left."""
    view = enrolment.person_view(session, actor, own_person_id(actor))
    return see_other(next_step(view).link or "/my")


@router.get("/sign-in")
def show_sign_in(request: Request, actor: CurrentActor) -> Response:
    """Back to a case with number and passphrase."""
    if _is_person(actor):
        return see_other("/my")
    return render(request, "enrolment/sign_in.html", problem=None, case_number="")


@router.post("/sign-in")
def sign_in(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    case_number: Field = "",
    passphrase: Field = "",
) -> Response:
    """Open a session; every failure says the same."""
    try:
        token = enrolment.sign_in(database, case_number, passphrase, client_address(request))
    except (SignInFailedError, TooManyAttemptsError) as error:
        return render(
            request,
            "enrolment/sign_in.html",
            status_code=error.http_status,
            problem=str(error),
            case_number=case_number,
        )
    return signed_in(request, "/my", token)


def _to_write_down(request: Request, actor: Actor) -> ShownOnce | None:
    return open_shown_once(
        get_vault(request), get_clock(request), own_person_id(actor), cookies.shown_once(request)
    )


def _number_page(request: Request, actor: Actor, error: LikenessError | None) -> Response:
    return render(
        request,
        "enrolment/number.html",
        status_code=error.http_status if error else 200,
        problem=str(error) if error else None,
        can_look_again=_to_write_down(request, actor) is not None,
    )


def _is_person(actor: Actor | None) -> bool:
    return actor is not None and actor.role is Role.PERSON
