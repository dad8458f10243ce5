"""The demo's proof: the sealed bundle and its verification, the notice, the audit trail.

1. `take_bundle` writes the bundle and verifies it offline: trusted, with its signer unknown, and
   with one byte flipped.
2. `make_notice` drafts a notice, tries to sign it incomplete, completes and signs it.
3. `write_report` asks for the run's report as an operator's browser and a program would.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from service.accounts.actor import Actor
from service.app import Rooms, create_web
from service.demo.asked_page import ask
from service.demo.stages import StageFailedError
from service.demo.summary import ExhibitOutcome, NoticeOutcome
from service.exhibits.trust import Trust
from service.exhibits.verify import Outcome, verify_bundle
from service.notices.errors import IncompleteNoticeError
from service.notices.service import NoticeChange
from service.web.render import STATIC_DIR

SIGNER = "Reviewer One"
STYLE = "likeness.css"


def take_bundle(
    rooms: Rooms, advocate: Actor, exhibit_id: uuid.UUID, folder: Path
) -> ExhibitOutcome:
    """Write one exhibit's bundle into `folder` and verify it in three ways."""
    with rooms.database.write() as session:
        content = rooms.exhibits.bundle(session, advocate, exhibit_id)
    with rooms.database.read() as session:
        fingerprint = rooms.exhibits.signer(session, advocate).fingerprint
    path = folder / f"exhibit-{exhibit_id}.zip"
    path.write_bytes(content)
    trusted = verify_bundle(content, Trust.parse([fingerprint]))
    unknown = verify_bundle(content, Trust())
    spoiled = verify_bundle(flipped(content), Trust.parse([fingerprint]))
    if trusted.outcome is not Outcome.TRUSTED:
        raise StageFailedError(f"{path.name} does not verify: {trusted.defects}")
    if unknown.outcome is not Outcome.UNKNOWN:
        raise StageFailedError(f"{path.name} without trust is {unknown.outcome.value}")
    if spoiled.outcome is not Outcome.BROKEN:
        raise StageFailedError(f"a flipped byte of {path.name} was not noticed")
    return ExhibitOutcome(
        path=str(path),
        exhibit_id=str(exhibit_id),
        signer_fingerprint=fingerprint,
        verified_with_trust=trusted.outcome.value,
        verified_without_trust=unknown.outcome.value,
        verified_with_a_flipped_byte=spoiled.outcome.value,
        flipped_byte_says=tuple(defect.message for defect in spoiled.defects),
    )


def flipped(content: bytes) -> bytes:
    """The same bytes with one bit of the middle one turned over."""
    spoiled = bytearray(content)
    spoiled[len(spoiled) // 2] ^= 1
    return bytes(spoiled)


def make_notice(
    rooms: Rooms, advocate: Actor, exhibit_ids: Sequence[uuid.UUID], folder: Path
) -> NoticeOutcome:
    """Draft, be refused, complete, sign; the PDF and JSON go into `folder`."""
    with rooms.database.write() as session:
        notice_id = rooms.notices.draft(session, advocate, exhibit_ids)
        notice = rooms.notices.notice(session, advocate, notice_id)
    ticked = {one.id for one in notice.regime.statements_for(as_agent=True)}
    missing = tuple(f"{one.title}: {one.words}" for one in notice.missing)
    refused = _is_refused(rooms, advocate, notice_id, ticked)
    if not refused:
        raise StageFailedError("an incomplete notice was signed")
    with rooms.database.write() as session:
        rooms.notices.change(
            session,
            advocate,
            notice_id,
            NoticeChange(
                nonconsent_facts="A demonstration: the person never agreed to this publication.",
                contact_name=SIGNER,
                contact_email="advocate@example.invalid",
                mention_search=True,
                mention_manipulation=True,
            ),
        )
    rooms.notices.sign(
        rooms.database, advocate, notice_id, signature_name=SIGNER, statements=ticked
    )
    with rooms.database.write() as session:
        pdf = rooms.notices.pdf(session, advocate, notice_id)
        data = rooms.notices.json(session, advocate, notice_id)
    pdf_path, json_path = folder / "notice.pdf", folder / "notice.json"
    pdf_path.write_bytes(pdf)
    json_path.write_bytes(data)
    return NoticeOutcome(str(pdf_path), str(json_path), missing, refused)


def write_report(rooms: Rooms, token: str, run_id: uuid.UUID, folder: Path) -> tuple[str, ...]:
    """The run's report as its page (with the style beside it) and as JSON, into `folder`."""
    web = create_web(rooms)
    page = ask(web, f"/runs/{run_id}/report", token)
    data = ask(web, f"/runs/{run_id}/report.json", token)
    html_path, json_path = folder / "report.html", folder / "report.json"
    html_path.write_bytes(page.replace(f'"/static/{STYLE}"'.encode(), f'"{STYLE}"'.encode()))
    json_path.write_bytes(msgspec.json.format(data, indent=2))
    (folder / STYLE).write_bytes((STATIC_DIR / STYLE).read_bytes())
    return str(html_path), str(json_path)


def check_audit(rooms: Rooms) -> int:
    """Walk the audit trail; returns the number of entries."""
    with rooms.database.read() as session:
        check = rooms.audit.verify(session)
    if not check.intact:
        raise StageFailedError(f"the audit trail is broken: {check.problem}")
    return check.entries


def _is_refused(rooms: Rooms, advocate: Actor, notice_id: uuid.UUID, ticked: set[str]) -> bool:
    try:
        rooms.notices.sign(
            rooms.database, advocate, notice_id, signature_name=SIGNER, statements=ticked
        )
    except IncompleteNoticeError:
        return True
    return False
