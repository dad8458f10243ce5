"""Faces of what moves: limits are kept and said, and nothing of a face is left."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexer.examine import Eyes, compare, examine
from indexer.faces import FaceEngine, ProbeFaces
from indexer.hashing import KnownHashes
from indexer.looking import look
from indexer.media import Decoder, MediaLimits, Medium, Picture
from indexer.media.picture import Pixels
from indexer.tracking import MAX_FACES_A_FRAME, FaceWatch
from indexer.watchlist import WatchedTemplate, Watchlist
from tests.fixtures.clips import encoded, moving, still
from tests.fixtures.photographs import astronaut, group, picture, resized


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as opened:
        yield opened


@pytest.fixture(scope="module")
def watchlist(engine: FaceEngine) -> Watchlist:
    ada = WatchedTemplate("ada", "t1", engine.enrol(picture(astronaut())))
    return Watchlist.build([ada], model=engine.model, calibration=engine.pack.calibration)


def frame(pixels: Pixels, number: int, at_ms: int) -> Picture:
    return Picture(np.ascontiguousarray(pixels), frame_index=number, at_ms=at_ms)


def test_faces_that_stay_are_one_each_however_many_frames_show_them(engine: FaceEngine) -> None:
    with FaceWatch(engine, MediaLimits()) as watch:
        answers = [watch.look(frame(group(), at, 250 * at)) for at in range(8)]
        assert answers == ["closer"] * 5 + ["usual"] * 3, "six views of a face are enough"
        tracks = watch.done()
    assert len(tracks) == 6
    assert all(when.frames == 8 for _, when in tracks)
    for faces, _ in tracks:
        faces.overwrite()


def test_frames_are_left_out_when_the_time_is_over(engine: FaceEngine) -> None:
    with FaceWatch(engine, MediaLimits(faces_seconds=1e-9)) as watch:
        assert watch.look(frame(astronaut(), 0, 0)) != "none"
        assert watch.look(frame(astronaut(), 40, 4000)) == "none"
        assert watch.look(frame(astronaut(), 50, 5000)) == "none"
        (said,) = watch.left_out()
    assert "up to 4 s only" in said


class Crowd:
    """An engine that sees as many faces as it may."""

    def __init__(self, engine: FaceEngine) -> None:
        self._engine = engine
        self.model, self.pack = engine.model, engine.pack
        self.asked: list[int | None] = []

    def probe(self, seen: Picture, full_size: Any, *, at_most: int | None = None) -> ProbeFaces:
        self.asked.append(at_most)
        faces = self._engine.probe(seen, full_size)._lend_all()
        return ProbeFaces((faces * 40)[:at_most], self.model)


def test_a_crowd_is_looked_at_as_far_as_allowed_and_that_is_said(engine: FaceEngine) -> None:
    crowd: Any = Crowd(engine)
    with FaceWatch(crowd, MediaLimits()) as watch:
        watch.look(frame(group(), 0, 0))
        (said,) = watch.left_out()
    assert crowd.asked == [MAX_FACES_A_FRAME]
    assert f"more faces than the {MAX_FACES_A_FRAME}" in said


def test_the_surest_faces_are_taken_where_only_some_may_be(engine: FaceEngine) -> None:
    with engine.probe(picture(group()), at_most=2) as faces:
        assert len(faces) == 2


def test_a_medium_that_is_begun_anew_has_no_face_of_before(engine: FaceEngine) -> None:
    with FaceWatch(engine, MediaLimits()) as watch:
        watch.look(frame(astronaut(), 0, 0))
        watch.begin()
        assert watch.frames == 0
        assert watch.done() == ()


def test_a_small_face_of_a_large_video_is_seen_in_full_size(
    engine: FaceEngine, watchlist: Watchlist, decoder: Decoder
) -> None:
    def clip() -> Iterator[Pixels]:
        for scene in moving(("coffee",), seconds=2, size=(1920, 1080), rate=4):
            small = resized(astronaut(), 0.35)
            scene[500 : 500 + small.shape[0], 900 : 900 + small.shape[1]] = small
            yield scene

    content = encoded(clip(), rate=4, crf=20, preset="ultrafast")
    (finding,) = examine(
        Medium(content), watchlist, eyes=Eyes(decoder=decoder, engine=engine)
    ).findings
    box = finding.faces[0].box
    assert 900 < box.left_px < 1080
    assert 500 < box.top_px < 700
    assert finding.faces[0].similarity > 0.6


def test_a_face_beside_another_that_passes_is_found_with_its_own_time(
    engine: FaceEngine, watchlist: Watchlist, decoder: Decoder
) -> None:
    others = resized(group(), 0.5)[:384]

    def clip() -> Iterator[Pixels]:
        yield from still(others, seconds=4, size=(640, 384))
        beside = np.concatenate([others[:, :640], resized(astronaut(), 0.75)[:384]], axis=1)
        yield from still(beside, seconds=3, size=(640, 384))
        yield from still(others, seconds=4, size=(640, 384))

    examination = examine(
        Medium(encoded(clip(), crf=18)), watchlist, eyes=Eyes(decoder=decoder, engine=engine)
    )
    (finding,) = examination.findings
    (shown,) = finding.shown
    assert 3900 <= shown.from_ms <= 4200
    assert 6000 <= shown.to_ms <= 7100
    assert examination.faces_counted < 40, "tracks are counted, not faces in frames"


@pytest.mark.parametrize("goes_wrong", ["nothing", "comparing", "looking"])
def test_faces_of_a_video_are_overwritten_whatever_happens(
    engine: FaceEngine,
    watchlist: Watchlist,
    decoder: Decoder,
    goes_wrong: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = Medium(encoded(still(astronaut(), seconds=3, size=(320, 320))))
    lent: list[np.ndarray] = []
    done: Callable[[FaceWatch], Any] = FaceWatch.done

    def noted(watch: FaceWatch) -> Any:
        tracks = done(watch)
        lent.extend(each._lend_one()[0] for faces, _ in tracks for each in faces._lend_all())
        assert any(vector.any() for vector in lent)
        return tracks

    monkeypatch.setattr(FaceWatch, "done", noted)
    if goes_wrong == "looking":
        monkeypatch.setattr("indexer.looking.Look.__init__", _fail)
    known = KnownHashes(())
    try:
        with look(content, decoder, engine, known, only_person=None, hidden=frozenset()) as looked:
            if goes_wrong == "comparing":
                raise ZeroDivisionError  # noqa: TRY301 - what a defect on the way would do
            compare([looked], watchlist, None, engine)
    except ZeroDivisionError:
        assert goes_wrong != "nothing"
    assert lent
    assert not any(vector.any() for vector in lent)


def _fail(*_: object, **__: object) -> None:
    raise ZeroDivisionError


def test_an_animation_of_one_face_is_one_face_with_its_times(
    engine: FaceEngine, watchlist: Watchlist, decoder: Decoder
) -> None:
    frames = [Image.fromarray(resized(astronaut(), 0.5)) for _ in range(5)]
    for number, each in enumerate(frames):
        each.putpixel((0, 0), (number * 50, 0, 0))
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=400)
    eyes = replace(Eyes(decoder=decoder), engine=engine)
    examination = examine(Medium(file.getvalue()), watchlist, eyes=eyes)
    assert (examination.kind, examination.faces_counted) == ("animation", 1)
    (face,) = examination.findings[0].faces
    assert (face.frames, face.from_ms, face.to_ms) == (5, 0, 1600)
