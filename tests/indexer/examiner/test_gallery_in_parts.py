"""A gallery that comes in parts or as a difference: what does not fit never gets into service."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from indexer.examiner import gallery_content
from indexer.examiner.client import ExaminerClient
from indexer.examiner.errors import (
    ExaminerRefusedError,
    ExaminerUnavailableError,
    GalleryDamagedError,
    GalleryOutOfStepError,
)
from indexer.examiner.gallery_content import (
    GalleryDifference,
    WholeGallery,
    change_messages,
    whole_messages,
)
from indexer.examiner.held_gallery import GalleryAnswer, GalleryRequest, HeldGallery
from indexer.examiner.protocol import (
    BeginGallery,
    ChangeGallery,
    FinishGallery,
    GalleryHash,
    GalleryLoaded,
    GalleryPart,
    GalleryTemplate,
    Hello,
    LoadGallery,
    MaskPerson,
)
from indexer.faces import FaceEngine
from indexer.faces.template import TemplateInvalidError
from indexer.hashing import hash_medium
from indexer.watchlist import MixedModelsError
from tests.fixtures.photographs import astronaut, jpeg

KNOWN = GalleryHash("ada", "known", "0" * 64, None, None)


def templates(count: int, first: int = 0) -> list[GalleryTemplate]:
    drawn = np.random.default_rng(first + 1).standard_normal((count, 128)).astype("<f4")
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return [
        GalleryTemplate(f"person {first + n}", f"template {first + n}", vector.tobytes())
        for n, vector in enumerate(drawn)
    ]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery_content, "PART_TEMPLATES", 10)


@pytest.fixture
def held(engine: FaceEngine) -> HeldGallery:
    """In service: two templates at change 1."""
    made = HeldGallery(engine)
    made.answer(LoadGallery(1, engine.model, tuple(templates(2, 900)), (KNOWN,)))
    return made


def whole(engine: FaceEngine, count: int, change: int = 2) -> list[GalleryRequest]:
    content = WholeGallery(change, engine.model, iter(templates(count)), (KNOWN,), 1e-3)
    return list(whole_messages(content))


def give(held: HeldGallery, messages: list[GalleryRequest]) -> list[GalleryAnswer]:
    return [held.answer(message) for message in messages]


@pytest.mark.parametrize(
    ("count", "kind"), [(0, LoadGallery), (10, LoadGallery), (11, BeginGallery)]
)
def test_a_small_gallery_is_one_message_and_a_large_one_several(
    engine: FaceEngine, held: HeldGallery, count: int, kind: type
) -> None:
    messages = whole(engine, count)
    assert isinstance(messages[0], kind)
    loaded = give(held, messages)[-1]
    assert isinstance(loaded, GalleryLoaded)
    assert (loaded.change, loaded.templates, loaded.hashes) == (2, count, 1)
    assert len(held.watchlist) == count


def test_the_old_gallery_is_in_service_until_the_last_part_has_come(
    engine: FaceEngine, held: HeldGallery
) -> None:
    messages = whole(engine, 35)
    assert len(messages) == 6
    for message in messages[:-1]:
        held.answer(message)
        assert (held.watchlist.change, len(held.watchlist)) == (1, 2)
    held.answer(messages[-1])
    assert (held.watchlist.change, len(held.watchlist)) == (2, 35)


def without(messages: list[GalleryRequest], place: int) -> list[GalleryRequest]:
    return messages[:place] + messages[place + 1 :]


def damaged(messages: list[GalleryRequest], how: str) -> list[GalleryRequest]:
    """Begin, four parts (the last one of five), finish: with one thing wrong."""
    part, end = messages[2], messages[-1]
    assert isinstance(part, GalleryPart)
    assert isinstance(end, FinishGallery)
    other = msgspec.structs.replace(part.templates[0], person_ref="somebody else")
    swapped = msgspec.structs.replace(part, templates=(other, *part.templates[1:]))
    fewer = msgspec.structs.replace(part, templates=part.templates[1:])
    return {
        "no beginning": messages[1:],
        "a part is missing": without(messages, 2),
        "the last part is missing": without(messages, 4),
        "a part came twice": [*messages[:3], *messages[2:]],
        "two parts changed places": [messages[0], messages[2], messages[1], *messages[3:]],
        "a part was cut short": [*messages[:2], fewer, *messages[3:]],
        "a template was swapped": [*messages[:2], swapped, *messages[3:]],
        "a wrong checksum": [*messages[:-1], msgspec.structs.replace(end, checksum=b"0" * 16)],
        "a wrong count": [*messages[:-1], msgspec.structs.replace(end, templates=36)],
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "no beginning",
        "a part is missing",
        "the last part is missing",
        "a part came twice",
        "two parts changed places",
        "a part was cut short",
        "a template was swapped",
        "a wrong checksum",
        "a wrong count",
    ],
)
def test_what_does_not_fit_is_refused_and_the_old_gallery_stays(
    engine: FaceEngine, held: HeldGallery, how: str
) -> None:
    messages = damaged(whole(engine, 35), how)
    with pytest.raises(GalleryDamagedError):
        give(held, messages)
    for message in messages:
        if isinstance(message, GalleryPart | FinishGallery):
            with pytest.raises(GalleryDamagedError):
                held.answer(message)
    assert (held.watchlist.change, len(held.watchlist), len(held.known)) == (1, 2, 1)
    give(held, whole(engine, 35))
    assert len(held.watchlist) == 35


def test_a_vector_that_is_none_spoils_the_whole(engine: FaceEngine, held: HeldGallery) -> None:
    messages = whole(engine, 35)
    part = messages[2]
    assert isinstance(part, GalleryPart)
    broken = msgspec.structs.replace(part.templates[0], vector=b"\0" * 512)
    spoilt = msgspec.structs.replace(part, templates=(broken, *part.templates[1:]))
    give(held, messages[:2])
    with pytest.raises(TemplateInvalidError):
        held.answer(spoilt)
    with pytest.raises(GalleryDamagedError, match="begin again"):
        held.answer(part)
    assert len(held.watchlist) == 2


def test_templates_of_another_model_are_refused_in_every_form(
    engine: FaceEngine, held: HeldGallery
) -> None:
    other = msgspec.structs.replace(engine.model, digest="1" * 64)
    content = WholeGallery(2, other, templates(35), (), 1e-3)
    with pytest.raises(MixedModelsError):
        give(held, list(whole_messages(content)))
    with pytest.raises(MixedModelsError):
        held.answer(LoadGallery(2, other, tuple(templates(1)), ()))
    with pytest.raises(MixedModelsError):
        held.answer(ChangeGallery(1, 2, other, tuple(templates(1)), (), 3, None, 1e-3))
    with pytest.raises(MixedModelsError, match="off"):
        HeldGallery(None).answer(LoadGallery(2, other, tuple(templates(1)), ()))
    assert len(held.watchlist) == 2


def difference(engine: FaceEngine, count: int, **changed: object) -> GalleryDifference:
    values: dict[str, object] = {
        "change_from": 1,
        "change": 2,
        "model": engine.model,
        "added": templates(count),
        "removed": ["template 900"],
        "templates": count + 1,
        "hashes": None,
        "chance_matches_per_face": 1e-3,
    }
    return GalleryDifference(**{**values, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "messages"), [(0, 1), (3, 1), (10, 1), (25, 3)])
def test_a_difference_leads_to_the_next_gallery(
    engine: FaceEngine, held: HeldGallery, count: int, messages: int
) -> None:
    held.answer(MaskPerson("person 901"))
    sent = list(change_messages(difference(engine, count)))
    assert len(sent) == messages
    answers = give(held, list(sent))
    assert all(each.change == 1 for each in answers[:-1] if isinstance(each, GalleryLoaded))
    assert (held.watchlist.change, len(held.watchlist)) == (2, count + 1)
    assert len(held.known) == 1, "known pictures stay when none are given"
    assert held.watchlist.masked == frozenset()


def test_known_pictures_change_with_a_difference(engine: FaceEngine, held: HeldGallery) -> None:
    give(held, list(change_messages(difference(engine, 1, hashes=()))))
    assert len(held.known) == 0


@pytest.mark.parametrize("wrong", [{"change_from": 7}, {"templates": 9}])
def test_a_difference_to_another_gallery_is_refused(
    engine: FaceEngine, held: HeldGallery, wrong: dict[str, object]
) -> None:
    with pytest.raises(GalleryOutOfStepError, match="whole"):
        give(held, list(change_messages(difference(engine, 3, **wrong))))
    assert held.watchlist.change == 1
    give(held, whole(engine, 12))
    assert len(held.watchlist) == 12


@pytest.fixture(scope="module")
def client(models_dir: Path) -> Iterator[ExaminerClient]:
    with ExaminerClient.start(Hello("yunet-sface", str(models_dir))) as started:
        yield started


@pytest.mark.slow
def test_a_large_gallery_and_its_changes_reach_a_real_examiner(client: ExaminerClient) -> None:
    photo = jpeg(astronaut())
    enrolled = client.enrol(photo)
    vector = enrolled.vector
    assert vector is not None, enrolled.refusal
    model = client.model
    assert model is not None
    loaded = client.load_gallery(1, model, iter(templates(25)), [])
    assert loaded.templates == 25
    assert client.examine(photo).findings == ()
    ada = GalleryTemplate("ada", "of ada", vector)
    changed = client.change_gallery(
        GalleryDifference(1, 2, model, [ada], ["template 3"], 25, None, 1e-3)
    )
    assert (changed.change, changed.templates) == (2, 25)
    seen = client.examine(photo)
    assert [finding.person_ref for finding in seen.findings] == ["ada"]
    assert seen.watchlist_change == 2
    client.mask_person("ada")
    assert client.examine(photo).findings == ()
    client.change_gallery(GalleryDifference(2, 3, model, [], ["of ada"], 24, None, 1e-3))
    assert client.examine(photo).findings == ()
    with pytest.raises(ExaminerRefusedError) as refused:
        client.change_gallery(GalleryDifference(2, 4, model, [], [], 24, None, 1e-3))
    assert refused.value.code == "gallery_out_of_step"


@pytest.mark.slow
def test_a_load_that_breaks_off_leaves_the_old_gallery_in_service(client: ExaminerClient) -> None:
    known = hash_medium(jpeg(astronaut()), None)
    old = GalleryHash("ada", "known", known.sha256, None, None)
    client.load_gallery(5, client.model, templates(3), [old])

    def breaking_off() -> Iterator[GalleryTemplate]:
        yield from templates(24)
        raise OSError("the database is gone")

    with pytest.raises(OSError, match="gone"):
        client.load_gallery(6, client.model, breaking_off(), [])
    seen = client.examine(jpeg(astronaut()))
    assert [finding.person_ref for finding in seen.findings] == ["ada"]
    assert seen.watchlist_change == 5


@pytest.mark.slow
def test_an_examiner_killed_during_a_load_is_loaded_whole_by_the_next_one(
    models_dir: Path,
) -> None:
    hello = Hello("yunet-sface", str(models_dir))
    sources: list[int] = []

    def again() -> LoadGallery:
        sources.append(1)
        return LoadGallery(8, client.model, tuple(templates(4)), ())

    with ExaminerClient.start(hello, again) as client:
        client.load_gallery(7, client.model, templates(3), [])

        def killing() -> Iterator[GalleryTemplate]:
            yield from templates(22)
            assert client.process_id is not None
            os.kill(client.process_id, signal.SIGKILL)
            yield from templates(30, 22)

        with pytest.raises(ExaminerUnavailableError):
            client.load_gallery(9, client.model, killing(), [])
        assert client.examine(jpeg(astronaut())).watchlist_change == 8
        assert sources == [1]
