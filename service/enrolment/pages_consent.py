"""Release and mandate: read, signed, renewed, withdrawn; and handing the case in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.accounts.asked import AccountsDep
from service.accounts.service import AccountService
from service.enrolment.asked import (
    ConsentDep,
    EnrolmentDep,
    EyesDep,
    LooksAgainDep,
    PhotosDep,
    own_person_id,
)
from service.enrolment.collaborators import LooksAgain
from service.enrolment.release_text import release_text
from service.enrolment.service import EnrolmentService
from service.enrolment.views import PersonView
from service.errors import ConflictError, InvalidInputError
from service.web.dependencies import DatabaseDep, PersonActor, ReadSession, get_settings
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]


@router.get("/enrol/release")
def show_release(
    request: Request,
    session: ReadSession,
    enrolment: EnrolmentDep,
    accounts: AccountsDep,
    actor: PersonActor,
) -> Response:
    """Step 3: what is agreed to, in plain words; nothing is ticked in advance."""
    return _page(request, session, enrolment, accounts, actor)


@router.post("/enrol/release")
def sign(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    accounts: AccountsDep,
    photos: PhotosDep,
    eyes: EyesDep,
    actor: PersonActor,
    signature_name: Field = "",
    agreed: Field = "",
    covers_faces: Field = "",
    may_search: Field = "",
    may_capture: Field = "",
    may_notify: Field = "",
) -> Response:
    """Sign release and mandate together, or nothing."""
    person_id = own_person_id(actor)
    choices = {
        "covers_faces": covers_faces,
        "may_search": may_search,
        "may_capture": may_capture,
        "may_notify": may_notify,
    }
    try:
        with database.write() as session:
            enrolment.sign_release(
                session,
                actor,
                person_id,
                signature_name=signature_name,
                agreed=agreed == "on",
                covers_faces=covers_faces == "on",
            )
            enrolment.sign_mandate(
                session,
                actor,
                person_id,
                signature_name=signature_name,
                agreed=agreed == "on",
                may_search=may_search == "on",
                may_capture=may_capture == "on",
                may_notify=may_notify == "on",
            )
            view = enrolment.person_view(session, actor, person_id)
    except (InvalidInputError, ConflictError) as error:
        with database.read() as session:
            return _page(
                request,
                session,
                enrolment,
                accounts,
                actor,
                problem=str(error),
                status_code=error.http_status,
                signature_name=signature_name,
                chosen=frozenset(name for name, value in choices.items() if value == "on"),
            )
    if view.face_opt_in and view.photos:
        photos.rebuild_templates(database, eyes, person_id)
    return see_other("/enrol/photos" if view.state == "draft" else "/my/consent")


@router.get("/enrol/mandate")
def show_mandate(
    request: Request, session: ReadSession, enrolment: EnrolmentDep, actor: PersonActor
) -> Response:
    """Renew the mandate alone."""
    view = enrolment.person_view(session, actor, own_person_id(actor))
    if view.release is None:
        return see_other("/enrol/release")
    days = get_settings(request).mandate_days
    return render(request, "enrolment/mandate.html", problem=None, days=days)


@router.post("/enrol/mandate")
def sign_mandate(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    actor: PersonActor,
    signature_name: Field = "",
    agreed: Field = "",
    may_search: Field = "",
    may_capture: Field = "",
    may_notify: Field = "",
) -> Response:
    """Sign a new mandate."""
    try:
        with database.write() as session:
            enrolment.sign_mandate(
                session,
                actor,
                own_person_id(actor),
                signature_name=signature_name,
                agreed=agreed == "on",
                may_search=may_search == "on",
                may_capture=may_capture == "on",
                may_notify=may_notify == "on",
            )
    except InvalidInputError as error:
        days = get_settings(request).mandate_days
        return render(
            request,
            "enrolment/mandate.html",
            status_code=error.http_status,
            problem=str(error),
            days=days,
        )
    return see_other("/enrol/next")


@router.get("/my/consent")
def show_consent(
    request: Request,
    session: ReadSession,
    enrolment: EnrolmentDep,
    accounts: AccountsDep,
    actor: PersonActor,
) -> Response:
    """What the person agreed to, word for word, and how to withdraw it."""
    view = enrolment.person_view(session, actor, own_person_id(actor))
    return render(
        request,
        "enrolment/consent.html",
        person=view,
        faces_available=accounts.face_matching_on(session, view.organisation_id),
    )


@router.post("/my/consent/faces/withdraw")
def opt_out(
    database: DatabaseDep, consent: ConsentDep, eyes: EyesDep, actor: PersonActor
) -> Response:
    """End face search at once; everything else goes on."""
    consent.opt_out_of_faces(database, actor, eyes, own_person_id(actor))
    return see_other("/my/consent")


@router.post("/my/consent/release/withdraw")
def withdraw_release(
    database: DatabaseDep, consent: ConsentDep, eyes: EyesDep, actor: PersonActor
) -> Response:
    """End everything that the release allowed."""
    consent.withdraw_release(database, actor, eyes, own_person_id(actor))
    return see_other("/my")


@router.post("/my/consent/mandate/withdraw")
def withdraw_mandate(
    database: DatabaseDep, consent: ConsentDep, eyes: EyesDep, actor: PersonActor
) -> Response:
    """The advocates may do nothing more."""
    consent.withdraw_mandate(database, actor, eyes, own_person_id(actor))
    return see_other("/my")


@router.get("/enrol/done")
def show_done(
    request: Request,
    session: ReadSession,
    enrolment: EnrolmentDep,
    again: LooksAgainDep,
    actor: PersonActor,
) -> Response:
    """Step 6: hand in; what happens next and who acts."""
    view = enrolment.person_view(session, actor, own_person_id(actor))
    return render(
        request,
        "enrolment/done.html",
        person=view,
        problem=None,
        again=_again_words(session, again, view),
        names=len(enrolment.names.ids_of(session, actor, view.person_id)),
    )


@router.post("/enrol/done")
def hand_in(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    again: LooksAgainDep,
    actor: PersonActor,
) -> Response:
    """Give the case to the advocates."""
    person_id = own_person_id(actor)
    try:
        with database.write() as session:
            enrolment.hand_in(session, actor, person_id)
    except ConflictError as error:
        with database.read() as session:
            view = enrolment.person_view(session, actor, person_id)
            words = _again_words(session, again, view)
            names = len(enrolment.names.ids_of(session, actor, person_id))
        return render(
            request,
            "enrolment/done.html",
            status_code=error.http_status,
            person=view,
            problem=str(error),
            again=words,
            names=names,
        )
    return see_other("/my")


def _again_words(session: Session, again: LooksAgain, view: PersonView) -> str:
    """What is looked at again for who wants their face to be looked for; else hashes answer."""
    return again.estimate(session, view.organisation_id).words if view.face_opt_in else ""


def _page(
    request: Request,
    session: Session,
    enrolment: EnrolmentService,
    accounts: AccountService,
    actor: Actor,
    *,
    problem: str | None = None,
    status_code: int = 200,
    signature_name: str = "",
    chosen: frozenset[str] = frozenset(),
) -> Response:
    view = enrolment.person_view(session, actor, own_person_id(actor))
    organisation = accounts.organisation(session, actor)
    settings = get_settings(request)
    held_days = settings.held_days
    plain_text = release_text(organisation.name, covers_faces=False, held_days=held_days)
    with_faces = release_text(organisation.name, covers_faces=True, held_days=held_days)
    extra = [one for one in with_faces.paragraphs if one not in plain_text.paragraphs]
    return render(
        request,
        "enrolment/release.html",
        status_code=status_code,
        person=view,
        organisation=organisation.name,
        text=plain_text,
        faces_available=accounts.face_matching_on(session, view.organisation_id),
        faces_paragraphs=extra,
        faces_statement=with_faces.statement.removeprefix(plain_text.statement).strip(),
        days=settings.mandate_days,
        chosen=chosen,
        signature_name=signature_name,
        problem=problem,
    )
