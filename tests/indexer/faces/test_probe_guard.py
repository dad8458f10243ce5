"""Design rule 1: a face just seen has no way out. Each sink is tried."""

from __future__ import annotations

import ast
import asyncio
import base64
import copy
import dataclasses
import io
import json
import logging
import marshal
import pickle
import pprint
import sqlite3
import struct
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import indexer
from indexer.errors import WireError
from indexer.faces.calibration import Calibration
from indexer.faces.errors import ProbeGuardedError, ProbeSpentError
from indexer.faces.found import FoundFace
from indexer.faces.private_buffer import PrivateBuffer
from indexer.faces.probe import ProbeFace, ProbeFaces, SeenFaces, _lend
from indexer.faces.tracks import FaceTracks, FrameMoment
from indexer.observations import Box, Examination, ModelStamp
from indexer.wire import Channel

DIMENSION = 128
STAMP = ModelStamp(pack="test", digest="0" * 64, preprocessing=1)


def make_vector(seed: int = 3) -> np.ndarray:
    vector = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


def make_face(seed: int = 3) -> ProbeFace:
    crop = np.random.default_rng(seed).integers(1, 255, (112, 112, 3), dtype=np.uint8)
    return ProbeFace(make_vector(seed), crop, Box(1, 2, 30, 40))


def make_faces() -> ProbeFaces:
    return ProbeFaces((make_face(3), make_face(4)), STAMP)


def make_seen() -> SeenFaces:
    """Two aligned faces that wait to be embedded."""
    crops = [
        np.random.default_rng(seed).integers(1, 255, (112, 112, 3), dtype=np.uint8)
        for seed in (3, 4)
    ]
    found = FoundFace((1.0, 2.0, 30.0, 40.0), np.ones((5, 2), np.float32), 0.9)
    return SeenFaces(crops, [found, found], [Box(1, 2, 30, 40)] * 2)


def make_tracks() -> FaceTracks:
    """Two faces, seen twice."""
    calibration = Calibration("nothing", False, ((0.2, 0.1), (0.5, 1e-6)), 0.4, 0.35)
    tracks = FaceTracks(STAMP, calibration)
    for number in range(2):
        tracks.add(make_faces(), FrameMoment(number, 250 * number))
    return tracks


@dataclasses.dataclass
class Holder:
    probe: object


@pytest.fixture(
    params=["one face", "all faces", "waiting", "tracks", "inside a list", "inside a dataclass"]
)
def guarded(request: pytest.FixtureRequest) -> object:
    return {
        "one face": make_face,
        "all faces": make_faces,
        "waiting": make_seen,
        "tracks": make_tracks,
        "inside a list": lambda: [make_face()],
        "inside a dataclass": lambda: Holder(make_faces()),
    }[request.param]()


@pytest.fixture(params=[make_face, make_faces, make_seen, make_tracks])
def probe(request: pytest.FixtureRequest) -> object:
    return request.param()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_probe_cannot_be_pickled(guarded: object, protocol: int) -> None:
    sink = io.BytesIO()
    with pytest.raises(ProbeGuardedError):
        pickle.Pickler(sink, protocol).dump(guarded)
    assert make_vector().tobytes()[:8] not in sink.getvalue()


def test_a_probe_cannot_be_sent_to_another_process(guarded: object) -> None:
    with pytest.raises(ProbeGuardedError):
        ForkingPickler.dumps(guarded)


def test_a_probe_cannot_be_copied(probe: object) -> None:
    with pytest.raises(ProbeGuardedError):
        copy.copy(probe)


def test_a_probe_cannot_be_copied_deeply(guarded: object) -> None:
    with pytest.raises(ProbeGuardedError):
        copy.deepcopy(guarded)


def test_a_dataclass_with_a_probe_cannot_become_a_dict() -> None:
    with pytest.raises(ProbeGuardedError):
        dataclasses.asdict(Holder(make_face()))


@pytest.mark.parametrize(
    "encode",
    [
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        marshal.dumps,
    ],
)
def test_no_encoder_takes_a_probe(encode: Callable[[Any], Any], probe: object) -> None:
    for value in (probe, [probe], {"probe": probe}):
        with pytest.raises((TypeError, ValueError)):
            encode(value)


def test_the_wire_between_processes_refuses_a_probe_and_sends_nothing(probe: object) -> None:
    sent = io.BytesIO()
    channel: Channel[object, Examination] = Channel(io.BytesIO(), sent, Examination)
    with pytest.raises((TypeError, WireError)):
        channel.send(probe)
    assert sent.getvalue() == b""


@pytest.mark.parametrize(
    "say", [repr, str, format, pprint.pformat, "{}".format, "%s".__mod__, "%r".__mod__, ascii]
)
def test_what_a_probe_says_of_itself_is_its_name_alone(
    say: Callable[[object], str], probe: object
) -> None:
    assert say(probe) in {"<ProbeFace>", "<ProbeFaces>", "<SeenFaces>", "<FaceTracks>"}


def test_a_logged_probe_shows_nothing(probe: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("saw %s and %r", probe, probe, extra={"probe": probe})
    assert caplog.messages == [f"saw {probe!r} and {probe!r}"]


@pytest.mark.parametrize(
    "look",
    [
        np.asarray,
        np.array,
        np.frombuffer,
        memoryview,
        bytes,
        bytearray,
        iter,
        list,
        tuple,
        vars,
        int,
        float,
        complex,
        base64.b64encode,
        lambda probe: struct.pack("f", probe),
        lambda probe: struct.pack("128s", probe),
        lambda probe: struct.unpack("f", probe),
        lambda probe: probe[0],
        lambda probe: probe + 1,
        lambda probe: np.float32(1) * probe,
        lambda probe: probe.__getstate__(),
        lambda probe: probe.__dict__,
        lambda probe: probe.vector,
        lambda probe: probe.embedding,
        next,
        lambda probe: {**probe},
        lambda probe: io.BytesIO().write(probe),
        lambda probe: sqlite3.connect(":memory:").execute("select ?", (probe,)),
        lambda probe: setattr(probe, "kept", 1),
        lambda probe: object.__reduce_ex__(probe, 4),
    ],
)
def test_no_view_of_a_probe_can_be_had(look: Callable[[Any], Any], probe: object) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError, struct.error, sqlite3.Error)):
        look(probe)


def test_a_probe_has_no_public_attribute_with_numbers_in_it() -> None:
    for probe in (make_face(), make_faces(), make_tracks()):
        for name in dir(probe):
            if not name.startswith("_"):
                value = getattr(probe, name)
                assert not isinstance(value, (np.ndarray, bytes, bytearray, memoryview, list)), name


@pytest.mark.parametrize("kind", [ProbeFace, ProbeFaces, FaceTracks])
def test_the_guard_cannot_be_inherited_away(kind: type) -> None:
    with pytest.raises(ProbeGuardedError):
        type("Leaking", (kind,), {"__reduce__": object.__reduce__})


def test_probes_compare_by_identity_only() -> None:
    assert make_face() != make_face()
    assert len({make_face(), make_face()}) == 2


def test_leaving_the_block_overwrites_vector_crop_and_place() -> None:
    with make_face() as face:
        vector, crop, _ = face._lend_one()
        assert vector.any()
        assert crop.any()
    assert not vector.any()
    assert not crop.any()
    assert face._lend_one()[2] == Box(0, 0, 0, 0)


def test_an_exception_in_the_block_overwrites_all_the_same() -> None:
    faces = make_faces()
    views = [face._lend_one()[0] for face in faces._lend_all()]
    with pytest.raises(RuntimeError), faces:
        raise RuntimeError
    assert not any(view.any() for view in views)


def test_a_cancelled_task_overwrites_its_probes() -> None:
    faces = make_faces()
    views = [face._lend_one()[0] for face in faces._lend_all()]

    async def look() -> None:
        with faces:
            await asyncio.sleep(60)

    async def cancel() -> None:
        task = asyncio.create_task(look())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert not any(view.any() for view in views)


def test_after_one_comparison_everything_that_was_lent_is_zero() -> None:
    faces = make_faces()
    with _lend((faces,)) as lent:
        vectors, crops = lent.vectors, lent.crops
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert not vectors.any()
    assert not any(crop.any() for crop in crops)
    assert len(faces) == 2
    assert faces.spent


def test_faces_that_waited_are_zero_once_they_are_overwritten() -> None:
    with make_seen() as seen:
        crops = [crop for crop, _, _ in seen._lend_aligned()]
        assert all(crop.any() for crop in crops)
    assert not any(crop.any() for crop in crops)
    assert len(seen) == 2
    with pytest.raises(ProbeSpentError):
        seen._lend_aligned()


def test_probes_can_be_compared_only_once() -> None:
    faces = make_faces()
    with _lend((faces,)):
        pass
    with pytest.raises(ProbeSpentError), _lend((faces,)):
        pass


def test_what_is_lent_cannot_be_stored_either() -> None:
    with _lend((make_faces(),)) as lent:
        assert repr(lent) == "<Lent>"
        for sink in (pickle.dumps, copy.deepcopy, copy.copy, ForkingPickler.dumps):
            with pytest.raises(ProbeGuardedError):
                sink(lent)
        with pytest.raises(TypeError):
            msgspec.msgpack.encode(lent.__class__)


def test_the_faces_of_several_pictures_are_lent_together_and_overwritten_together() -> None:
    pictures = [make_faces(), ProbeFaces((), STAMP), make_faces()]
    with _lend(pictures) as lent:
        vectors = lent.vectors
        assert vectors.shape[0] == 4
        assert np.allclose(vectors[:2], vectors[2:])
    assert not vectors.any()
    assert pictures[0].spent
    assert pictures[2].spent


def test_one_spent_picture_overwrites_those_that_were_to_be_lent_with_it() -> None:
    fresh, spent = make_faces(), make_faces()
    spent.overwrite()
    views = [face._lend_one()[0] for face in fresh._lend_all()]
    with pytest.raises(ProbeSpentError), _lend((fresh, spent)):
        pass
    assert fresh.spent
    assert not any(view.any() for view in views)


def test_no_faces_can_be_lent_too() -> None:
    with _lend((ProbeFaces((), STAMP),)) as lent:
        assert lent.vectors.shape[0] == 0


def test_a_private_buffer_shows_and_sends_nothing() -> None:
    buffer = PrivateBuffer(64)
    buffer.floats((16,))[:] = 1
    assert repr(buffer) == "<PrivateBuffer>"
    assert not buffer.is_zero()
    with pytest.raises(TypeError):
        pickle.dumps(buffer)
    with pytest.raises(TypeError):
        copy.deepcopy(buffer)
    with pytest.raises(TypeError):
        memoryview(buffer)  # type: ignore[arg-type]
    buffer.wipe()
    assert buffer.is_zero()


def test_a_forgotten_buffer_is_zero_when_it_goes() -> None:
    buffer = PrivateBuffer(64)
    view = buffer.floats((16,))
    view[:] = 1
    del buffer
    assert not view.any()


def who_names(names: set[str]) -> set[str]:
    """The modules of both packages that name one of these."""
    root = Path(indexer.__file__).parents[1]
    users: set[str] = set()
    for path in [*(root / "indexer").rglob("*.py"), *(root / "service").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = (
                {alias.name for alias in node.names}
                if isinstance(node, ast.ImportFrom)
                else {node.attr}
                if isinstance(node, ast.Attribute)
                else set()
            )
            if named & names:
                users.add(path.relative_to(root).as_posix())
    return users


def test_only_the_watchlist_and_tracks_borrow_probes() -> None:
    assert who_names({"_lend", "_lend_all", "_lend_one", "_lend_weight", "_Lent"}) == {
        "indexer/faces/probe.py",
        "indexer/faces/tracks.py",
        "indexer/watchlist/watchlist.py",
    }


def test_only_the_engine_borrows_faces_that_wait() -> None:
    assert who_names({"_lend_aligned"}) == {"indexer/faces/engine.py"}
