"""The JSON API of the hash bank. It takes hashes and forgets files; it never answers finds."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile

from service.enrolment.asked import EyesDep, own_person_id
from service.hashbank.pages import HashBankDep
from service.hashbank.schemas import FingerprintsIn, KnownHashIn, KnownIdOut, KnownOut
from service.web.dependencies import DatabaseDep, PersonActor, ReadSession, WriteSession
from service.web.errors import error_responses

router = APIRouter(tags=["known pictures"])

_CREATED = 201
_NO_CONTENT = 204


@router.get("/my/known", summary="Known pictures", responses=error_responses(401, 403))
def list_known(session: ReadSession, hashbank: HashBankDep, actor: PersonActor) -> list[KnownOut]:
    """What is recognised without any biometrics."""
    known = hashbank.list_known(session, actor, own_person_id(actor))
    return [KnownOut.of(view) for view in known]


@router.post(
    "/my/known/hashes",
    status_code=_CREATED,
    summary="Give a hash",
    responses=error_responses(401, 403, 409, 422),
)
def add_hash(
    body: KnownHashIn, session: WriteSession, hashbank: HashBankDep, actor: PersonActor
) -> KnownIdOut:
    """The picture itself never leaves the device it is on."""
    known_id = hashbank.add_given_hash(
        session,
        actor,
        own_person_id(actor),
        sha256=body.sha256,
        pdq=body.pdq,
        note=body.note,
    )
    return KnownIdOut(known_id=known_id)


@router.post(
    "/my/known/fingerprints",
    status_code=_CREATED,
    summary="Give fingerprints that were made on the person's device",
    responses=error_responses(401, 403, 409, 413, 422),
)
def add_fingerprints(
    body: FingerprintsIn, session: WriteSession, hashbank: HashBankDep, actor: PersonActor
) -> list[KnownIdOut]:
    """Pictures and videos in the order given; one that is known already keeps its number."""
    media = [medium.given() for medium in body.media]
    known = hashbank.add_given_media(session, actor, own_person_id(actor), media, body.note)
    return [KnownIdOut(known_id=known_id) for known_id in known]


@router.post(
    "/my/known/files",
    status_code=_CREATED,
    summary="Give a file whose copies are to be recognised",
    responses=error_responses(401, 403, 409, 413, 422),
)
def add_file(
    database: DatabaseDep,
    hashbank: HashBankDep,
    eyes: EyesDep,
    actor: PersonActor,
    file: Annotated[UploadFile, File()],
) -> KnownOut:
    """Its hashes are kept, the file is forgotten."""
    person_id = own_person_id(actor)
    view = hashbank.add_given_picture(database, actor, eyes, person_id, file.file.read())
    return KnownOut.of(view)


@router.delete(
    "/my/known/{known_id}",
    status_code=_NO_CONTENT,
    summary="Forget a known picture",
    responses=error_responses(401, 403, 404, 409),
)
def remove_known(
    session: WriteSession, hashbank: HashBankDep, actor: PersonActor, known_id: uuid.UUID
) -> Response:
    """Its copies are recognised no more."""
    hashbank.remove(session, actor, known_id)
    return Response(status_code=_NO_CONTENT)
