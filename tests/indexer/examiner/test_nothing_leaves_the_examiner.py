"""Design rule 1 at the border of the process: pipes, log, files, limits."""

from __future__ import annotations

import io
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest
from PIL import Image

from indexer.errors import WireError
from indexer.examiner.__main__ import say_where_only
from indexer.examiner.process import examiner_environment
from indexer.examiner.protocol import (
    Enrol,
    Enrolled,
    Examine,
    Examined,
    ExaminerInbound,
    ExaminerOutbound,
    GalleryTemplate,
    Hello,
    LoadGallery,
    Ready,
    References,
    ReferencesWanted,
)
from indexer.faces import FaceEngine
from indexer.faces.tracks import SHORTER_BY, SHORTER_FROM_VIEWS
from indexer.media.picture import Pixels
from indexer.wire import Channel
from tests.fixtures.photographs import astronaut, beside, group, jpeg
from tests.fixtures.probe_forms import forms_of, strangers_and_hers

CROWD = beside(group(), astronaut(), height_px=886)


class Recording:
    """A pipe whose bytes are kept as they pass."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self.passed = bytearray()

    def read(self, length: int) -> bytes:
        content = self._pipe.read(length)
        self.passed += content
        return content

    def close(self) -> None:
        self._pipe.close()


class Examiner:
    """An examiner started by hand, all of whose output is recorded."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.log = folder.parent / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "indexer.examiner"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                env={**examiner_environment(), "HOME": str(folder), "TMPDIR": str(folder)},
            )
        self.out = Recording(cast(BinaryIO, self.process.stdout))
        self.channel: Channel[ExaminerInbound, ExaminerOutbound] = Channel(
            cast(BinaryIO, self.out), cast(BinaryIO, self.process.stdin), ExaminerOutbound
        )

    def ask(self, message: ExaminerInbound) -> ExaminerOutbound:
        self.channel.send(message)
        answer = self.channel.receive()
        while isinstance(answer, ReferencesWanted):
            self.channel.send(References(answer.request_id, ()))
            answer = self.channel.receive()
        assert answer is not None
        return answer

    def end(self) -> None:
        self.channel.close()
        self.process.wait(20)


@pytest.fixture(scope="module")
def engine(models_dir: Path) -> FaceEngine:
    """In float32, in which both engines have the same vectors to the last bit."""
    return FaceEngine.open(models_dir=models_dir, runtime="openvino")


@pytest.fixture
def examiner(tmp_path: Path, models_dir: Path):
    started = Examiner(tmp_path / "empty")
    ready = started.ask(Hello("yunet-sface", str(models_dir), runtime="openvino"))
    assert isinstance(ready, Ready)
    enrolled = started.ask(Enrol(1, jpeg(astronaut())))
    assert isinstance(enrolled, Enrolled)
    assert enrolled.vector is not None
    template = GalleryTemplate("ada", "1", enrolled.vector)
    started.ask(LoadGallery(1, ready.model, (template,), ()))
    yield started
    started.end()


def test_no_form_of_any_probe_is_in_what_the_examiner_sends(
    examiner: Examiner, engine: FaceEngine
) -> None:
    examiner.out.passed.clear()
    # PNG, so that the test sees exactly the pixels that the examiner sees.
    answer = examiner.ask(Examine(2, png(CROWD), None, None, None))
    assert isinstance(answer, Examined)
    assert answer.examination.faces_counted == 7
    assert [finding.person_ref for finding in answer.examination.findings] == ["ada"]
    vectors = strangers_and_hers(engine, CROWD)
    # What is found and is no face is left out by the engine, not by this look.
    assert len(vectors) >= 7
    examiner.end()
    sent = bytes(examiner.out.passed)
    logged = examiner.log.read_bytes()
    assert len(sent) > 1000
    for vector in vectors:
        for name, form in forms_of(vector).items():
            assert form not in sent, name
            assert form not in logged, name


def test_no_form_of_any_track_is_in_what_the_examiner_sends(
    examiner: Examiner, engine: FaceEngine
) -> None:
    frames = [Image.fromarray(CROWD) for _ in range(3)]
    for number, each in enumerate(frames):
        each.putpixel((0, 0), (90 * number, 0, 0))
    moving = io.BytesIO()
    # APNG, so that the test sees exactly the pixels that the examiner sees.
    frames[0].save(moving, "PNG", save_all=True, append_images=frames[1:], duration=500)
    examiner.out.passed.clear()
    answer = examiner.ask(Examine(2, moving.getvalue(), None, None, None))
    assert isinstance(answer, Examined)
    assert (answer.examination.kind, answer.examination.faces_counted) == ("animation", 7)
    assert [finding.person_ref for finding in answer.examination.findings] == ["ada"]
    vectors = strangers_and_hers(engine, CROWD)
    examiner.end()
    passed = bytes(examiner.out.passed) + examiner.log.read_bytes()
    for vector in vectors:
        for views in (1, 2, 3):
            shorter = (1 - SHORTER_BY * (views - 1) / (SHORTER_FROM_VIEWS - 1)) * vector
            for name, form in forms_of(shorter.astype(np.float32)).items():
                assert form not in passed, name


def test_the_forms_looked_for_are_the_ones_a_template_really_has(
    examiner: Examiner, engine: FaceEngine
) -> None:
    """The counter-proof: an enrolled template is sent, and this way of looking finds it."""
    examiner.out.passed.clear()
    enrolled = examiner.ask(Enrol(3, png(astronaut())))
    assert isinstance(enrolled, Enrolled)
    (vector,) = strangers_and_hers(engine, astronaut())
    assert forms_of(vector)["<f4 from 0"] in bytes(examiner.out.passed)


def test_of_strangers_nothing_is_sent_but_their_number(examiner: Examiner) -> None:
    one = sent_for(examiner, png(group()[:, :420]))
    six = sent_for(examiner, png(group()))
    assert six[1] > one[1]
    assert abs(len(six[0]) - len(one[0])) < 8, "more strangers, not more bytes"


def test_the_examiner_writes_no_file_and_says_nothing(examiner: Examiner) -> None:
    examiner.ask(Examine(2, jpeg(CROWD), None, "http://media.test/x.jpg", None))
    opened = Path(f"/proc/{examiner.process.pid}/fd")
    try:
        targets = {str(link.readlink()) for link in opened.iterdir()}
    except PermissionError:
        targets = set()
    writable = {target for target in targets if target.startswith("/") and "memfd" not in target}
    assert writable <= {"/dev/null", str(examiner.log)} | {
        target for target in writable if target.startswith(("/dev/", "/proc/", "/sys/"))
    }
    examiner.end()
    assert list(examiner.folder.rglob("*")) == []
    assert b"media.test" not in examiner.log.read_bytes()


def test_core_dumps_are_off(examiner: Examiner) -> None:
    limits = Path(f"/proc/{examiner.process.pid}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert re.split(r"\s{2,}", core)[1:3] == ["0", "0"]


def test_a_stray_print_cannot_break_a_message() -> None:
    program = (
        "import os; from indexer.examiner.__main__ import take_pipes\n"
        "from indexer.examiner.protocol import Ready\n"
        "channel = take_pipes(); print('stray', flush=True); os.system('echo stray')\n"
        "assert os.read(0, 1) == b''\n"
        "channel.send(Ready(None, 'quiet')); channel.receive()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=examiner_environment(),
    )
    channel: Channel[ExaminerInbound, ExaminerOutbound] = Channel(
        cast(BinaryIO, child.stdout), cast(BinaryIO, child.stdin), ExaminerOutbound
    )
    assert channel.receive() == Ready(None, "quiet")
    channel.close()
    assert child.stderr is not None
    assert child.stderr.read().count(b"stray") == 2
    child.stderr.close()
    child.wait(10)


def test_a_crash_is_logged_with_its_place_and_without_its_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        int("http://media.test/secret.jpg")
    except ValueError as error:
        with caplog.at_level(logging.CRITICAL):
            say_where_only(type(error), error, error.__traceback__)
    assert "ValueError" in caplog.text
    assert Path(__file__).name in caplog.text
    assert "secret" not in caplog.text


def test_a_message_of_the_wrong_form_ends_the_examiner_quietly(tmp_path: Path) -> None:
    started = Examiner(tmp_path / "empty")
    assert started.process.stdin is not None
    started.process.stdin.write(b"\x00\x00\x00\x05hello")
    started.process.stdin.flush()
    with pytest.raises((WireError, AssertionError)):
        started.ask(Hello(None, ""))
    assert started.process.wait(20) != 0
    started.channel.close()
    assert b"hello" not in started.log.read_bytes()


def png(pixels: Pixels) -> bytes:
    import cv2

    return bytes(cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1])


def sent_for(examiner: Examiner, content: bytes) -> tuple[bytes, int]:
    examiner.out.passed.clear()
    answer = examiner.ask(Examine(2, content, None, None, None))
    assert isinstance(answer, Examined)
    assert answer.examination.findings == ()
    return bytes(examiner.out.passed), answer.examination.faces_counted
