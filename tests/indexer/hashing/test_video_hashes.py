"""Known videos are found again, whole, cut, mirrored and inside longer ones; others are not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from indexer.examiner.protocol import GalleryHash
from indexer.hashing import (
    ORIENTATIONS,
    FrameHasher,
    KnownHashes,
    VideoHashes,
    hash_medium,
    pdq_orientations,
)
from indexer.hashing.video import (
    MIN_SHARE,
    KnownVideos,
    Likeness,
    scenes_in,
)
from indexer.media import Decoder, Medium, Picture
from indexer.observations import FrameHash, HashMatch, MediaHashes
from tests.fixtures.clips import PARK, STREET, Frame, encoded, moving, photograph, plain, still

LONG_S = 16
SAMPLES = (
    Path(__file__).resolve().parents[3].parent
    / "shared"
    / "data"
    / "hashing"
    / "vpdq"
    / "sample-hashes"
)
UNKNOWN = MediaHashes("0" * 64)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as running:
        yield running


@pytest.fixture(scope="module")
def street(decoder: Decoder) -> VideoHashes:
    return hashed(decoder, moving(STREET, seconds=LONG_S))


@pytest.fixture(scope="module")
def known(street: VideoHashes) -> KnownHashes:
    return KnownHashes([entry(street)])


def entry(video: VideoHashes, person: str = "ada", ref: str = "clip") -> GalleryHash:
    return GalleryHash(
        person, ref, None, None, None, frames=tuple(frame.pdq for frame in video.frames)
    )


def hashed(decoder: Decoder, frames: Iterable[Frame], **options: object) -> VideoHashes:
    hasher = FrameHasher()
    decoder.decode(Medium(encoded(frames, **options)), hasher.look)  # type: ignore[arg-type]
    return hasher.hashes()


def found(known: KnownHashes, video: VideoHashes) -> HashMatch:
    (match,) = known.search(UNKNOWN, video=video)
    return match


def test_a_frame_of_each_moment_is_kept_and_more_are_looked_up(street: VideoHashes) -> None:
    assert len(street.frames) == LONG_S
    assert [frame.at_ms for frame in street.frames] == [at * 1000 for at in range(LONG_S)]
    assert len(street) > 2 * LONG_S
    assert set(street.moments) == set(range(1, LONG_S + 1))
    asked = street.questions()
    assert len(asked.codes) == 2 * len(street) + 6 * int(street.is_moment.sum())


def test_a_frames_hash_is_that_of_a_picture_of_it(decoder: Decoder, street: VideoHashes) -> None:
    frames = list(moving(STREET, seconds=LONG_S))
    apart = []
    for frame in street.frames:
        shown = frames[frame.at_ms // 100]
        expected = hash_medium(b"", Picture(np.ascontiguousarray(shown))).pdq or ""
        apart.append((int(frame.pdq, 16) ^ int(expected, 16)).bit_count())
    assert max(apart) <= 16
    assert sorted(apart)[len(apart) // 2] <= 4


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("recompressed", {"crf": 38}),
        (
            "in another codec",
            {"codec": "libvpx-vp9", "container": "webm", "crf": 45, "cpu-used": 8},
        ),
        ("in an old codec", {"codec": "mpeg4", "container": "avi", "b": "300000"}),
    ],
)
def test_a_clip_encoded_anew_is_found(
    decoder: Decoder, known: KnownHashes, name: str, options: dict[str, object]
) -> None:
    match = found(known, hashed(decoder, moving(STREET, seconds=LONG_S), **options))
    assert (match.kind, match.band, match.orientation) == ("vpdq", "strong", "upright"), name
    assert (match.known_share or 0) > 0.9
    assert (match.medium_share or 0) > 0.9


def test_a_smaller_copy_is_found(decoder: Decoder, known: KnownHashes) -> None:
    small = moving(STREET, seconds=LONG_S, size=(160, 120))
    match = found(known, hashed(decoder, small, crf=30))
    assert (match.kind, match.band) == ("vpdq", "strong")


def test_a_clip_cut_by_parts_of_a_second_is_found(decoder: Decoder, known: KnownHashes) -> None:
    for cut_s in (0.3, 5.5):
        cut = moving(STREET, seconds=LONG_S - cut_s, begin_s=cut_s)
        match = found(known, hashed(decoder, cut, crf=30))
        assert match.kind == "vpdq"
        assert (match.medium_share or 0) > 0.6


def test_a_clip_inside_a_longer_one_is_found(decoder: Decoder, known: KnownHashes) -> None:
    longer = (
        *moving(PARK, seconds=20),
        *moving(STREET, seconds=LONG_S),
        *plain(0, seconds=2),
        *moving(PARK[::-1], seconds=20),
    )
    match = found(known, hashed(decoder, longer))
    assert match.kind == "vpdq"
    assert (match.known_share or 0) > 0.9
    assert (match.medium_share or 1) < 0.4
    assert 19_000 <= (match.at_ms or 0) <= 37_000, "where it is in the longer one"


def test_an_excerpt_is_found(decoder: Decoder, known: KnownHashes) -> None:
    match = found(known, hashed(decoder, moving(STREET, seconds=3.5, begin_s=2.2)))
    assert match.kind == "vpdq"
    assert (match.known_share or 1) < 0.4
    assert (match.medium_share or 0) > 0.7


@pytest.mark.parametrize(
    ("turn", "orientation"),
    [
        (lambda frame: frame[:, ::-1], "mirrored"),
        (lambda frame: frame[::-1], "flipped_vertically"),
        (lambda frame: np.rot90(frame, 2), "rotated_180"),
        (np.rot90, "rotated_90"),
    ],
)
def test_a_mirrored_or_turned_clip_is_found(
    decoder: Decoder, known: KnownHashes, turn: object, orientation: str
) -> None:
    turned = (turn(frame) for frame in moving(STREET, seconds=LONG_S))  # type: ignore[operator]
    match = found(known, hashed(decoder, turned))
    assert (match.kind, match.orientation) == ("vpdq", orientation)
    assert orientation in ORIENTATIONS
    assert (match.known_share or 0) > 0.8


@pytest.mark.parametrize(("top", "left"), [(45, 0), (0, 60), (25, 30)])
def test_a_clip_between_plain_bars_is_found(
    decoder: Decoder, known: KnownHashes, top: int, left: int
) -> None:
    barred = []
    for frame in moving(STREET, seconds=LONG_S):
        inside = cv2.resize(frame, (320 - 2 * left, 240 - 2 * top))
        barred.append(cv2.copyMakeBorder(inside, top, top, left, left, cv2.BORDER_CONSTANT))
    match = found(known, hashed(decoder, (np.asarray(each, np.uint8) for each in barred), crf=30))
    assert (match.kind, match.part) == ("vpdq", "inside_border")
    assert (match.known_share or 0) > 0.8
    assert (match.medium_share or 0) > 0.8


def test_another_clip_is_not_found(decoder: Decoder, known: KnownHashes) -> None:
    assert known.search(UNKNOWN, video=hashed(decoder, moving(PARK, seconds=20))) == ()


def test_black_frames_in_common_are_nothing_in_common(decoder: Decoder) -> None:
    one = hashed(decoder, [*plain(0, seconds=3), *moving(STREET, seconds=5)])
    other = hashed(decoder, [*plain(0, seconds=3), *moving(PARK, seconds=5)])
    assert KnownHashes([entry(one)]).search(UNKNOWN, video=other) == ()


def test_an_opening_sign_in_common_is_no_match(decoder: Decoder) -> None:
    sign = photograph("page")
    one = hashed(decoder, [*still(sign, seconds=2), *moving(STREET, seconds=LONG_S)])
    other = hashed(decoder, [*still(sign, seconds=2), *moving(PARK, seconds=LONG_S)])
    assert KnownHashes([entry(one)]).search(UNKNOWN, video=other) == ()
    assert scenes_in(one.upright) > 3


def test_a_video_of_one_unmoving_scene_is_found_again(decoder: Decoder) -> None:
    """Most that is recorded by a camera on a table: every frame is like every other."""
    scene = still(photograph("astronaut"), seconds=8)
    known = KnownHashes([entry(hashed(decoder, scene))])
    longer = [
        *moving(PARK, seconds=12),
        *still(photograph("astronaut"), seconds=6),
        *moving(PARK, seconds=8, begin_s=13),
    ]
    match = found(known, hashed(decoder, longer, crf=32))
    assert (match.kind, match.known_share) == ("vpdq", 1.0)
    assert match.band == "moderate", "one scene alone is never strong"


def test_a_known_picture_is_found_as_a_frame(decoder: Decoder) -> None:
    picture = photograph("coffee")
    hashes = hash_medium(b"", Picture(picture.copy()))
    known = KnownHashes([GalleryHash("ada", "photo", None, hashes.pdq, hashes.pdq_quality)])
    clip = [*moving(PARK, seconds=4), *still(picture, seconds=2), *moving(PARK, seconds=4)]
    match = found(known, hashed(decoder, clip, crf=30))
    assert (match.kind, match.band) == ("pdq", "strong")
    assert 3_500 <= (match.at_ms or 0) <= 6_500


def test_a_picture_that_is_a_frame_of_a_known_video_is_found(known: KnownHashes) -> None:
    (frame,) = list(moving(STREET, seconds=0.1, begin_s=5.0))
    preview = Picture(np.ascontiguousarray(cv2.resize(frame, (640, 480))))
    (match,) = known.search(hash_medium(b"", preview), pdq_orientations(preview))
    assert (match.kind, match.known_ref, match.band) == ("pdq", "clip", "strong")
    mirrored = Picture(np.ascontiguousarray(preview.pixels[:, ::-1]))
    (match,) = known.search(hash_medium(b"", mirrored), pdq_orientations(mirrored))
    assert match.orientation == "mirrored"


def test_a_still_of_a_known_video_that_was_made_into_a_video_is_found(
    decoder: Decoder, known: KnownHashes
) -> None:
    (frame,) = list(moving(STREET, seconds=0.1, begin_s=5.0))
    match = found(known, hashed(decoder, still(frame, seconds=6)))
    assert (match.kind, match.band) == ("pdq", "strong")


def test_what_was_kept_of_a_video_seen_before_is_compared_as_well(
    decoder: Decoder, known: KnownHashes, street: VideoHashes
) -> None:
    match = found(known, VideoHashes.of_frames(street.frames))
    assert (match.kind, match.known_share, match.medium_share) == ("vpdq", 1.0, 1.0)
    mirrored = hashed(decoder, (frame[:, ::-1] for frame in moving(STREET, seconds=LONG_S)))
    assert found(known, VideoHashes.of_frames(mirrored.frames)).orientation == "mirrored"
    assert len(VideoHashes.of_frames(())) == 0


def test_people_who_are_hidden_or_not_asked_for_are_not_answered(street: VideoHashes) -> None:
    known = KnownHashes([entry(street, "ada"), entry(street, "bea", "hers")])
    assert {match.person_ref for match in known.search(UNKNOWN, video=street)} == {"ada", "bea"}
    (match,) = known.search(UNKNOWN, video=street, only_person="bea")
    assert match.person_ref == "bea"
    (match,) = known.search(UNKNOWN, video=street, hidden=frozenset({"bea"}))
    assert match.person_ref == "ada"


def test_each_known_video_is_answered_once_at_its_best(
    decoder: Decoder, street: VideoHashes
) -> None:
    park = hashed(decoder, moving(PARK, seconds=LONG_S))
    known = KnownHashes([entry(street, ref="street"), entry(park, ref="park")])
    both = hashed(decoder, [*moving(STREET, seconds=LONG_S), *moving(PARK, seconds=LONG_S)])
    matches = known.search(UNKNOWN, video=both)
    assert {match.known_ref: match.kind for match in matches} == {"street": "vpdq", "park": "vpdq"}


def test_a_video_without_a_usable_frame_matches_nothing(
    decoder: Decoder, known: KnownHashes
) -> None:
    blank = hashed(decoder, plain(120, seconds=3))
    assert len(blank) == 0
    assert blank.sampled > 0
    assert blank.frames == ()
    assert known.search(UNKNOWN, video=blank) == ()


def test_nothing_known_finds_nothing(street: VideoHashes) -> None:
    assert KnownVideos([]).search(street) == ()
    assert KnownHashes([]).search(UNKNOWN, video=street) == ()


def likeness(**changed: object) -> Likeness:
    usual: dict[str, object] = {
        "video": 0,
        "orientation": "upright",
        "known_share": 0.5,
        "medium_share": 0.1,
        "scenes": 4,
        "distance": 4,
        "at_ms": 0,
        "known_is_one_scene": False,
    }
    return Likeness(**(usual | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "is_match"),
    [
        ({}, True),
        ({"known_share": 0.1, "medium_share": 0.5}, True),
        ({"known_share": MIN_SHARE - 0.01}, False),
        ({"known_share": 0.1, "scenes": 8}, True),
        ({"scenes": 1, "known_share": 0.9}, False),
        ({"scenes": 1, "known_share": 0.9, "known_is_one_scene": True}, True),
        ({"scenes": 1, "known_share": 0.9, "known_is_one_scene": True, "distance": 16}, False),
        ({"scenes": 1, "known_share": 0.4, "known_is_one_scene": True}, False),
    ],
)
def test_what_makes_a_match(changed: dict[str, object], is_match: bool) -> None:
    assert likeness(**changed).is_match is is_match


@pytest.mark.parametrize(
    ("changed", "band"),
    [
        ({"known_share": 0.9}, "strong"),
        ({"known_share": 0.9, "scenes": 2}, "moderate"),
        ({"known_share": 0.6}, "moderate"),
        ({"known_share": 0.6, "distance": 16}, "weak"),
        ({"known_share": 0.3}, "weak"),
    ],
)
def test_how_well_a_match_is_supported(changed: dict[str, object], band: str) -> None:
    assert likeness(**changed).band == band


def sample_videos() -> dict[str, VideoHashes]:
    if not SAMPLES.is_dir():
        pytest.skip("ThreatExchange's sample hashes are not beside this checkout")
    videos = {}
    for path in sorted(SAMPLES.glob("*.txt")):
        rows = [line.split(",") for line in path.read_text().split()]
        by_second = {int(float(row[3]) + 1e-6): row for row in reversed(rows)}
        usable = {at: row for at, row in sorted(by_second.items()) if int(row[1]) >= 50}
        frames = [FrameHash(at * 1000, row[2], int(row[1])) for at, row in usable.items()]
        videos[path.stem] = VideoHashes.of_frames(frames)
    return videos


def test_the_reference_hashes_of_edited_clips_match_and_those_of_others_do_not() -> None:
    videos = sample_videos()
    known = KnownVideos([video.upright for video in videos.values()])
    names = list(videos)
    for name, video in videos.items():
        alike = {names[each.video]: each for each in known.search(video)}
        assert alike[name].is_match
        for other, each in alike.items():
            assert each.is_match is False or name.split("-")[0] == other.split("-")[0]
        twin = f"{name}-128x128"
        if twin in alike:
            assert alike[twin].is_match, "the same clip, hashed from smaller frames"
