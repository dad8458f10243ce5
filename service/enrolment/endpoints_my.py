"""A person's own case, for programs: begin, sign in, sign, photos, withdraw, erase."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile
from starlette.requests import Request

from service.accounts.asked import AccountsDep
from service.enrolment.asked import (
    ConsentDep,
    EnrolmentDep,
    ErasureDep,
    EyesDep,
    PhotosDep,
    own_person_id,
)
from service.enrolment.errors import SignInFailedError, StatementNotTickedError
from service.enrolment.pages_beginning import BEGIN_BY_ADDRESS
from service.enrolment.schemas import (
    BeginIn,
    BegunOut,
    CaseNumberIn,
    CaseOut,
    CaseSignInIn,
    ErasedCountOut,
    ErasedOut,
    EraseIn,
    PhotoOutcomeOut,
    SignedOut,
    SignMandateIn,
    SignReleaseIn,
    TokenOut,
)
from service.web.dependencies import (
    DatabaseDep,
    PersonActor,
    ReadSession,
    WriteSession,
    client_address,
)
from service.web.errors import error_responses

router = APIRouter(tags=["my case"])

_CREATED = 201
_NO_CONTENT = 204


@router.post(
    "/my",
    status_code=_CREATED,
    summary="Begin a case",
    responses=error_responses(403, 422, 429, 503),
)
def begin(
    request: Request,
    body: BeginIn,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    accounts: AccountsDep,
) -> BegunOut:
    """Answers case number, deletion-only code and a session's token; shown only here."""
    kind, attempts, window_s = BEGIN_BY_ADDRESS
    accounts.limits.hit(database, kind, client_address(request), attempts, window_s)
    with database.write() as session:
        begun = enrolment.begin(
            session,
            adult_now=body.adult_now,
            adult_in_pictures=body.adult_in_pictures,
            passphrase=body.passphrase.get_secret_value(),
            display_name=body.display_name,
            country=body.country,
            contact=body.contact,
        )
        token = accounts.open_person_session(session, begun.person_id, begun.organisation_id)
    return BegunOut(
        person_id=begun.person_id,
        case_number=begun.case_number,
        deletion_code=begun.deletion_code,
        token=token,
    )


@router.post(
    "/my/session",
    status_code=_CREATED,
    summary="Sign in to a case",
    responses=error_responses(401, 422, 429),
)
def sign_in(
    request: Request, body: CaseSignInIn, database: DatabaseDep, enrolment: EnrolmentDep
) -> TokenOut:
    """Case number and passphrase; every failure says the same."""
    token = enrolment.sign_in(
        database,
        body.case_number,
        body.passphrase.get_secret_value(),
        client_address(request),
    )
    return TokenOut(token=token)


@router.get("/my", summary="My case", responses=error_responses(401, 403))
def my_case(session: ReadSession, enrolment: EnrolmentDep, actor: PersonActor) -> CaseOut:
    """The case in words, and who acts next."""
    return CaseOut.of(enrolment.person_view(session, actor, own_person_id(actor)))


@router.post(
    "/my/number",
    status_code=_NO_CONTENT,
    summary="Type the case number again",
    responses=error_responses(401, 403, 422),
)
def confirm_number(
    body: CaseNumberIn, session: WriteSession, enrolment: EnrolmentDep, actor: PersonActor
) -> Response:
    """Makes sure that the person can come back."""
    enrolment.confirm_number(session, actor, own_person_id(actor), body.case_number)
    return Response(status_code=_NO_CONTENT)


@router.post(
    "/my/release",
    status_code=_CREATED,
    summary="Sign the release",
    responses=error_responses(401, 403, 409, 422),
)
def sign_release(
    body: SignReleaseIn, session: WriteSession, enrolment: EnrolmentDep, actor: PersonActor
) -> SignedOut:
    """Face search only with `covers_faces`, and only where it is switched on."""
    release_id = enrolment.sign_release(
        session,
        actor,
        own_person_id(actor),
        signature_name=body.signature_name,
        agreed=body.agreed,
        covers_faces=body.covers_faces,
    )
    return SignedOut(id=release_id)


@router.delete(
    "/my/release",
    status_code=_NO_CONTENT,
    summary="Withdraw the release",
    responses=error_responses(401, 403, 409),
)
def withdraw_release(
    database: DatabaseDep, consent: ConsentDep, eyes: EyesDep, actor: PersonActor
) -> Response:
    """Nothing more is looked for; templates are destroyed at once."""
    consent.withdraw_release(database, actor, eyes, own_person_id(actor))
    return Response(status_code=_NO_CONTENT)


@router.delete(
    "/my/faces",
    status_code=_NO_CONTENT,
    summary="End face search",
    responses=error_responses(401, 403),
)
def opt_out(
    database: DatabaseDep, consent: ConsentDep, eyes: EyesDep, actor: PersonActor
) -> Response:
    """Templates are destroyed at once; everything else goes on."""
    consent.opt_out_of_faces(database, actor, eyes, own_person_id(actor))
    return Response(status_code=_NO_CONTENT)


@router.post(
    "/my/mandate",
    status_code=_CREATED,
    summary="Sign the mandate",
    responses=error_responses(401, 403, 422),
)
def sign_mandate(
    body: SignMandateIn, session: WriteSession, enrolment: EnrolmentDep, actor: PersonActor
) -> SignedOut:
    """With exactly the scopes that are true."""
    mandate_id = enrolment.sign_mandate(
        session,
        actor,
        own_person_id(actor),
        signature_name=body.signature_name,
        agreed=body.agreed,
        may_search=body.may_search,
        may_capture=body.may_capture,
        may_notify=body.may_notify,
        days=body.days,
    )
    return SignedOut(id=mandate_id)


@router.delete(
    "/my/mandate",
    status_code=_NO_CONTENT,
    summary="Withdraw the mandate",
    responses=error_responses(401, 403, 409),
)
def withdraw_mandate(
    database: DatabaseDep, consent: ConsentDep, eyes: EyesDep, actor: PersonActor
) -> Response:
    """The advocates may do nothing more."""
    consent.withdraw_mandate(database, actor, eyes, own_person_id(actor))
    return Response(status_code=_NO_CONTENT)


@router.post(
    "/my/hand-in",
    status_code=_NO_CONTENT,
    summary="Hand the case in",
    responses=error_responses(401, 403, 409),
)
def hand_in(session: WriteSession, enrolment: EnrolmentDep, actor: PersonActor) -> Response:
    """An advocate looks at it next."""
    enrolment.hand_in(session, actor, own_person_id(actor))
    return Response(status_code=_NO_CONTENT)


@router.post(
    "/my/photos", summary="Give a reference photo", responses=error_responses(401, 403, 409, 413)
)
def add_photo(
    database: DatabaseDep,
    photos: PhotosDep,
    eyes: EyesDep,
    actor: PersonActor,
    file: Annotated[UploadFile, File()],
) -> PhotoOutcomeOut:
    """Kept, or refused with a reason; never an answer about anybody's finds."""
    outcome = photos.add_photo(database, actor, eyes, own_person_id(actor), file.file.read())
    return PhotoOutcomeOut.of(outcome)


@router.delete(
    "/my/photos/{photo_id}",
    status_code=_NO_CONTENT,
    summary="Remove a reference photo",
    responses=error_responses(401, 403, 404),
)
def remove_photo(
    database: DatabaseDep, photos: PhotosDep, actor: PersonActor, photo_id: uuid.UUID
) -> Response:
    """With its template and hashes."""
    photos.remove_photo(database, actor, photo_id)
    return Response(status_code=_NO_CONTENT)


@router.post("/my/erase", summary="Erase my case", responses=error_responses(401, 403, 422, 429))
def erase(
    body: EraseIn,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    erasure: ErasureDep,
    eyes: EyesDep,
    actor: PersonActor,
) -> ErasedOut:
    """Everything is destroyed and cannot be brought back."""
    person_id = own_person_id(actor)
    if not body.sure:
        raise StatementNotTickedError("sure: it has to be true; erasing cannot be undone.")
    passphrase = body.passphrase.get_secret_value()
    if not enrolment.signing_in.passphrase_is_right(database, person_id, passphrase):
        raise SignInFailedError("The passphrase is not right.")
    done = erasure.erase(database, actor, eyes, person_id)
    return ErasedOut(
        receipt=done.receipt_id,
        deleted=[ErasedCountOut(what=count.what, count=count.count) for count in done.counts],
    )
