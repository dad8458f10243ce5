from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest

from indexer.faces import FaceEngine, ProbeFace, ProbeFaces, Template, find_pack
from indexer.faces.calibration import Calibration
from indexer.faces.errors import ProbeSpentError
from indexer.faces.packs import DEFAULT_PACK, stamp_of
from indexer.observations import Box, FaceMatch, ModelStamp
from indexer.watchlist import MixedModelsError, WatchedTemplate, Watchlist, band_of
from tests.fixtures.photographs import astronaut, group, picture, recompressed

STAMP = stamp_of(find_pack(DEFAULT_PACK))
CALIBRATION = Calibration(
    measured_on="figures for these tests",
    measured=True,
    points=((0.363, 1e-3), (0.424, 1e-4), (0.491, 1e-5)),
    default_threshold=0.424,
    same_person_threshold=0.363,
)
OTHER = ModelStamp(pack="other", digest="1" * 64, preprocessing=1)
BOX = Box(10, 20, 30, 40)


def unit(seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).standard_normal(128).astype(np.float32)
    return vector / np.linalg.norm(vector)


def near(vector: np.ndarray, similarity: float, seed: int = 99) -> np.ndarray:
    """A unit vector at exactly this cosine from `vector`."""
    noise = unit(seed)
    across = noise - (noise @ vector) * vector
    across /= np.linalg.norm(across)
    return (similarity * vector + np.sqrt(1 - similarity**2) * across).astype(np.float32)


def watched(person: str, vector: np.ndarray, name: str = "", stamp: ModelStamp = STAMP):
    return WatchedTemplate(person, name or f"template of {person}", Template(vector, stamp))


def gallery(*entries: WatchedTemplate, change: int = 1) -> Watchlist:
    return Watchlist.build(entries, model=STAMP, calibration=CALIBRATION, change=change)


def seen(*vectors: np.ndarray, stamp: ModelStamp = STAMP) -> ProbeFaces:
    crop = np.full((112, 112, 3), 200, np.uint8)
    return ProbeFaces(tuple(ProbeFace(vector, crop, BOX) for vector in vectors), stamp)


def people(watchlist: Watchlist, *vectors: np.ndarray, only: str | None = None) -> list[str]:
    return [found.person_ref for found in watchlist.search(seen(*vectors), only_person=only)]


def test_an_empty_watchlist_finds_nobody_and_overwrites_the_probes() -> None:
    for empty in (gallery(), Watchlist.empty()):
        probes = seen(unit(1))
        assert empty.search(probes) == ()
        assert probes.spent
        assert empty.restated((), 1) == ()


def test_a_watchlist_of_one_template_finds_its_person() -> None:
    assert people(gallery(watched("ada", unit(1))), unit(1)) == ["ada"]


def test_a_watchlist_of_two_tells_them_apart() -> None:
    both = gallery(watched("ada", unit(1)), watched("bea", unit(2)))
    assert people(both, unit(1)) == ["ada"]
    assert people(both, unit(2)) == ["bea"]
    assert people(both, unit(3)) == []
    assert sorted(people(both, unit(1), unit(2), unit(3))) == ["ada", "bea"]


def test_several_templates_of_a_person_give_one_match_with_the_closest() -> None:
    watchlist = gallery(
        watched("ada", near(unit(1), 0.6), "far"),
        watched("ada", near(unit(1), 0.9, seed=5), "close"),
        watched("ada", near(unit(1), 0.7, seed=6), "middle"),
    )
    (found,) = watchlist.search(seen(unit(1)))
    assert found.person_ref == "ada"
    assert found.similarity == pytest.approx(0.9, abs=1e-5)


def test_the_same_template_twice_is_harmless() -> None:
    assert people(gallery(watched("ada", unit(1)), watched("ada", unit(1))), unit(1)) == ["ada"]


def test_two_people_who_share_a_template_are_both_found() -> None:
    twins = gallery(watched("ada", unit(1)), watched("bea", unit(1)))
    assert sorted(people(twins, unit(1))) == ["ada", "bea"]


@pytest.mark.parametrize(
    ("similarity", "found"), [(0.5, True), (0.4245, True), (0.4235, False), (0.0, False)]
)
def test_only_what_reaches_the_threshold_is_found(similarity: float, found: bool) -> None:
    watchlist = gallery(watched("ada", unit(1)))
    assert watchlist.threshold() == 0.424
    assert people(watchlist, near(unit(1), similarity)) == (["ada"] if found else [])


def test_the_search_is_exact_in_a_larger_gallery() -> None:
    vectors = [unit(seed) for seed in range(2000)]
    watchlist = gallery(*(watched(str(seed), vector) for seed, vector in enumerate(vectors)))
    probe = near(vectors[1234], 0.8)
    similar = np.stack(vectors) @ probe
    expected = {str(row) for row in np.flatnonzero(similar >= watchlist.threshold())}
    assert set(people(watchlist, probe)) == expected
    assert "1234" in expected


def test_the_threshold_rises_with_the_gallery_but_never_beyond_what_was_measured() -> None:
    thresholds = [
        gallery(*(watched(str(n), unit(n)) for n in range(size))).threshold()
        for size in (1, 10, 30, 300, 3000)
    ]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] == thresholds[1] == 0.424
    assert thresholds[2] > 0.424
    assert thresholds[-1] == 0.491


def test_a_restricted_search_answers_about_one_person_only() -> None:
    both = gallery(watched("ada", unit(1)), watched("bea", unit(2)))
    assert people(both, unit(1), unit(2), only="bea") == ["bea"]
    assert people(both, unit(1), only="bea") == []
    assert people(both, unit(1), only="nobody") == []


def test_many_pictures_are_answered_as_each_alone_would_be() -> None:
    vectors = [unit(seed) for seed in range(1500)]
    watchlist = gallery(*(watched(str(seed), vector) for seed, vector in enumerate(vectors)))
    pictures = [
        [near(vectors[1], 0.8), unit(5000)],
        [],
        [near(vectors[2], 0.7), near(vectors[3], 0.6)],
        [unit(5001)],
    ]
    alone = [
        watchlist.search(seen(*faces), frame_index=number) for number, faces in enumerate(pictures)
    ]
    probes = [seen(*faces) for faces in pictures]
    together = watchlist.search_many(probes, frame_indexes=range(4))
    assert together == alone
    assert [len(matches) > 0 for matches in together] == [True, False, True, False]
    assert {match.frame_index for match in together[2]} == {2}
    assert all(each.spent for each in probes if len(each))


def test_no_pictures_are_no_answers() -> None:
    assert gallery(watched("ada", unit(1))).search_many([]) == []


@pytest.mark.parametrize("wrong", ["model", "spent", "frames"])
def test_whatever_is_wrong_with_one_picture_all_probes_are_overwritten(wrong: str) -> None:
    watchlist = gallery(watched("ada", unit(1)))
    pictures = [seen(unit(1)), seen(unit(2), stamp=OTHER if wrong == "model" else STAMP)]
    views = [face._lend_one()[0] for probes in pictures for face in probes._lend_all()]
    if wrong == "spent":
        pictures[1].overwrite()
    frames = [0] if wrong == "frames" else None
    with pytest.raises((MixedModelsError, ProbeSpentError, ValueError)):
        watchlist.search_many(pictures, frame_indexes=frames)
    assert all(probes.spent for probes in pictures)
    assert not any(view.any() for view in views)


def test_the_next_snapshot_has_who_came_and_not_who_left() -> None:
    first = gallery(watched("ada", unit(1)), watched("bea", unit(2)), change=1)
    second = first.changed([watched("eve", unit(3))], ["template of ada"], 2)
    assert (len(second), second.change) == (2, 2)
    assert people(second, unit(1), unit(2), unit(3)) == ["bea", "eve"]
    back = second.changed([watched("ada", unit(1))], (), 3)
    assert sorted(people(back, unit(1), unit(2), unit(3))) == ["ada", "bea", "eve"]


def test_a_mask_ends_with_the_next_snapshot() -> None:
    watchlist = gallery(watched("ada", unit(1)))
    watchlist.mask("ada")
    assert len(watchlist.changed((), (), 2).masked) == 0
    assert people(watchlist.changed((), (), 2), unit(1)) == ["ada"]


def test_the_threshold_follows_the_changes() -> None:
    small = gallery(watched("0", unit(0)))
    grown = small.changed((watched(str(n), unit(n)) for n in range(1, 300)), (), 2)
    assert grown.threshold() > small.threshold()
    shrunk = grown.changed((), [f"template of {n}" for n in range(1, 300)], 3)
    assert shrunk.threshold() == small.threshold()


def test_nobody_becomes_somebody_and_nobody_again() -> None:
    watchlist = gallery(change=1).changed([watched("ada", unit(1))], (), 2)
    assert people(watchlist, unit(1)) == ["ada"]
    nobody = watchlist.changed((), ["template of ada"], 3)
    assert people(nobody, unit(1)) == []
    assert people(nobody.changed([watched("ada", unit(1))], (), 4), unit(1)) == ["ada"]


def test_a_change_with_templates_of_another_model_changes_nothing() -> None:
    watchlist = gallery(watched("ada", unit(1)))
    with pytest.raises(MixedModelsError):
        watchlist.changed([watched("bea", unit(2), stamp=OTHER)], ["template of ada"], 2)
    assert people(watchlist, unit(1)) == ["ada"]
    with pytest.raises(MixedModelsError, match="off"):
        Watchlist.empty().changed([watched("bea", unit(2))], (), 2)


def test_a_masked_person_is_never_found_again() -> None:
    both = gallery(watched("ada", unit(1)), watched("bea", unit(2)))
    before = both.search(seen(unit(1)))
    both.mask("ada")
    assert people(both, unit(1), unit(2)) == ["bea"]
    assert both.restated(before, 1) == (), "a search under way is masked as well"
    assert both.masked == {"ada"}


def test_masking_from_many_threads_loses_nobody() -> None:
    watchlist = gallery(*(watched(str(n), unit(n)) for n in range(50)))
    threads = [threading.Thread(target=watchlist.mask, args=(str(n),)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(watchlist.masked) == 50


def test_templates_of_different_models_never_meet() -> None:
    with pytest.raises(MixedModelsError, match="another model"):
        gallery(watched("ada", unit(1)), watched("bea", unit(2), stamp=OTHER))
    probes = seen(unit(1), stamp=OTHER)
    views = [face._lend_one()[0] for face in probes._lend_all()]
    with pytest.raises(MixedModelsError):
        gallery(watched("ada", unit(1))).search(probes)
    assert not any(view.any() for view in views), "refused probes are overwritten too"


def test_probes_are_zero_after_the_search_and_cannot_be_searched_twice() -> None:
    probes = seen(unit(1), unit(2))
    views = [view for face in probes._lend_all() for view in face._lend_one()[:2]]
    watchlist = gallery(watched("ada", unit(1)))
    assert len(watchlist.search(probes)) == 1
    assert not any(view.any() for view in views)
    with pytest.raises(ProbeSpentError):
        watchlist.search(probes)


def test_a_match_keeps_its_grey_crop_and_place_and_no_vector() -> None:
    (found,) = gallery(watched("ada", unit(1))).search(seen(unit(1)), frame_index=7)
    assert found.face_crop_png.startswith(b"\x89PNG")
    assert (found.box, found.frame_index) == (BOX, 7)
    assert unit(1).tobytes()[:16] not in msgspec.msgpack.encode(found)


def test_a_match_of_one_picture_counts_that_pictures_faces() -> None:
    (found,) = gallery(watched("ada", unit(1))).search(seen(near(unit(1), 0.424001), unit(2)))
    assert found.expected_chance_matches == pytest.approx(2e-4, rel=1e-3)


def judged(similarity: float, faces: int, templates: int) -> FaceMatch:
    watchlist = gallery(
        watched("ada", unit(1)), *(watched(f"other {n}", unit(n)) for n in range(2, templates + 1))
    )
    found = watchlist.search(seen(near(unit(1), similarity)), only_person=None)
    return watchlist.restated([each for each in found if each.person_ref == "ada"], faces)[0]


def test_expected_chance_matches_count_every_comparison() -> None:
    assert judged(0.424, 1, 1).expected_chance_matches == pytest.approx(1e-4, rel=1e-3)
    assert judged(0.424, 6, 1).expected_chance_matches == pytest.approx(6e-4, rel=1e-3)
    assert judged(0.491, 6, 10).expected_chance_matches == pytest.approx(6e-4, rel=1e-2)


def test_bands_follow_the_expected_chance_matches() -> None:
    assert judged(0.7, 1, 1).band == "strong"
    assert judged(0.43, 1, 1).band == "strong"
    assert judged(0.43, 1, 5).band == "moderate"
    assert judged(0.43, 60, 10).band == "weak"
    assert [band_of(rate) for rate in (0, 1e-4, 1e-2, 1)] == [
        "strong",
        "moderate",
        "weak",
        "weak",
    ]


def test_a_figure_beyond_what_was_measured_says_so() -> None:
    assert not judged(0.45, 1, 1).chance_is_extrapolated
    assert judged(0.8, 1, 1).chance_is_extrapolated
    assert judged(0.8, 1, 1).expected_chance_matches >= 1e-7


def test_a_watchlist_shows_numbers_only() -> None:
    assert repr(gallery(watched("ada", unit(1)), change=9)) == (
        "<Watchlist of 1 templates at change 9>"
    )


def test_a_hundred_rebuilds_take_no_more_memory_than_one() -> None:
    entries = [watched(str(n), unit(n)) for n in range(2000)]

    def resident_kib() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4

    for _ in range(10):
        gallery(*entries)
    before = resident_kib()
    for _ in range(100):
        gallery(*entries)
    # One snapshot takes about 1 MiB: a leak would show as a hundred.
    assert resident_kib() - before < 20 * 1024


def test_a_real_face_is_found_among_strangers_and_strangers_are_not(engine: FaceEngine) -> None:
    watchlist = Watchlist.build(
        [WatchedTemplate("ada", "one", engine.enrol(picture(astronaut())))],
        model=engine.model,
        calibration=engine.pack.calibration,
    )
    with engine.probe(picture(recompressed(astronaut()[:, ::-1], 30))) as probes:
        (found,) = watchlist.search(probes)
    assert found.similarity > 0.75
    with engine.probe(picture(group())) as probes:
        assert len(probes) == 6
        assert watchlist.search(probes) == ()
