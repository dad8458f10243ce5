"""Whether an organisation may send notices for a person now, and by what."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.enrolment.views import MandateView
from service.exhibits.finds import Cases
from service.notices.errors import MandateNeededError


def live_mandate(
    cases: Cases, session: Session, actor: Actor, person_id: uuid.UUID
) -> MandateView | None:
    """The live mandate that permits notices, or None."""
    mandate = cases.person_view(session, actor, person_id).mandate
    return mandate if mandate is not None and mandate.may_notify else None


def require_mandate(
    cases: Cases, session: Session, actor: Actor, person_id: uuid.UUID
) -> MandateView:
    """The live mandate; `MandateNeededError` says what to do without one."""
    mandate = live_mandate(cases, session, actor, person_id)
    if mandate is None:
        raise MandateNeededError(
            "There is no live mandate for notices. Ask the person to sign or renew theirs; they "
            "may also sign the notice themselves."
        )
    return mandate
