"""Reference photos: given, refused with a reason, seen as words, removed."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.enrolment.asked import EnrolmentDep, EyesDep, PhotosDep, own_person_id
from service.enrolment.face_pictures import face_response
from service.enrolment.service import EnrolmentService
from service.enrolment.views import PhotoOutcome
from service.errors import ConflictError, InvalidInputError
from service.web.dependencies import DatabaseDep, PersonActor, ReadSession, get_settings
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Uploads = Annotated[list[UploadFile], File()]
MAX_AT_ONCE = 6


@router.get("/enrol/photos")
def show_enrol_photos(
    request: Request, session: ReadSession, enrolment: EnrolmentDep, actor: PersonActor
) -> Response:
    """Step 4: photos; three good ones are recommended, one is enough to begin."""
    return _page(request, session, enrolment, actor, enrolling=True)


@router.get("/my/photos")
def show_photos(
    request: Request, session: ReadSession, enrolment: EnrolmentDep, actor: PersonActor
) -> Response:
    """The person's photos, in words; a face is shown only when asked for."""
    return _page(request, session, enrolment, actor, enrolling=False)


@router.post("/enrol/photos")
def add_enrol_photos(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    photos: PhotosDep,
    eyes: EyesDep,
    actor: PersonActor,
    files: Uploads,
) -> Response:
    """Take photos while enrolling."""
    outcomes, problem = _add(database, photos, eyes, actor, files)
    with database.read() as session:
        return _page(
            request, session, enrolment, actor, enrolling=True, outcomes=outcomes, problem=problem
        )


@router.post("/my/photos")
def add_photos(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    photos: PhotosDep,
    eyes: EyesDep,
    actor: PersonActor,
    files: Uploads,
) -> Response:
    """Take photos later."""
    outcomes, problem = _add(database, photos, eyes, actor, files)
    with database.read() as session:
        return _page(
            request, session, enrolment, actor, enrolling=False, outcomes=outcomes, problem=problem
        )


@router.post("/my/photos/{photo_id}/remove")
def remove_photo(
    database: DatabaseDep,
    photos: PhotosDep,
    actor: PersonActor,
    photo_id: uuid.UUID,
    back: Annotated[str, Form()] = "",
) -> Response:
    """Remove one photo with its template and hashes."""
    photos.remove_photo(database, actor, photo_id)
    return see_other("/enrol/photos" if back == "enrol" else "/my/photos")


@router.get("/my/photos/{photo_id}/face")
def show_face(
    database: DatabaseDep,
    photos: PhotosDep,
    actor: PersonActor,
    photo_id: uuid.UUID,
    clear: bool = False,
) -> Response:
    """The aligned grey face of one photo, blurred unless asked for again; audited."""
    return face_response(photos.face_crop(database, actor, photo_id), clear=clear)


def _add(
    database: DatabaseDep, photos: PhotosDep, eyes: EyesDep, actor: Actor, files: list[UploadFile]
) -> tuple[list[tuple[str, PhotoOutcome]], str | None]:
    given = [file for file in files if file.size]
    if not given:
        named = any(file.filename for file in files)
        empty = "This file is empty: nothing of it arrived. Please choose the photo again."
        return [], empty if named else "Please choose a photo first."
    outcomes: list[tuple[str, PhotoOutcome]] = []
    try:
        for number, file in enumerate(given[:MAX_AT_ONCE], start=1):
            content = file.file.read()
            outcome = photos.add_photo(database, actor, eyes, own_person_id(actor), content)
            outcomes.append((f"Photo {number}", outcome))
    except (InvalidInputError, ConflictError) as error:
        return outcomes, str(error)
    if len(given) > MAX_AT_ONCE:
        return outcomes, f"At most {MAX_AT_ONCE} at once; please give the others after these."
    return outcomes, None


def _page(
    request: Request,
    session: Session,
    enrolment: EnrolmentService,
    actor: Actor,
    *,
    enrolling: bool,
    outcomes: list[tuple[str, PhotoOutcome]] | None = None,
    problem: str | None = None,
) -> Response:
    view = enrolment.person_view(session, actor, own_person_id(actor))
    shown = request.query_params.get("show", "")
    return render(
        request,
        "enrolment/photos.html",
        person=view,
        enrolling=enrolling,
        outcomes=outcomes or [],
        problem=problem,
        max_photos=get_settings(request).max_reference_photos,
        shown=shown,
        clear=request.query_params.get("clear") == "yes",
    )
