"""Opening a model never contacts anybody, although a runtime would like to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.faces import FaceEngine

WATCHED = """
import sys, threading
contacted = []
def note(event, arguments):
    # OpenVINO's telemetry would fork a process that connects.
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto", "os.fork"}:
        contacted.append((event, str(arguments[:2])))
sys.addaudithook(note)
from pathlib import Path
from indexer.faces import FaceEngine
from tests.fixtures.photographs import astronaut, picture
FaceEngine.open(models_dir=Path(sys.argv[1]), runtime=sys.argv[2]).enrol(picture(astronaut()))
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join(10)
assert not contacted, contacted
"""


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_no_runtime_reports_to_its_maker(models_dir: Path, tmp_path: Path, runtime: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(models_dir), runtime],
        env={**environment, "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [], "no identifier was left in the home folder"


TWO_THREADS = """
import sys, threading
import numpy as np
from indexer.faces.session import open_session

session = open_session(sys.argv[1], "openvino", 1)
together = threading.Barrier(2)

def look(own):
    together.wait()
    own.run(np.zeros((1, 3, 64, 64), np.float32))

threads = [threading.Thread(target=look, args=(session.another(),)) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
"""


def test_two_threads_that_come_first_together_do_not_wait_for_each_other(models_dir: Path) -> None:
    FaceEngine.open(models_dir=models_dir, runtime="openvino", threads=1)
    folded = next((models_dir / "yunet-sface").glob("*yunet*.folded*any-size*.onnx"))
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", TWO_THREADS, str(folded)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout == "done\n"
