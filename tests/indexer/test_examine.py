"""The line through all the rooms, with real decoder, models, hashes and pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
import pytest
from PIL import Image

from indexer.examine import Eyes, examine
from indexer.examiner.protocol import GalleryHash, Reference
from indexer.faces import FaceEngine
from indexer.hashing import FrameHasher, KnownHashes, hash_medium, known_parts, large_parts
from indexer.media import Decoder, MediaLimits, Medium
from indexer.media.picture import Pixels
from indexer.observations import Examination, Shown
from indexer.watchlist import WatchedTemplate, Watchlist
from tests.fixtures.clips import STREET, encoded, moving, sound_only, still
from tests.fixtures.photographs import (
    astronaut,
    beside,
    group,
    jpeg,
    landscape,
    picture,
    resized,
)


@dataclass
class Album:
    """Reference photos of people, and who was asked for."""

    photos: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def of(self, person_ref: str) -> Sequence[Reference]:
        self.asked.append(person_ref)
        content = self.photos.get(person_ref)
        return () if content is None else (Reference(f"photo of {person_ref}", content),)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as opened:
        yield opened


def known(content: bytes, pixels: Pixels, person: str = "ada") -> KnownHashes:
    hashes = hash_medium(content, picture(pixels))
    return KnownHashes(
        [GalleryHash(person, "known picture", hashes.sha256, hashes.pdq, hashes.pdq_quality)]
    )


@pytest.fixture(scope="module")
def eyes(engine: FaceEngine, decoder: Decoder) -> Eyes:
    return Eyes(decoder=decoder, engine=engine)


@pytest.fixture
def watchlist(engine: FaceEngine) -> Watchlist:
    return Watchlist.build(
        [WatchedTemplate("ada", "one", engine.enrol(picture(astronaut())))],
        model=engine.model,
        calibration=engine.pack.calibration,
        change=5,
    )


def test_an_enrolled_face_is_found_and_everybody_else_is_a_number(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    album = Album({"ada": jpeg(astronaut())})
    crowd = beside(resized(group(), 0.5), astronaut()[:, ::-1], height_px=700)
    examination = examine(Medium(jpeg(crowd, 60)), watchlist, album, eyes=eyes)
    assert examination.kind == "still"
    assert examination.faces_counted == 7
    assert examination.watchlist_change == 5
    assert examination.model == watchlist.model
    (finding,) = examination.findings
    (face,) = finding.faces
    assert finding.person_ref == face.person_ref == "ada"
    assert face.similarity > 0.7
    assert face.band == "strong"
    assert face.box.left_px > crowd.shape[1] / 2, "her place, not a stranger's"
    with Image.open(io.BytesIO(face.face_crop_png)) as crop:
        assert (crop.size, crop.mode) == ((112, 112), "L")
    assert album.asked == ["ada"]


def test_an_examination_has_no_room_for_a_vector_or_a_strangers_box(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    examination = examine(Medium(jpeg(group())), watchlist, Album(), eyes=eyes)
    assert examination.faces_counted == 6
    assert examination.findings == ()
    assert len(examination.pdq_orientations) == 8, "of the picture, not of a face"
    without = msgspec.structs.replace(examination, pdq_orientations=())
    assert len(msgspec.msgpack.encode(without)) < 128 * 4, "a vector of 128 numbers is longer"


def test_references_are_asked_for_only_after_a_hit(eyes: Eyes, watchlist: Watchlist) -> None:
    album = Album({"ada": jpeg(astronaut())})
    for pixels in (group(), landscape()):
        examine(Medium(jpeg(pixels)), watchlist, album, eyes=eyes)
    assert album.asked == []


def test_her_own_photo_with_a_changed_part_is_told_from_an_unchanged_one(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    album = Album({"ada": jpeg(astronaut(), 95)})
    changed = astronaut().copy()
    changed[320:470, 150:330] = landscape()[100:250, 100:280]
    (altered,) = examine(Medium(jpeg(changed)), watchlist, album, eyes=eyes).findings
    assert altered.manipulation.band in {"strong_signs", "moderate_signs"}
    (comparison,) = altered.manipulation.comparisons
    assert comparison.verdict == "altered"
    assert comparison.map_png is not None
    (same,) = examine(Medium(jpeg(astronaut(), 70)), watchlist, album, eyes=eyes).findings
    assert same.manipulation.band == "no_trace_found"


def test_a_reference_photo_that_cannot_be_read_is_said_and_not_fatal(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    album = Album({"ada": b"this is no photo"})
    (finding,) = examine(Medium(jpeg(astronaut())), watchlist, album, eyes=eyes).findings
    (comparison,) = finding.manipulation.comparisons
    assert comparison.verdict == "not_decidable"
    assert "could not be read" in comparison.reasons[0]


def test_without_references_the_finding_says_what_was_not_looked_at(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    (finding,) = examine(Medium(jpeg(astronaut())), watchlist, eyes=eyes).findings
    assert finding.manipulation.band == "not_assessable"
    assert finding.manipulation.parts_not_looked_at


def test_with_face_matching_off_hashes_and_comparison_still_work(decoder: Decoder) -> None:
    content = jpeg(landscape())
    eyes = Eyes(decoder=decoder, known=known(content, landscape()))
    album = Album({"ada": content})
    mirrored = jpeg(resized(landscape(), 0.7)[:, ::-1], 60)
    for medium, kind in ((content, "sha256"), (mirrored, "pdq")):
        examination = examine(Medium(medium), Watchlist.empty(3), album, eyes=eyes)
        assert examination.model is None
        assert examination.faces_counted == 0
        (finding,) = examination.findings
        assert finding.faces == ()
        assert [hit.kind for hit in finding.hashes] == [kind]
        assert finding.hashes[0].known_ref == "known picture"
        assert finding.manipulation.comparisons[0].reference_ref == "photo of ada"
    nothing = examine(Medium(jpeg(astronaut())), Watchlist.empty(), album, eyes=eyes)
    assert (nothing.faces_counted, nothing.findings) == (0, ())


def test_a_face_and_a_hash_of_one_person_are_one_finding(
    engine: FaceEngine, decoder: Decoder, watchlist: Watchlist
) -> None:
    content = jpeg(astronaut())
    eyes = Eyes(decoder=decoder, engine=engine, known=known(content, astronaut()))
    (finding,) = examine(Medium(content), watchlist, eyes=eyes).findings
    assert len(finding.faces) == 1
    assert len(finding.hashes) == 1


def test_a_masked_person_is_found_by_neither_face_nor_hash(
    engine: FaceEngine, decoder: Decoder, watchlist: Watchlist
) -> None:
    content = jpeg(astronaut())
    eyes = Eyes(decoder=decoder, engine=engine, known=known(content, astronaut()))
    watchlist.mask("ada")
    album = Album()
    assert examine(Medium(content), watchlist, album, eyes=eyes).findings == ()
    assert album.asked == []


def test_a_restricted_examination_answers_about_one_person_only(
    engine: FaceEngine, decoder: Decoder, watchlist: Watchlist
) -> None:
    content = jpeg(astronaut())
    eyes = Eyes(decoder=decoder, engine=engine, known=known(content, astronaut(), "bea"))
    both = examine(Medium(content), watchlist, eyes=eyes)
    assert [finding.person_ref for finding in both.findings] == ["ada", "bea"]
    for person in ("ada", "bea"):
        only = examine(Medium(content), watchlist, eyes=eyes, only_person=person)
        assert [finding.person_ref for finding in only.findings] == [person]
    assert examine(Medium(content), watchlist, eyes=eyes, only_person="eve").findings == ()


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty"), (b"<html>not a picture</html>", "not_a_picture"), (b"cut", "truncated")],
)
def test_what_cannot_be_decoded_keeps_its_digest_and_says_why(
    eyes: Eyes, watchlist: Watchlist, content: bytes, code: str
) -> None:
    medium = Medium(jpeg(astronaut())[:20_000] if content == b"cut" else content)
    examination = examine(medium, watchlist, eyes=eyes)
    assert examination.refusal is not None
    assert examination.refusal.code == code
    assert examination.kind == "unreadable"
    assert examination.hashes == hash_medium(medium.content, None)


def test_a_known_file_is_found_by_its_digest_even_when_it_cannot_be_decoded(
    decoder: Decoder,
) -> None:
    content = jpeg(astronaut())[:20_000]
    digest = hash_medium(content, None).sha256
    eyes = Eyes(
        decoder=decoder, known=KnownHashes([GalleryHash("ada", "known", digest, None, None)])
    )
    examination = examine(Medium(content), Watchlist.empty(), eyes=eyes)
    assert examination.refusal is not None
    (finding,) = examination.findings
    assert finding.hashes[0].kind == "sha256"
    assert finding.manipulation.band == "not_assessable"


def test_every_frame_of_an_animation_is_looked_at(eyes: Eyes, watchlist: Watchlist) -> None:
    frames = [Image.fromarray(resized(pixels, 0.8)) for pixels in (landscape(), astronaut())]
    frames = [frame.resize((480, 480)) for frame in (frames[0], frames[1], frames[1], frames[1])]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], duration=200, quality=90)
    examination = examine(Medium(file.getvalue()), watchlist, eyes=eyes)
    assert examination.kind == "animation"
    assert examination.frames_examined >= 2
    (finding,) = examination.findings
    assert finding.faces[0].frame_index >= 1
    assert len(finding.faces) <= 3
    similarities = [face.similarity for face in finding.faces]
    assert similarities == sorted(similarities, reverse=True)


def test_expected_chance_matches_count_all_faces_of_the_medium(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    def expected(pixels: Pixels) -> tuple[float, int]:
        examination: Examination = examine(Medium(jpeg(pixels)), watchlist, eyes=eyes)
        (finding,) = examination.findings
        return finding.faces[0].expected_chance_matches, examination.faces_counted

    alone, one = expected(astronaut())
    crowded, many = expected(beside(astronaut(), group()))
    assert one == 1
    assert many == 7
    # Both similarities are so high that the rate is at its floor.
    assert crowded == pytest.approx(alone * 7)


def test_a_plain_call_opens_the_watchlists_own_pack(
    watchlist: Watchlist, monkeypatch: pytest.MonkeyPatch, eyes: Eyes
) -> None:
    opened: list[object] = []

    def eyes_for(model: object) -> Eyes:
        opened.append(model)
        return eyes

    monkeypatch.setattr("indexer.examine.eyes_for", eyes_for)
    assert len(examine(Medium(jpeg(astronaut())), watchlist).findings) == 1
    assert opened == [watchlist.model]


def test_an_examination_survives_the_wire(eyes: Eyes, watchlist: Watchlist) -> None:
    examination = examine(Medium(jpeg(astronaut())), watchlist, eyes=eyes)
    sent = msgspec.msgpack.encode(examination)
    assert msgspec.msgpack.decode(sent, type=Examination) == examination


def test_a_flat_picture_is_nobody(eyes: Eyes, watchlist: Watchlist) -> None:
    grey = np.full((300, 300, 3), 127, np.uint8)
    assert examine(Medium(jpeg(grey)), watchlist, eyes=eyes).findings == ()


def test_a_video_is_looked_at_for_faces_and_for_known_videos(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    content = encoded(still(astronaut(), seconds=6, size=(512, 512)), crf=20)
    hasher = FrameHasher()
    eyes.decoder.decode(Medium(content), hasher.look)
    frames = tuple(frame.pdq for frame in hasher.hashes().frames)
    known = KnownHashes([GalleryHash("bea", "her clip", None, None, None, frames)])
    again = encoded(still(astronaut(), seconds=10, size=(400, 400)), "libvpx-vp9", "webm")
    examination = examine(Medium(again), watchlist, eyes=replace(eyes, known=known))
    assert (examination.kind, examination.refusal) == ("video", None)
    assert (examination.width_px, examination.height_px) == (400, 400)
    assert examination.faces_counted == 1, "a face that stays is one"
    assert examination.hashes.pdq is None
    assert examination.pdq_orientations == ()
    assert len(examination.frame_hashes) >= 1
    assert examination.duration_ms == examination.looked_ms == 10_000
    assert examination.frames_total == 100
    assert examination.frames_examined >= 70
    assert examination.left_out == ""
    ada, bea = examination.findings
    assert ada.person_ref == "ada"
    (face,) = ada.faces
    assert face.frame_index < 100
    assert (face.from_ms, face.to_ms) == (0, 9000)
    assert face.at_ms is not None
    assert 0 <= face.at_ms <= 9000
    assert face.frames >= 10
    assert ada.shown == (Shown(0, 9000),)
    (match,) = bea.hashes
    assert (match.kind, match.known_ref, match.known_share) == ("vpdq", "her clip", 1.0)


def test_a_face_that_is_shown_for_two_seconds_is_found_with_its_time(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    def clip() -> Iterator[Pixels]:
        yield from moving(("coffee", "rocket"), seconds=11.3, size=(512, 384))
        yield from still(astronaut()[:384], seconds=2, size=(512, 384))
        yield from moving(("chelsea",), seconds=3, size=(512, 384))
        yield from still(astronaut()[:384, ::-1], seconds=1, size=(512, 384))
        yield from moving(("rocket",), seconds=3, size=(512, 384))

    examination = examine(Medium(encoded(clip(), g=250)), watchlist, eyes=eyes)
    (finding,) = examination.findings
    assert len(finding.faces) == 2
    first, second = finding.shown
    assert 11_300 <= first.from_ms <= 11_400
    assert 12_800 <= first.to_ms <= 13_300
    assert 16_300 <= second.from_ms <= 16_400
    assert second.to_ms <= 17_300
    best = finding.faces[0]
    assert best.at_ms is not None
    assert best.frame_index == pytest.approx(best.at_ms / 100, abs=1)


def test_the_frame_of_the_best_face_is_compared_with_reference_photos(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    def clip() -> Iterator[Pixels]:
        yield from moving(("coffee", "rocket"), seconds=10, size=(512, 512))
        yield from still(astronaut(), seconds=1, size=(512, 512))
        yield from moving(("rocket",), seconds=9, size=(512, 512))

    album = Album({"ada": jpeg(astronaut())})
    examination = examine(Medium(encoded(clip(), crf=18)), watchlist, album, eyes=eyes)
    (finding,) = examination.findings
    (comparison,) = finding.manipulation.comparisons
    assert comparison.verdict == "same_photo"


def test_faces_of_a_video_are_looked_for_as_long_as_allowed_and_that_is_said(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    content = encoded(still(astronaut(), seconds=8, size=(320, 320)))
    with Decoder(MediaLimits(faces_seconds=1e-6)) as hurried:
        examination = examine(Medium(content), watchlist, eyes=replace(eyes, decoder=hurried))
    assert examination.faces_counted == 1, "the first frame was looked at"
    assert "looking for faces in it took too long" in examination.left_out
    assert len(examination.frame_hashes) >= 1, "hashes are made all the same"


def test_a_broken_off_video_says_what_was_not_there(eyes: Eyes, watchlist: Watchlist) -> None:
    content = encoded(moving(STREET, seconds=10), container="matroska", g=10)
    examination = examine(Medium(content[: len(content) // 2]), watchlist, eyes=eyes)
    assert examination.kind == "video"
    assert 2_000 < examination.duration_ms < 8_000
    assert "incomplete" in examination.left_out


def test_sound_in_a_container_of_videos_is_refused_and_keeps_its_hash(
    eyes: Eyes, watchlist: Watchlist
) -> None:
    examination = examine(Medium(sound_only()), watchlist, eyes=eyes)
    assert examination.kind == "unreadable"
    assert examination.refusal is not None
    assert examination.refusal.code == "no_pictures_in_video"
    assert len(examination.hashes.sha256) == 64


def test_a_crop_between_bars_is_found_by_the_parts_of_a_known_picture(decoder: Decoder) -> None:
    parts = known_parts(picture(astronaut()))
    known_picture = GalleryHash("ada", "known picture", None, None, None, parts=parts)
    eyes = Eyes(decoder=decoder, known=KnownHashes([known_picture]))
    crop = np.pad(astronaut()[:, 90:], ((80, 80), (0, 0), (0, 0)), constant_values=255)
    examination = examine(Medium(jpeg(crop)), Watchlist.empty(), eyes=eyes)
    (finding,) = examination.findings
    (match,) = finding.hashes
    assert (match.kind, match.part, match.known_ref) == ("pdq_part", "cut_out", "known picture")
    assert match.known_share == pytest.approx(422 / 512, abs=0.05)
    # what is kept of the medium, to find its own copies: nothing that is a small part of it
    assert examination.parts == large_parts(examination.parts)
    assert examination.parts


def test_nothing_is_kept_of_the_parts_of_a_medium_that_shows_nobody(decoder: Decoder) -> None:
    parts = known_parts(picture(astronaut()))
    known_picture = GalleryHash("ada", "known picture", None, None, None, parts=parts)
    eyes = Eyes(decoder=decoder, known=KnownHashes([known_picture]))
    examination = examine(Medium(jpeg(landscape())), Watchlist.empty(), eyes=eyes)
    assert (examination.findings, examination.parts) == ((), ())
