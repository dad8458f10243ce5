"""`likeness serve` as somebody starts it: a process tree, a run from the command line, its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from service.clock import SystemClock
from service.database import Database
from service.sources.models import MediumSeen
from tests.fixtures.hostile_site import HostileSite, body, hostile_site, page, picture
from tests.service.sources.sources_factory import make_organisation

pytestmark = pytest.mark.slow

START = "import sys; from service.cli import run; sys.exit(run(sys.argv[1:]))"


class Likeness:
    """The command line over a data folder of this test's own, without any face model."""

    def __init__(self, data_dir: Path, exception: str) -> None:
        self.data_dir = data_dir
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environment = {
            **os.environ,
            "LIKENESS_PORT": str(self.port),
            "LIKENESS_ADDRESS_EXCEPTIONS": json.dumps([exception]),
            "LIKENESS_MODELS_DIR": str(data_dir / "models"),
            # No package index answers here: the pack cannot be fetched, and nothing leaves.
            "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
            "PIP_RETRIES": "0",
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> dict[str, str | None]:
        """Serve, and wait for the line that says where."""
        self.process = subprocess.Popen(
            self._command("serve", "--json"),
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=Path(__file__).parents[3],
        )
        assert self.process.stdout is not None
        said: dict[str, str | None] = json.loads(self.process.stdout.readline())
        return said

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*arguments),
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=Path(__file__).parents[3],
            check=False,
            timeout=120,
        )

    def stop(self) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", START, "--data-dir", str(self.data_dir), *arguments]


@pytest.fixture
def site() -> Iterator[HostileSite]:
    with hostile_site() as running:
        running.put("/", page('<title>t</title><img src="/a.png"><a href="/b">b</a>'))
        running.put("/b", page('<title>b</title><img src="/a.png"><img src="/c.png">'))
        running.put("/a.png", picture())
        running.put("/c.png", picture())
        yield running


@pytest.fixture
def likeness(tmp_path: Path, site: HostileSite) -> Iterator[Likeness]:
    made = Likeness(tmp_path / "data", f"127.0.0.1:{site.port}")
    yield made
    made.stop()


def organise(likeness: Likeness) -> None:
    database = Database.open(f"sqlite:///{likeness.data_dir / 'likeness.sqlite'}")
    make_organisation(database, SystemClock())
    database.close()


def add_site(likeness: Likeness, site: HostileSite, *more: str) -> subprocess.CompletedProcess[str]:
    return likeness.run(
        "site",
        "add",
        "Loopback",
        "--seed",
        site.at("/"),
        "--purpose",
        "A site of this test's own",
        "--legal-basis",
        "It is our own site",
        "--monitoring",
        "See whether everything works",
        "--delay",
        "0",
        "--json",
        *more,
    )


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.usefixtures("rendering_works")
def test_a_site_that_needs_javascript_is_visited_by_a_browser(
    likeness: Likeness, site: HostileSite
) -> None:
    site.put("/", page("<title>t</title><div id=app></div><script src=/app.js></script>"))
    code = b"document.getElementById('app').innerHTML = '<a href=/b>b</a><img src=/a.png>'"
    site.put("/app.js", body(code, "text/javascript"))
    likeness.start()
    organise(likeness)
    assert json.loads(add_site(likeness, site, "--needs-script").stdout)["needs_script"] is True
    crawled = likeness.run("crawl", "Loopback", "--now", "--json")
    assert crawled.returncode == 0, crawled.stderr
    run = json.loads(crawled.stdout)
    assert (run["state"], run["pages_seen"], run["media_seen"]) == ("finished", 2, 2)
    assert site.paths.count("/app.js") == 1
    doctor = json.loads(likeness.run("doctor", "--json").stdout)
    assert "for 1 site(s)" in json.dumps(doctor)


def test_from_the_first_start_to_a_report(likeness: Likeness, site: HostileSite) -> None:
    said = likeness.start()
    assert said["setup_link"] is not None
    assert said["setup_link"].startswith(f"http://127.0.0.1:{likeness.port}/setup/")
    assert said["warning"] is not None
    assert "likeness models fetch" in said["warning"]
    with urllib.request.urlopen(f"http://127.0.0.1:{likeness.port}/help", timeout=10) as answer:
        assert answer.status == 200
    organise(likeness)
    assert json.loads(add_site(likeness, site).stdout)["state"] == "active"

    crawled = likeness.run("crawl", "Loopback", "--now", "--json")
    assert crawled.returncode == 0, crawled.stderr
    run = json.loads(crawled.stdout)
    assert (run["state"], run["pages_seen"], run["media_seen"]) == ("finished", 2, 2)

    report = json.loads(likeness.run("report", "run", "--json").stdout)
    words = "Nothing new was found in what was looked at. Faces were not looked for"
    assert report["conclusion"].startswith(words)
    assert (report["media_examined"], report["faces_looked_for"]) == (1, False)
    database = sqlite3.connect(likeness.data_dir / "likeness.sqlite")
    assert database.execute(f"SELECT count(*) FROM {MediumSeen.__tablename__}").fetchone() == (1,)
    database.close()

    assert likeness.process is not None
    children = psutil.Process(likeness.process.pid).children(recursive=True)
    assert children
    assert likeness.stop() == 0
    _, alive = psutil.wait_procs(children, timeout=10)
    # One that has ended and was not yet reaped by the machine's first process is no orphan.
    assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []


def test_a_second_start_goes_on_and_a_second_process_is_refused(likeness: Likeness) -> None:
    first = likeness.start()["setup_link"]
    assert likeness.run("serve").returncode == 2
    likeness.environment["LIKENESS_PORT"] = "0" if likeness.port == 1 else str(likeness.port - 1)
    refused = likeness.run("serve")
    assert refused.returncode == 3
    assert "main" in refused.stderr
    likeness.environment["LIKENESS_PORT"] = str(likeness.port)
    assert likeness.stop() == 0
    began = time.monotonic()
    assert likeness.start()["setup_link"] != first
    assert time.monotonic() - began < 30


def test_a_damaged_database_is_named(likeness: Likeness) -> None:
    likeness.data_dir.mkdir()
    (likeness.data_dir / "likeness.sqlite").write_bytes(b"this is no database at all" * 100)
    refused = likeness.run("serve")
    assert refused.returncode == 2
    assert "likeness.sqlite cannot be used" in refused.stderr
    assert "backup" in refused.stderr


def test_a_folder_that_cannot_be_written_is_named(likeness: Likeness, tmp_path: Path) -> None:
    likeness.data_dir = tmp_path / "a file"
    likeness.data_dir.write_text("not a folder")
    refused = likeness.run("serve")
    assert refused.returncode == 2
    assert "cannot be written" in refused.stderr


def test_the_doctor_looks_at_everything_and_changes_nothing(likeness: Likeness) -> None:
    said = json.loads(likeness.run("doctor", "--json").stdout)
    assert not likeness.data_dir.exists()
    names = {finding["name"] for finding in said["findings"]}
    assert {"versions", "data folder", "master key", "database", "models", "clock"} <= names
    likeness.start()
    again = likeness.run("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(again.stdout)["findings"]}
    assert findings["database"]["verdict"] == "good"
    assert findings["models"]["verdict"] == "warning"
    (likeness.data_dir / "vault" / "master.key").chmod(0o644)
    unsound = likeness.run("doctor", "--json")
    assert unsound.returncode == 1
    assert not json.loads(unsound.stdout)["sound"]


def test_another_worker_needs_a_shared_database(likeness: Likeness) -> None:
    refused = likeness.run("worker", "--name", "W2")
    assert refused.returncode == 2
    assert "PostgreSQL" in refused.stderr
