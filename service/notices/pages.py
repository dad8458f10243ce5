"""The pages of notices: choose exhibits, complete, sign, take away, record what became of it.

An advocate drafts. The person may read, complete and sign their own. No statement is ever ticked
by the page: after a refusal the boxes are empty again.
"""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor, Role
from service.database import Database
from service.errors import LikenessError
from service.exhibits.asked import download
from service.notices.asked import NoticesDep, typed_moment
from service.notices.elements import MissingElement
from service.notices.errors import (
    ExhibitsDoNotFitError,
    IncompleteNoticeError,
    UnsealedExhibitError,
)
from service.notices.filing import WAYS, Filing
from service.notices.form import how_found
from service.notices.regimes import REGIMES, US_TAKE_IT_DOWN
from service.notices.service import PAGE_SIZE, ItemDetails, NoticeChange, NoticeService
from service.web.dependencies import (
    AdvocateActor,
    DatabaseDep,
    ReadSession,
    SignedInActor,
    WriteSession,
)
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]
Fields = Annotated[list[str], Form()]
Page = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/notices")
def show_notices(
    request: Request,
    session: ReadSession,
    notices: NoticesDep,
    actor: SignedInActor,
    page: Page = 1,
) -> Response:
    """All notices, what is due first on top."""
    lines = notices.list_notices(session, actor, page=page)
    return render(
        request,
        "notices/notices.html",
        notices=lines,
        page=page,
        has_more=len(lines) == PAGE_SIZE,
    )


@router.get("/notices/new")
def show_new(
    request: Request,
    database: DatabaseDep,
    notices: NoticesDep,
    actor: AdvocateActor,
    exhibit: Annotated[list[uuid.UUID] | None, Query()] = None,
    page: Page = 1,
) -> Response:
    """Choose exhibits of one person on one host."""
    return _new_page(request, database, notices, actor, tuple(exhibit or ()), page)


@router.post("/notices")
def draft_notice(
    request: Request,
    database: DatabaseDep,
    notices: NoticesDep,
    actor: AdvocateActor,
    exhibit: Annotated[list[uuid.UUID] | None, Form()] = None,
    regime: Field = US_TAKE_IT_DOWN.id,
    host: Field = "",
    unsealed_reason: Field = "",
) -> Response:
    """Draft a notice of the chosen exhibits."""
    chosen = tuple(exhibit or ())
    try:
        with database.write() as session:
            notice_id = notices.draft(
                session, actor, chosen, regime, host=host, unsealed_reason=unsealed_reason
            )
    except (ExhibitsDoNotFitError, UnsealedExhibitError) as error:
        return _new_page(request, database, notices, actor, chosen, 1, problem=error)
    return see_other(f"/notices/{notice_id}")


@router.get("/notices/{notice_id}")
def show_notice(
    request: Request,
    notice_id: uuid.UUID,
    database: DatabaseDep,
    notices: NoticesDep,
    actor: SignedInActor,
) -> Response:
    """One notice: its elements, what is missing, its signature, its clock."""
    return _notice_page(request, database, notices, actor, notice_id)


def typed_change(
    actor: SignedInActor,
    individual: Field = "",
    nonconsent_facts: Field = "",
    contact_name: Field = "",
    contact_email: Field = "",
    contact_phone: Field = "",
    receiver_name: Field = "",
    receiver_contact: Field = "",
    mention_search: Field = "",
    mention_manipulation: Field = "",
    uploader: Fields = [],  # noqa: B006 - FastAPI copies the default of a form field
    post_id: Fields = [],  # noqa: B006
) -> NoticeChange:
    """The draft's elements as they stand in the form."""
    is_advocate = actor.role is Role.ADVOCATE
    details = tuple(ItemDetails(one, other) for one, other in zip(uploader, post_id, strict=False))
    return NoticeChange(
        individual=individual,
        nonconsent_facts=nonconsent_facts,
        contact_name=contact_name,
        contact_email=contact_email,
        contact_phone=contact_phone,
        receiver_name=receiver_name if is_advocate else None,
        receiver_contact=receiver_contact if is_advocate else None,
        mention_search=mention_search == "on",
        mention_manipulation=mention_manipulation == "on",
        items=details or None,
    )


TypedChange = Annotated[NoticeChange, Depends(typed_change)]


@router.post("/notices/{notice_id}")
def change_notice(
    request: Request,
    notice_id: uuid.UUID,
    database: DatabaseDep,
    notices: NoticesDep,
    actor: SignedInActor,
    change: TypedChange,
) -> Response:
    """Set the draft's elements."""
    try:
        with database.write() as session:
            notices.change(session, actor, notice_id, change)
    except LikenessError as error:
        if error.http_status not in (409, 422):
            raise
        return _notice_page(request, database, notices, actor, notice_id, problem=error)
    return see_other(f"/notices/{notice_id}#sign")


@router.post("/notices/{notice_id}/sign")
def sign_notice(
    request: Request,
    notice_id: uuid.UUID,
    database: DatabaseDep,
    notices: NoticesDep,
    actor: SignedInActor,
    change: TypedChange,
    with_elements: Field = "",
    signature_name: Field = "",
    statement: Fields = [],  # noqa: B006
) -> Response:
    """Save what the form holds, then sign with a typed name and the ticked statements.

    What was saved stays when signing is refused; the refusal lists what is missing.
    """
    try:
        if with_elements == "yes":
            with database.write() as session:
                notices.change(session, actor, notice_id, change)
        notices.sign(
            database, actor, notice_id, signature_name=signature_name, statements=statement
        )
    except LikenessError as error:
        if error.http_status not in (409, 422):
            raise
        return _notice_page(request, database, notices, actor, notice_id, problem=error)
    return see_other(f"/notices/{notice_id}")


@router.get("/notices/{notice_id}/notice.pdf")
def take_pdf(
    notice_id: uuid.UUID, session: WriteSession, notices: NoticesDep, actor: SignedInActor
) -> Response:
    """The signed document."""
    content = notices.pdf(session, actor, notice_id)
    return download(content, "application/pdf", f"notice-{str(notice_id)[:8]}.pdf")


@router.get("/notices/{notice_id}/notice.json")
def take_json(
    notice_id: uuid.UUID, session: WriteSession, notices: NoticesDep, actor: SignedInActor
) -> Response:
    """The signed notice as data."""
    content = notices.json(session, actor, notice_id)
    return download(content, "application/json", f"notice-{str(notice_id)[:8]}.json")


@router.get("/notices/{notice_id}/proof")
def take_proof(
    notice_id: uuid.UUID, session: WriteSession, notices: NoticesDep, actor: SignedInActor
) -> Response:
    """The proof of filing, as it was handed in; always a download."""
    _, content = notices.proof(session, actor, notice_id)
    return download(content, "application/octet-stream", f"proof-{str(notice_id)[:8]}.bin")


@router.post("/notices/{notice_id}/filing")
def record_filing(
    request: Request,
    notice_id: uuid.UUID,
    database: DatabaseDep,
    notices: NoticesDep,
    actor: SignedInActor,
    how: Field = "",
    filed_at: Field = "",
    received_at: Field = "",
    reference: Field = "",
    proof: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Record how and when it was filed, outside this system."""
    try:
        filing = Filing(
            how=how,
            filed_at=typed_moment("Filed at", filed_at),
            received_at=typed_moment("Received at", received_at) if received_at.strip() else None,
            reference=reference,
            proof=(proof.file.read() or None) if proof is not None else None,
            proof_name=(proof.filename or "") if proof is not None else "",
        )
        notices.record_filing(database, actor, notice_id, filing)
    except LikenessError as error:
        if error.http_status not in (409, 422):
            raise
        return _notice_page(request, database, notices, actor, notice_id, problem=error)
    return see_other(f"/notices/{notice_id}")


@router.post("/notices/{notice_id}/receipt")
def record_receipt(
    request: Request,
    notice_id: uuid.UUID,
    database: DatabaseDep,
    notices: NoticesDep,
    actor: SignedInActor,
    received_at: Field = "",
) -> Response:
    """Record when the platform received it: that starts the clock."""
    try:
        moment = typed_moment("Received at", received_at)
        with database.write() as session:
            notices.record_receipt(session, actor, notice_id, moment)
    except LikenessError as error:
        if error.http_status not in (409, 422):
            raise
        return _notice_page(request, database, notices, actor, notice_id, problem=error)
    return see_other(f"/notices/{notice_id}")


def _new_page(
    request: Request,
    database: Database,
    notices: NoticeService,
    actor: Actor,
    chosen: tuple[uuid.UUID, ...],
    page: int,
    *,
    problem: LikenessError | None = None,
) -> Response:
    with database.read() as session:
        groups = notices.choice_groups(session, actor, page=page)
    return render(
        request,
        "notices/new.html",
        status_code=problem.http_status if problem else 200,
        groups=groups,
        chosen=chosen,
        regimes=tuple(REGIMES.values()),
        page=page,
        problem=str(problem) if problem else "",
    )


def _notice_page(
    request: Request,
    database: Database,
    notices: NoticeService,
    actor: Actor,
    notice_id: uuid.UUID,
    *,
    problem: LikenessError | None = None,
) -> Response:
    with database.read() as session:
        view = notices.notice(session, actor, notice_id)
    missing: tuple[MissingElement, ...] = ()
    words = str(problem) if problem else ""
    if isinstance(problem, IncompleteNoticeError):
        missing, words = problem.missing, "It was not signed: something is missing."
    statements = [
        (one.id, one.wording(as_agent=view.as_agent), one.source)
        for one in view.regime.statements_for(as_agent=view.as_agent)
    ]
    return render(
        request,
        "notices/notice.html",
        status_code=problem.http_status if problem else 200,
        notice=view,
        law=view.regime,
        document=view.document,
        statements=statements,
        refused=missing,
        problem=words,
        ways=WAYS,
        how_found=how_found(view.document),
    )
