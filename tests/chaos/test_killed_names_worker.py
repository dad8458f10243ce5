"""kill -9 while pages are searched for names: each page with a name is one find, none is lost."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import psutil
import pytest

from service.candidates.names_finds import FINDS_OF_A_SITE
from tests.fixtures.databases import SqliteTemplate
from tests.fixtures.hostile_site import hostile_site, page
from tests.service.work.names_world import NamesWorld, make_names_world

PAGES = 60
KILLS = 3

pytestmark = pytest.mark.slow


def started(folder: Path, database_url: str, host: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.names_worker", str(folder), database_url, host],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "launched\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    orphans = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    psutil.wait_procs(orphans, timeout=20)


def pages_seen(world: NamesWorld, run_id: uuid.UUID, *, at_least: int) -> None:
    """Wait until the run has seen so many pages, or is over."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with world.rooms.database.read() as session:
            run = world.rooms.sources.run(session, world.house.operator, run_id)
        if run.pages_seen >= at_least or not run.is_live:
            return
        time.sleep(0.02)
    raise AssertionError(f"the run stopped at {run}")


def test_a_killed_worker_makes_one_find_of_each_page_with_a_name(
    sqlite_template: SqliteTemplate, tmp_path: Path
) -> None:
    url = sqlite_template.new_migrated_url(tmp_path)
    with hostile_site() as site:
        world = make_names_world(url, tmp_path, site, launched=False)
        person = world.person("Ada Lovelace")
        site.put("/", page("".join(f'<a href="/p{at}">p</a>' for at in range(PAGES))))
        named = {f"p{at}" for at in range(3, PAGES, PAGES // FINDS_OF_A_SITE)}
        for at in range(PAGES):
            said = "Ada Lovelace" if f"p{at}" in named else "somebody else"
            site.put(f"/p{at}", page(f"<title>Page {at}</title><p>{said}, number {at}</p>"))
        with world.rooms.database.write() as session:
            run = world.rooms.sources.start_run(session, world.house.operator, world.forum.id)
        process = started(tmp_path, url, site.host)
        try:
            for number in range(1, KILLS + 1):
                pages_seen(world, run.id, at_least=number * PAGES // (KILLS + 1))
                kill(process)
                process = started(tmp_path, url, site.host)
            pages_seen(world, run.id, at_least=PAGES + 2)
        finally:
            kill(process)
        with world.rooms.database.read() as session:
            ended = world.rooms.sources.run(session, world.house.operator, run.id)
        assert (ended.state, ended.pages_seen) == ("finished", PAGES + 1)
        assert ended.candidates_found == len(named) == FINDS_OF_A_SITE
        assert set(world.found(person)) == named
        assert max(Counter(row.page_key for row in world.rows(person)).values()) == 1
        world.rooms.close()
