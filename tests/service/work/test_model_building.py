"""Building a second model with real examiners: one goes on searching, the other one prepares."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select, update

from indexer.faces import DEFAULT_PACK
from indexer.observations import Examination
from service.accounts.actor import Actor
from service.app import build_rooms
from service.database import Database
from service.database_migration import downgrade, upgrade
from service.enrolment.models import ModelInUse, StoredTemplate
from service.enrolment.views import PersonView
from service.settings import Settings
from service.work import eyes as eyes_module
from service.work import model_building as building_module
from service.work import opening as opening_module
from service.work.doctor_models import examine_models
from service.work.eyes import ExaminerEyes
from service.work.model_building import BuildParts, ModelBuilding
from service.work.opening import ModelChoice
from tests.fixtures import photographs
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import SqliteTemplate
from tests.service.enrolment.people_factory import House, add_organisation, add_staff, make_person
from tests.service.work.packs_factory import SECOND, describe_second, models_with_two_packs

pytestmark = pytest.mark.slow

ASTRONAUT = photographs.jpeg(photographs.astronaut())
AGAIN = photographs.jpeg(photographs.resized(photographs.astronaut(), 0.8), 80)
NOBODY = photographs.jpeg(photographs.landscape())


@dataclass
class Site:
    """An installation with real eyes, and what builds beside them."""

    house: House
    eyes: ExaminerEyes
    building: ModelBuilding
    settings: Settings

    @property
    def database(self) -> Database:
        return self.house.rooms.database

    def enrol(self, *photos: bytes) -> tuple[Actor, uuid.UUID]:
        person, case = make_person(self.house, photos=photos)
        return person, case.person_id

    def start(self, pack: str, *, ask: bool = False) -> None:
        stamp = ModelChoice.of(self.settings).installed.stamp(pack)
        with self.database.write() as session:
            models = self.house.rooms.models
            models.start(session, self.house.operator, stamp, asks_before_switch=ask)

    def look(self, content: bytes = AGAIN) -> Examination:
        return self.eyes.examine(
            content,
            declared_type="image/jpeg",
            media_url=None,
            page_url=None,
            only_person=None,
            with_faces=True,
        )

    def faces_found(self, content: bytes = AGAIN) -> list[str]:
        return [each.person_ref for each in self.look(content).findings if each.faces]

    def state(self) -> str:
        with self.database.read() as session:
            change = self.house.rooms.models.standing(session, Actor.system("test")).change
        return change.state if change is not None else ""

    def view(self, person: Actor) -> PersonView:
        assert person.person_id is not None
        with self.database.read() as session:
            return self.house.rooms.enrolment.person_view(session, person, person.person_id)


@pytest.fixture
def site(
    sqlite_template: SqliteTemplate,
    tmp_path: Path,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    monkeypatch.setattr(eyes_module, "FOLLOW_EVERY_S", 0.0)
    monkeypatch.setattr(opening_module, "TRY_AGAIN_AFTER_S", 0.0)
    monkeypatch.setattr(opening_module, "_LOOK_AT_FILES_EVERY_S", 0.0)
    monkeypatch.setattr(building_module, "TRY_AGAIN_AFTER_S", 0.0)
    monkeypatch.setattr(building_module, "SETTLE_EVERY_S", 0.0)
    settings = Settings(
        data_dir=tmp_path / "data",
        database_url=sqlite_template.new_migrated_url(tmp_path),
        models_dir=models_with_two_packs(tmp_path),
    )
    rooms = build_rooms(settings, clock=clock)
    organisation = add_organisation(rooms, clock, "Helpline")
    eyes = rooms.examiner
    assert isinstance(eyes, ExaminerEyes)
    from service.accounts.actor import Role

    house = House(
        rooms,
        eyes,  # type: ignore[arg-type]  # real ones
        clock,
        organisation,
        (add_staff(rooms, clock, organisation), add_staff(rooms, clock, organisation)),
        add_staff(rooms, clock, organisation, trained=False),
        add_staff(rooms, clock, organisation, Role.OPERATOR),
    )
    building = ModelBuilding(
        BuildParts(
            rooms.database, rooms.models, rooms.photos.templates, ModelChoice.of(settings), 1000.0
        )
    )
    building.settle()
    yield Site(house, eyes, building, settings)
    building.close()
    rooms.close()


def test_the_old_model_searches_until_the_new_one_takes_its_place(site: Site) -> None:
    person, person_id = site.enrol(ASTRONAUT, AGAIN)
    assert site.faces_found() == [str(person_id)]
    assert not site.building.is_waiting()
    site.start(SECOND, ask=True)
    searching = site.eyes.process_id
    assert site.building.is_waiting()
    assert site.building.build() == 2
    assert site.state() == "ready"
    assert (site.look().model or site).pack == DEFAULT_PACK  # type: ignore[union-attr]
    assert site.eyes.process_id == searching
    with site.database.write() as session:
        site.house.rooms.models.switch(session, site.house.operator)
    seen = site.look()
    assert seen.model is not None
    assert seen.model.pack == SECOND
    assert site.eyes.process_id != searching
    assert site.faces_found() == [str(person_id)]
    with site.database.write() as session:
        site.house.rooms.models.back(session, site.house.operator)
    assert site.faces_found() == [str(person_id)]
    assert site.eyes.model is not None
    assert site.eyes.model.pack == DEFAULT_PACK
    assert site.building.destroy_others() == 2
    assert site.view(person).faces.state == "searched"


def test_after_an_upgrade_nothing_is_compared_until_the_templates_are_made_anew(
    site: Site,
) -> None:
    person, person_id = site.enrol(ASTRONAUT)
    with site.database.write() as session:
        # as the program before left it
        old = {"model_digest": "0" * 64, "model_preprocessing": 1}
        session.execute(update(StoredTemplate).values(**old))
        session.execute(update(ModelInUse).values(digest="0" * 64, preprocessing=1))
    assert site.look().model is None
    assert site.eyes._opening.problem == "rebuilding"
    assert site.faces_found() == []
    known = [each for each in site.look(ASTRONAUT).findings if each.hashes]
    assert [each.person_ref for each in known] == [str(person_id)], "known pictures go on"
    site.building.settle()
    assert site.state() == "building"
    assert site.view(person).faces.state == "being_prepared"
    (said, change) = examine_models(site.settings)
    assert (said.verdict, change.verdict) == ("warning", "warning")
    assert "No face is looked for now" in said.words
    # a photo that comes meanwhile is taken, and looked at by the one that prepares
    outcome = site.house.rooms.photos.add_photo(site.database, person, site.eyes, person_id, NOBODY)
    assert (outcome.accepted, outcome.has_template) == (True, False)
    assert site.building.is_waiting()
    assert site.building.build() == 1
    assert site.state() == "switched"
    assert site.eyes.model == ModelChoice.of(site.settings).installed.stamp(DEFAULT_PACK)
    assert site.faces_found() == [str(person_id)]
    assert site.eyes._opening.problem == ""
    # both came at one moment of the test's clock
    words = sorted(photo.face_words for photo in site.view(person).photos)
    assert words[0] == ""
    assert "could not find a face" in words[1]


def test_an_installation_of_before_the_migrations_is_blind_and_then_finds_again(
    site: Site,
) -> None:
    person, person_id = site.enrol(ASTRONAUT)
    site.eyes.close()
    downgrade(site.database, "0004")
    with site.database.write() as session:
        old = {"model_digest": "0" * 64, "model_preprocessing": 1}
        session.execute(update(StoredTemplate).values(**old))
    upgrade(site.database)
    assert site.look().model is None
    assert site.eyes._opening.problem == "rebuilding"
    assert site.building.is_waiting()
    assert site.view(person).faces.state == "being_prepared"
    assert site.building.build() == 1
    assert site.state() == "switched"
    assert site.faces_found() == [str(person_id)]
    assert site.view(person).faces.state == "searched"
    with site.database.write() as session:
        site.house.rooms.models.confirm(session, site.house.operator)
    assert site.building.destroy_others() == 1
    assert site.faces_found() == [str(person_id)]


def test_a_machine_without_the_files_says_so_and_looks_again_when_they_are_there(
    site: Site,
) -> None:
    _, person_id = site.enrol(ASTRONAUT)
    assert site.faces_found() == [str(person_id)]
    site.eyes.close()
    folder = site.settings.models_dir / DEFAULT_PACK
    away = folder.rename(folder.with_name("away"))
    assert site.look().model is None
    assert site.eyes._opening.problem == "files_missing"
    (said,) = examine_models(site.settings)
    assert said.verdict == "bad"
    assert "likeness models fetch" in said.words
    away.rename(folder)
    assert site.faces_found() == [str(person_id)]


def test_damaged_files_are_not_searched_with(site: Site) -> None:
    _, person_id = site.enrol(ASTRONAUT)
    site.eyes.close()
    folder = site.settings.models_dir / DEFAULT_PACK
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    for path, content in kept.items():
        path.write_bytes(content[:-100] + bytes(100))
    seen = site.look(ASTRONAUT)
    assert seen.model is None
    assert site.eyes._opening.problem == "pack_damaged"
    assert [each.person_ref for each in seen.findings] == [str(person_id)], "as a known picture"


def test_a_pack_of_the_same_name_with_another_input_is_not_taken_for_the_one_in_use(
    site: Site,
) -> None:
    _, person_id = site.enrol(ASTRONAUT)
    site.start(SECOND)
    site.building.build()
    assert site.faces_found() == [str(person_id)]
    description = site.settings.models_dir / SECOND / "pack.toml"
    description.write_text(description.read_text("utf-8").replace("1.01", "1.02"), "utf-8")
    assert site.look().model is None
    assert site.eyes._opening.problem == "other_files"
    site.building.settle()
    assert site.state() == "switched", "only a program's own change is followed by itself"


def test_a_model_that_cannot_be_built_here_leaves_the_old_one_searching(site: Site) -> None:
    _, person_id = site.enrol(ASTRONAUT)
    site.start(SECOND)
    shutil.rmtree(site.settings.models_dir / SECOND)
    assert not site.building.is_waiting()
    assert site.building.build() == 0
    with site.database.read() as session:
        change = site.house.rooms.models.open_change(session)
    assert change is not None
    assert (change.state, change.problem) == ("building", "unknown_pack")
    assert [finding.verdict for finding in examine_models(site.settings)] == ["good", "bad"]
    assert site.faces_found() == [str(person_id)]
    describe_second(site.settings.models_dir)
    assert site.building.is_waiting()
    assert site.building.build() == 1
    assert site.state() == "switched"


def test_a_pack_whose_licence_was_not_accepted_is_not_opened(site: Site) -> None:
    site.enrol(ASTRONAUT)
    describe_second(site.settings.models_dir, needs_acceptance=True)
    site.start(SECOND)
    assert not site.building.is_waiting()
    with site.database.read() as session:
        change = site.house.rooms.models.open_change(session)
    assert change is not None
    assert change.problem == "licence_not_accepted"
    stamp = ModelChoice.of(site.settings).installed.stamp(SECOND)
    models = site.house.rooms.models
    with site.database.write() as session:
        models.abandon(session, site.house.operator)
        models.start(session, site.house.operator, stamp, licence_accepted=True)
    assert site.building.build() == 1
    assert site.eyes.model == stamp


def test_nothing_of_a_build_but_ids_and_sealed_bytes_is_kept(site: Site) -> None:
    site.enrol(ASTRONAUT)
    site.start(SECOND)
    site.building.build()
    with site.database.read() as session:
        rows = session.scalars(select(StoredTemplate)).all()
    assert {row.model_pack for row in rows} == {DEFAULT_PACK, SECOND}
    assert all(len(row.vector) > 128 * 4 for row in rows), "sealed, with its nonce and tag"
