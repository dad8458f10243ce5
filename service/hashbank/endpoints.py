"""The JSON API of the hash bank. It takes hashes and forgets files; it never answers finds.

What was seen before is answered in counts, for a verified case alone.
"""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile

from service.enrolment.asked import EyesDep, own_person_id
from service.hashbank.asked import CountedGiving, HashBankDep, SeenAnswersDep
from service.hashbank.schemas import (
    FingerprintsIn,
    KnownHashIn,
    KnownIdOut,
    KnownOut,
    SeenBeforeOut,
    SimilarIn,
    VouchIn,
)
from service.web.dependencies import (
    AdvocateActor,
    DatabaseDep,
    PersonActor,
    ReadSession,
    WriteSession,
)
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
    dependencies=[CountedGiving],
    responses=error_responses(401, 403, 409, 422, 429),
)
def add_hash(
    body: KnownHashIn,
    database: DatabaseDep,
    hashbank: HashBankDep,
    answers: SeenAnswersDep,
    actor: PersonActor,
) -> KnownIdOut:
    """The picture itself never leaves the device it is on."""
    person_id = own_person_id(actor)
    with database.write() as session:
        known_id = hashbank.add_given_hash(
            session, actor, person_id, sha256=body.sha256, pdq=body.pdq, note=body.note
        )
    answers.answer_now(database, actor, person_id)
    return KnownIdOut(known_id=known_id)


@router.post(
    "/my/known/fingerprints",
    status_code=_CREATED,
    summary="Give fingerprints that were made on the person's device",
    dependencies=[CountedGiving],
    responses=error_responses(401, 403, 409, 413, 422, 429),
)
def add_fingerprints(
    body: FingerprintsIn,
    database: DatabaseDep,
    hashbank: HashBankDep,
    answers: SeenAnswersDep,
    actor: PersonActor,
) -> list[KnownIdOut]:
    """Pictures and videos in the order given; one that is known already keeps its number."""
    media = [medium.given() for medium in body.media]
    person_id = own_person_id(actor)
    with database.write() as session:
        known = hashbank.add_given_media(session, actor, person_id, media, body.note)
    answers.answer_now(database, actor, person_id)
    return [KnownIdOut(known_id=known_id) for known_id in known]


@router.post(
    "/my/known/files",
    status_code=_CREATED,
    summary="Give a file whose copies are to be recognised",
    dependencies=[CountedGiving],
    responses=error_responses(401, 403, 409, 413, 422, 429),
)
def add_file(
    database: DatabaseDep,
    hashbank: HashBankDep,
    answers: SeenAnswersDep,
    eyes: EyesDep,
    actor: PersonActor,
    file: Annotated[UploadFile, File()],
) -> KnownOut:
    """Its hashes are kept, the file is forgotten."""
    person_id = own_person_id(actor)
    view = hashbank.add_given_picture(database, actor, eyes, person_id, file.file.read())
    answers.answer_now(database, actor, person_id)
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


@router.get(
    "/my/seen-before",
    summary="Where my pictures were seen before, in counts",
    responses=error_responses(401, 403),
)
def show_seen_before(
    session: ReadSession, answers: SeenAnswersDep, actor: PersonActor
) -> SeenBeforeOut:
    """Of a verified case; no address and no site is named."""
    return SeenBeforeOut.of(answers.view(session, actor, own_person_id(actor)))


@router.get(
    "/cases/{person_id}/seen-before",
    summary="Where a case's pictures were seen before, in counts",
    responses=error_responses(401, 403, 404),
)
def show_seen_before_of_case(
    session: ReadSession, answers: SeenAnswersDep, actor: AdvocateActor, person_id: uuid.UUID
) -> SeenBeforeOut:
    """Of a verified case; with the standing of each known picture."""
    return SeenBeforeOut.of(answers.view(session, actor, person_id))


@router.post(
    "/cases/{person_id}/known/vouch",
    status_code=_CREATED,
    summary="Vouch for what a person gave",
    responses=error_responses(401, 403, 404, 422),
)
def vouch(
    body: VouchIn,
    session: WriteSession,
    hashbank: HashBankDep,
    answers: SeenAnswersDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> SeenBeforeOut:
    """Then the person is told where finds of these pictures are, also before reviewers agree."""
    hashbank.matches.vouch(
        session, actor, person_id, body.known_ids, statement_ticked=body.statement_ticked
    )
    return SeenBeforeOut.of(answers.view(session, actor, person_id))


@router.post(
    "/known/{known_id}/similar",
    status_code=_CREATED,
    summary="Decide whether look-alikes of a known picture make candidates",
    responses=error_responses(401, 403, 404, 422),
)
def decide_on_similar(
    body: SimilarIn,
    session: WriteSession,
    hashbank: HashBankDep,
    actor: AdvocateActor,
    known_id: uuid.UUID,
) -> KnownIdOut:
    """Exact copies always do."""
    hashbank.matches.want_similar(session, actor, known_id, wanted=body.wanted)
    return KnownIdOut(known_id=known_id)
