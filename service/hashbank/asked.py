"""How pages and endpoints of the hash bank get their services, and the limit on giving."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.accounts.asked import AccountsDep
from service.accounts.rate_limits import Limit
from service.enrolment.asked import own_person_id
from service.hashbank.seen_answer import SeenAnswers
from service.hashbank.service import HashBankService
from service.web.dependencies import DatabaseDep, PersonActor, rooms_of

GIVEN_BY_PERSON = Limit("known-given", 30, 24 * 60 * 60)
"""Enough for as many pictures as may be kept (twenty at once), and too few to try the hashes of
other people's pictures one after the other."""


def get_hashbank(request: Request) -> HashBankService:
    """The hash bank of the running application."""
    hashbank: HashBankService = rooms_of(request).hashbank
    return hashbank


def get_seen_answers(request: Request) -> SeenAnswers:
    """What answers on media seen before."""
    answers: SeenAnswers = rooms_of(request).seen_before
    return answers


def count_giving(database: DatabaseDep, accounts: AccountsDep, actor: PersonActor) -> None:
    """Count one time of giving pictures or hashes by this person."""
    limit = GIVEN_BY_PERSON
    subject = str(own_person_id(actor))
    accounts.limits.hit(database, limit.kind, subject, limit.attempts, limit.window_s)


HashBankDep = Annotated[HashBankService, Depends(get_hashbank)]
SeenAnswersDep = Annotated[SeenAnswers, Depends(get_seen_answers)]
CountedGiving = Depends(count_giving)
