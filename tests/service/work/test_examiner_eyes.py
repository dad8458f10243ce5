"""The real eyes over a real examiner process: lazy, up to date, and back after a crash."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from sqlalchemy.orm import Session

from indexer.examiner.protocol import GalleryHash, GalleryLoaded, GalleryTemplate, Reference
from indexer.faces import DEFAULT_PACK, check_pack
from indexer.observations import Examination, MediaHashes, ModelStamp
from service.database import Database
from service.settings import Settings
from service.work import eyes as eyes_module
from service.work import gallery_following
from service.work.eyes import ExaminerEyes
from service.work.opening import ModelChoice
from tests.fixtures import photographs

pytestmark = pytest.mark.slow


@dataclass
class PeopleOfATest:
    """A watch-list that the test changes."""

    number: int = 1
    faces: bool = False
    templates: tuple[GalleryTemplate, ...] = ()
    hashes: tuple[GalleryHash, ...] = ()
    bearable: float = 1e-3
    answers: list[GalleryLoaded] = field(default_factory=list)
    asked_templates_of: list[ModelStamp] = field(default_factory=list)
    asked_references_of: list[uuid.UUID] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)

    def chance_matches_per_face(self, session: Session) -> float:
        return self.bearable

    def loaded(self, database: Database, answer: GalleryLoaded) -> None:
        self.answers.append(answer)

    def gallery_change(self, session: Session) -> int:
        return self.number

    def template_refs_for_gallery(self, session: Session, model: ModelStamp) -> tuple[str, ...]:
        return tuple(template.template_ref for template in self.templates)

    def templates_of_refs(
        self, session: Session, model: ModelStamp, refs: Collection[str]
    ) -> tuple[GalleryTemplate, ...]:
        self.opened += refs
        return tuple(each for each in self.templates if each.template_ref in refs)

    def each_template(self, session: Session, model: ModelStamp) -> Iterator[GalleryTemplate]:
        self.asked_templates_of.append(model)
        yield from self.templates

    def references_of(self, session: Session, person_id: uuid.UUID) -> tuple[Reference, ...]:
        self.asked_references_of.append(person_id)
        return ()

    def hashes_for_gallery(self, session: Session) -> tuple[GalleryHash, ...]:
        return self.hashes

    def know(self, person_id: uuid.UUID, hashes: MediaHashes) -> None:
        """A known picture is added, and the watch-list counts the change."""
        known = GalleryHash(str(person_id), "known", hashes.sha256, hashes.pdq, hashes.pdq_quality)
        self.hashes = (*self.hashes, known)
        self.number += 1


@pytest.fixture
def people() -> PeopleOfATest:
    return PeopleOfATest()


@pytest.fixture
def eyes(
    sqlite_database: Database, people: PeopleOfATest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ExaminerEyes]:
    monkeypatch.setattr(eyes_module, "FOLLOW_EVERY_S", 0.0)
    settings = Settings(data_dir=Path("unused"))
    choice = ModelChoice(settings.pack, settings.models_dir, settings.runtime, settings.sandbox, ())
    made = ExaminerEyes(
        sqlite_database, people, people, lambda _session: people.faces, choice, people
    )
    yield made
    made.close()


@pytest.fixture
def photo() -> bytes:
    return photographs.jpeg(photographs.astronaut())


def look(eyes: ExaminerEyes, content: bytes) -> Examination:
    return eyes.examine(
        content,
        declared_type="image/jpeg",
        media_url=None,
        page_url=None,
        only_person=None,
        with_faces=True,
    )


def test_nothing_is_started_before_it_is_needed(eyes: ExaminerEyes, photo: bytes) -> None:
    eyes.mask_person(str(uuid.uuid4()))
    assert eyes.process_id is None
    hashed = eyes.hash(photo)
    assert hashed.hashes is not None
    assert eyes.process_id is not None
    assert eyes.model is None


def test_a_change_of_the_watch_list_is_followed_by_the_next_look(
    eyes: ExaminerEyes, people: PeopleOfATest, photo: bytes
) -> None:
    before = look(eyes, photo)
    assert (before.findings, before.watchlist_change) == ((), 1)
    person_id = uuid.uuid4()
    people.know(person_id, before.hashes)
    after = look(eyes, photo)
    assert [finding.person_ref for finding in after.findings] == [str(person_id)]
    assert after.watchlist_change == eyes.change == 2
    assert people.asked_references_of == [person_id]
    assert people.asked_templates_of == []


def test_a_masked_person_is_not_found_any_more(
    eyes: ExaminerEyes, people: PeopleOfATest, photo: bytes
) -> None:
    person_id = uuid.uuid4()
    people.know(person_id, look(eyes, photo).hashes)
    assert look(eyes, photo).findings
    eyes.mask_person(str(person_id))
    assert look(eyes, photo).findings == ()


def test_somebody_masked_while_the_watch_list_is_being_read_stays_masked(
    eyes: ExaminerEyes, people: PeopleOfATest, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    person_id = uuid.uuid4()
    people.know(person_id, eyes.hash(photo).hashes or MediaHashes(""))
    assert len(look(eyes, photo).findings) == 1
    read = people.hashes_for_gallery

    def erased_right_after_the_read(session: Session) -> tuple[GalleryHash, ...]:
        hashes = read(session)
        eyes.mask_person(str(person_id))
        return hashes

    monkeypatch.setattr(people, "hashes_for_gallery", erased_right_after_the_read)
    people.number += 1
    assert look(eyes, photo).findings == ()


def test_a_medium_under_way_when_the_examiner_is_replaced_is_looked_at_by_the_next(
    eyes: ExaminerEyes, people: PeopleOfATest, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.know(uuid.uuid4(), eyes.hash(photo).hashes or MediaHashes(""))
    asked: list[uuid.UUID] = []

    def replaced_meanwhile(session: Session, person_id: uuid.UUID) -> tuple[Reference, ...]:
        asked.append(person_id)
        if len(asked) == 1:
            eyes.close()
            eyes.follow_gallery()
        return ()

    monkeypatch.setattr(people, "references_of", replaced_meanwhile)
    found = look(eyes, photo)
    assert found.refusal is None
    assert len(found.findings) == 1
    assert len(asked) == 2


def test_after_a_crash_the_gallery_is_there_again(
    eyes: ExaminerEyes, people: PeopleOfATest, photo: bytes
) -> None:
    person_id = uuid.uuid4()
    people.know(person_id, look(eyes, photo).hashes)
    assert look(eyes, photo).findings
    dead = eyes.process_id
    assert dead is not None
    os.kill(dead, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(dead)] if psutil.pid_exists(dead) else [], timeout=5)
    seen = [look(eyes, photo) for _ in range(2)][-1]
    assert [finding.person_ref for finding in seen.findings] == [str(person_id)]
    assert eyes.process_id != dead


def test_switching_face_matching_on_loads_the_pack(
    eyes: ExaminerEyes, people: PeopleOfATest, photo: bytes
) -> None:
    models = Settings(data_dir=Path("unused")).models_dir
    if check_pack(DEFAULT_PACK, models).state != "ready":
        pytest.skip("the default pack is not on this machine (likeness models fetch)")
    assert look(eyes, photo).model is None
    first = eyes.process_id
    people.faces = True
    seen = look(eyes, photo)
    assert seen.model is not None
    assert seen.model.pack == DEFAULT_PACK
    assert seen.faces_counted == 1
    assert people.asked_templates_of == [seen.model]
    assert eyes.process_id != first
    people.faces = False
    assert look(eyes, photo).model is None


def faces_or_skip(people: PeopleOfATest) -> None:
    models = Settings(data_dir=Path("unused")).models_dir
    if check_pack(DEFAULT_PACK, models).state != "ready":
        pytest.skip("the default pack is not on this machine (likeness models fetch)")
    people.faces = True


def template_of(eyes: ExaminerEyes, photo: bytes, person_id: uuid.UUID) -> GalleryTemplate:
    enrolled = eyes.enrol(photo, ())
    assert enrolled.vector is not None
    return GalleryTemplate(str(person_id), f"template of {person_id}", enrolled.vector)


def test_only_what_is_new_is_decrypted_and_who_left_is_gone_without_loading_anew(
    eyes: ExaminerEyes, people: PeopleOfATest, photo: bytes
) -> None:
    faces_or_skip(people)
    ada, bea = uuid.uuid4(), uuid.uuid4()
    people.templates = (template_of(eyes, photo, ada),)
    people.number += 1
    assert [finding.person_ref for finding in look(eyes, photo).findings] == [str(ada)]
    people.templates += (template_of(eyes, photo, bea),)
    people.number += 1
    found = look(eyes, photo)
    assert {finding.person_ref for finding in found.findings} == {str(ada), str(bea)}
    people.templates = people.templates[1:]
    people.number += 1
    assert [finding.person_ref for finding in look(eyes, photo).findings] == [str(bea)]
    assert len(people.asked_templates_of) == 1, "the whole gallery was loaded once"
    assert people.opened == [f"template of {ada}", f"template of {bea}"]
    assert [answer.templates for answer in people.answers] == [0, 1, 2, 1]


def test_who_may_no_longer_be_looked_for_leaves_although_nobody_counted_a_change(
    eyes: ExaminerEyes, people: PeopleOfATest, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces_or_skip(people)
    people.templates = (template_of(eyes, photo, uuid.uuid4()),)
    people.number += 1
    assert look(eyes, photo).findings
    people.templates = ()
    assert look(eyes, photo).findings, "it is looked for every few minutes"
    monkeypatch.setattr(gallery_following, "COMPARE_EVERY_S", 0.0)
    assert look(eyes, photo).findings == ()


def test_an_examiner_that_lost_its_gallery_is_given_the_whole_again(
    eyes: ExaminerEyes, people: PeopleOfATest, photo: bytes
) -> None:
    faces_or_skip(people)
    ada, bea = uuid.uuid4(), uuid.uuid4()
    people.templates = (template_of(eyes, photo, ada), template_of(eyes, photo, bea))
    people.number += 1
    assert len(look(eyes, photo).findings) == 2
    assert eyes.process_id is not None
    os.kill(eyes.process_id, signal.SIGKILL)
    people.templates = people.templates[:1]
    people.number += 1
    seen = [look(eyes, photo) for _ in range(2)][-1]
    assert [finding.person_ref for finding in seen.findings] == [str(ada)]
    assert len(people.asked_templates_of) == 2


def test_closing_ends_the_process(eyes: ExaminerEyes, photo: bytes) -> None:
    eyes.hash(photo)
    process_id = eyes.process_id
    assert process_id is not None
    eyes.close()
    assert eyes.process_id is None
    assert not psutil.pid_exists(process_id)


def test_an_examiner_with_nothing_to_look_at_follows_too_and_none_is_started_for_it(
    eyes: ExaminerEyes, people: PeopleOfATest, photo: bytes
) -> None:
    eyes.keep_up()
    assert eyes.process_id is None
    hashed = eyes.hash(photo)
    assert hashed.hashes is not None
    person_id = uuid.uuid4()
    people.know(person_id, hashed.hashes)
    eyes.keep_up()
    assert eyes.change == people.number
