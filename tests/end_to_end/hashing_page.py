"""The page on which a person makes fingerprints, as a test uses it; and pictures to try it with."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pdqhash
import psutil
import skimage
import uvicorn
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Request

from service.accounts.actor import Actor
from service.app import create_web
from tests.fixtures.visitor import PHONE, Visitor
from tests.service.enrolment.people_factory import House

Pixels = npt.NDArray[np.uint8]
SKIMAGE = Path(skimage.__file__).parent / "data"

HASH_ALL = """async () => {
  const { hashPicture } = await import("/static/hashing/pixels.js");
  const results = [];
  for (const file of document.getElementById("vectors").files) {
    results.push(await hashPicture(file));
  }
  return results;
}"""


@contextmanager
def served(house: House) -> Iterator[int]:
    """The house's pages on a port of loopback."""
    config = uvicorn.Config(create_web(house.rooms), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


class HashingPage(Visitor):
    """A person on a phone, signed in, before the page; every request is kept."""

    def __init__(
        self, browser: Browser, url: str, house: House, actor: Actor, *, javascript: bool = True
    ) -> None:
        super().__init__(browser, url, "robin", PHONE, javascript=javascript)
        assert actor.person_id is not None
        assert actor.organisation_id is not None
        with house.rooms.database.write() as session:
            token = house.rooms.accounts.open_person_session(
                session, actor.person_id, actor.organisation_id
            )
        self.page.context.add_cookies([{"name": "session", "value": token, "url": url}])
        self.requests: list[Request] = []
        self.page.context.on("request", self._keep_request)

    def open(self) -> None:
        """Go to the page."""
        self.goto("/my/known")

    def choose(self, *files: Path) -> None:
        """Choose files; returns when each is fingerprinted or refused."""
        self.page.locator("#chosen").set_input_files(files)
        self.page.locator("#working[hidden]").wait_for(state="attached", timeout=120_000)

    @property
    def said(self) -> list[str]:
        """What the page says of each file."""
        return self.page.locator("#made li").all_inner_texts()

    @property
    def made(self) -> list[dict[str, Any]]:
        """What the form would send."""
        made: list[dict[str, Any]] = json.loads(self.page.locator("#media").input_value())
        return made

    def hash_all(self, files: Sequence[Path], size: str = "full") -> list[tuple[str, int]]:
        """PDQ and quality of each file by the page's modules; `size` is "full" or "small"."""
        self.page.evaluate(
            """() => {
                const input = document.createElement("input");
                Object.assign(input, { type: "file", multiple: true, id: "vectors" });
                document.body.append(input);
            }"""
        )
        self.page.locator("#vectors").set_input_files(list(files))
        results = self.page.evaluate(HASH_ALL)
        self.page.evaluate("document.getElementById('vectors').remove()")
        return [(result[size]["pdq"], result[size]["quality"]) for result in results]

    def _keep_request(self, request: Request) -> None:
        self.requests.append(request)


def reference_pdq(pixels: Pixels) -> tuple[str, int]:
    """Hash and quality by `pdqhash`, of the picture in its full size."""
    bits, quality = pdqhash.compute(np.ascontiguousarray(pixels))
    return np.packbits(bits.astype(np.uint8)).tobytes().hex(), int(quality)


def pixels_of(content: bytes) -> Pixels:
    """Upright RGB, on white where it is transparent."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


def distance(one: str, other: str) -> int:
    """In bits."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def photo(name: str, size_px: tuple[int, int] | None = None) -> Image.Image:
    """A photograph that scikit-image carries."""
    image = Image.open(SKIMAGE / name).convert("RGB")
    return image if size_px is None else image.resize(size_px, Image.Resampling.BICUBIC)


def save(image: Image.Image, path: Path, **options: Any) -> Path:
    """Write a picture in the form that its ending names."""
    image.save(path, **options)
    return path


def clip(path: Path, seconds: int, *, frames_per_s: int = 5) -> bool:
    """A VP8 clip that slides over a photograph; False when this machine cannot write one."""
    width, height = 640, 360
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*"VP80"), frames_per_s, (width, height)
    )
    if not writer.isOpened():
        return False
    wide = np.asarray(photo("coffee.png", (2 * width, 2 * height)))[:, :, ::-1]
    for frame in range(seconds * frames_per_s):
        share = frame / (seconds * frames_per_s)
        left, top = int(share * width), int(share * height)
        writer.write(np.ascontiguousarray(wide[top : top + height, left : left + width]))
    writer.release()
    return True


def frames_of(path: Path, at_s: Sequence[float]) -> list[Pixels]:
    """Frames of a clip by OpenCV."""
    video = cv2.VideoCapture(str(path))
    frames = []
    for moment in at_s:
        video.set(cv2.CAP_PROP_POS_MSEC, moment * 1000)
        read, frame = video.read()
        assert read, moment
        frames.append(np.ascontiguousarray(frame[:, :, ::-1]))
    video.release()
    return frames


@dataclass
class BrowserMemory:
    """The most memory that the pages' processes of this test's browser held meanwhile."""

    before_mib: float = 0.0
    peak_mib: float = 0.0
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> BrowserMemory:
        """Start to look."""
        self.before_mib = self.peak_mib = _renderers_mib()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to look."""
        self._done.set()
        self._thread.join()

    @property
    def grown_mib(self) -> float:
        """How much more than before."""
        return self.peak_mib - self.before_mib

    def _look(self) -> None:
        while not self._done.wait(0.05):
            self.peak_mib = max(self.peak_mib, _renderers_mib())


def _renderers_mib() -> float:
    held = 0
    for process in psutil.Process().children(recursive=True):
        try:
            if "--type=renderer" in process.cmdline():
                held += process.memory_info().rss
        except psutil.Error:
            continue  # it ended meanwhile
    return held / 1024 / 1024
