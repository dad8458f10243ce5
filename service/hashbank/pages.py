"""Known pictures: hashed on the person's own device, or sent, hashed and forgotten, or typed in.

The page's own content policy lets its script start a worker and read frames of a chosen video; like
every page's, it allows scripts no fetch and no socket.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.database import Database
from service.enrolment.asked import EyesDep, own_person_id
from service.errors import ConflictError, InvalidInputError, LikenessError
from service.hashbank import pages_case
from service.hashbank.asked import CountedGiving, HashBankDep, SeenAnswersDep
from service.hashbank.given import read_given_media
from service.hashbank.seen_answer import SeenAnswers
from service.hashbank.service import HashBankService
from service.web.dependencies import DatabaseDep, PersonActor, ReadSession, WriteSession
from service.web.render import render
from service.web.responses import see_other
from service.web.security import set_on_device_policy

router = APIRouter()
router.include_router(pages_case.router)

Field = Annotated[str, Form()]
_NOTHING_TYPED = dict.fromkeys(("sha256", "pdq", "note"), "")


@router.get("/my/known")
def show_known(
    request: Request,
    session: ReadSession,
    hashbank: HashBankDep,
    answers: SeenAnswersDep,
    actor: PersonActor,
) -> Response:
    """What is recognised without any biometrics, and where it was seen before, in counts."""
    return _page(request, session, hashbank, answers, actor)


@router.post("/my/known", dependencies=[CountedGiving])
def add_known(
    request: Request,
    database: DatabaseDep,
    hashbank: HashBankDep,
    answers: SeenAnswersDep,
    eyes: EyesDep,
    actor: PersonActor,
    note: Field = "",
    sha256: Field = "",
    pdq: Field = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Take a file's hashes (the file is not kept), or hashes made elsewhere."""
    person_id = own_person_id(actor)
    try:
        if file is not None and file.size:
            hashbank.add_given_picture(database, actor, eyes, person_id, file.file.read(), note)
        else:
            with database.write() as session:
                hashbank.add_given_hash(
                    session, actor, person_id, sha256=sha256, pdq=pdq, note=note
                )
    except (InvalidInputError, ConflictError) as error:
        typed = {"sha256": sha256, "pdq": pdq, "note": note}
        return _page_again(request, database, hashbank, answers, actor, error, typed)
    answers.answer_now(database, actor, person_id)
    return see_other("/my/known")


@router.post("/my/known/fingerprints", dependencies=[CountedGiving])
def add_fingerprints(
    request: Request,
    database: DatabaseDep,
    hashbank: HashBankDep,
    answers: SeenAnswersDep,
    actor: PersonActor,
    media: Field = "",
    note: Field = "",
) -> Response:
    """Keep fingerprints that were made on the person's device; nothing else comes with them."""
    try:
        given = read_given_media(media)
        with database.write() as session:
            hashbank.add_given_media(session, actor, own_person_id(actor), given, note)
    except (InvalidInputError, ConflictError) as error:
        return _page_again(request, database, hashbank, answers, actor, error)
    answers.answer_now(database, actor, own_person_id(actor))
    return see_other("/my/known")


@router.post("/my/known/{known_id}/remove")
def remove_known(
    session: WriteSession, hashbank: HashBankDep, actor: PersonActor, known_id: uuid.UUID
) -> Response:
    """Forget one known picture."""
    hashbank.remove(session, actor, known_id)
    return see_other("/my/known")


def _page_again(
    request: Request,
    database: Database,
    hashbank: HashBankService,
    answers: SeenAnswers,
    actor: Actor,
    error: LikenessError,
    typed: Mapping[str, str] | None = None,
) -> Response:
    with database.read() as session:
        return _page(
            request,
            session,
            hashbank,
            answers,
            actor,
            problem=str(error),
            typed=typed,
            status_code=error.http_status,
        )


def _page(
    request: Request,
    session: Session,
    hashbank: HashBankService,
    answers: SeenAnswers,
    actor: Actor,
    *,
    problem: str | None = None,
    typed: Mapping[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    person_id = own_person_id(actor)
    response = render(
        request,
        "hashbank/known.html",
        status_code=status_code,
        known=hashbank.list_known(session, actor, person_id),
        seen=answers.view(session, actor, person_id),
        problem=problem,
        typed=typed or _NOTHING_TYPED,
    )
    set_on_device_policy(response)
    return response
