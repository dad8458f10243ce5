"""The default pack on real photographs of many people: no accuracy may be lost on the way."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from indexer.faces import FaceEngine, PhotoRefusedError, Template
from indexer.media.picture import Picture
from indexer.watchlist import WatchedTemplate, Watchlist

pytestmark = [pytest.mark.real_faces, pytest.mark.slow]


def photo(path: Path) -> Picture:
    return Picture(np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1]))


def template_of(engine: FaceEngine, path: Path) -> Template | None:
    try:
        return engine.enrol(photo(path))
    except PhotoRefusedError:
        return None


def test_pairs_are_told_apart(engine: FaceEngine, shared_data: Path) -> None:
    lines = (shared_data / "faces-pairs.txt").read_text().splitlines()
    random.Random(20).shuffle(lines)
    similar: list[float] = []
    same: list[bool] = []
    refused = 0
    for line in lines[:300]:
        parts = line.split("\t")
        names = (parts[0], parts[0]) if len(parts) == 3 else (parts[0], parts[2])
        numbers = (int(parts[1]), int(parts[-1]))
        templates = [
            template_of(engine, shared_data / "faces" / name / f"{name}_{number:04d}.jpg")
            for name, number in zip(names, numbers, strict=True)
        ]
        if templates[0] is None or templates[1] is None:
            # One press photo in nine shows a second face that is more than half as large.
            refused += 1
            continue
        similar.append(templates[0].similarity(templates[1]))
        same.append(len(parts) == 3)
    assert refused < 90
    scores, truth = np.array(similar), np.array(same)
    accuracy = max(((scores >= at) == truth).mean() for at in np.arange(0.2, 0.6, 0.01))
    assert accuracy > 0.97
    at_threshold = scores >= engine.pack.calibration.default_threshold
    assert (at_threshold & ~truth).sum() <= 1, "strangers matched"
    assert at_threshold[truth].mean() > 0.93


def test_enrolled_people_are_found_and_others_are_not(
    engine: FaceEngine, shared_data: Path
) -> None:
    """Five people enrolled with up to three photos; eight others of each among 100 strangers."""
    folders = sorted((shared_data / "faces").iterdir())
    chosen = random.Random(4).sample([f for f in folders if len(list(f.iterdir())) >= 12], 5)
    entries: list[WatchedTemplate] = []
    later: dict[str, list[Path]] = defaultdict(list)
    for folder in chosen:
        for path in sorted(folder.iterdir())[:3]:
            template = template_of(engine, path)
            if template is not None:
                entries.append(WatchedTemplate(folder.name, path.name, template))
        later[folder.name] = sorted(folder.iterdir())[3:11]
    watchlist = Watchlist.build(entries, model=engine.model, calibration=engine.pack.calibration)
    found = wrong = 0
    for name, paths in later.items():
        for path in paths:
            with engine.probe(photo(path)) as probes:
                people = {match.person_ref for match in watchlist.search(probes)}
            found += name in people
            wrong += bool(people - {name})
    strangers = random.Random(5).sample([f for f in folders if f not in chosen], 100)
    for folder in strangers:
        with engine.probe(photo(next(iter(sorted(folder.iterdir()))))) as probes:
            wrong += len(watchlist.search(probes))
    assert found >= 38
    assert wrong <= 1
