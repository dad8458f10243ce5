"""A notice service over real evidence, and the words that make a draft complete."""

from __future__ import annotations

import uuid

from service.database import Database
from service.notices.service import NoticeChange, NoticeService
from service.notices.views import NoticeView
from service.vault import Vault
from tests.fixtures.clock import SettableClock
from tests.service.exhibits.evidence_factory import Evidence, RealOrganisations

COMPLETE = NoticeChange(
    individual="A. B.",
    nonconsent_facts="I never agreed that this is shown to anybody.",
    contact_name="Alex Advocate",
    contact_email="alex@helpline.test",
    contact_phone="",
)
TICKS = frozenset({"depicted", "not_consensual", "authorised"})
NAME = "Alex Advocate"


class Notices(Evidence):
    """Evidence with notices above it."""

    def __init__(self, database: Database, vault: Vault, clock: SettableClock) -> None:
        super().__init__(database, vault, clock)
        self.notices = NoticeService(
            vault,
            clock,
            self.audit,
            exhibits=self.exhibits,
            cases=self.cases,
            organisations=RealOrganisations(),
            max_proof_bytes=1000,
        )

    def draft(self, *exhibit_ids: uuid.UUID, reason: str = "", host: str = "") -> uuid.UUID:
        wanted = exhibit_ids or (self.sealed(),)
        with self.database.write() as session:
            return self.notices.draft(
                session, self.advocate, wanted, host=host, unsealed_reason=reason
            )

    def change(self, notice_id: uuid.UUID, change: NoticeChange = COMPLETE) -> NoticeView:
        with self.database.write() as session:
            return self.notices.change(session, self.advocate, notice_id, change)

    def view(self, notice_id: uuid.UUID) -> NoticeView:
        with self.database.read() as session:
            return self.notices.notice(session, self.advocate, notice_id)

    def sign(
        self,
        notice_id: uuid.UUID,
        name: str = NAME,
        ticks: frozenset[str] = TICKS,
    ) -> None:
        self.notices.sign(
            self.database, self.advocate, notice_id, signature_name=name, statements=ticks
        )

    def signed(self) -> uuid.UUID:
        notice_id = self.draft()
        self.change(notice_id)
        self.sign(notice_id)
        return notice_id
