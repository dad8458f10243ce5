"""Building the views of a case from its rows and sealed documents."""

from __future__ import annotations

from typing import cast

from service.enrolment.face_words import words_of_photo
from service.enrolment.model_views import PersonFaces
from service.enrolment.models import Attestation, Mandate, Person, Release
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import SealedRows
from service.enrolment.views import (
    AttestationView,
    CaseLine,
    CaseState,
    MandateView,
    NextStep,
    PersonView,
    PhotoView,
    ReleaseView,
)
from service.enrolment.visibility import RELEASE_TERM


def view_of_person(
    repository: EnrolmentRepository, sealed: SealedRows, row: Person, faces: PersonFaces
) -> PersonView:
    """The whole case, for those who may see it."""
    document = sealed.person(row)
    release = repository.live_release(row.id)
    mandate = repository.live_mandate(row.id)
    attestations = repository.attestations(row.id)
    photos = []
    for photo in repository.photos(row.id):
        kept = sealed.photo(photo)
        photos.append(
            PhotoView(
                photo.id,
                photo.added_at,
                kept.quality,
                photo.id in faces.searched_with,
                kept.face_crop_png is not None,
                bool(kept.attested_at),
                words_of_photo(faces, photo.id),
            )
        )
    return PersonView(
        person_id=row.id,
        organisation_id=row.organisation_id,
        state=cast(CaseState, row.state),
        display_name=document.display_name,
        case_number=document.case_number,
        country=document.country,
        contact=document.contact,
        number_confirmed=document.number_confirmed,
        pause_reason=document.pause_reason,
        face_opt_in=row.face_opt_in,
        release=_release(sealed, release) if release else None,
        mandate=_mandate(sealed, mandate) if mandate else None,
        attestation=_attestation(sealed, attestations[-1]) if attestations else None,
        photos=tuple(photos),
        created_at=row.created_at,
        changed_at=row.changed_at,
        faces=faces,
        acute_until=repository.acute_until(row),
        acute_reason=document.acute_reason if repository.acute_until(row) else "",
    )


def line_of_case(
    repository: EnrolmentRepository, sealed: SealedRows, row: Person, faces: PersonFaces
) -> CaseLine:
    """One line of an advocate's list."""
    document = sealed.person(row)
    mandate = repository.live_mandate(row.id)
    photos = [sealed.photo(photo) for photo in repository.photos(row.id)]
    return CaseLine(
        person_id=row.id,
        display_name=document.display_name,
        case_number=document.case_number,
        state=cast(CaseState, row.state),
        photos=len(photos),
        photos_to_check=sum(
            photo.face_crop_png is not None and not photo.attested_at for photo in photos
        ),
        face_opt_in=row.face_opt_in,
        mandate_expires_at=mandate.expires_at if mandate else None,
        changed_at=row.changed_at,
        faces=faces,
        acute_until=repository.acute_until(row),
    )


_BY_STATE = {
    "draft": NextStep(
        "you", "Add photos or links, then hand in.", "/enrol/photos", "Go on where you were"
    ),
    "waiting": NextStep("advocate", "An advocate will check that you are the one you say you are."),
    "active": NextStep(
        "advocate", "Sites are looked at as planned. You need not do anything; come back any time."
    ),
    "paused": NextStep("advocate", "Your case rests until your advocate has answered a question."),
    "closed": NextStep("nobody", "Your case is closed. Nothing is looked for."),
    "erased": NextStep("nobody", "This case was erased."),
}


def next_step(view: PersonView, finds_to_confirm: int = 0) -> NextStep:
    """What happens next in a case, and who acts: the first thing that is missing."""
    if view.state not in ("closed", "erased"):
        missing = _missing_step(view)
        if missing is not None:
            return missing
    if finds_to_confirm and view.state in ("waiting", "active", "paused"):
        finds = "1 find waits" if finds_to_confirm == 1 else f"{finds_to_confirm} finds wait"
        return NextStep("you", f"{finds} for your own word.", "/my/finds", "Look at the list")
    return _BY_STATE[view.state]


def _missing_step(view: PersonView) -> NextStep | None:
    if not view.number_confirmed:
        return NextStep(
            "you",
            "Type your case number once more, so that you can be sure to come back.",
            "/enrol/number",
            "Type the case number",
        )
    if view.release is None:
        return NextStep(
            "you",
            "Nothing is done without your agreement. Read and sign the release.",
            "/enrol/release",
            "Go to the release",
        )
    if view.mandate is None:
        return NextStep(
            "you",
            "Your advocate may not act for you now. Sign a mandate to let them go on.",
            "/enrol/mandate",
            "Go to the mandate",
        )
    refused = view.attestation is not None and not view.attestation.accepted
    if view.state == "draft" and view.attestation is not None and refused:
        return NextStep(
            "you",
            f"Your advocate could not confirm who you are yet: {view.attestation.reason}",
            "/enrol/photos",
            "Add what is missing and hand in again",
        )
    return None


def _release(sealed: SealedRows, row: Release) -> ReleaseView:
    document = sealed.release(row)
    return ReleaseView(
        release_id=row.id,
        text_version=row.text_version,
        text=document.text,
        signature_name=document.signature_name,
        covers_faces=row.covers_faces,
        signed_at=row.signed_at,
        ends_at=row.signed_at + RELEASE_TERM,
        withdrawn_at=row.withdrawn_at,
    )


def _mandate(sealed: SealedRows, row: Mandate) -> MandateView:
    document = sealed.mandate(row)
    return MandateView(
        mandate_id=row.id,
        may_search=row.may_search,
        may_capture=row.may_capture,
        may_notify=row.may_notify,
        signature_name=document.signature_name,
        text=document.text,
        signed_at=row.signed_at,
        expires_at=row.expires_at,
        withdrawn_at=row.withdrawn_at,
    )


def _attestation(sealed: SealedRows, row: Attestation) -> AttestationView:
    document = sealed.attestation(row)
    return AttestationView(
        row.account_id, row.accepted, document.method, document.reason, row.attested_at
    )
