"""The decoder process: confined, watched, replaced, and never the end of us."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.media import (
    Decoder,
    DecoderCrashedError,
    DecoderTimeoutError,
    MediaError,
    MediaLimits,
    Medium,
    SandboxUnavailableError,
    TooMuchMemoryError,
)
from indexer.media import child_process as child_process_module
from indexer.media.child_process import ChildProcess
from indexer.sandbox import bubblewrapped, child_environment, find_bubblewrap


def png(width: int = 40, height: int = 30) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def slow_animation() -> bytes:
    """An animation that takes many seconds to walk through, and little to store."""
    buffer = io.BytesIO()
    shades = np.repeat(np.arange(1600), 1600).reshape(1600, 1600).astype(np.uint8)
    Image.fromarray(shades).save(buffer, "GIF", optimize=False)
    content = buffer.getvalue()
    first_block = 13 + 3 * 2 ** ((content[10] & 7) + 1)  # after the header and the colour table
    return content[:first_block] + 400 * content[first_block:-1] + b";"


@pytest.fixture(scope="module")
def slow() -> bytes:
    return slow_animation()


def bubblewrap_or_skip() -> str:
    bwrap = find_bubblewrap()
    works = bwrap is not None and (
        subprocess.run(
            [bwrap, "--ro-bind", "/", "/", "--unshare-all", "true"], check=False
        ).returncode
        == 0
    )
    if bwrap is None or not works:
        pytest.skip("bubblewrap does not work on this machine")
    return bwrap


def test_one_process_serves_many_media() -> None:
    with Decoder() as decoder:
        decoder.start()
        first = decoder._child
        for _ in range(5):
            decoder.decode(Medium(png()))
        assert decoder._child is first


def test_without_bubblewrap_the_limits_alone_do() -> None:
    with Decoder(sandbox="off") as decoder:
        assert decoder.start() == "limits only"
        assert decoder.decode(Medium(png())).width_px == 40


def test_bubblewrap_is_used_where_it_works() -> None:
    bubblewrap_or_skip()
    with Decoder(sandbox="require") as decoder:
        assert decoder.start() == "bubblewrap"
        assert decoder.decode(Medium(png())).width_px == 40


def test_a_required_sandbox_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process_module, "find_bubblewrap", lambda: None)
    with Decoder(sandbox="require") as decoder, pytest.raises(SandboxUnavailableError):
        decoder.decode(Medium(png()))


def test_a_sandbox_that_fails_is_done_without_only_if_it_is_not_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child_process_module, "find_bubblewrap", lambda: "/bin/false")
    with Decoder(sandbox="auto") as decoder:
        assert decoder.start() == "limits only"
    with Decoder(sandbox="require") as decoder, pytest.raises(SandboxUnavailableError):
        decoder.start()


def test_a_medium_that_takes_too_long_is_stopped_and_the_next_one_decoded(slow: bytes) -> None:
    with Decoder(MediaLimits(decode_timeout_s=0.4, max_animation_pixels=10**12)) as decoder:
        with pytest.raises(DecoderTimeoutError, match="stopped"):
            decoder.decode(Medium(slow))
        assert decoder.decode(Medium(png())).width_px == 40


def test_an_animation_is_walked_only_as_far_as_allowed(slow: bytes) -> None:
    with Decoder(MediaLimits(max_animation_pixels=20 * 1600 * 1600)) as decoder:
        decoded = decoder.decode(Medium(slow))
    assert decoded.frames_total >= 256
    assert max(frame.frame_index for frame in decoded.frames) == 19
    assert decoded.left_out is not None
    assert "only the first 20 of" in decoded.left_out


def test_a_decoder_that_dies_on_a_medium_twice_is_one_failed_medium(slow: bytes) -> None:
    with Decoder(MediaLimits(decode_timeout_s=60, max_animation_pixels=10**12)) as decoder:
        decoder.start()
        done = threading.Event()

        def keep_killing() -> None:
            while not done.is_set():
                child = decoder._child
                time.sleep(0.25)  # let it get to work on the medium
                if child is not None and not done.is_set():
                    child.process.kill()

        killer = threading.Thread(target=keep_killing)
        killer.start()
        try:
            with pytest.raises(DecoderCrashedError):
                decoder.decode(Medium(slow))
        finally:
            done.set()
            killer.join()
        assert decoder.decode(Medium(png())).width_px == 40


def test_a_child_killed_between_two_media_costs_nothing() -> None:
    with Decoder() as decoder:
        decoder.decode(Medium(png()))
        child = decoder._child
        assert child is not None
        child.process.kill()
        child.process.wait(timeout=10)
        assert decoder.decode(Medium(png())).width_px == 40
        assert decoder._child is not child


def test_a_child_is_replaced_before_its_processor_time_runs_out() -> None:
    with Decoder(MediaLimits(cpu_lifetime_s=1)) as decoder:
        decoder.start()
        first = decoder._child
        medium = Medium(png(900, 900))
        for _ in range(60):
            decoder.decode(medium)
        assert decoder._child is not first


def test_a_picture_within_the_limits_may_still_need_too_much_memory() -> None:
    tight = MediaLimits(
        max_pixels=25_000_000, max_content_bytes=1_000_000, address_space_bytes=400 * 1024 * 1024
    )
    buffer = io.BytesIO()
    Image.new("RGBA", (4900, 4900), (1, 2, 3, 4)).save(buffer, "PNG")
    with Decoder(tight) as decoder:
        with pytest.raises(TooMuchMemoryError):
            decoder.decode(Medium(buffer.getvalue()))
        assert decoder.decode(Medium(png())).width_px == 40


def test_the_shared_memory_is_empty_after_a_picture_was_handed_over() -> None:
    with Decoder() as decoder:
        decoder.decode(Medium(png()))
        child = decoder._child
        assert child is not None
        assert not any(child.memory[: 40 * 30 * 3])


def test_the_shared_memory_is_empty_after_a_medium_was_refused_half_way() -> None:
    with Decoder() as decoder:
        decoder.start()
        child = decoder._child
        assert child is not None
        # As a picture that broke off leaves it.
        child.memory[:5000] = bytes([7]) * 5000
        with pytest.raises(MediaError):
            decoder.decode(Medium(b"no picture at all"))
        assert decoder._child is child
        assert not any(child.memory[:5000])


def test_the_shared_memory_cannot_be_shrunk_under_us() -> None:
    child = ChildProcess.start(MediaLimits(), "off")
    try:
        held = [
            fd
            for fd in Path(f"/proc/{child.process.pid}/fd").iterdir()
            if "decoded-pixels" in str(fd.readlink())
        ]
        assert held
        with held[0].open("r+b") as opened, pytest.raises(PermissionError):
            opened.truncate(0)
    finally:
        child.end()


def test_ending_leaves_no_process_and_no_open_files_behind() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Decoder() as decoder:
        decoder.decode(Medium(png()))
        child = decoder._child
        assert child is not None
    assert child.process.returncode is not None
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_child_takes_its_rights_away_for_good() -> None:
    script = (
        "import json, resource as r, socket\n"
        "from indexer.media.confinement import confine\n"
        "confine(address_space_bytes=2**30, cpu_lifetime_s=30, open_files=32)\n"
        "out = {n: r.getrlimit(getattr(r, n)) for n in"
        " ('RLIMIT_CORE', 'RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_NOFILE')}\n"
        "try:\n"
        "    r.setrlimit(r.RLIMIT_CPU, (60, 60)); out['raised'] = True\n"
        "except (ValueError, OSError):\n"
        "    out['raised'] = False\n"
        "out['status'] = open('/proc/self/status').read()\n"
        "print(json.dumps(out))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env=child_environment(),
        capture_output=True,
        check=True,
    )
    seen = json.loads(answer.stdout)
    assert seen["RLIMIT_CORE"] == [0, 0]
    assert seen["RLIMIT_AS"] == [2**30, 2**30]
    assert seen["RLIMIT_CPU"] == [30, 30]
    assert seen["RLIMIT_NOFILE"] == [32, 32]
    assert "NoNewPrivs:\t1" in seen["status"]
    if os.geteuid() != 0:
        assert not seen["raised"]


def test_inside_bubblewrap_there_is_no_network_and_nothing_of_the_disk(tmp_path: Path) -> None:
    bwrap = bubblewrap_or_skip()
    secret = tmp_path / "secret"
    secret.write_text("x", encoding="ascii")
    script = (
        "import json, os, socket\n"
        "s = socket.socket(); s.settimeout(1)\n"
        "try:\n"
        "    s.connect(('127.0.0.1', int(os.environ['PORT']))); reached = True\n"
        "except OSError:\n"
        "    reached = False\n"
        "print(json.dumps({'reached': reached, 'home': os.path.exists(os.environ['SECRET']),"
        " 'names': sorted(n for _, n in socket.if_nameindex()),"
        " 'tests': os.path.exists(os.environ['TESTS'])}))\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = subprocess.run(
            bubblewrapped(bwrap, [sys.executable, "-P", "-c", script]),
            env={
                **child_environment(),
                "PORT": str(server.getsockname()[1]),
                "SECRET": str(secret),
                "TESTS": str(Path(__file__)),
            },
            capture_output=True,
            check=True,
        )
    seen = json.loads(answer.stdout)
    assert seen == {"reached": False, "home": False, "names": ["lo"], "tests": False}


def test_nothing_of_our_environment_reaches_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_MASTER_KEY", "do not hand this on")
    child = ChildProcess.start(MediaLimits(), "off")
    try:
        seen = Path(f"/proc/{child.process.pid}/environ").read_bytes()
    except PermissionError:
        seen = b""  # it is not even readable: the process is not dumpable
    finally:
        child.end()
    assert b"do not hand this on" not in seen
