"""Many media side by side: the same answers as one by one, and faces that wait are overwritten."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from pathlib import Path

import msgspec
import numpy as np
import pytest

import indexer.examine as examine_module
import indexer.stream as stream_module
import indexer.waiting as waiting_module
from indexer import looking
from indexer.examine import Eyes, examine
from indexer.examiner.protocol import GalleryHash, Reference
from indexer.faces import FaceEngine, ProbeFaces
from indexer.hashing import KnownHashes, hash_medium
from indexer.lanes import Room, room_for
from indexer.media import DecoderPool, MediaLimits, Medium
from indexer.observations import Examination, HashMatch, ManipulationFinding, PersonFinding
from indexer.recently_seen import LookedWith, RecentlySeen
from indexer.stream import (
    ExaminationStream,
    StreamClosedError,
    Wanted,
    examine_many,
)
from indexer.watchlist import WatchedTemplate, Watchlist
from tests.fixtures.clips import encoded, still
from tests.fixtures.photographs import (
    astronaut,
    beside,
    group,
    jpeg,
    landscape,
    picture,
    resized,
)

LANES = 2


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    with DecoderPool(LANES) as pool:
        yield pool


@pytest.fixture(scope="module")
def engine(models_dir: Path) -> FaceEngine:
    """In float32: in bfloat16 the last digits depend on how often a size came before."""
    return FaceEngine.open(models_dir=models_dir, runtime="openvino", threads=1)


@pytest.fixture(scope="module")
def eyes(engine: FaceEngine, decoders: DecoderPool) -> Eyes:
    content = jpeg(landscape())
    hashes = hash_medium(content, picture(landscape()))
    known = KnownHashes([GalleryHash("eve", "known", hashes.sha256, hashes.pdq, 100)])
    return Eyes(decoder=decoders, engine=engine, known=known)


@pytest.fixture
def watchlist(engine: FaceEngine) -> Watchlist:
    return Watchlist.build(
        [WatchedTemplate("ada", "one", engine.enrol(picture(astronaut())))],
        model=engine.model,
        calibration=engine.pack.calibration,
        change=5,
    )


def media() -> list[Medium]:
    contents = [
        jpeg(beside(group(), astronaut(), height_px=700), 60),
        jpeg(landscape(), 50),
        b"no picture at all",
        jpeg(group(), 70),
        jpeg(astronaut()[:, ::-1], 80),
        jpeg(resized(astronaut(), 3.0), 85),
        jpeg(np.full((300, 300, 3), 200, np.uint8)),
    ]
    return [Medium(content) for content in contents]


def without_time(examination: Examination) -> Examination:
    return msgspec.structs.replace(examination, seconds=0.0)


class Album:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def of(self, person_ref: str) -> Sequence[Reference]:
        self.asked.append(person_ref)
        return (Reference("a photo", jpeg(astronaut())),) if person_ref == "ada" else ()


@pytest.mark.parametrize("batched_from", [0, 1_000_000])
def test_side_by_side_gives_what_one_by_one_gives_in_order(
    eyes: Eyes, watchlist: Watchlist, batched_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "BATCHED_FROM_TEMPLATES", batched_from)
    expected = [examine(each, watchlist, Album(), eyes=eyes) for each in media()]
    album = Album()
    with ExaminationStream(eyes.engine, LANES) as stream:
        found = list(examine_many(media(), watchlist, album, eyes=eyes, stream=stream))
    assert list(map(without_time, found)) == list(map(without_time, expected))
    assert sorted(album.asked) == ["ada", "ada", "ada", "eve"]
    assert [len(each.findings) for each in found] == [1, 1, 0, 0, 1, 1, 0]


def test_faces_of_several_media_are_compared_in_one_search(
    eyes: Eyes, watchlist: Watchlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "BATCHED_FROM_TEMPLATES", 0)
    searches: list[int] = []
    spent: list[ProbeFaces] = []
    search_many = Watchlist.search_many

    def counted(self: Watchlist, probes: Sequence[ProbeFaces], **rest: object) -> object:
        searches.append(len(probes))
        spent.extend(probes)
        return search_many(self, probes, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Watchlist, "search_many", counted)
    contents = [jpeg(astronaut(), quality) for quality in range(60, 72)]
    with ExaminationStream(eyes.engine, LANES) as stream:
        found = list(examine_many(map(Medium, contents), watchlist, eyes=eyes, stream=stream))
    assert all(each.findings for each in found)
    assert sum(searches) == len(contents)
    assert max(searches) > 1
    assert all(probes.spent for probes in spent)


def test_equal_content_that_showed_nobody_is_looked_at_once(
    eyes: Eyes, watchlist: Watchlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []
    look = looking.look

    def counted(medium: Medium, *rest: object, **named: object) -> object:
        looked.append(medium.content)
        return look(medium, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(stream_module, "look", counted)
    nobody, ada = jpeg(group()), jpeg(astronaut(), 70)
    with ExaminationStream(eyes.engine, 1) as stream:

        def seen(content: bytes, people: Watchlist = watchlist) -> Examination:
            return stream.submit(Wanted(Medium(content), people, eyes)).result(60)

        assert seen(nobody) == seen(nobody)
        assert looked == [nobody]
        # Somebody who was found is never taken from memory, and new people are looked for anew.
        assert [len(seen(ada).findings) for _ in range(2)] == [1, 1]
        seen(nobody, watchlist.changed([], [], 6))
        assert looked == [nobody, ada, ada, nobody]


def test_what_is_kept_of_content_keeps_no_watch_list_alive(watchlist: Watchlist) -> None:
    kept, known = RecentlySeen(2), KnownHashes(())
    snapshot = watchlist.changed([], [], 7)
    looked_with = LookedWith.of(snapshot, known, with_faces=True, only_person=None)
    hashes = hash_medium(b"x", None)
    plain = Examination(hashes, "still", 1, 1, 1, 0)
    for key in (b"1", b"2", b"3"):
        kept.keep(key, looked_with, plain)
    assert (kept.find(b"1", looked_with), kept.find(b"3", looked_with)) == (None, plain)
    nothing = ManipulationFinding("not_assessable", ())
    match = HashMatch("ada", "known", "sha256", 0, "upright", "strong")
    found = msgspec.structs.replace(plain, findings=(PersonFinding("ada", (), (match,), nothing),))
    kept.keep(b"4", looked_with, found)
    assert kept.find(b"4", looked_with) is None
    gone = weakref.ref(snapshot)
    del snapshot
    gc.collect()
    assert gone() is None
    other = LookedWith.of(watchlist, known, with_faces=True, only_person=None)
    assert kept.find(b"3", other) is None
    kept.keep(b"5", other, plain)
    assert len(kept) == 1


def test_a_large_picture_is_decoded_in_full_only_where_a_small_face_needs_it(
    eyes: Eyes, watchlist: Watchlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[object] = []
    decode = DecoderPool.decode

    def watched(self: DecoderPool, *given: object, **named: object) -> object:
        sizes.append(named.get("least_side_px"))
        return decode(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(DecoderPool, "decode", watched)
    nobody = Watchlist.empty()
    close = resized(astronaut()[:280, 100:380], 5.0)
    assert examine(Medium(jpeg(close)), nobody, eyes=eyes).faces_counted == 1
    assert sizes == [512]
    sizes.clear()
    small = resized(group(), 0.6)
    canvas = np.full((1600, 2000, 3), 128, np.uint8)
    canvas[300 : 300 + small.shape[0], 200 : 200 + small.shape[1]] = small
    assert examine(Medium(jpeg(canvas)), nobody, eyes=eyes).faces_counted >= 5
    assert sizes == [512, None]


def test_a_face_in_a_picture_that_came_smaller_is_placed_in_full_pixels(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    large = jpeg(resized(astronaut(), 4.0))
    (of_large,) = examine(Medium(large), watchlist, Album(), eyes=eyes).findings
    (of_small,) = examine(Medium(jpeg(astronaut())), watchlist, Album(), eyes=eyes).findings
    assert of_large.faces[0].box.left_px == pytest.approx(
        4 * of_small.faces[0].box.left_px, rel=0.1
    )
    assert of_large.manipulation.comparisons[0].verdict == "same_photo"


def test_faces_are_compared_only_with_those_of_the_same_run(
    eyes: Eyes, watchlist: Watchlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_module, "MAX_WAIT_S", 1e6)
    batches: list[set[bytes]] = []

    def noted(looks: Sequence[looking.Look], *rest: object) -> object:
        batches.append({look.medium.content for look in looks})
        return examine_module.compare(looks, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(stream_module, "compare", noted)
    runs: list[str | None] = ["a run", "another", None]
    of_runs = {jpeg(astronaut(), 50 + at): runs[at % len(runs)] for at in range(4 * len(runs))}
    entered, go_on = threading.Event(), threading.Event()
    with ExaminationStream(eyes.engine, 2) as stream:

        def hold(_: FaceEngine | None) -> bool:
            entered.set()
            return go_on.wait(60)

        # While one lane is held something else is left to do: faces wait for others.
        held = stream.run(hold)
        assert entered.wait(60)
        waiting = [
            stream.submit(Wanted(Medium(content), watchlist, eyes, run=run))
            for content, run in of_runs.items()
        ]
        alone = [each for each, run in zip(waiting, of_runs.values(), strict=True) if run is None]
        wait(alone, 60)
        assert sum(each.done() for each in waiting) == len(alone)
        go_on.set()
        assert all(each.result(60).findings for each in waiting)
        assert held.result(60)
    together = [{of_runs[content] for content in batch} for batch in batches]
    assert all(len(of_batch) == 1 for of_batch in together)
    assert all(len(batch) == 1 for batch in batches if of_runs[next(iter(batch))] is None)
    assert sorted(map(len, batches)) == [1, 1, 1, 1, 4, 4]


def test_a_closed_stream_says_so_and_overwrites_what_waited(
    eyes: Eyes, watchlist: Watchlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "BATCHED_FROM_TEMPLATES", 0)
    monkeypatch.setattr(waiting_module, "MAX_WAIT_S", 1e6)
    entered, go_on = threading.Event(), threading.Event()
    stream = ExaminationStream(eyes.engine, 2)

    def hold(_: FaceEngine | None) -> bool:
        entered.set()
        return go_on.wait(60)

    held = stream.run(hold)
    assert entered.wait(60)
    waiting = stream.submit(Wanted(Medium(jpeg(astronaut(), 71)), watchlist, eyes, run="a run"))
    while not stream._to_compare:
        go_on.wait(0.01)
    probes = [faces for job in stream._to_compare for faces in job.looked.to_embed]  # type: ignore[union-attr]
    closing = threading.Thread(target=stream.close)
    closing.start()
    wait([waiting], 60)
    with pytest.raises(StreamClosedError):
        waiting.result(0)
    assert probes
    assert all(faces.spent for faces in probes)
    go_on.set()
    closing.join(60)
    assert held.result(0)
    with pytest.raises(StreamClosedError):
        stream.run(lambda _: None)


def test_what_a_task_raises_reaches_whoever_waits_and_the_lane_goes_on() -> None:
    with ExaminationStream(None, 1) as stream:

        def broken(_: FaceEngine | None) -> None:
            raise ValueError("a defect")

        with pytest.raises(ValueError, match="a defect"):
            stream.run(broken).result(60)
        assert stream.run(lambda engine: engine is None).result(60)


def test_lanes_are_bounded_by_memory_and_by_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)))
    limits = MediaLimits()
    of_decoder = limits.address_space_bytes + limits.output_bytes
    of_lane = 3 * limits.picture_bytes
    rooms = {
        1: Room(1, 1),
        of_decoder + of_lane: Room(1, 1),
        of_decoder + 2 * of_lane: Room(2, 1),
        of_decoder + 3 * of_lane: Room(2, 1),
        2 * (of_decoder + of_lane): Room(2, 2),
        2 * of_decoder + 3 * of_lane: Room(3, 2),
        10**15: Room(32, 16),
    }
    assert {size: room_for(size) for size in rooms} == rooms
    with pytest.raises(ValueError, match="at least one"):
        ExaminationStream(None, 0)


def test_a_video_beside_pictures_is_compared_at_once(eyes: Eyes, watchlist: Watchlist) -> None:
    clip = encoded(still(landscape(), seconds=1))
    media_given = [Medium(clip), Medium(jpeg(astronaut(), 66))]
    with ExaminationStream(eyes.engine, LANES) as stream:
        found = list(examine_many(media_given, watchlist, eyes=eyes, stream=stream))
    assert [each.kind for each in found] == ["video", "still"]
    assert len(found[1].findings) == 1


def test_faces_of_a_medium_that_cannot_be_made_to_wait_are_overwritten_and_the_lane_goes_on(
    eyes: Eyes, watchlist: Watchlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "BATCHED_FROM_TEMPLATES", 0)
    seen: list[looking.Look] = []

    def failing(self: looking.Look) -> None:
        seen.append(self)
        raise MemoryError

    monkeypatch.setattr(looking.Look, "without_pixels", failing)
    with ExaminationStream(eyes.engine, 1) as stream:
        wanted = Wanted(Medium(jpeg(astronaut())), watchlist, eyes)
        with pytest.raises(MemoryError):
            stream.submit(wanted).result(60)
        assert [faces.spent for faces in seen[0].to_embed] == [True]
        monkeypatch.undo()
        assert len(stream.submit(wanted).result(60).findings) == 1


def test_faces_are_overwritten_when_a_comparison_cannot_even_begin(
    eyes: Eyes, watchlist: Watchlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[looking.Look] = []

    def failing(looks: Sequence[looking.Look], *_: object) -> None:
        seen.extend(looks)
        raise MemoryError

    monkeypatch.setattr(stream_module, "compare", failing)
    with (
        ExaminationStream(eyes.engine, 1) as stream,
        pytest.raises(MemoryError),
    ):
        stream.submit(Wanted(Medium(jpeg(astronaut())), watchlist, eyes)).result(60)
    assert [faces.spent for faces in seen[0].to_embed] == [True]
