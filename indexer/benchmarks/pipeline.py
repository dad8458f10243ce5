"""`likeness bench pipeline`: pictures a second from bytes to matches, beside `FaceAnalysis`.

1. Take pictures: those of a folder as they are or, of a labelled folder, photographs of the usual
   size made of them (`made_photos.py`), with everybody who has a second picture enrolled by it.
2. Everybody examines all of them in turns, as many rounds as are asked for. The ratio of one round
   is of two figures taken one after the other; the median of the rounds is what counts.
3. Compare what was seen: faces, who was found of those who are there, and who is not there.
4. Decode alone, over as many lanes; and take each step alone, on one thread, to say what limits.

Nothing of it is written anywhere. A busy machine slows everybody: read ratios.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

import cv2
import msgspec
import numpy as np

from indexer.benchmarks.faces_seen import SUFFIXES, NothingToMeasureError
from indexer.benchmarks.made_photos import Photo, how_many_laid, make_photo
from indexer.benchmarks.pipeline_contestants import (
    Contestant,
    FaceAnalysisContestant,
    LikenessContestant,
    Seen,
)
from indexer.benchmarks.pipeline_steps import Step, time_steps
from indexer.benchmarks.processor_time import processor_seconds
from indexer.benchmarks.upright import open_upright_engine
from indexer.faces import FaceEngine
from indexer.faces.runtimes import device_of
from indexer.lanes import room_for
from indexer.looking import LEAST_SIDE_PX
from indexer.media import DecoderPool, Medium

CAVEATS: Final = (
    "From one side is one look at upright faces, as the peer takes it: nobody is served like that.",
    "Made photographs have faces as large and as many as ordinary ones, and a smooth background.",
    "Each side decides by its own threshold who was found; a face more may be no face.",
    "A busy machine slows all: the ratio of two taken in turns holds, figures alone do not.",
)
_VERSIONS_OF: Final = (
    "insightface", "onnxruntime", "openvino", "opencv-python", "numpy", "simplejpeg"
)  # fmt: skip

Said = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run. `made_pixels` 0 takes the folder's pictures as they are."""

    folder: Path
    photos: int = 64
    rounds: int = 5
    made_pixels: int = 0
    gallery: int = 200
    pack: str = "yunet-sface"
    models_dir: Path | None = None
    runtime: str = "auto"
    accepted_licences: tuple[str, ...] = ()
    peer_pack: str = ""
    peer_root: Path | None = None
    memory_bytes: int = 4 * 1024**3
    seed: int = 1


class Contest(msgspec.Struct, frozen=True):
    """One contestant's figures; times are of all photographs, `ratios` against the peer by round.

    `processor_ms` is the median of processor time of a photograph, over all cores and processes.
    `found` counts people who are on a photograph, are enrolled by everybody and were found there;
    `missed` those who were not; `wrong` people who were found where they are not.
    """

    name: str
    seconds: tuple[float, ...]
    photos_a_second: float
    processor_ms: float
    ratio_to_peer: float | None
    ratios: tuple[float, ...]
    faces: int
    photos_with_fewer_faces_than_peer: int | None
    found: int
    missed: int
    wrong: int
    photos_with_other_people_than_peer: int | None


class PipelineBenchmark(msgspec.Struct, frozen=True):
    """All figures."""

    photos: int
    mean_megapixels: float
    mean_kilobytes: float
    made: bool
    enrolled: int
    lanes: int
    seed: int
    machine: str
    device: str
    versions: dict[str, str]
    busy_with: float
    contests: tuple[Contest, ...]
    decoding_photos_a_second: float
    steps: tuple[Step, ...]
    caveats: tuple[str, ...] = CAVEATS


def run_pipeline_benchmark(
    wanted: Wanted, said: Said = lambda _words, _done, _total: None
) -> PipelineBenchmark:
    """Run it. Raises `NothingToMeasureError` and whatever loading a pack raises."""
    busy_with = os.getloadavg()[0]
    # 1. Pictures.
    said("making photographs", 0, 0)
    photos, references = _photos(wanted)
    contents = [photo.content for photo in photos]
    room = room_for(wanted.memory_bytes)
    lanes = room.lanes
    with ExitStack() as running:
        decoders = running.enter_context(DecoderPool(room.decoders))
        contestants, peer = _contestants(wanted, decoders, lanes, said)
        for each in contestants:
            running.callback(each.close)
        enrolled = frozenset(references)
        for each in contestants:
            said(f"{each.name}: enrolling", 0, 0)
            enrolled &= each.enrol(references)
        for each in contestants:
            each.enrol({name: references[name] for name in references if name in enrolled})
            # Runtimes prepare what they are given often, and examiners run for long.
            said(f"{each.name}: once before it counts", 0, 0)
            each.examine(contents)
        # 2. In turns.
        seconds: dict[str, list[float]] = {each.name: [] for each in contestants}
        worked: dict[str, list[float]] = {each.name: [] for each in contestants}
        seen: dict[str, Seen] = {}
        for turn in range(wanted.rounds):
            for each in contestants:
                said(each.name, turn + 1, wanted.rounds)
                began, worked_before = time.perf_counter(), processor_seconds()
                seen[each.name] = each.examine(contents)
                seconds[each.name].append(time.perf_counter() - began)
                worked[each.name].append(processor_seconds() - worked_before)
        # 4. Decoding alone, and each step.
        said("decoding alone", 0, 0)
        decoding = _decoding_photos_a_second(contents, decoders, room.decoders)
        said("each step alone", 0, 0)
        steps = time_steps(
            contents,
            decoders,
            wanted.pack,
            models_dir=wanted.models_dir,
            runtime=wanted.runtime,
            accepted_licences=wanted.accepted_licences,
        )
        runtime = contestants[0].runtime if isinstance(contestants[0], LikenessContestant) else ""
    # 3. What was seen.
    contests = tuple(
        _contest(each.name, seconds, worked, seen, photos, enrolled, peer.name if peer else None)
        for each in contestants
    )
    sizes = [_pixels(content) for content in contents]
    return PipelineBenchmark(
        photos=len(photos),
        mean_megapixels=sum(sizes) / len(sizes) / 1e6,
        mean_kilobytes=sum(map(len, contents)) / len(contents) / 1e3,
        made=wanted.made_pixels > 0,
        enrolled=len(enrolled),
        lanes=lanes,
        seed=wanted.seed,
        machine=f"{platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}",
        device=device_of(runtime) if runtime else "",
        versions={name: version(name) for name in _VERSIONS_OF},
        busy_with=busy_with,
        contests=contests,
        decoding_photos_a_second=decoding,
        steps=steps,
    )


def _contestants(
    wanted: Wanted, decoders: DecoderPool, lanes: int, said: Said
) -> tuple[list[Contestant], Contestant | None]:
    said("loading the models", 0, 0)
    engine = FaceEngine.open(
        wanted.pack,
        models_dir=wanted.models_dir,
        runtime=wanted.runtime,
        accepted_licences=wanted.accepted_licences,
        threads=1,
    )
    upright = open_upright_engine(
        wanted.pack,
        models_dir=wanted.models_dir,
        runtime=wanted.runtime,
        accepted_licences=wanted.accepted_licences,
    )
    contestants: list[Contestant] = [
        LikenessContestant(engine, decoders, lanes, whole=False),
        LikenessContestant(engine, decoders, lanes, whole=True),
        LikenessContestant(upright, decoders, lanes, whole=False, also=" from one side"),
    ]
    if not wanted.peer_pack or wanted.peer_root is None:
        return contestants, None
    same = FaceEngine.open(
        wanted.peer_pack,
        models_dir=wanted.peer_root,
        accepted_licences=(wanted.peer_pack, *wanted.accepted_licences),
        threads=1,
    )
    threshold = same.pack.calibration.default_threshold
    peer = FaceAnalysisContestant(wanted.peer_pack, wanted.peer_root, threshold)
    contestants.append(LikenessContestant(same, decoders, lanes, whole=False))
    contestants.append(peer)
    return contestants, peer


def _photos(wanted: Wanted) -> tuple[list[Photo], dict[str, bytes]]:
    """Photographs, and one reference photo of each person who is to be enrolled."""
    files = sorted(path for path in wanted.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise NothingToMeasureError(f"{wanted.folder} holds no pictures")
    rng = np.random.default_rng(wanted.seed)
    of_people: dict[str, list[Path]] = {}
    for path in files:
        if path.parent != wanted.folder:
            of_people.setdefault(path.parent.name, []).append(path)
    known = [name for name, of_one in of_people.items() if len(of_one) > 1]
    chosen = [known[int(at)] for at in rng.permutation(len(known))[: wanted.gallery]]
    references = {name: of_people[name][0].read_bytes() for name in sorted(chosen)}
    taken = {of_people[name][0] for name in references}
    others = [path for path in files if path not in taken]
    order = [others[int(at)] for at in rng.permutation(len(others))]
    # Those who are enrolled first: otherwise few photographs show anybody who can be found.
    order.sort(key=lambda path: path.parent.name not in references)
    if not wanted.made_pixels:
        some = order[: wanted.photos]
        return [
            Photo(path.read_bytes(), frozenset({path.parent.name} & set(references)))
            for path in some
        ], references
    return _made(order, wanted, rng), references


def _made(order: Sequence[Path], wanted: Wanted, rng: np.random.Generator) -> list[Photo]:
    photos: list[Photo] = []
    at = 0
    while len(photos) < wanted.photos and at < len(order):
        count = how_many_laid(rng)
        some = order[at : at + count]
        at += count
        scene = cv2.imread(str(order[int(rng.integers(len(order)))]))
        laid = [(path.parent.name, cv2.imread(str(path))) for path in some]
        whole = [(person, cv2.cvtColor(each, cv2.COLOR_BGR2RGB)) for person, each in laid
                 if each is not None]  # fmt: skip
        if scene is None or not whole:
            continue
        photos.append(make_photo(whole, scene, wanted.made_pixels, rng))
    if not photos:
        raise NothingToMeasureError(f"{wanted.folder} holds no picture that can be read")
    return photos


def _contest(
    name: str,
    seconds: dict[str, list[float]],
    worked: dict[str, list[float]],
    seen: dict[str, Seen],
    photos: Sequence[Photo],
    enrolled: frozenset[str],
    peer: str | None,
) -> Contest:
    ratios: tuple[float, ...] = ()
    if peer is not None:
        pairs = zip(seconds[peer], seconds[name], strict=True)
        ratios = tuple(of_peer / own for of_peer, own in pairs)
    mine, theirs = seen[name], seen[peer] if peer is not None else None
    there = [photo.people & enrolled for photo in photos]
    together = list(zip(mine.found, there, strict=True))
    return Contest(
        name=name,
        seconds=tuple(seconds[name]),
        photos_a_second=len(photos) / median(seconds[name]),
        processor_ms=1000 * median(worked[name]) / len(photos),
        ratio_to_peer=median(ratios) if ratios else None,
        ratios=ratios,
        faces=sum(mine.faces),
        photos_with_fewer_faces_than_peer=None
        if theirs is None
        else sum(one < other for one, other in zip(mine.faces, theirs.faces, strict=True)),
        found=sum(len(found & people) for found, people in together),
        missed=sum(len(people - found) for found, people in together),
        wrong=sum(len(found - people) for found, people in together),
        photos_with_other_people_than_peer=None
        if theirs is None
        else sum(one != other for one, other in zip(mine.found, theirs.found, strict=True)),
    )


def _decoding_photos_a_second(
    contents: Sequence[bytes], decoders: DecoderPool, lanes: int
) -> float:
    """As ours decodes them, over all lanes, and nothing else."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - used here alone

    with ThreadPoolExecutor(lanes) as threads:
        began = time.perf_counter()
        list(
            threads.map(
                lambda content: decoders.decode(Medium(content), least_side_px=LEAST_SIDE_PX),
                contents,
            )
        )
        return len(contents) / (time.perf_counter() - began)


def _pixels(content: bytes) -> int:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    return 0 if picture is None else int(picture.size)
