"""Design rule 1, looked at from outside: after a comparison no stranger's vector is in memory.

A helper process, started as the examiner is, looks at a group of strangers; this process computes
their vectors by itself and then reads the whole memory of the other for them.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from indexer.examiner.process import examiner_environment
from indexer.faces import FaceEngine, Template
from indexer.faces.align import aligned_face
from indexer.faces.runtimes import usable_runtimes
from indexer.watchlist import WatchedTemplate, Watchlist
from tests.fixtures.photographs import group, picture

HELPER = """
import sys
from pathlib import Path
import numpy as np
from indexer.examiner.process import examiner_environment
from indexer.faces import FaceEngine, Template
from indexer.watchlist import WatchedTemplate, Watchlist
from tests.fixtures.photographs import group, picture

engine = FaceEngine.open(models_dir=Path(sys.argv[1]), runtime=sys.argv[2])
enrolled = np.random.default_rng(1).standard_normal((50, 128)).astype(np.float32)
enrolled /= np.linalg.norm(enrolled, axis=1, keepdims=True)
templates = [Template(row, engine.model) for row in enrolled]
watchlist = Watchlist.build(
    [WatchedTemplate(str(n), str(n), template) for n, template in enumerate(templates)],
    model=engine.model,
    calibration=engine.pack.calibration,
)
if sys.argv[3] == "stream":
    from indexer import stream
    from indexer.examine import Eyes
    from indexer.media import DecoderPool, Medium
    from tests.fixtures.photographs import png

    # So that faces wait for each other, too.
    stream.BATCHED_FROM_TEMPLATES = 0
    media = [Medium(png(group())) for _ in range(6)]
    with DecoderPool(2) as decoders:
        eyes = Eyes(decoder=decoders, engine=engine)
        with stream.ExaminationStream(engine, 2) as lanes:
            seen = list(stream.examine_many(media, watchlist, eyes=eyes, stream=lanes))
    counted = seen[-1].faces_counted
else:
    probes = engine.probe(picture(group()))
    if sys.argv[3] == "compare":
        watchlist.search(probes)
    counted = len(probes)
print(counted, flush=True)
sys.stdin.read()
"""


def vectors_and_crops(engine: FaceEngine) -> tuple[np.ndarray, np.ndarray]:
    pixels = group()
    crops = [aligned_face(pixels, face) for face in engine._detector.detect(pixels)]
    vectors = np.empty((len(crops), 128), np.float32)
    engine._recogniser.embed_into(crops, vectors)
    return vectors, np.stack(crops)


def memory_of(process_id: int) -> dict[str, bytes]:
    """All that the process may write to, by name of the region, without its empty pages."""
    regions: dict[str, bytes] = {}
    try:
        with (
            Path(f"/proc/{process_id}/maps").open() as maps,
            Path(f"/proc/{process_id}/mem").open("rb", 0) as memory,
        ):
            for line in maps:
                place, rights, *_ = line.split()
                if not rights.startswith("rw") or "[v" in line:
                    continue
                start, end = (int(side, 16) for side in place.split("-"))
                memory.seek(start)
                try:
                    content = memory.read(end - start)
                except OSError:
                    continue
                pages = np.frombuffer(content, np.uint64).reshape(-1, 512)
                regions[line.strip()] = pages[pages.any(axis=1)].tobytes()
    except PermissionError:
        pytest.skip("this system lets no process read its child's memory")
    return regions


def traces(engine: FaceEngine, models_dir: Path, runtime: str, what: str) -> set[str]:
    """The regions of a helper's memory in which a part of a vector or crop was found."""
    helper = subprocess.Popen(
        [sys.executable, "-c", HELPER, str(models_dir), runtime, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=examiner_environment(),
        text=True,
    )
    assert helper.stdin is not None
    assert helper.stdout is not None
    try:
        assert helper.stdout.readline() == "6\n"
        regions = memory_of(helper.pid)
    finally:
        helper.stdin.close()
        helper.stdout.close()
        helper.wait(30)
    vectors, crops = vectors_and_crops(engine)
    # Sixteen numbers: fewer may lie in a register that was spilled to the stack.
    wanted = [
        row[start : start + 16].astype("<f4").tobytes() for row in vectors for start in (0, 56, 112)
    ]
    wanted += [crop[56, 30:70].tobytes() for crop in crops]
    return {name for name, content in regions.items() for needle in wanted if needle in content}


@pytest.mark.slow
@pytest.mark.parametrize("what", ["compare", "stream"])
@pytest.mark.parametrize("runtime", ["openvino", "openvino-bf16", "onnxruntime"])
def test_after_the_comparison_no_vector_and_no_crop_is_left(
    models_dir: Path, runtime: str, what: str
) -> None:
    if runtime not in usable_runtimes():
        pytest.skip(f"{runtime} cannot be used on this machine")
    engine = FaceEngine.open(models_dir=models_dir, runtime=runtime, threads=2)
    assert traces(engine, models_dir, runtime, what) == set()


@pytest.mark.slow
def test_the_search_through_memory_would_find_them(models_dir: Path) -> None:
    engine = FaceEngine.open(models_dir=models_dir, runtime="onnxruntime", threads=2)
    assert traces(engine, models_dir, "onnxruntime", "keep")


def test_no_python_object_holds_a_strangers_vector_afterwards(engine: FaceEngine) -> None:
    vectors, _ = vectors_and_crops(engine)
    known = {row.tobytes() for row in vectors}
    enrolled = np.eye(128, dtype=np.float32)[0]
    watchlist = Watchlist.build(
        [WatchedTemplate("ada", "one", Template(enrolled, engine.model))],
        model=engine.model,
        calibration=engine.pack.calibration,
    )
    with engine.probe(picture(group())) as probes:
        watchlist.search(probes)
    del vectors
    gc.collect()
    held = [
        referent
        for owner in gc.get_objects()
        # asking this module corrupts its free list before 3.12.6 and 3.13.0 (CPython gh-122695)
        if owner is not sys.modules.get("_asyncio")
        for referent in gc.get_referents(owner)
        if isinstance(referent, np.ndarray) and referent.dtype == np.float32
    ]
    for array in held:
        if array.size and array.size % 128 == 0:
            for row in np.ascontiguousarray(array).reshape(-1, 128):
                assert row.tobytes() not in known
