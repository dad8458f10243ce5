"""Changing the model: built beside the old, switched at once, kept until confirmed."""

from __future__ import annotations

import uuid

import msgspec
import pytest
from sqlalchemy import func, select

from indexer.observations import ModelStamp
from service.accounts.actor import Role
from service.audit.models import AuditEntry
from service.database import Database
from service.enrolment.errors import ModelChangeError, NoModelChangeError, WrongModelError
from service.enrolment.models import ReferencePhoto, StoredTemplate, TemplateRefusal
from service.errors import NotAllowedError
from service.work.model_words import progress_words
from tests.service.enrolment.model_factory import (
    SYSTEM,
    build,
    change_of,
    models_of,
    name_model,
    searched,
    start,
)
from tests.service.enrolment.people_factory import (
    CROP,
    MODEL,
    OTHER_MODEL,
    QUALITY,
    House,
    MadeUpEyes,
    make_person,
    person_of,
)

NEWER = ModelStamp("made-up", "f" * 64, 2)


class TestBuilding:
    def test_the_new_model_is_built_beside_the_old_and_switched_when_all_is_done(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        _, ada = make_person(any_house, photos=(b"face:ada#1", b"face:ada#2"))
        _, bea = make_person(any_house, photos=(b"face:bea#1",))
        with database.read() as session:
            before = any_house.rooms.enrolment.gallery_change(session)
        assert start(any_house).state == "building"
        assert build(any_house, at_most=2) == 2
        halfway = change_of(any_house)
        assert (halfway.state, halfway.counts.photos, halfway.counts.made) == ("building", 3, 2)
        with database.read() as session:
            used = any_house.rooms.models.in_use(session)
            assert used is not None
            assert used.stamp == MODEL
            # what is built and does not search changes no watch-list
            assert any_house.rooms.enrolment.gallery_change(session) == before
        assert build(any_house) == 1
        done = change_of(any_house)
        assert (done.state, done.counts.made, done.counts.left) == ("switched", 3, 0)
        with database.read() as session:
            used = any_house.rooms.models.in_use(session)
            assert used is not None
            assert used.stamp == OTHER_MODEL
            assert any_house.rooms.enrolment.gallery_change(session) == before + 1
        assert models_of(any_house, ada.person_id) == ["made-up"] * 2 + ["made-up-2"] * 2
        assert sorted(searched(any_house, OTHER_MODEL)) == sorted(
            [str(ada.person_id)] * 2 + [str(bea.person_id)]
        )

    def test_who_enrols_meanwhile_gets_templates_of_both(self, any_house: House) -> None:
        name_model(any_house)
        make_person(any_house)
        start(any_house, ask=True)
        build(any_house)
        assert change_of(any_house).state == "ready"
        _, newcomer = make_person(any_house, photos=(b"face:new#1",))
        assert models_of(any_house, newcomer.person_id) == ["made-up"]
        build(any_house)
        assert models_of(any_house, newcomer.person_id) == ["made-up", "made-up-2"]

    def test_who_enrols_after_the_switch_can_still_be_found_after_going_back(
        self, house: House, database: Database
    ) -> None:
        name_model(house)
        make_person(house)
        start(house)
        build(house)
        house.eyes.model = OTHER_MODEL
        _, newcomer = make_person(house, photos=(b"face:new#1",))
        assert models_of(house, newcomer.person_id) == ["made-up-2"]
        with database.read() as session:
            beside = house.rooms.models.beside(session)
        assert beside is not None
        assert (beside.stamp, beside.is_needed) == (MODEL, False)
        build(house)
        assert models_of(house, newcomer.person_id) == ["made-up", "made-up-2"]
        with database.write() as session:
            house.rooms.models.back(session, house.operator)
        assert str(newcomer.person_id) in searched(house, MODEL)

    def test_making_the_same_template_twice_leaves_one(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        _, case = make_person(any_house)
        start(any_house, ask=True)
        maker, eyes = any_house.rooms.photos.templates, MadeUpEyes(model=OTHER_MODEL)
        with database.read() as session:
            (photo,) = any_house.rooms.models.missing(session, OTHER_MODEL, 10)
        assert maker.make(database, eyes, photo, searching=False) == "made"
        assert maker.make(database, eyes, photo, searching=False) == "not_wanted"
        assert models_of(any_house, case.person_id) == ["made-up", "made-up-2"]

    def test_what_reviewers_see_stays_and_a_missing_figure_of_quality_is_filled_in(
        self, house: House, database: Database
    ) -> None:
        name_model(house)
        person, case = make_person(house)
        start(house, ask=True)

        class Judging(MadeUpEyes):
            """Cuts the face out in another way, and says how good it is."""

            def enrol(self, content, others):  # type: ignore[no-untyped-def]
                quality = msgspec.structs.replace(QUALITY, figure=0.7)
                seen = super().enrol(content, others)
                return msgspec.structs.replace(seen, quality=quality, face_crop_png=b"another")

        with database.read() as session:
            (photo,) = house.rooms.models.missing(session, OTHER_MODEL, 10)
        eyes = Judging(model=OTHER_MODEL)
        assert house.rooms.photos.templates.make(database, eyes, photo, searching=False) == "made"
        with database.read() as session:
            view = house.rooms.enrolment.person_view(session, person, case.person_id)
        assert view.photos[0].quality is not None
        assert view.photos[0].quality.figure == 0.7
        assert house.rooms.photos.face_crop(database, house.reviewers[0], photo) == CROP

    def test_only_the_very_model_may_make_its_templates(
        self, house: House, database: Database
    ) -> None:
        name_model(house)
        _, case = make_person(house)
        start(house)

        class Changeling(MadeUpEyes):
            """Another model is loaded in the middle of the work."""

            def enrol(self, content, others):  # type: ignore[no-untyped-def]
                self.model = NEWER
                return super().enrol(content, others)

        with database.read() as session:
            (photo,) = house.rooms.models.missing(session, OTHER_MODEL, 10)
        with pytest.raises(WrongModelError):
            house.rooms.photos.templates.make(
                database, Changeling(model=OTHER_MODEL), photo, searching=False
            )
        assert models_of(house, case.person_id) == ["made-up"]

    def test_who_opts_out_in_the_middle_has_no_template_of_either(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        person, case = make_person(any_house, photos=(b"face:ada#1", b"face:ada#2"))
        make_person(any_house, photos=(b"face:bea#1",))
        start(any_house)
        build(any_house, at_most=2)
        rooms = any_house.rooms
        rooms.enrolment.consent.opt_out_of_faces(database, person, any_house.eyes, case.person_id)
        assert models_of(any_house, case.person_id) == []
        build(any_house)
        assert models_of(any_house, case.person_id) == []
        assert change_of(any_house).state == "switched"

    def test_a_photo_that_is_removed_in_the_middle_is_not_waited_for(
        self, house: House, database: Database
    ) -> None:
        name_model(house)
        person, _ = make_person(house, photos=(b"face:ada#1", b"face:ada#2"))
        start(house)
        build(house, at_most=1)
        with database.read() as session:
            (left,) = house.rooms.models.missing(session, OTHER_MODEL, 10)
        house.rooms.photos.remove_photo(database, person, left)
        eyes = MadeUpEyes(model=OTHER_MODEL)
        made = house.rooms.photos.templates.make(database, eyes, left, searching=False)
        assert made == "not_wanted"
        build(house)
        assert change_of(house).state == "switched"


class TestErasing:
    def test_who_is_erased_while_both_exist_has_no_row_of_either_and_no_refusal(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        person, case = make_person(any_house, photos=(b"face:ada#1", b"face:ada#2"))
        _, other = make_person(any_house, photos=(b"face:bea#1",))
        self.lose_photo(any_house, database, case.person_id)
        start(any_house)
        build(any_house)
        assert change_of(any_house).state == "switched"
        rooms = any_house.rooms
        done = rooms.erasure.erase(database, person, any_house.eyes, case.person_id)
        counts = {count.what: count.count for count in done.counts}
        assert (counts["templates"], counts["refusals of templates"]) == (3, 1)
        assert models_of(any_house, case.person_id) == []
        with database.read() as session:
            assert session.scalar(select(func.count(TemplateRefusal.id))) == 0
        assert models_of(any_house, other.person_id) == ["made-up", "made-up-2"]

    def test_an_erasure_between_looking_and_writing_leaves_nothing(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        person, case = make_person(any_house)
        start(any_house)
        rooms = any_house.rooms

        class SlowEyes(MadeUpEyes):
            """The person leaves while their photo is being looked at."""

            def enrol(self, content, others):  # type: ignore[no-untyped-def]
                rooms.erasure.erase(database, person, None, case.person_id)
                return super().enrol(content, others)

        with database.read() as session:
            (photo,) = rooms.models.missing(session, OTHER_MODEL, 10)
        eyes = SlowEyes(model=OTHER_MODEL)
        assert rooms.photos.templates.make(database, eyes, photo, searching=False) == "not_wanted"
        assert models_of(any_house, case.person_id) == []
        build(any_house)
        assert not change_of(any_house).counts.photos

    @staticmethod
    def lose_photo(house: House, database: Database, person_id: object) -> None:
        folder = house.rooms.settings.files_dir / str(person_id)
        next(iter(sorted(folder.iterdir()))).unlink()


class TestRefusals:
    def test_a_photo_that_the_new_model_refuses_is_counted_and_not_tried_again(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        person, case = make_person(any_house, photos=(b"face:ada#1", b"face:ada#2"))
        start(any_house)
        refuse(any_house, database, refused=1)
        change = change_of(any_house)
        assert (change.state, change.counts.made, change.counts.refused) == ("switched", 1, 1)
        with database.read() as session:
            standing = any_house.rooms.models.standing(session, SYSTEM)
            assert standing.refusals == (("too_dark", 1),)
            assert not any_house.rooms.models.missing(session, OTHER_MODEL, 10)
            view = any_house.rooms.enrolment.person_view(session, person, case.person_id)
        assert view.faces.state == "searched"
        words = [photo.face_words for photo in view.photos if photo.face_words]
        assert len(words) == 1
        assert "too dark" in words[0]

    def test_it_is_not_switched_by_itself_while_somebody_would_be_lost(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        person, case = make_person(any_house)
        start(any_house)
        refuse(any_house, database)
        change = change_of(any_house)
        assert (change.state, change.counts.people_lost) == ("ready", 1)
        rooms = any_house.rooms
        with database.read() as session:
            view = rooms.enrolment.person_view(session, person, case.person_id)
            (line,) = rooms.enrolment.list_cases(session, any_house.reviewers[0])
        assert view.faces.state == "soon_no_usable_photo"
        assert "one more photo" in view.face_words.advice
        assert "would not be found" in view.face_words_for_advocate.reason
        assert line.needs_photo
        # a new photo lets all of theirs be tried again, and the change goes on by itself
        rooms.photos.add_photo(database, person, any_house.eyes, case.person_id, b"face:ada#9")
        build(any_house)
        assert change_of(any_house).state == "switched"
        with database.read() as session:
            (line,) = rooms.enrolment.list_cases(session, any_house.reviewers[0])
        assert not line.needs_photo

    def test_an_operator_may_switch_although_somebody_is_lost_who_is_then_told(
        self, house: House, database: Database
    ) -> None:
        name_model(house)
        person, case = make_person(house)
        start(house)
        refuse(house, database)
        with database.write() as session:
            assert house.rooms.models.switch(session, house.operator).state == "switched"
        with database.read() as session:
            view = house.rooms.enrolment.person_view(session, person, case.person_id)
        assert view.faces.state == "no_usable_photo"
        assert not view.photos[0].has_template
        assert "your face is not looked for" in view.face_words.reason
        assert searched(house, OTHER_MODEL) == []

    def test_a_photo_that_was_not_kept_is_said_to_be_lost(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        person, case = make_person(any_house)
        for path in (any_house.rooms.settings.files_dir / str(case.person_id)).iterdir():
            path.unlink()
        start(any_house, ask=True)
        build(any_house)
        with database.read() as session:
            assert any_house.rooms.models.standing(session, SYSTEM).refusals == (("photo_lost", 1),)
            view = any_house.rooms.enrolment.person_view(session, person, case.person_id)
        assert "were not kept" in view.face_words.reason
        assert "once more" in view.photos[0].face_words

    def test_why_is_sealed_under_the_persons_key(self, house: House, database: Database) -> None:
        name_model(house)
        make_person(house)
        start(house)
        refuse(house, database)
        with database.read() as session:
            (row,) = session.scalars(select(TemplateRefusal))
        assert b"too_dark" not in row.document


class TestEnding:
    def test_the_old_templates_are_kept_until_an_operator_confirms_and_then_destroyed(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        _, case = make_person(any_house)
        start(any_house)
        build(any_house)
        rooms = any_house.rooms
        assert rooms.models.destroy_others(database) == 0
        with database.write() as session:
            assert rooms.models.confirm(session, any_house.operator).state == "confirmed"
        assert rooms.models.destroy_others(database) == 1
        assert models_of(any_house, case.person_id) == ["made-up-2"]
        with database.write() as session, pytest.raises(NoModelChangeError):
            rooms.models.back(session, any_house.operator)

    def test_a_template_that_was_begun_before_the_switch_changes_the_watch_list_after_it(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        make_person(any_house)
        start(any_house, ask=True)
        build(any_house)
        _, newcomer = make_person(any_house, photos=(b"face:new#1",))
        house = any_house

        class SwitchedMeanwhile(MadeUpEyes):
            """The operator switches while the newcomer's photo is looked at."""

            def enrol(self, content, others):  # type: ignore[no-untyped-def]
                with database.write() as session:
                    house.rooms.models.switch(session, house.operator)
                    self.change = house.rooms.enrolment.gallery_change(session)
                return super().enrol(content, others)

        eyes = SwitchedMeanwhile(model=OTHER_MODEL)
        with database.read() as session:
            (photo,) = house.rooms.models.missing(session, OTHER_MODEL, 10)
        assert house.rooms.photos.templates.make(database, eyes, photo, searching=False) == "made"
        assert str(newcomer.person_id) in searched(house, OTHER_MODEL)
        with database.read() as session:
            # or else what was seen in between is never looked at again for them
            assert house.rooms.enrolment.gallery_change(session) > eyes.change

    def test_destroyed_templates_are_no_longer_in_the_files_of_the_database(
        self, house: House, database: Database
    ) -> None:
        name_model(house)
        make_person(house)
        with database.read() as session:
            (vector,) = session.scalars(select(StoredTemplate.vector))
        start(house)
        build(house)
        folder = house.rooms.settings.data_dir.parent
        assert any(vector in path.read_bytes() for path in folder.glob("likeness.sqlite*"))
        with database.write() as session:
            house.rooms.models.confirm(session, house.operator)
        house.rooms.models.destroy_others(database)
        assert not any(vector in path.read_bytes() for path in folder.glob("likeness.sqlite*"))

    def test_going_back_is_at_once_and_changes_the_watch_list(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        _, case = make_person(any_house)
        start(any_house)
        build(any_house)
        rooms = any_house.rooms
        with database.write() as session:
            before = rooms.enrolment.gallery_change(session)
            assert rooms.models.back(session, any_house.operator).state == "went_back"
            assert rooms.enrolment.gallery_change(session) == before + 1
            used = rooms.models.in_use(session)
        assert used is not None
        assert used.stamp == MODEL
        assert searched(any_house, MODEL) == [str(case.person_id)]
        assert rooms.models.destroy_others(database) == 1
        assert models_of(any_house, case.person_id) == ["made-up"]

    def test_a_build_that_is_abandoned_changes_nothing(
        self, house: House, database: Database
    ) -> None:
        name_model(house)
        _, case = make_person(house, photos=(b"face:ada#1", b"face:ada#2"))
        start(house)
        build(house, at_most=1)
        with database.write() as session:
            house.rooms.models.abandon(session, house.operator)
        house.rooms.models.destroy_others(database)
        assert models_of(house, case.person_id) == ["made-up"] * 2
        assert start(house).state == "building"

    def test_one_change_at_a_time(self, any_house: House, database: Database) -> None:
        name_model(any_house)
        make_person(any_house)
        start(any_house)
        with pytest.raises(ModelChangeError, match="being built"):
            start(any_house, NEWER)
        with database.write() as session, pytest.raises(ModelChangeError):
            any_house.rooms.models.confirm(session, any_house.operator)
        with database.write() as session, pytest.raises(ModelChangeError):
            any_house.rooms.models.back(session, any_house.operator)

    def test_the_model_in_use_is_not_built_again(self, house: House) -> None:
        name_model(house)
        with pytest.raises(ModelChangeError, match="in use already"):
            start(house, MODEL)

    def test_where_nobody_has_a_photo_a_model_that_was_tried_out_is_used_at_once(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        with database.write() as session:
            change = any_house.rooms.models.start(
                session, any_house.operator, OTHER_MODEL, tried_out=True
            )
            used = any_house.rooms.models.in_use(session)
        assert change.state == "confirmed"
        assert used is not None
        assert used.stamp == OTHER_MODEL


class TestWhoMayAndWhoSees:
    @pytest.mark.parametrize("step", ["switch", "confirm", "back", "abandon", "standing"])
    def test_only_operators_change_the_model(
        self, house: House, database: Database, step: str
    ) -> None:
        name_model(house)
        person, _ = make_person(house)
        for actor in (house.reviewers[0], person):
            with database.write() as session, pytest.raises(NotAllowedError):
                getattr(house.rooms.models, step)(session, actor)

    def test_an_operator_sees_the_counts_of_their_own_organisation(self, any_house: House) -> None:
        elsewhere = any_house.new_organisation("Elsewhere")
        operator = any_house.new_staff(elsewhere, Role.OPERATOR)
        name_model(any_house)
        make_person(any_house, photos=(b"face:ada#1", b"face:ada#2"))
        make_person(any_house, photos=(b"face:bea#1",), organisation_id=elsewhere)
        start(any_house)
        build(any_house)
        assert change_of(any_house, any_house.operator).counts.made == 2
        assert change_of(any_house, operator).counts.made == 1
        assert change_of(any_house).counts.made == 3

    def test_no_step_and_no_trail_tells_an_operator_the_counts_of_others(
        self, any_house: House, database: Database
    ) -> None:
        elsewhere = any_house.new_organisation("Elsewhere")
        operator = any_house.new_staff(elsewhere, Role.OPERATOR)
        name_model(any_house)
        make_person(any_house, photos=(b"face:ada#1", b"face:ada#2"))
        make_person(any_house, photos=(b"face:bea#1",), organisation_id=elsewhere)
        models = any_house.rooms.models
        with database.write() as session:
            assert models.start(session, operator, OTHER_MODEL).counts.photos == 1
        build(any_house)
        with database.write() as session:
            assert models.confirm(session, operator).counts.made == 1
        with database.read() as session:
            entries = session.scalars(
                select(AuditEntry).where(AuditEntry.action == "model.confirm")
            ).all()
        made = {each.organisation_id: each.detail["made"] for each in entries}
        assert made == {any_house.organisation_id: 2, elsewhere: 1}

    def test_an_operator_is_told_that_it_waits_where_somebody_elsewhere_would_be_lost(
        self, any_house: House
    ) -> None:
        elsewhere = any_house.new_organisation("Elsewhere")
        operator = any_house.new_staff(elsewhere, Role.OPERATOR)
        name_model(any_house)
        _, lost = make_person(any_house)
        make_person(any_house, photos=(b"face:bea#1",), organisation_id=elsewhere)
        start(any_house)
        refuse_all_of(any_house, lost.person_id)
        build(any_house)
        seen = change_of(any_house, operator)
        assert (seen.state, seen.counts.people_lost) == ("ready", 0)
        assert "switched in a moment" not in progress_words(seen)
        assert "It waits" in progress_words(seen)

    def test_every_step_is_in_the_trail_of_each_organisation(
        self, any_house: House, database: Database
    ) -> None:
        elsewhere = any_house.new_organisation("Elsewhere")
        name_model(any_house)
        make_person(any_house)
        start(any_house)
        build(any_house)
        with database.write() as session:
            any_house.rooms.models.confirm(session, any_house.operator)
        with database.read() as session:
            entries = session.execute(
                select(AuditEntry.organisation_id, AuditEntry.action, AuditEntry.actor)
                .where(AuditEntry.object_kind == "model_change")
                .order_by(AuditEntry.number)
            ).all()
        steps = ["model.start", "model.ready", "model.switch", "model.confirm"]
        for organisation in (any_house.organisation_id, elsewhere):
            assert [row.action for row in entries if row.organisation_id == organisation] == steps
        assert entries[0].actor == any_house.operator.audit_name

    def test_people_of_an_organisation_without_face_matching_are_not_built(
        self, house: House, database: Database
    ) -> None:
        elsewhere = house.new_organisation("Elsewhere")
        name_model(house)
        _, ada = make_person(house)
        _, bea = make_person(house, photos=(b"face:bea#1",), organisation_id=elsewhere)
        house.set_faces(False, elsewhere)
        start(house)
        build(house)
        assert models_of(house, ada.person_id) == ["made-up", "made-up-2"]
        assert models_of(house, bea.person_id) == ["made-up"]


class TestAnotherProgram:
    """A program that prepares faces in another way gives the same pack another stamp."""

    def test_templates_are_made_anew_and_switched_by_themselves(
        self, any_house: House, database: Database
    ) -> None:
        name_model(any_house)
        person, case = make_person(any_house)
        rooms = any_house.rooms
        with database.write() as session:
            change = rooms.models.follow_program(session, NEWER)
        assert change is not None
        assert change.stops_searching
        with database.write() as session:
            assert rooms.models.follow_program(session, NEWER) is None
        with database.read() as session:
            view = rooms.enrolment.person_view(session, person, case.person_id)
        assert view.faces.state == "being_prepared"
        assert not view.photos[0].has_template
        assert "nothing found means nothing" in view.face_words_for_advocate.reason
        with database.write() as session, pytest.raises(ModelChangeError, match="needs the new"):
            rooms.models.abandon(session, any_house.operator)
        build(any_house)
        assert change_of(any_house).state == "switched"
        with database.read() as session:
            view = rooms.enrolment.person_view(session, person, case.person_id)
        assert view.faces.state == "searched"
        assert searched(any_house, NEWER) == [str(case.person_id)]
        with database.write() as session, pytest.raises(ModelChangeError, match="cannot compare"):
            rooms.models.back(session, any_house.operator)

    def test_it_is_switched_although_somebody_has_no_usable_photo(
        self, house: House, database: Database
    ) -> None:
        name_model(house)
        person, case = make_person(house)
        with database.write() as session:
            house.rooms.models.follow_program(session, NEWER)
        refuse(house, database, model=NEWER)
        assert change_of(house).state == "switched"
        with database.read() as session:
            view = house.rooms.enrolment.person_view(session, person, case.person_id)
        assert view.faces.state == "no_usable_photo"

    def test_a_change_that_was_open_is_superseded(self, house: House, database: Database) -> None:
        name_model(house)
        make_person(house)
        first = start(house)
        with database.write() as session:
            house.rooms.models.follow_program(session, NEWER)
        assert change_of(house).id != first.id
        build(house)
        house.rooms.models.destroy_others(database)
        assert change_of(house).after == NEWER


def refuse(
    house: House, database: Database, *, refused: int = 1000, model: ModelStamp = OTHER_MODEL
) -> None:
    """Build with a model that refuses the first photos as too dark."""

    class Choosy(MadeUpEyes):
        """Refuses so many photos."""

        left = refused

        def enrol(self, content, others):  # type: ignore[no-untyped-def]
            if self.left > 0:
                self.left -= 1
                return super().enrol(b"too_dark:", others)
            return super().enrol(content, others)

    eyes = Choosy(model=model)
    with database.read() as session:
        photos = house.rooms.models.missing(session, model, 100)
    for photo in photos:
        house.rooms.photos.templates.make(database, eyes, photo, searching=False)
    with database.write() as session:
        house.rooms.models.advance(session)


def test_people_whose_case_ended_are_not_built(house: House, database: Database) -> None:
    name_model(house)
    _, case = make_person(house)
    with database.write() as session:
        house.rooms.enrolment.close(session, house.reviewers[0], case.person_id, "done")
    start(house)
    build(house)
    assert models_of(house, case.person_id) == []
    assert person_of(case).person_id == case.person_id


def refuse_all_of(house: House, person_id: uuid.UUID) -> None:
    """The new model refuses every photo of this person."""

    class Refusing(MadeUpEyes):
        """Finds everything too dark."""

        def enrol(self, content, others):  # type: ignore[no-untyped-def]
            return super().enrol(b"too_dark:", others)

    rooms = house.rooms
    with rooms.database.read() as session:
        photos = session.scalars(
            select(ReferencePhoto.id).where(ReferencePhoto.person_id == person_id)
        ).all()
    for photo in photos:
        eyes = Refusing(model=OTHER_MODEL)
        assert (
            rooms.photos.templates.make(rooms.database, eyes, photo, searching=False) == "refused"
        )
