"""Fingerprints of pictures, made in a real browser: the right ones, and the picture stays there."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import logging
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import cv2
import msgspec
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Route

from indexer.examiner.protocol import GalleryHash
from indexer.hashing import (
    FrameHasher,
    KnownHashes,
    hash_medium,
    known_parts,
    medium_parts,
    pdq_orientations,
)
from indexer.media import Decoder, Medium
from indexer.media.picture import Picture
from indexer.observations import HashMatch, MediaHashes, PartHash
from service.accounts.actor import Actor
from tests.end_to_end.hashing_page import (
    SKIMAGE,
    BrowserMemory,
    HashingPage,
    clip,
    distance,
    frames_of,
    photo,
    pixels_of,
    reference_pdq,
    save,
    served,
)
from tests.fixtures.clips import encoded
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import SqliteTemplate
from tests.fixtures.recording_relay import RecordingRelay
from tests.service.enrolment.people_factory import House, make_house, make_person

pytestmark = [pytest.mark.browser, pytest.mark.slow]

figures = logging.getLogger(__name__)
MAX_DISTANCE = 10
MAX_MEDIAN_DISTANCE = 2
STATIC = Path(__file__).parents[2] / "service" / "web" / "static" / "hashing"


@pytest.fixture(scope="module")
def house(
    sqlite_template: SqliteTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    made = make_house(sqlite_template.new_migrated_url(folder), folder, SettableClock())
    yield made
    made.rooms.close()


@pytest.fixture(scope="module")
def relay(house: House) -> Iterator[RecordingRelay]:
    with served(house) as port, RecordingRelay(port) as running:
        yield running


@pytest.fixture(scope="module")
def one_minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("clip") / "clip.webm"
    if not clip(file, 60):
        pytest.skip("OpenCV cannot write VP8 here, so there is no clip to try")
    return file


@pytest.fixture
def robin(house: House) -> Actor:
    return make_person(house, photos=(), faces=False)[0]


@pytest.fixture
def page(
    browser: Browser, relay: RecordingRelay, house: House, robin: Actor
) -> Iterator[HashingPage]:
    opened = HashingPage(browser, relay.url, house, robin)
    opened.open()
    yield opened
    opened.close()


def crawled(known: GalleryHash, file: Path) -> HashMatch:
    """What a crawl finds of the clip, cut by a part of a second, smaller and encoded anew."""
    pixels = (cv2.resize(each, (320, 180)) for each in frames_of(file, np.arange(0.4, 59.0, 0.2)))
    copy = encoded((np.asarray(each, np.uint8) for each in pixels), rate=5, crf=30)
    hasher = FrameHasher()
    with Decoder() as decoder:
        decoder.decode(Medium(copy), hasher.look)
    (match,) = KnownHashes([known]).search(MediaHashes("0" * 64), video=hasher.hashes())
    return match


def gallery_of(house: House, person: Actor) -> list[GalleryHash]:
    with house.rooms.database.read() as session:
        entries = house.rooms.hashbank.hashes_for_gallery(session)
    return [entry for entry in entries if entry.person_ref == str(person.person_id)]


def distances_of(
    page: HashingPage, files: list[Path], expected: list[str], what: str, size: str = "full"
) -> list[int]:
    """Each within the distance that the reference implementations keep among each other."""
    found = page.hash_all(files, size)
    distances = [distance(pdq, hx) for (pdq, _), hx in zip(found, expected, strict=True)]
    figures.info("%s: %d pictures, bits apart: %s", what, len(distances), sorted(distances))
    named = dict(zip((file.name for file in files), distances, strict=True))
    assert max(distances) <= MAX_DISTANCE, named
    return distances


def test_the_hashes_are_those_of_pdqhash(page: HashingPage, tmp_path: Path) -> None:
    astronaut, noise = photo("astronaut.png"), np.random.default_rng(7)
    patches = noise.integers(0, 255, (12, 9, 3), dtype=np.uint8)
    see_through = astronaut.convert("RGBA")
    see_through.putalpha(photo("camera.png", astronaut.size).convert("L"))
    files = [
        *(SKIMAGE / f"{name}.png" for name in ("astronaut", "chelsea", "coffee", "camera", "page")),
        SKIMAGE / "rocket.jpg",
        save(astronaut, tmp_path / "strong.jpg", quality=30),
        save(astronaut, tmp_path / "progressive.jpg", quality=90, progressive=True),
        save(astronaut, tmp_path / "a.webp", quality=80),
        save(astronaut.quantize(64), tmp_path / "palette.png"),
        save(see_through, tmp_path / "see-through.png"),
        *(
            save(
                Image.fromarray(patches).resize(size_px, Image.Resampling.BICUBIC),
                tmp_path / f"patches-{size_px[0]}.png",
            )
            for size_px in ((5, 5), (63, 65), (64, 64), (129, 301), (700, 127), (2053, 1031))
        ),
    ]
    references = [reference_pdq(pixels_of(file.read_bytes())) for file in files]
    expected = [pdq for pdq, _ in references]
    distances = distances_of(page, files, expected, "pdqhash, pictures of this test")
    assert statistics.median(distances) <= MAX_MEDIAN_DISTANCE
    qualities = [quality for _, quality in page.hash_all(files)]
    pairs = zip(qualities, (quality for _, quality in references), strict=True)
    assert all(abs(one - other) <= 1 for one, other in pairs)


def test_the_shrunk_hashes_are_those_of_crawled_media(page: HashingPage, tmp_path: Path) -> None:
    sizes_px = ((1600, 1000), (700, 300), (300, 900), (513, 1025), (2000, 3000))
    files = [
        save(photo(name, size_px), tmp_path / f"{size_px[0]}-{name}")
        for name in ("coffee.png", "chelsea.png")
        for size_px in sizes_px
    ]
    crawled = [hash_medium(b"", Picture(pixels_of(file.read_bytes()))).pdq or "" for file in files]
    distances = distances_of(page, files, crawled, "crawled media", "small")
    assert max(distances) <= 2 * MAX_MEDIAN_DISTANCE
    assert statistics.median(distances) <= MAX_MEDIAN_DISTANCE


def test_the_parts_are_those_by_which_crawled_media_are_looked_up(
    page: HashingPage, tmp_path: Path
) -> None:
    sizes_px = ((512, 512), (1600, 1000), (300, 900), (140, 100))
    files = [
        save(photo(name, size_px), tmp_path / f"{size_px[0]}-{name}")
        for name in ("coffee.png", "astronaut.png")
        for size_px in sizes_px
    ]
    page.choose(*files)
    bits, found, expected = [], 0, 0
    for file, medium in zip(files, page.made, strict=True):
        made = {edges_of(part): part["pdq"] for part in medium["parts"]}
        pixels = pixels_of(file.read_bytes())
        known = {
            edges_of(msgspec.to_builtins(part)): part.pdq for part in known_parts(Picture(pixels))
        }
        same = made.keys() & known.keys()
        bits += [distance(made[edges], known[edges]) for edges in same]
        found, expected = found + len(same), expected + len(known)
        crop = medium_parts(Picture(np.ascontiguousarray(pixels[:, pixels.shape[1] // 5 :])))
        index = KnownHashes([GalleryHash("robin", "it", None, None, None, parts=parts_in(medium))])
        (match,) = index.search(MediaHashes("f" * 64), parts=crop)
        assert match.part == "cut_out", file.name
    figures.info("parts: %d of %d boxes the same; bits apart: %s", found, expected, sorted(bits))
    assert found >= 0.9 * expected
    assert statistics.median(bits) <= MAX_MEDIAN_DISTANCE
    assert statistics.quantiles(bits, n=20)[-1] <= MAX_DISTANCE


def test_a_picture_is_hashed_turned_and_mirrored_in_all_eight_ways(
    page: HashingPage, tmp_path: Path
) -> None:
    files = [
        save(photo(name, size_px), tmp_path / f"{size_px[0]}-{name}")
        for name in ("coffee.png", "astronaut.png")
        for size_px in ((512, 512), (1600, 1000), (301, 900))
    ]
    page.choose(*files)
    bits = []
    for file, medium in zip(files, page.made, strict=True):
        known = pdq_orientations(Picture(pixels_of(file.read_bytes()))).in_order
        assert len(medium["turned"]) == len(known)
        assert medium["turned"][0] == medium["frames"][-1]["pdq"], "the shrunk picture's own"
        bits += [distance(one, other) for one, other in zip(medium["turned"], known, strict=True)]
    figures.info("turned: bits apart: %s", sorted(bits))
    assert statistics.median(bits) <= MAX_MEDIAN_DISTANCE
    assert max(bits) <= MAX_DISTANCE


def edges_of(part: dict[str, Any]) -> tuple[int, int, int, int]:
    return part["left"], part["top"], part["right"], part["bottom"]


def parts_in(medium: dict[str, Any]) -> tuple[PartHash, ...]:
    return tuple(msgspec.convert(part, PartHash) for part in medium["parts"])


def test_the_hashes_are_those_of_the_reference_vectors(
    page: HashingPage, shared_data: Path
) -> None:
    root = shared_data / "hashing" / "pdq"
    if not root.is_dir():
        pytest.skip(f"there are no reference vectors of PDQ in {root}")
    data = root / "data"
    expected = {}
    with (root / "dihedral_expected_from_cpp_README.csv").open() as rows:
        for pdq, path in csv.reader(rows):
            expected[data / path.replace("reg_test/input", "reg-test-input")] = pdq
    with (root / "wasm" / "test" / "TestData" / "PDQMD5TestData.csv").open() as rows:
        for path, value in list(csv.reader(rows))[1:]:
            expected[data / path.rpartition("/data/")[2].removeprefix("../../../../data/")] = value
    known = {file: pdq for file, pdq in expected.items() if file.is_file() and len(pdq) == 64}
    assert len(known) >= 20
    # these come from implementations that differ among each other: some shrink the picture first
    published = distances_of(page, list(known), list(known.values()), "published vectors")
    shrunk = [pdq for pdq, _ in page.hash_all(list(known), "small")]
    pairs = zip(published, shrunk, known.values(), strict=True)
    closer = [min(far, distance(pdq, expected)) for far, pdq, expected in pairs]
    figures.info("published vectors, the closer of our two hashes: %s", sorted(closer))
    assert statistics.median(closer) <= MAX_MEDIAN_DISTANCE

    endings = {".jpg", ".png", ".webp"}
    pictures = [file for file in sorted(data.rglob("*")) if file.suffix in endings]
    by_pdqhash = [reference_pdq(pixels_of(file.read_bytes()))[0] for file in pictures]
    exact = distances_of(page, pictures, by_pdqhash, "pdqhash, the references' pictures")
    assert statistics.median(exact) <= MAX_MEDIAN_DISTANCE
    assert statistics.median(published + exact) <= MAX_MEDIAN_DISTANCE


def test_no_byte_of_the_picture_is_sent(
    page: HashingPage, relay: RecordingRelay, house: House, robin: Actor, tmp_path: Path
) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    speckled = Image.blend(
        photo("coffee.png", (600, 400)),
        Image.fromarray(noise).resize((600, 400), Image.Resampling.NEAREST),
        0.3,
    )
    file = save(speckled, tmp_path / "the-name-of-the-file.png")
    content = file.read_bytes()
    sent_before, asked_before = len(relay.sent), len(page.requests)

    page.choose(file)
    (medium,) = page.made
    assert page.said[0].endswith(
        "Ready: copies will be recognised, also smaller or saved anew, and many that are cropped, "
        "framed or in a collage."
    )
    page.must_fit()
    page.shoot("fingerprint-made")
    for each in page.requests[asked_before:]:
        assert each.method == "GET"
        assert each.post_data_buffer is None
        assert each.url.startswith(f"{relay.url}/static/")
    page.fill(note="")
    page.page.locator("#keep-note").fill("from my phone")
    page.press("Keep these fingerprints")
    page.must_see("What is recognised (1)", "from my phone")

    posts = [each for each in page.requests if each.method == "POST"]
    assert [each.url for each in posts] == [f"{relay.url}/my/known/fingerprints"]
    body = parse_qs(posts[0].post_data or "", strict_parsing=True)
    assert set(body) == {"csrf", "media", "note"}
    assert json.loads(body["media"][0]) == [medium]
    assert set(medium) == {"kind", "sha256", "frames", "parts", "turned"}
    edges = {"left", "top", "right", "bottom"}
    assert medium["parts"]
    assert all(set(part) == {"pdq", "quality"} | edges for part in medium["parts"])
    assert all(set(frame) == {"pdq", "quality"} for frame in medium["frames"])

    sent = relay.sent[sent_before:]
    assert len(sent) < len(content) / 10
    assert file.name.encode() not in sent
    for start in range(0, len(content) - 12, 7):
        piece = content[start : start + 12]
        assert piece not in sent
        assert piece.hex().encode() not in sent
    for shift in range(3):
        written = base64.b64encode(content[shift:])
        assert not any(written[at : at + 16] in sent for at in range(0, len(written) - 16, 16))

    entry, shrunk = gallery_of(house, robin)
    expected, quality = reference_pdq(pixels_of(content))
    assert entry.sha256 == hashlib.sha256(content).hexdigest()
    assert entry.pdq is not None
    assert distance(entry.pdq, expected) <= MAX_DISTANCE
    assert entry.pdq_quality == quality
    assert (shrunk.known_ref, shrunk.sha256) == (entry.known_ref, None)
    assert [msgspec.to_builtins(part) for part in entry.parts] == medium["parts"]
    page.nothing_wrong()


def test_no_script_of_the_page_can_connect_to_anything(
    page: HashingPage, relay: RecordingRelay
) -> None:
    refused = page.page.evaluate(
        """async () => {
            const ways = {
              fetch: () => fetch("/help"),
              beacon: async () => { if (!navigator.sendBeacon("/help", "x")) throw new Error(); },
              socket: () => new Promise((resolve, reject) => {
                const socket = new WebSocket(location.origin.replace("http", "ws") + "/help");
                socket.onopen = resolve;
                socket.onerror = reject;
              }),
              source: () => new Promise((resolve, reject) => {
                const source = new EventSource("/help");
                source.onopen = resolve;
                source.onerror = reject;
              }),
            };
            const refused = [];
            for (const [name, way] of Object.entries(ways)) {
              try { await way(); } catch { refused.push(name); }
            }
            return refused;
        }"""
    )
    assert set(refused) >= {"fetch", "socket", "source"}
    assert b" /help HTTP" not in relay.sent


def test_a_picture_is_hashed_upright_as_its_exif_says(page: HashingPage, tmp_path: Path) -> None:
    upright = photo("astronaut.png", (512, 700))
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    file = save(lying, tmp_path / "turned.jpg", quality=95, exif=exif)
    page.choose(file)
    found = page.made[0]["frames"][0]["pdq"]
    assert distance(found, reference_pdq(np.asarray(upright))[0]) <= MAX_DISTANCE
    assert distance(found, reference_pdq(np.asarray(lying))[0]) > 60


def test_a_cmyk_jpeg_is_hashed_as_it_looks(page: HashingPage, tmp_path: Path) -> None:
    file = save(photo("coffee.png").convert("CMYK"), tmp_path / "print.jpg", quality=92)
    page.choose(file)
    expected, _ = reference_pdq(pixels_of(file.read_bytes()))
    assert distance(page.made[0]["frames"][0]["pdq"], expected) <= MAX_DISTANCE


def test_too_little_detail_is_said_and_only_exact_copies_are_kept(
    page: HashingPage, house: House, robin: Actor, tmp_path: Path
) -> None:
    file = save(Image.linear_gradient("L").resize((400, 300)), tmp_path / "flat.png")
    page.choose(file)
    assert "too little detail in this picture" in page.said[0]
    assert page.made[0]["frames"] == []
    page.press("Keep these fingerprints")
    page.must_see("(exact copies only)")
    (entry,) = gallery_of(house, robin)
    assert entry.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert entry.pdq is None


def test_what_is_no_picture_is_refused_beside_one_that_is(
    page: HashingPage, tmp_path: Path
) -> None:
    letter, empty, broken = (tmp_path / name for name in ("letter.txt", "empty.png", "broken.jpg"))
    letter.write_text("Dear Robin")
    empty.write_bytes(b"")
    broken.write_bytes(b"\xff\xd8\xff" + bytes(2000))
    good = save(photo("rocket.jpg"), tmp_path / "good.jpg")
    page.choose(letter, empty, broken, good)
    said = page.said
    assert "not a picture or video" in said[0]
    assert "This file is empty" in said[1]
    assert "cannot open it as a picture. Only exact copies" in said[2]
    assert "Ready" in said[3]
    assert [bool(medium["frames"]) for medium in page.made] == [False, True]


def test_a_picture_of_twelve_megapixels_on_a_phone(page: HashingPage, tmp_path: Path) -> None:
    file = save(photo("coffee.png", (4000, 3000)), tmp_path / "large.jpg", quality=90)
    page.choose(save(photo("rocket.jpg"), tmp_path / "first.jpg"))  # the worker's code is there now
    with BrowserMemory() as memory:
        begun = time.monotonic()
        page.choose(file)
        took_s = time.monotonic() - begun
    figures.info("12 megapixels: %.2f s, %.0f MiB more at most", took_s, memory.grown_mib)
    expected, quality = reference_pdq(pixels_of(file.read_bytes()))
    frame = page.made[0]["frames"][0]
    assert distance(frame["pdq"], expected) <= MAX_MEDIAN_DISTANCE
    assert frame["quality"] == quality
    # the browser's own decoded picture is 46 MiB; PDQ on all of it at once would take 92 more
    assert memory.grown_mib < 300
    page.must_fit()


def test_a_clip_of_one_minute_is_hashed_frame_by_frame(
    page: HashingPage, house: House, robin: Actor, one_minute: Path
) -> None:
    file = one_minute
    with BrowserMemory() as memory:
        begun = time.monotonic()
        page.choose(file)
        took_s = time.monotonic() - begun
    figures.info("one minute of video: %.1f s, %.0f MiB more", took_s, memory.grown_mib)
    (medium,) = page.made
    assert medium["kind"] == "video"
    found = [frame["pdq"] for frame in medium["frames"]]
    assert len(found) >= 50, "one a second, equal ones once"
    seen = frames_of(file, range(0, 60, 10))
    expected = [hash_medium(b"", Picture(pixels)).pdq or "" for pixels in seen]
    distances = [min(distance(one, other) for other in found) for one in expected]
    figures.info("bits from OpenCV's frames: %s", distances)
    assert max(distances) <= MAX_DISTANCE
    page.press("Keep these fingerprints")
    page.must_see("a video", f"by {len(found)} moments of it")
    (entry,) = gallery_of(house, robin)
    assert entry.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert set(entry.frames) == set(found), "a video's frames stay together"
    page.nothing_wrong()
    match = crawled(entry, file)
    figures.info("the clip crawled, encoded anew and cut: %s", match)
    assert (match.kind, match.known_ref) == ("vpdq", entry.known_ref)
    assert match.distance <= MAX_DISTANCE
    assert (match.known_share or 0) > 0.8
    assert (match.medium_share or 0) > 0.8


def test_making_fingerprints_can_be_stopped(page: HashingPage, one_minute: Path) -> None:
    page.page.locator("#chosen").set_input_files([one_minute] * 5)
    page.page.locator("#stop").click()
    page.page.locator("#working[hidden]").wait_for(state="attached")
    assert "Stopped." in page.said[-1]
    assert len(page.said) < 5
    assert len(page.made) == len(page.said) - 1


def test_a_browser_that_hides_pixels_makes_no_false_hash(page: HashingPage, tmp_path: Path) -> None:
    def with_noise(route: Route) -> None:
        noisy = """
        const honest = OffscreenCanvasRenderingContext2D.prototype.getImageData;
        OffscreenCanvasRenderingContext2D.prototype.getImageData = function (...place) {
          const image = honest.apply(this, place);
          for (let at = 0; at < image.data.length; at += 1) image.data[at] = Math.random() * 256;
          return image;
        };
        """
        code = (STATIC / "pixels.js").read_text()
        headers = {
            "Content-Type": "text/javascript",
            "Cross-Origin-Embedder-Policy": "require-corp",
        }
        route.fulfill(body=code + noisy, headers=headers)

    page.page.context.route("**/hashing/pixels.js", with_noise)
    page.open()
    page.choose(save(photo("rocket.jpg"), tmp_path / "good.jpg"))
    assert "Your browser hides the pixels" in page.said[0]
    assert page.made == []
    page.must_see("Send the file instead")


def test_a_page_without_a_protected_connection_says_what_can_be_done(page: HashingPage) -> None:
    page.page.add_init_script("Object.defineProperty(window, 'isSecureContext', {value: false})")
    page.open()
    page.must_see("not opened over a protected connection (https)", "the file leaves your device")
    assert not page.page.locator("#chosen").is_visible()
    assert page.page.locator("#file").is_visible()


def test_without_javascript_the_file_can_be_sent_and_the_page_says_that_it_leaves(
    browser: Browser, relay: RecordingRelay, house: House, robin: Actor, tmp_path: Path
) -> None:
    page = HashingPage(browser, relay.url, house, robin, javascript=False)
    page.open()
    page.must_see("Your browser runs no scripts", "the file leaves your device")
    assert not page.page.locator("#chosen").is_visible()
    page.page.locator("#file").set_input_files(save(photo("rocket.jpg"), tmp_path / "a.jpg"))
    page.press("Send it and take its fingerprint")
    page.must_see("What is recognised (1)")
    page.close()
    page.nothing_wrong()


def test_sha256_in_pieces_is_sha256(page: HashingPage) -> None:
    made = page.page.evaluate(
        """async () => {
            const { sha256InPieces, sha256Of } = await import("/static/hashing/sha256.js");
            const results = [];
            for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 4194304, 4200001]) {
              const blob = new Blob([Uint8Array.from({ length }, (_, at) => (at * 7 + 3) % 251)]);
              results.push([length, await sha256InPieces(blob), await sha256Of(blob)]);
            }
            return results;
        }"""
    )
    for length, in_pieces, by_browser in made:
        content = io.BytesIO(bytes((at * 7 + 3) % 251 for at in range(length)))
        expected = hashlib.file_digest(content, "sha256").hexdigest()
        assert (in_pieces, by_browser) == (expected, expected), length
