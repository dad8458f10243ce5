"""The examiner as the worker sees it: a real child process, killed, hung and restarted."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from indexer.examiner.client import ExaminerClient
from indexer.examiner.company import Company
from indexer.examiner.errors import ExaminerRefusedError, ExaminerUnavailableError
from indexer.examiner.protocol import (
    GalleryHash,
    GalleryTemplate,
    Hello,
    LoadGallery,
    Reference,
)
from indexer.hashing import hash_medium
from indexer.observations import Examination, ModelStamp
from tests.fixtures.photographs import astronaut, group, jpeg, landscape, picture, resized

LANDSCAPE = jpeg(landscape())
KNOWN = hash_medium(LANDSCAPE, picture(landscape()))
GALLERY = LoadGallery(
    3, None, (), (GalleryHash("ada", "known", KNOWN.sha256, KNOWN.pdq, KNOWN.pdq_quality),)
)
FACES_OFF = Hello(None, "")


@dataclass
class Album:
    photos: tuple[Reference, ...] = ()
    asked: list[str] = field(default_factory=list)

    def of(self, person_ref: str) -> Sequence[Reference]:
        self.asked.append(person_ref)
        return self.photos


@dataclass
class Killing:
    """Ends the examiner in the middle of a medium: when it asks for references."""

    client: ExaminerClient

    def of(self, person_ref: str) -> Sequence[Reference]:
        assert self.client.process_id is not None
        os.kill(self.client.process_id, signal.SIGKILL)
        return ()


class Hanging:
    """Keeps the examiner waiting for references longer than allowed."""

    def of(self, person_ref: str) -> Sequence[Reference]:
        time.sleep(3)
        return ()


@dataclass
class Gallery:
    """Where the gallery comes from, and how often it was asked for."""

    message: LoadGallery = GALLERY
    times: int = 0

    def __call__(self) -> LoadGallery:
        self.times += 1
        return self.message


def load(client: ExaminerClient, gallery: LoadGallery = GALLERY) -> None:
    client.load_gallery(gallery.change, gallery.model, gallery.templates, gallery.hashes)


def people(examination: Examination) -> list[str]:
    return [finding.person_ref for finding in examination.findings]


@pytest.fixture(scope="module")
def without_faces() -> Iterator[ExaminerClient]:
    with ExaminerClient.start(FACES_OFF) as client:
        yield client


@pytest.fixture(scope="module")
def with_faces(models_dir: Path) -> Iterator[ExaminerClient]:
    with ExaminerClient.start(Hello("yunet-sface", str(models_dir))) as client:
        yield client


def test_without_a_pack_it_hashes_and_finds_known_pictures(without_faces: ExaminerClient) -> None:
    assert without_faces.model is None
    load(without_faces)
    album = Album((Reference("one", LANDSCAPE),))
    examination = without_faces.examine(jpeg(landscape(), 50), references=album)
    assert people(examination) == ["ada"] == album.asked
    assert examination.watchlist_change == 3
    assert examination.findings[0].manipulation.comparisons[0].reference_ref == "one"
    hashed = without_faces.hash(LANDSCAPE)
    assert hashed.hashes == KNOWN
    assert len(hashed.parts) > 5
    assert hashed.parts[0].right == hashed.parts[0].bottom == 1000


def test_without_a_pack_a_photo_is_hashed_but_not_enrolled(without_faces: ExaminerClient) -> None:
    enrolled = without_faces.enrol(LANDSCAPE)
    assert enrolled.vector is None
    assert enrolled.refusal is not None
    assert enrolled.refusal.code == "face_matching_off"
    assert enrolled.hashes == KNOWN
    assert enrolled.parts == without_faces.hash(LANDSCAPE).parts


def test_what_cannot_be_decoded_is_an_answer(without_faces: ExaminerClient) -> None:
    examination = without_faces.examine(b"<html></html>", declared_type="image/jpeg")
    assert examination.refusal is not None
    assert examination.refusal.code == "not_a_picture"
    hashed = without_faces.hash(b"")
    assert hashed.refusal is not None
    assert hashed.hashes is not None
    enrolled = without_faces.enrol(b"x")
    assert enrolled.refusal is not None
    assert enrolled.refusal.code == "unreadable"


def test_a_masked_person_is_hidden_until_the_next_gallery(without_faces: ExaminerClient) -> None:
    load(without_faces)
    without_faces.mask_person("ada")
    assert people(without_faces.examine(LANDSCAPE)) == []
    load(without_faces)
    assert people(without_faces.examine(LANDSCAPE)) == ["ada"]


def test_templates_of_another_model_are_refused_and_the_old_gallery_stays(
    without_faces: ExaminerClient,
) -> None:
    load(without_faces)
    stranger = ModelStamp("other", "0" * 64, 1)
    vector = np.eye(128, dtype="<f4")[0].tobytes()
    with pytest.raises(ExaminerRefusedError) as caught:
        without_faces.load_gallery(9, stranger, [GalleryTemplate("eve", "t", vector)], [])
    assert caught.value.code == "mixed_models"
    assert without_faces.examine(LANDSCAPE).watchlist_change == 3


def test_a_malformed_gallery_is_refused(with_faces: ExaminerClient) -> None:
    for vector in (b"", b"abc", np.ones(128, "<f4").tobytes()):
        with pytest.raises(ExaminerRefusedError) as caught:
            with_faces.load_gallery(1, with_faces.model, [GalleryTemplate("eve", "t", vector)], [])
        assert caught.value.code == "template_invalid"
    with pytest.raises(ExaminerRefusedError):
        with_faces.load_gallery(1, None, [], [GalleryHash("eve", "k", "xyz", None, None)])


def test_a_person_enrols_and_is_found(with_faces: ExaminerClient) -> None:
    first = with_faces.enrol(jpeg(astronaut()))
    assert first.refusal is None
    assert first.vector is not None
    assert first.model == with_faces.model
    assert first.quality is not None
    assert first.hashes is not None
    second = with_faces.enrol(jpeg(resized(astronaut(), 0.8)), [first.vector])
    assert second.vector is not None
    other = with_faces.enrol(jpeg(group()[:, 1040:]), [first.vector, second.vector])
    assert other.refusal is not None
    assert other.refusal.code == "not_same_person"
    loaded = with_faces.load_gallery(
        7,
        with_faces.model,
        [GalleryTemplate("ada", "1", first.vector), GalleryTemplate("ada", "2", second.vector)],
        [],
    )
    assert (loaded.change, loaded.templates, loaded.hashes) == (7, 2, 0)
    examination = with_faces.examine(jpeg(astronaut()[:, ::-1], 40))
    assert people(examination) == ["ada"]
    assert examination.model == with_faces.model
    strangers = with_faces.examine(jpeg(group()))
    assert (strangers.faces_counted, people(strangers)) == (6, [])
    unseen = with_faces.examine(jpeg(astronaut()), with_faces=False)
    assert (unseen.faces_counted, people(unseen), unseen.model) == (0, [], None)
    with_faces.mask_person("ada")
    assert people(with_faces.examine(jpeg(astronaut()))) == []


def test_threads_take_turns_and_each_gets_its_own_answer(without_faces: ExaminerClient) -> None:
    load(without_faces)
    media = {number: jpeg(resized(landscape(), 1 + number / 10)) for number in range(6)}
    answers: dict[int, Examination] = {}

    def look(number: int) -> None:
        answers[number] = without_faces.examine(media[number])

    threads = [threading.Thread(target=look, args=(number,)) for number in media]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, content in media.items():
        assert answers[number].hashes.sha256 == hash_medium(content, None).sha256


def test_a_crash_is_one_failed_medium_and_the_gallery_comes_back() -> None:
    gallery = Gallery()
    with ExaminerClient.start(FACES_OFF, gallery) as client:
        load(client)
        first = client.process_id
        failed = client.examine(LANDSCAPE, references=Killing(client))
        assert failed.refusal is not None
        assert failed.refusal.code == "examiner_crashed"
        assert failed.hashes.sha256 == KNOWN.sha256
        assert gallery.times == 0, "the failed medium is not tried again"
        assert people(client.examine(LANDSCAPE)) == ["ada"]
        assert client.process_id != first
        assert gallery.times == 1


def test_a_crash_on_every_medium_never_loops() -> None:
    gallery = Gallery()
    with ExaminerClient.start(FACES_OFF, gallery) as client:
        load(client)
        for _ in range(3):
            refusal = client.examine(LANDSCAPE, references=Killing(client)).refusal
            assert refusal is not None
            assert refusal.code == "examiner_crashed"
        assert gallery.times == 2


def test_somebody_masked_stays_masked_after_a_crash() -> None:
    with ExaminerClient.start(FACES_OFF, Gallery()) as client:
        load(client)
        client.mask_person("ada")
        assert client.process_id is not None
        os.kill(client.process_id, signal.SIGKILL)
        assert people(client.examine(LANDSCAPE)) == []


def test_somebody_masked_while_it_was_down_is_masked_too() -> None:
    with ExaminerClient.start(FACES_OFF, Gallery()) as client:
        load(client)
        client.examine(LANDSCAPE, references=Killing(client))
        client.mask_person("ada")
        assert people(client.examine(LANDSCAPE)) == []


def test_masking_waits_for_no_medium_and_holds_for_the_one_under_way() -> None:
    class Erased:
        """The person is erased while the examiner waits for her photos: both calls return."""

        def of(self, person_ref: str) -> Sequence[Reference]:
            thread = threading.Thread(target=client.mask_person, args=(person_ref,))
            thread.start()
            thread.join()
            client.mask_person(person_ref)
            return ()

    with ExaminerClient.start(FACES_OFF, Gallery()) as client:
        load(client)
        assert people(client.examine(LANDSCAPE, references=Erased())) == []
        album = Album()
        assert people(client.examine(LANDSCAPE, references=album)) == []
        assert album.asked == []
        load(client)
        assert people(client.examine(LANDSCAPE)) == ["ada"]


def test_masking_somebody_in_a_dead_examiner_is_no_error() -> None:
    with ExaminerClient.start(FACES_OFF, Gallery()) as client:
        load(client)
        assert client.process_id is not None
        os.kill(client.process_id, signal.SIGKILL)
        client.mask_person("ada")
        assert people(client.examine(LANDSCAPE)) == []


def test_without_a_source_it_never_looks_with_an_empty_gallery() -> None:
    with ExaminerClient.start(FACES_OFF) as client:
        load(client)
        client.examine(LANDSCAPE, references=Killing(client))
        with pytest.raises(ExaminerUnavailableError, match="load it again"):
            client.examine(LANDSCAPE)
        assert client.hash(LANDSCAPE).hashes == KNOWN, "hashing needs no gallery"
        load(client)
        assert people(client.examine(LANDSCAPE)) == ["ada"]


def test_a_hanging_examiner_is_ended() -> None:
    with ExaminerClient.start(FACES_OFF, Gallery()) as client:
        load(client)
        client._timeout_s = 1.0
        refusal = client.examine(LANDSCAPE, references=Hanging()).refusal
        assert refusal is not None
        assert refusal.code == "examiner_crashed"
        client._timeout_s = 60.0
        assert people(client.examine(LANDSCAPE)) == ["ada"]


def test_an_error_while_references_are_read_reaches_the_caller_and_breaks_nothing() -> None:
    class Unreadable:
        def of(self, person_ref: str) -> Sequence[Reference]:
            raise LookupError(person_ref)

    with ExaminerClient.start(FACES_OFF, Gallery()) as client:
        load(client)
        with pytest.raises(LookupError):
            client.examine(LANDSCAPE, references=Unreadable())
        assert people(client.examine(LANDSCAPE)) == ["ada"]


@pytest.mark.parametrize(
    ("hello", "code"),
    [
        (Hello("no-such-pack", "/nonexistent"), "unknown_pack"),
        (Hello("yunet-sface", "/nonexistent"), "pack_missing"),
        (Hello("buffalo_l", "/nonexistent"), "licence_not_accepted"),
        (Hello(None, "", sandbox="maybe"), "bad_setting"),
    ],
)
def test_a_wrong_setting_is_said_at_the_start(hello: Hello, code: str) -> None:
    with pytest.raises(ExaminerRefusedError) as caught:
        ExaminerClient.start(hello)
    assert caught.value.code == code


def test_a_closed_client_says_so_and_leaves_no_process() -> None:
    client = ExaminerClient.start(FACES_OFF)
    process_id = client.process_id
    assert process_id is not None
    client.close()
    client.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)
    with pytest.raises(ExaminerUnavailableError, match="closed"):
        client.hash(LANDSCAPE)


@dataclass
class Waiting:
    """Answers when it is told to; says when it is asked."""

    asked: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def of(self, person_ref: str) -> Sequence[Reference]:
        self.asked.set()
        assert self.go_on.wait(60)
        return ()


def test_one_medium_that_waits_keeps_no_other_from_being_looked_at() -> None:
    hello = Hello(None, "", memory_bytes=64 * 1024**3)
    with ExaminerClient.start(hello, Gallery()) as client:
        if client.lanes < 2:
            pytest.skip("this machine has one core")
        load(client)
        waiting = Waiting()
        found: list[Examination] = []
        one = threading.Thread(
            target=lambda: found.append(client.examine(LANDSCAPE, references=waiting))
        )
        one.start()
        assert waiting.asked.wait(60)
        assert people(client.examine(jpeg(landscape(), 40))) == ["ada"]
        assert client.hash(LANDSCAPE).hashes == KNOWN
        waiting.go_on.set()
        one.join(60)
        assert people(found[0]) == ["ada"]


def test_with_little_memory_there_is_one_lane() -> None:
    with ExaminerClient.start(Hello(None, "", memory_bytes=1)) as client:
        assert client.lanes == 1


def test_what_was_beside_a_medium_that_ended_the_examiner_is_looked_at_again() -> None:
    gallery = Gallery()
    hello = Hello(None, "", memory_bytes=64 * 1024**3)
    with ExaminerClient.start(hello, gallery) as client:
        load(client)
        waiting = Waiting()
        waiting.go_on.set()
        results: dict[int, Examination] = {}

        @dataclass
        class WithOthers:
            """Ends the examiner once others are under way, too."""

            def of(self, person_ref: str) -> Sequence[Reference]:
                time.sleep(0.5)
                return Killing(client).of(person_ref)

        def look(number: int, source: Album | WithOthers) -> None:
            content = jpeg(landscape(), 50 + number)
            results[number] = client.examine(content, references=source)

        sources: list[Album | WithOthers] = [WithOthers(), Album(), Album(), Album()]
        threads = [
            threading.Thread(target=look, args=(number, source))
            for number, source in enumerate(sources)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        guilty = results.pop(0)
        assert guilty.refusal is not None
        assert guilty.refusal.code == "examiner_crashed"
        assert [people(each) for each in results.values()] == [["ada"]] * 3


def test_the_bytes_under_way_are_bounded_and_a_larger_file_goes_alone() -> None:
    company = Company(100)
    with company.among_others(60):
        entered: list[int] = []

        def enter(size: int) -> None:
            with company.among_others(size):
                entered.append(size)

        small, large = (threading.Thread(target=enter, args=(size,)) for size in (40, 50))
        small.start()
        small.join(10)
        large.start()
        large.join(0.2)
        assert entered == [40]
    large.join(10)
    assert entered == [40, 50]
    with company.among_others(1000):
        assert company._count == 1
    with company.alone():
        late = threading.Thread(target=enter, args=(1,))
        late.start()
        late.join(0.2)
        assert entered == [40, 50]
    late.join(10)
    assert entered == [40, 50, 1]
