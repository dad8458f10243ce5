"""The examiner's own process with videos: hashed by their frames, never taken for a photo."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from indexer.examiner.client import ExaminerClient
from indexer.examiner.protocol import GalleryHash, Hello
from indexer.hashing import FrameHasher
from indexer.media import Sample
from tests.fixtures.clips import STREET, encoded, moving, photograph


@pytest.fixture(scope="module")
def client() -> Iterator[ExaminerClient]:
    with ExaminerClient.start(Hello(pack=None, models_dir="")) as started:
        yield started


@pytest.fixture(scope="module")
def clip() -> bytes:
    return encoded(moving(STREET, seconds=6))


def test_a_video_is_hashed_by_the_frames_of_its_moments(
    client: ExaminerClient, clip: bytes
) -> None:
    hashed = client.hash(clip)
    assert (hashed.kind, hashed.refusal) == ("video", None)
    assert [frame.at_ms for frame in hashed.frames] == [0, 1000, 2000, 3000, 4000, 5000]
    assert hashed.hashes is not None
    assert hashed.hashes.pdq is None


def test_a_video_is_no_reference_photo(client: ExaminerClient, clip: bytes) -> None:
    enrolled = client.enrol(clip)
    assert enrolled.vector is None
    assert enrolled.hashes is None
    assert enrolled.refusal is not None
    assert enrolled.refusal.code == "unreadable"
    assert "please take a photo" in enrolled.refusal.message


def test_a_known_video_is_found_across_the_process_border(
    client: ExaminerClient, clip: bytes
) -> None:
    frames = tuple(frame.pdq for frame in client.hash(clip).frames)
    known = [GalleryHash("ada", "clip", None, None, None, frames)]
    client.load_gallery(1, None, (), known)
    copy = encoded(moving(STREET, seconds=5, begin_s=0.7), "libvpx-vp9", "webm", crf=40)
    examination = client.examine(copy)
    (finding,) = examination.findings
    (match,) = finding.hashes
    assert (match.kind, match.known_ref) == ("vpdq", "clip")
    assert len(examination.frame_hashes) == 5
    client.mask_person("ada")
    assert client.examine(copy).findings == ()


def test_a_video_that_is_tried_again_is_hashed_once() -> None:
    hasher = FrameHasher()
    grey = np.ascontiguousarray(photograph("coffee")[..., 0])
    for number in (0, 1, 2, 0, 1):
        frame = np.roll(grey, 40 * number, axis=1)
        hasher.look(Sample(number, 1000 * number, True, frame))
    hashes = hasher.hashes()
    assert hashes.sampled == 2
    assert list(hashes.at_ms) == [0, 1000]
