"""Which people a caller may see, and which people may be looked for, as queries.

Every repository that holds something of a person starts from `visible_people(actor)`:

- a person sees themselves;
- an advocate sees people who gave their organisation a mandate that is live now;
- an operator sees nobody (ids, states and counts come from named methods of their own);
- the system sees its organisation, or all when it acts across organisations for a stated reason.

A reviewer who was lent to a case sees that case's candidates only: `reviewable_people`.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from service.accounts.actor import Actor, Role
from service.enrolment.models import Mandate, Person, Release, ReviewerLoan
from service.enrolment.release_text import RELEASE_TERM_DAYS

RELEASE_TERM = timedelta(days=RELEASE_TERM_DAYS)


def visible_people(actor: Actor, at: datetime | None = None) -> Select[uuid.UUID]:
    """Ids of the people whose documents `actor` may see; `at` is now unless a test says else."""
    moment = at or datetime.now(UTC)
    people = aliased(Person)
    query = select(people.id)
    if actor.role is Role.SYSTEM:
        if actor.organisation_id is None:
            return query
        return query.where(people.organisation_id == actor.organisation_id)
    mine = query.where(people.organisation_id == actor.organisation_id, people.state != "erased")
    if actor.role is Role.PERSON:
        return mine.where(people.id == actor.person_id)
    if actor.role is Role.ADVOCATE:
        return mine.where(
            exists().where(
                Mandate.organisation_id == actor.organisation_id, live_mandate(people.id, moment)
            )
        )
    return query.where(false())


def reviewable_people(actor: Actor, at: datetime | None = None) -> Select[uuid.UUID]:
    """Ids of the people whose candidates `actor` may see: the visible ones, and lent cases."""
    visible = visible_people(actor, at)
    if actor.role is not Role.ADVOCATE:
        return visible
    moment = at or datetime.now(UTC)
    people = aliased(Person)
    lent = exists().where(
        ReviewerLoan.person_id == people.id,
        ReviewerLoan.account_id == actor.account_id,
        ReviewerLoan.expires_at > moment,
    ) & exists().where(live_mandate(people.id, moment))
    return select(people.id).where(people.state != "erased", or_(people.id.in_(visible), lent))


def searchable_people(at: datetime) -> Select[uuid.UUID]:
    """Ids of the people who may be looked for: active, with a live release and search mandate."""
    people = aliased(Person)
    return select(people.id).where(
        people.state == "active",
        exists().where(live_release(people.id, at)),
        exists().where(live_mandate(people.id, at), Mandate.may_search.is_(True)),
    )


def people_with_faces(organisations: frozenset[uuid.UUID], at: datetime) -> Select[uuid.UUID]:
    """Ids of the people whose faces may be compared: opted in by a release that is live and says
    so, in one of `organisations` (those with their switch on).
    """
    people = aliased(Person)
    return select(people.id).where(
        people.organisation_id.in_(organisations), _wants_faces(people, at)
    )


def looked_for_by_face(at: datetime) -> Select[uuid.UUID]:
    """Ids of the people who may be looked for, and want that by their face, too."""
    people = aliased(Person)
    return select(people.id).where(people.id.in_(searchable_people(at)), _wants_faces(people, at))


def acute_people(at: datetime) -> Select[uuid.UUID]:
    """Ids of the people who are in acute danger: what is done for them goes first."""
    people = aliased(Person)
    return select(people.id).where(
        people.acute_until > at, people.state.not_in(("closed", "erased"))
    )


def _wants_faces(people: type[Person], at: datetime) -> ColumnElement[bool]:
    return and_(
        people.face_opt_in.is_(True),
        exists().where(live_release(people.id, at), Release.covers_faces.is_(True)),
    )


def live_mandate(person_id: InstrumentedAttribute[uuid.UUID], at: datetime) -> ColumnElement[bool]:
    """A mandate of this person that is neither withdrawn nor expired."""
    return and_(
        Mandate.person_id == person_id,
        Mandate.withdrawn_at.is_(None),
        Mandate.expires_at > at,
    )


def live_release(person_id: InstrumentedAttribute[uuid.UUID], at: datetime) -> ColumnElement[bool]:
    """A release of this person that was signed within its term and not withdrawn."""
    return and_(
        Release.person_id == person_id,
        Release.withdrawn_at.is_(None),
        Release.signed_at > at - RELEASE_TERM,
    )
