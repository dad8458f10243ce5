"""Reports are built from the database alone, and say no more than may be said."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy.orm import Session

from indexer.observations import Examination, MediaHashes, ModelStamp, Refusal
from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.candidates.views import HeldBack
from service.database import Database
from service.enrolment.model_views import PersonFaces
from service.errors import NotFoundError
from service.hashbank.exchange.hits import HitBook
from service.reports.service import ReportService, report_json
from service.reports.views import CandidateCount, CrawlReport
from service.sources import frontier, leasing
from service.sources.frontier import Address
from service.sources.leasing import Ending
from service.sources.media_ledger import Place
from service.sources.models import Run
from service.sources.retention import KeptFor, Retention
from service.sources.views import RunCount, RunView
from service.work.retention_rounds import RetentionRounds
from tests.fixtures.clock import SettableClock
from tests.service.sources.sources_factory import (
    Sources,
    make_organisation,
    make_sources,
    operator_of,
)

MODEL = ModelStamp("pack", "digest", 1)


@dataclass
class CountsOfATest:
    """Candidates as the test says."""

    of_run: list[tuple[str, str, int]] = field(default_factory=list)
    of_person: list[tuple[str, int]] = field(default_factory=list)
    not_made: HeldBack = field(default_factory=lambda: HeldBack(0, 0))
    closer_on: tuple[int, bool] = (0, False)
    not_searched: int = 0
    faces: PersonFaces = field(default_factory=lambda: PersonFaces("searched"))
    remark: str = ""

    def counts_of_run(
        self, session: Session, actor: Actor, run_id: uuid.UUID
    ) -> tuple[tuple[str, str, int], ...]:
        return tuple(self.of_run)

    def counts(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[tuple[str, int], ...]:
        return tuple(self.of_person)

    def held_back(
        self, session: Session, actor: Actor, organisation_id: uuid.UUID, run_id: uuid.UUID
    ) -> HeldBack:
        return self.not_made

    def people_not_searched(self, session: Session, organisation_id: uuid.UUID) -> int:
        return self.not_searched

    def faces_of(self, session: Session, actor: Actor, person_id: uuid.UUID) -> PersonFaces:
        return self.faces

    def face_search_rests(self, session: Session, actor: Actor, person_id: uuid.UUID) -> bool:
        return self.not_made.people_resting > 0

    def only_closer_on(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[int, bool]:
        return self.closer_on

    def chance_remark(self, session: Session) -> str:
        return self.remark


@dataclass
class Desk:
    """Sources and reports of one organisation."""

    sources: Sources
    counts: CountsOfATest
    reports: ReportService
    clock: SettableClock

    def report(self, run: RunView, actor: Actor | None = None) -> CrawlReport:
        with self.sources.database.read() as session:
            return self.reports.build_run_report(session, actor or self.sources.operator, run.id)

    def visit(self, run: RunView, *, model: ModelStamp | None = MODEL) -> None:
        """One page with three media (one unreadable), one forbidden page, one not visited."""
        with self.sources.database.write() as session:
            links = [
                Address("http://forum.example/private", "page", 1),
                Address("http://forum.example/later", "page", 2),
                *(Address(f"http://forum.example/{n}.png", "medium", 0) for n in range(3)),
            ]
            frontier.add(session, run.id, links)
            leases = leasing.lease(
                session,
                run.id,
                worker="W",
                limit=5,
                kinds=("page", "medium"),
                now=self.clock.now(),
                lease_s=60,
            )
            for held in leases:
                self._end(session, run, held, model)

    def _end(
        self, session: Session, run: RunView, held: leasing.Lease, model: ModelStamp | None
    ) -> None:
        now, progress = self.clock.now(), self.sources.service.progress
        system = self.sources.system
        if held.url.endswith("/private"):
            leasing.finish(session, held, Ending("refused", "robots", "no", 200), now=now)
            progress.count(session, system, run.id, RunCount(refusals=1))
            return
        leasing.finish(session, held, Ending(), now=now)
        if held.kind == "page":
            progress.count(session, system, run.id, RunCount(pages_seen=1, bytes_fetched=100))
            return
        broken = held.url.endswith("/2.png")
        examination = Examination(
            hashes=MediaHashes(sha256=frontier.url_key(held.url)),
            kind="still",
            width_px=1,
            height_px=1,
            frames_examined=1,
            faces_counted=2,
            model=model,
            refusal=Refusal("truncated", "cut off") if broken else None,
        )
        place = Place(run.organisation_id, held.url, None, run.site_id, run.id)
        self.sources.service.record_examined(session, system, place, examination, 50)
        count = RunCount(
            media_seen=1,
            media_examined=int(not broken),
            media_unreadable=int(broken),
            faces_counted=2,
            bytes_fetched=50,
            examine_seconds=0.25,
        )
        progress.count(session, system, run.id, count)

    def end(self, run: RunView, state: str = "finished", reason: str = "") -> None:
        self.clock.advance(10)
        with self.sources.database.write() as session:
            self.sources.service.progress.end(session, self.sources.system, run.id, state, reason)
            self.reports.keep_run_report(session, self.sources.system, run.id)


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Desk:
    sources = make_sources(database, clock)
    counts = CountsOfATest()
    return Desk(
        sources,
        counts,
        ReportService(clock, sources.service, counts, HitBook(clock), counts),
        clock,
    )


class TestOfARun:
    def test_everything_that_happened_is_counted(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.visit(run)
        desk.end(run)
        report = desk.report(run)
        assert (report.pages_seen, report.pages_waiting, report.coverage) == (1, 1, 0.3333)
        assert (report.media_seen, report.media_examined, report.media_unreadable) == (3, 2, 1)
        assert [(row.code, row.count) for row in report.refusals] == [("robots", 1)]
        assert [(row.code, row.words) for row in report.unreadable] == [
            ("truncated", "the file ends before it is complete")
        ]
        assert (report.seconds, report.pages_per_s, report.media_per_s) == (10.0, 0.1, 0.3)
        assert (report.faces_looked_for, report.faces_counted) == (True, 6)
        assert report.models[0].model == "pack/digest/1"
        assert report.conclusion == (
            "Nothing new was found in what was looked at. 1 medium could not be read; "
            "what it shows is not known."
        )

    @pytest.mark.parametrize("state", ["finished", "cancelled"])
    @pytest.mark.parametrize("part", ["half", "all"])
    def test_once_addresses_are_forgotten_the_report_says_the_same_as_before(
        self, desk: Desk, state: str, part: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = desk.sources.running()
        desk.visit(run)
        if state == "finished":
            desk.end(run)
        else:
            with desk.sources.database.write() as session:
                desk.sources.service.control.cancel(session, desk.sources.operator, run.id)
        before = desk.report(run)
        desk.clock.advance(days=61)
        kept_for = KeptFor(addresses_days=60, sightings_days=180)
        retention = Retention(
            desk.clock,
            AuditTrail(desk.clock),
            kept_for,
            (),
            lambda _session, _organisation: desk.clock.now(),
            desk.reports.keep_missing_report,
        )
        if part == "half":
            monkeypatch.setattr("service.sources.retention.ROWS_AT_ONCE", 3)
            with desk.sources.database.write() as session:
                assert retention.forget_addresses(session, run.id) == 3
        else:
            assert RetentionRounds(desk.sources.database, retention).go_round() == 6
        desk.counts.of_run = [("face", "confirmed", 1)]
        after = desk.report(run)
        assert after.candidates == (CandidateCount("face", "confirmed", 1),)
        assert (
            msgspec.structs.replace(after, candidates=before.candidates, made_at=before.made_at)
            == before
        )

    def test_a_blind_run_concludes_nothing(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.end(run, "blind", "no_page,wall_login")
        report = desk.report(run)
        assert report.blind
        assert report.conclusion == (
            "We could not look: no page could be fetched; pages ask to log in. "
            "Nothing can be concluded from this run."
        )

    def test_what_was_found_is_told_as_counts(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.visit(run)
        with desk.sources.database.write() as session:
            desk.sources.service.progress.count(
                session, desk.sources.system, run.id, RunCount(candidates_found=2)
            )
        desk.counts.of_run = [("face", "waiting", 2)]
        desk.end(run)
        report = desk.report(run)
        assert report.conclusion.startswith("2 candidates were found. A candidate is not an")
        assert [(row.kind, row.state, row.count) for row in report.candidates] == [
            ("face", "waiting", 2)
        ]

    def test_without_a_face_model_it_says_that_faces_were_not_looked_for(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.visit(run, model=None)
        desk.end(run)
        report = desk.report(run)
        assert not report.faces_looked_for
        assert "Faces were not looked for" in report.conclusion

    def test_what_rests_and_what_was_not_shown_is_said_as_numbers(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.visit(run)
        desk.end(run)
        desk.counts.not_made = HeldBack(people_resting=2, weaker_not_shown=7)
        desk.counts.remark = "At this size more chance matches must be expected."
        report = desk.report(run)
        assert (report.face_searches_resting, report.weaker_not_shown) == (2, 7)
        assert report.chance == desk.counts.remark
        assert "Nothing new was found" not in report.conclusion
        assert report.conclusion.startswith("There are no new candidates of what was looked at.")
        assert "For 2 people the search by face rests for review" in report.conclusion

    def test_a_run_that_held_finds_back_is_never_called_clean(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.visit(run)
        with desk.sources.database.write() as session:
            desk.sources.service.progress.count(
                session, desk.sources.system, run.id, RunCount(finds_held_back=3)
            )
        desk.end(run)
        # whatever held them back may have ended since
        report = desk.report(run)
        assert report.finds_held_back == 3
        assert "Nothing new was found" not in report.conclusion
        assert "3 likenesses were counted and not shown" in report.conclusion

    def test_the_kept_report_is_the_one_of_the_runs_end(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.visit(run)
        desk.end(run)
        desk.counts.of_run = [("hash", "confirmed", 1)]
        with desk.sources.database.read() as session:
            kept = desk.reports.kept_run_report(session, desk.sources.operator, run.id)
        assert kept is not None
        assert kept.candidates == ()
        assert (kept.run_id, kept.media_seen) == (run.id, 3)

    def test_nothing_of_any_address_or_person_is_in_it(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.visit(run)
        desk.end(run)
        content = report_json(desk.report(run)).decode()
        assert "forum.example" not in content
        assert str(desk.sources.cases.ids[0]) not in content

    def test_another_organisation_and_people_see_none(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.end(run)
        database, clock = desk.sources.database, desk.clock
        stranger = operator_of(make_organisation(database, clock, "Other"))
        person = Actor(Role.PERSON, desk.sources.operator.organisation_id, person_id=uuid.uuid4())
        for actor in (stranger, person):
            with pytest.raises(NotFoundError):
                desk.report(run, actor)
            with database.read() as session:
                assert desk.reports.kept_run_report(session, actor, run.id) is None


class TestOfAPerson:
    def sentences(self, desk: Desk, person_id: uuid.UUID) -> str:
        actor = Actor(Role.PERSON, desk.sources.operator.organisation_id, person_id=person_id)
        with desk.sources.database.read() as session:
            return " ".join(desk.reports.person_report(session, actor, person_id).sentences)

    def test_before_any_run_nothing_is_claimed(self, desk: Desk) -> None:
        words = self.sentences(desk, desk.sources.cases.ids[0])
        assert words == "No site was looked at for you yet."

    def test_only_runs_that_served_the_person_count(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.visit(run)
        desk.end(run)
        mine = self.sentences(desk, desk.sources.cases.ids[0])
        assert "1 page and 2 pictures and videos on one site" in mine
        assert "Nothing was found so far in what we could look at." in mine
        assert self.sentences(desk, uuid.uuid4()) == "No site was looked at for you yet."

    def test_what_could_not_be_read_is_said_and_alone_is_never_called_clean(
        self, desk: Desk
    ) -> None:
        run = desk.sources.running()
        desk.visit(run)
        with desk.sources.database.write() as session:
            row = session.get(Run, run.id)
            assert row is not None
            row.media_unreadable, row.media_examined = 3, 0
        desk.end(run)
        words = self.sentences(desk, desk.sources.cases.ids[0])
        assert "3 pictures and videos could not be read: we do not know" in words
        assert "Nothing was found" not in words

    def test_what_was_seen_only_in_part_is_said(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.visit(run)
        with desk.sources.database.write() as session:
            row = session.get(Run, run.id)
            assert row is not None
            row.media_in_part = 1
        desk.end(run)
        words = self.sentences(desk, desk.sources.cases.ids[0])
        assert "1 picture or video could only be seen small or in part: we do not know" in words

    def test_a_blind_run_is_said_and_nothing_is_called_clean(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.end(run, "blind", "no_page")
        words = self.sentences(desk, desk.sources.cases.ids[0])
        assert "Once we could not look" in words
        assert "Nothing was found" not in words

    def test_while_the_search_rests_nothing_is_called_clean(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.visit(run)
        desk.end(run)
        desk.counts.not_made = HeldBack(1, 0)
        mine = self.sentences(desk, desk.sources.cases.ids[0])
        assert "The search for your face rests for now" in mine
        assert "Nothing was found" not in mine

    def test_while_no_photo_can_be_used_nothing_is_called_clean(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.visit(run)
        desk.end(run)
        desk.counts.faces = PersonFaces("no_usable_photo")
        mine = self.sentences(desk, desk.sources.cases.ids[0])
        assert "your face is not looked for" in mine
        assert "Please add a new photo" in mine
        assert "Nothing was found" not in mine
        desk.counts.not_searched = 2
        said = desk.report(run).conclusion
        assert "2 people could not be looked for by their face" in said

    def test_where_only_closer_likenesses_are_shown_is_said(self, desk: Desk) -> None:
        desk.counts.closer_on = (2, True)
        mine = self.sentences(desk, desk.sources.cases.ids[0])
        assert "On 2 sites somebody else who looks like you was found" in mine
        assert "only closer likenesses are shown to your advocates for a while" in mine

    def test_finds_are_told_in_words(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.end(run)
        desk.counts.of_person = [("confirmed", 2), ("waiting", 1)]
        words = self.sentences(desk, desk.sources.cases.ids[0])
        assert (
            "2 finds were confirmed; what could be captured of them is kept as evidence." in words
        )
        assert "1 find is waiting to be confirmed." in words
        assert "Nothing was found" not in words

    def test_nobody_reads_the_report_of_somebody_else(self, desk: Desk) -> None:
        other = Actor(Role.PERSON, desk.sources.operator.organisation_id, person_id=uuid.uuid4())
        with pytest.raises(NotFoundError), desk.sources.database.read() as session:
            desk.reports.person_report(session, other, desk.sources.cases.ids[0])

    def test_the_moment_of_the_last_look_is_told(self, desk: Desk) -> None:
        run = desk.sources.running()
        desk.end(run)
        at = desk.clock.now()
        desk.clock.advance(days=1)
        person_id = desk.sources.cases.ids[0]
        actor = Actor(Role.PERSON, desk.sources.operator.organisation_id, person_id=person_id)
        with desk.sources.database.read() as session:
            report = desk.reports.person_report(session, actor, person_id)
        assert report.last_looked_at == at
        assert report.made_at - at == timedelta(days=1)
