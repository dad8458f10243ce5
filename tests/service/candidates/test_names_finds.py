"""Finds by name: one for a person and a page, bounded, confirmed by two and the person."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from indexer.crawl.messages import PageSeen, PageWords
from service.accounts.actor import Actor, Role
from service.candidates.errors import (
    AdvocatesFirstError,
    NotAReviewerError,
    StatementsMissingError,
)
from service.candidates.models import Candidate
from service.candidates.names_finds import (
    FINDS_OF_A_SITE,
    FoundName,
    NamesOnPage,
    NamesWritten,
)
from service.candidates.names_models import NameFlood, NameSurplus, NeverAgainName
from service.candidates.names_repository import NameFindsRepository
from service.candidates.resolution import Resolution
from service.candidates.statements import NAME_PERSON_STATEMENTS, Verdict
from service.enrolment.names import NamesService
from service.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from service.exhibits.container import read_container
from service.exhibits.manifest import NAME_WORDING, read_manifest
from service.exhibits.models import Capture
from tests.service.candidates.finds_factory import reviewer_says
from tests.service.enrolment.people_factory import House, make_person
from tests.service.exhibits.evidence_factory import MadeUpCapturer, NoWait
from tests.service.sources.sources_factory import DRAFT

PAGE = "http://forum.test/thread/1"


def choose(house: House, person: Actor, name: str = "Ada Lovelace") -> uuid.UUID:
    assert person.person_id is not None
    with house.rooms.database.write() as session:
        return house.rooms.enrolment.names.choose(
            session, person, person.person_id, name, "posts that name me", statement_ticked=True
        )


def write(
    house: House,
    person: Actor,
    name_ids: Sequence[uuid.UUID],
    url: str = PAGE,
    *,
    places: tuple[str, ...] = ("text",),
    organisation_id: uuid.UUID | None = None,
    run_id: uuid.UUID | None = None,
) -> NamesWritten:
    """The workers record names that they found on a page."""
    assert person.person_id is not None
    names = tuple(FoundName(name_id, person.person_id, places) for name_id in name_ids)
    with house.rooms.database.write() as session:
        return house.rooms.candidates.record_names(
            session, organisation_id or house.organisation_id, NamesOnPage(url, names), run_id
        )


def make_run(house: House) -> uuid.UUID:
    """A run of a site, that has ended."""
    rooms = house.rooms
    draft = replace(DRAFT, name=f"forum {uuid.uuid4().hex[:6]}")
    with rooms.database.write() as session:
        site = rooms.sources.add_site(session, house.operator, draft)
        return rooms.sources.start_run(session, house.operator, site.id).id


def found(house: House, person: Actor, url: str = PAGE) -> uuid.UUID:
    """One find of a person of a name chosen just now."""
    (candidate_id,) = write(house, person, [choose(house, person)], url).candidates
    return candidate_id


def person_says(
    house: House, person: Actor, candidate_id: uuid.UUID, verdict: Verdict
) -> Resolution:
    with house.rooms.database.write() as session:
        same = verdict == "same"
        return house.rooms.candidates.person_decides(
            session,
            person,
            candidate_id,
            verdict,
            NAME_PERSON_STATEMENTS if same else (),
            "Ada L." if same else "",
        )


def kinds(house: House, person: Actor) -> list[tuple[str, str]]:
    with house.rooms.database.read() as session:
        rows = session.scalars(
            select(Candidate)
            .where(Candidate.person_id == person.person_id)
            .order_by(Candidate.found_at, Candidate.id)
        )
        return [(row.kind, row.state) for row in rows]


def test_a_page_that_is_completed_twice_is_one_find_that_learns_of_further_names(
    any_house: House,
) -> None:
    house = any_house
    person, _ = make_person(house, faces=False)
    first, second = choose(house, person), choose(house, person, "@countess_ada")
    (candidate_id,) = write(house, person, [first]).candidates
    assert write(house, person, [first, second], places=("title",)) == NamesWritten()
    assert kinds(house, person) == [("name", "waiting")]
    with house.rooms.database.read() as session:
        view = house.rooms.candidates.view(session, house.reviewers[0], candidate_id)
        (item,) = house.rooms.candidates.queue(session, house.reviewers[0])
        wanted = session.scalars(select(Capture)).all()
    assert sorted(view.names) == [
        "“@countess_ada”, in its title",
        "“Ada Lovelace”, in its text and in its title",
    ]
    assert (view.medium, view.host, view.has_face) == ("page", "forum.test", False)
    assert (item.kind, item.medium, item.addresses) == ("name", "page", 1)
    assert [capture.candidate_id for capture in wanted] == [candidate_id]


def test_two_trained_reviewers_and_the_person_confirm_a_find_by_name(any_house: House) -> None:
    house = any_house
    person, case = make_person(house, faces=False)
    candidate_id = found(house, person)
    with pytest.raises(NotAReviewerError):
        reviewer_says(house, house.untrained, candidate_id, "same")
    with house.rooms.database.read() as session:
        (mine,) = house.rooms.candidates.finds_of(session, person, case.person_id)
        before = house.rooms.candidates.view(session, person, candidate_id)
    # until two agree that it means them, the person is told that there is a find, not where
    assert (mine.is_reserved, before.is_reserved, before.addresses) == (True, True, ())
    assert "forum.test" not in mine.host
    with pytest.raises(AdvocatesFirstError):
        person_says(house, person, candidate_id, "same")
    assert reviewer_says(house, house.reviewers[0], candidate_id, "same").needs_reviewer
    resolution = reviewer_says(house, house.reviewers[1], candidate_id, "same")
    assert (resolution.state, resolution.needs_person) == ("waiting", True)
    with house.rooms.database.read() as session:
        after = house.rooms.candidates.view(session, person, candidate_id)
    assert after.addresses[0].page_url == PAGE
    assert after.statements == NAME_PERSON_STATEMENTS
    assert person_says(house, person, candidate_id, "same").state == "confirmed"
    with house.rooms.database.read() as session:
        find = house.rooms.candidates.confirmed_view(session, house.reviewers[0], candidate_id)
        places = house.rooms.around_finds.places_of(session, candidate_id)
    assert find.kind == "name"
    assert "A name is not an identification" in find.sentence
    assert "Two trained reviewers" in find.sentence
    assert places is not None
    assert places.pages == (PAGE,)


def test_a_reviewer_ticks_what_is_said_of_pages_not_of_faces(house: House) -> None:
    person, _ = make_person(house, faces=False)
    candidate_id = found(house, person)
    with house.rooms.database.write() as session, pytest.raises(StatementsMissingError):
        house.rooms.candidates.decide(
            session, house.reviewers[0], candidate_id, "same", "", ("I compared this myself",)
        )
    with house.rooms.database.read() as session:
        view = house.rooms.candidates.view(session, house.reviewers[0], candidate_id)
    assert "it means this person" in view.statements[0]


@pytest.mark.parametrize("on_site", [False, True])
def test_never_again_holds_for_the_page_or_for_the_name_on_the_site(
    any_house: House, on_site: bool
) -> None:
    house = any_house
    person, _ = make_person(house, faces=False)
    name_id = choose(house, person)
    (candidate_id,) = write(house, person, [name_id]).candidates
    for reviewer in house.reviewers:
        with house.rooms.database.write() as session:
            house.rooms.candidates.decide(
                session,
                reviewer,
                candidate_id,
                "different",
                "another_of_this_name",
                never_again=True,
                never_on_site=on_site,
            )
    assert kinds(house, person) == [("name", "dismissed")]
    assert write(house, person, [name_id]).candidates == ()
    elsewhere_on_site = write(house, person, [name_id], "http://forum.test/thread/2")
    assert len(elsewhere_on_site.candidates) == (0 if on_site else 1)
    assert len(write(house, person, [name_id], "http://other.test/").candidates) == 1
    another = choose(house, person, "@countess_ada")
    assert len(write(house, person, [another], "http://forum.test/thread/3").candidates) == 1


def test_many_pages_of_one_site_are_a_number_beyond_those_that_are_shown(
    any_house: House,
) -> None:
    house = any_house
    person, case = make_person(house, faces=False)
    name_id = choose(house, person)
    written = [
        write(house, person, [name_id], f"http://forum.test/thread/{number}")
        for number in range(FINDS_OF_A_SITE + 3)
    ]
    assert sum(len(each.candidates) for each in written) == FINDS_OF_A_SITE
    assert [each.left_out for each in written[FINDS_OF_A_SITE:]] == [1, 1, 1]
    assert len(write(house, person, [name_id], "http://other.test/").candidates) == 1
    with house.rooms.database.read() as session:
        more = house.rooms.candidates.more_pages(session, house.reviewers[0], case.person_id)
        stranger = house.new_staff(house.new_organisation("Other"))
        assert house.rooms.candidates.more_pages(session, stranger, case.person_id) == ()
    assert more == (("forum.test", 3),)


def test_pages_beyond_the_bound_are_counted_anew_and_no_number_outlives_them(
    any_house: House,
) -> None:
    house = any_house
    person, case = make_person(house, faces=False)
    name_id = choose(house, person)
    candidates = house.rooms.candidates
    first, second = (make_run(house) for _ in range(2))
    pages = [f"http://forum.test/thread/{number}" for number in range(FINDS_OF_A_SITE + 2)]
    for page in pages:
        write(house, person, [name_id], page, run_id=first)
    stranger = house.new_staff(house.new_organisation("Other"))
    with house.rooms.database.read() as session:
        (told,) = candidates.all_more_pages(session, house.reviewers[0])
        assert candidates.all_more_pages(session, stranger) == ()
        waiting = [item.candidate_id for item in candidates.queue(session, house.reviewers[0])]
    assert (told.person_id, told.site, told.pages) == (case.person_id, "forum.test", 2)
    for candidate_id in waiting:
        for reviewer in house.reviewers:
            reviewer_says(house, reviewer, candidate_id, "different")
    house.clock.advance(days=2)
    made = [write(house, person, [name_id], page, run_id=second).candidates for page in pages]
    assert sum(len(each) for each in made) == 2
    with house.rooms.database.read() as session:
        assert candidates.more_pages(session, house.reviewers[0], case.person_id) == ()


def test_who_may_not_be_looked_for_and_names_of_others_make_no_find(house: House) -> None:
    person, case = make_person(house, faces=False)
    name_id = choose(house, person)
    elsewhere = house.new_organisation("Other")
    assert write(house, person, [name_id], organisation_id=elsewhere) == NamesWritten(left_out=1)
    assert write(house, person, [uuid.uuid4()]) == NamesWritten()
    with house.rooms.database.write() as session:
        house.rooms.enrolment.pause(session, house.reviewers[0], case.person_id, "a question")
    # such a page counts as not read: the case may go on before names are asked for again
    assert write(house, person, [name_id]) == NamesWritten(left_out=1)
    with house.rooms.database.write() as session:
        house.rooms.enrolment.resume(session, house.reviewers[0], case.person_id)
        house.rooms.enrolment.names.remove(session, person, name_id, case.person_id)
    assert write(house, person, [name_id]) == NamesWritten()


def test_the_switch_for_faces_does_not_stop_names(house: House) -> None:
    house.set_faces(False)
    person, _ = make_person(house, faces=False)
    assert len(write(house, person, [choose(house, person)]).candidates) == 1


def flood(house: House, person: Actor, name_id: uuid.UUID) -> None:
    settings = house.rooms.settings
    for number in range(settings.flood_events):
        site = f"site-{number % (settings.flood_sites + 2)}.test"
        write(house, person, [name_id], f"http://{site}/{number}")


def test_a_name_that_is_everywhere_stops_itself_and_asks(any_house: House) -> None:
    house = any_house
    person, case = make_person(house, faces=False)
    common, rare = choose(house, person), choose(house, person, "@countess_ada")
    flood(house, person, common)
    assert write(house, person, [common], "http://new.test/") == NamesWritten()
    assert len(write(house, person, [rare], "http://new.test/").candidates) == 1
    with house.rooms.database.read() as session:
        floods = house.rooms.candidates.name_floods
        (mine,) = floods.open(session, house.reviewers[0])
        (operators,) = floods.open(session, house.operator)
        assert floods.names_at_rest(session, person, case.person_id) == {common}
        before = house.rooms.enrolment.names.change(session, house.organisation_id)
        stranger = house.new_staff(house.new_organisation("Other"), Role.OPERATOR)
        assert floods.open(session, stranger) == []
        with pytest.raises(NotAllowedError):
            floods.open(session, person)
    assert (mine.name, mine.state, mine.not_made) == ("Ada Lovelace", "open", 1)
    assert (operators.name, operators.person_label) == ("", "")
    for actor, decision, problem in (
        (house.reviewers[0], "perhaps", InvalidInputError),
        (stranger, "go_on", NotFoundError),
        (person, "go_on", NotAllowedError),
    ):
        with house.rooms.database.write() as session, pytest.raises(problem):
            floods.decide(session, actor, mine.flood_id, decision)
    house.clock.advance(seconds=1)
    with house.rooms.database.write() as session:
        assert floods.decide(session, house.operator, mine.flood_id, "go_on") == "going_on"
        # pages that were read meanwhile are read again
        assert house.rooms.enrolment.names.change(session, house.organisation_id) == before + 1
        with pytest.raises(ConflictError):
            floods.decide(session, house.operator, mine.flood_id, "stop")
    assert len(write(house, person, [common], "http://newer.test/").candidates) == 1


def test_finds_by_name_end_like_others_and_come_back_where_they_are_still_there(
    house: House,
) -> None:
    person, _ = make_person(house, faces=False)
    name_id = choose(house, person)
    (candidate_id,) = write(house, person, [name_id]).candidates
    reviewer_says(house, house.reviewers[0], candidate_id, "same")
    house.clock.advance(days=15)
    with house.rooms.database.write() as session:
        assert house.rooms.candidates.expire_due(session, Actor.system("time")) == 1
    assert kinds(house, person) == [("name", "expired")]
    assert write(house, person, [name_id]).candidates == (candidate_id,)
    assert kinds(house, person) == [("name", "waiting")]
    assert reviewer_says(house, house.reviewers[1], candidate_id, "same").needs_reviewer
    assert not reviewer_says(house, house.reviewers[0], candidate_id, "same").needs_reviewer


def test_a_sign_of_a_minor_halts_a_page_and_it_is_no_find_again(house: House) -> None:
    person, _ = make_person(house, faces=False)
    name_id = choose(house, person)
    (candidate_id,) = write(house, person, [name_id]).candidates
    with house.rooms.database.write() as session:
        house.rooms.candidates.report_minor_sign(session, house.reviewers[0], candidate_id, "looks")
    assert write(house, person, [name_id]) == NamesWritten()
    with house.rooms.database.read() as session:
        view = house.rooms.candidates.view(session, house.reviewers[0], candidate_id)
        (item,) = house.rooms.candidates.halted(session, house.operator)
    assert (view.state, view.names, item.addresses[0].page_url) == ("halted", (), PAGE)


def test_a_sign_of_a_minor_on_a_page_halts_it_for_everybody_whose_name_is_there(
    any_house: House,
) -> None:
    house, elsewhere = any_house, any_house.new_organisation("Other")
    ada, _ = make_person(house, faces=False)
    eve, _ = make_person(house, faces=False, name="Eve", organisation_id=elsewhere)
    eves_name = choose(house, eve, "Eve Example")
    candidate_id = found(house, ada)
    assert len(write(house, eve, [eves_name], organisation_id=elsewhere).candidates) == 1
    another_page = "http://forum.test/thread/2"
    assert write(house, eve, [eves_name], another_page, organisation_id=elsewhere).candidates
    with house.rooms.database.write() as session:
        house.rooms.candidates.report_minor_sign(session, house.reviewers[0], candidate_id, "looks")
    assert kinds(house, ada) == [("name", "halted")]
    assert sorted(kinds(house, eve)) == [("name", "halted"), ("name", "waiting")]
    operator = house.new_staff(elsewhere, Role.OPERATOR)
    with house.rooms.database.read() as session:
        (told,) = house.rooms.candidates.halted(session, operator)
    assert (told.addresses[0].page_url, "looks" in told.reason) == (PAGE, False)


def test_nobody_whose_name_is_found_later_on_a_halted_page_has_a_find_there(
    any_house: House,
) -> None:
    house = any_house
    ada, _ = make_person(house, faces=False)
    candidate_id = found(house, ada)
    with house.rooms.database.write() as session:
        house.rooms.candidates.report_minor_sign(session, house.reviewers[0], candidate_id, "looks")
    eve, _ = make_person(house, faces=False, name="Eve")
    eves_name = choose(house, eve, "Eve Example")
    for _ in range(2):
        assert write(house, eve, [eves_name]) == NamesWritten()
    assert kinds(house, eve) == [("name", "halted")]
    with house.rooms.database.read() as session:
        pages = [
            item.addresses[0].page_url
            for item in house.rooms.candidates.halted(session, house.operator)
        ]
        wanted = session.scalars(select(Capture.state)).all()
    assert pages == [PAGE, PAGE]
    assert "wanted" not in wanted
    assert len(write(house, eve, [eves_name], "http://forum.test/thread/2").candidates) == 1


def test_erasing_deletes_what_was_settled_counted_and_rests(any_house: House) -> None:
    house = any_house
    person, case = make_person(house, faces=False)
    name_id = choose(house, person)
    (candidate_id,) = write(house, person, [name_id], "http://first.test/").candidates
    for reviewer in house.reviewers:
        reviewer_says(house, reviewer, candidate_id, "different", never_again=True)
    flood(house, person, name_id)
    with house.rooms.database.write() as session:
        assert session.scalars(select(NeverAgainName)).all()
        assert session.scalars(select(NameFlood)).all()
        session.add(
            NameSurplus(
                person_id=case.person_id,
                site="forum.test",
                pages=2,
                counted_in=None,
                counted_at=house.clock.now() + timedelta(0),
            )
        )
    done = house.rooms.erasure.erase(house.rooms.database, person, None, case.person_id)
    counts = {count.what: count.count for count in done.counts}
    assert counts["pages and sites settled for a name"] == 1
    assert counts["counts of pages with a name"] == 1
    assert counts["floods of finds"] == 1
    with house.rooms.database.read() as session:
        for table in (NeverAgainName, NameFlood, NameSurplus, Candidate):
            assert session.scalars(select(table)).all() == []


def test_a_worker_forgets_names_that_no_slice_uses(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, _ = make_person(house, faces=False)
    choose(house, person)
    opened: list[int] = []
    really = NamesService.open_names

    def noting(self: NamesService, session: object, organisation: object, ids: object) -> object:
        opened.append(1)
        return really(self, session, organisation, ids)  # type: ignore[arg-type]

    monkeypatch.setattr(NamesService, "open_names", noting)
    watch = house.rooms.names
    assert watch.look_for(house.organisation_id, None).is_wanted
    assert watch.look_for(house.organisation_id, None).is_wanted
    assert len(opened) == 1
    assert watch.forget_idle() == 0
    monkeypatch.setattr("service.candidates.names_watch.IDLE_S", -1.0)
    assert watch.forget_idle() == 1
    assert watch.look_for(house.organisation_id, str(uuid.uuid4())).is_wanted is False


def test_a_confirmed_find_by_name_is_sealed_with_its_own_words(house: House) -> None:
    rooms, database = house.rooms, house.rooms.database
    person, _ = make_person(house, faces=False)
    candidate_id = found(house, person)
    with database.read() as session:
        (capture_id,) = rooms.exhibits.captures_to_hold(session)
    capturer = MadeUpCapturer(b"<html>Ada Lovelace</html>", content_type="text/html")
    assert rooms.exhibits.hold(database, capturer, NoWait(), capture_id).state == "held"
    assert [urls for urls, _ in capturer.asked] == [(PAGE,)]
    for reviewer in house.reviewers:
        reviewer_says(house, reviewer, candidate_id, "same")
    person_says(house, person, candidate_id, "same")
    with database.read() as session:
        (exhibit_id,) = rooms.exhibits.exhibits_to_seal(session)
    assert rooms.exhibits.seal(database, exhibit_id).state == "sealed"
    with database.write() as session:
        bundle = rooms.exhibits.bundle(session, house.reviewers[0], exhibit_id)
        notice = rooms.notices.draft(session, house.reviewers[0], [exhibit_id])
        (item,) = rooms.notices.notice(session, house.reviewers[0], notice).document.items
    manifest = read_manifest(read_container(bundle).files["manifest.json"])
    assert manifest.wording == NAME_WORDING
    assert {statement.by for statement in manifest.statements} == {"reviewer", "person"}
    assert (item.found_by, item.page_url) == ("name", PAGE)


def test_what_another_worker_wrote_at_the_same_moment_is_not_written_twice(
    any_house: House,
) -> None:
    """Both looked before either wrote: the second finds the other's row, and nothing is lost."""
    house = any_house
    person, case = make_person(house, faces=False)
    name_id = choose(house, person)
    (candidate_id,) = write(house, person, [name_id]).candidates
    now = house.rooms.clock.now()
    with house.rooms.database.write() as session:
        worker = Actor.system("names", house.organisation_id)
        repository = NameFindsRepository(session, worker, now)
        first = session.get_one(Candidate, candidate_id)
        again = Candidate(
            id=uuid.uuid4(),
            organisation_id=first.organisation_id,
            person_id=first.person_id,
            page_key=first.page_key,
            kind="name",
            state="waiting",
            host=first.host,
            document=first.document,
            found_at=now,
            held_until=now,
        )
        assert not repository.add_find(again)
        floods = [
            NameFlood(
                organisation_id=house.organisation_id,
                person_id=case.person_id,
                name_id=name_id,
                state="open",
                finds=9,
                sites=9,
                not_made=0,
                began_at=now,
            )
            for _ in range(2)
        ]
        assert [repository.add_flood(flood) for flood in floods] == [True, False]
    assert kinds(house, person) == [("name", "waiting")]


def test_a_name_that_was_not_looked_for_for_a_moment_is_looked_for_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else pages that a long slice read in between would count as read for it."""
    monkeypatch.setattr("service.candidates.names_watch.FRESH_S", -1.0)
    person, case = make_person(house, faces=False)
    choose(house, person)
    page = PageSeen("1", PAGE, PAGE, 200, "", (), 0, 1, "", words=PageWords("", "Ada Lovelace"))
    look = house.rooms.names.look_for(house.organisation_id, None)
    assert look.find(page) is not None
    with house.rooms.database.write() as session:
        house.rooms.enrolment.pause(session, house.reviewers[0], case.person_id, "a question")
    assert look.find(page) is None
    with house.rooms.database.write() as session:
        house.rooms.enrolment.resume(session, house.reviewers[0], case.person_id)
    after = house.rooms.names.look_for(house.organisation_id, None)
    assert after.looked_for != look.was_looked_for(0)
