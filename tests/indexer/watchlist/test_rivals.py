"""A search says that another enrolled person is nearly as close, also below the threshold."""

from __future__ import annotations

import numpy as np

from indexer.faces import ProbeFace, ProbeFaces, Template, find_pack
from indexer.faces.calibration import Calibration
from indexer.faces.packs import DEFAULT_PACK, stamp_of
from indexer.observations import Box, FaceMatch
from indexer.watchlist import WatchedTemplate, Watchlist

STAMP = stamp_of(find_pack(DEFAULT_PACK))
MEASURED = Calibration(
    measured_on="a set of a test",
    measured=True,
    points=((0.40, 1e-4), (0.60, 1e-6)),
    default_threshold=0.40,
    same_person_threshold=0.30,
)


def direction(*coordinates: float) -> np.ndarray:
    """A unit vector whose first coordinates these are; the rest of its length is in the last."""
    vector = np.zeros(128, np.float32)
    vector[: len(coordinates)] = coordinates
    vector[-1] = np.sqrt(max(0.0, 1.0 - float(np.sum(vector**2))))
    return vector


PROBE = direction(1.0)


def watchlist(**similarities: float) -> Watchlist:
    """People whose templates are so similar to the probe."""
    return Watchlist.build(
        [
            WatchedTemplate(person, person, Template(direction(similarity), STAMP))
            for person, similarity in similarities.items()
        ],
        model=STAMP,
        calibration=MEASURED,
    )


def search(watched: Watchlist, only_person: str | None = None) -> tuple[FaceMatch, ...]:
    crop = np.full((112, 112, 3), 200, np.uint8)
    probes = ProbeFaces((ProbeFace(PROBE.copy(), crop, Box(1, 1, 9, 9)),), STAMP)
    return watched.search(probes, only_person=only_person)


def cautioned(found: tuple[FaceMatch, ...]) -> list[str]:
    return [each.person_ref for each in found if each.cautions == ("another_person_close",)]


def test_a_second_person_below_the_threshold_is_noticed_and_never_named() -> None:
    (found,) = search(watchlist(ada=0.45, bea=0.36))
    assert (found.person_ref, found.cautions) == ("ada", ("another_person_close",))
    assert "bea" not in str(found)


def test_a_second_person_far_behind_is_not() -> None:
    assert cautioned(search(watchlist(ada=0.55, bea=0.42))) == ["bea"]
    assert cautioned(search(watchlist(ada=0.55, bea=0.30))) == []


def test_somebody_who_is_masked_is_nobody() -> None:
    watched = watchlist(ada=0.55, bea=0.50)
    watched.mask("bea")
    assert [each.cautions for each in search(watched)] == [()]


def test_asked_about_one_case_it_says_nothing_of_anybody_else() -> None:
    (found,) = search(watchlist(ada=0.55, bea=0.54), only_person="ada")
    assert found.cautions == ()


def test_a_persons_own_second_template_is_no_rival() -> None:
    templates = [
        WatchedTemplate("ada", name, Template(direction(similarity), STAMP))
        for name, similarity in (("one", 0.55), ("two", 0.54))
    ]
    watched = Watchlist.build(templates, model=STAMP, calibration=MEASURED)
    (found,) = search(watched)
    assert found.cautions == ()
