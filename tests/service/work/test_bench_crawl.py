"""`likeness bench crawl` on a site of a few pages."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from indexer.benchmarks.crawl_site import MadePages, SitePlan, SitePlanError
from service.cli import run
from service.work.bench_crawl_figures import CrawlBenchmark

BAD_INPUT = 1


def bench(tmp_path: Path, *arguments: str) -> CrawlBenchmark:
    target = tmp_path / "figures.json"
    size = ["--pages", "12", "--media", "30", "--hosts", "3", "--side-px", "64"]
    assert run(["bench", "crawl", *size, *arguments, "--json", str(target)]) == 0
    return msgspec.json.decode(target.read_bytes(), type=CrawlBenchmark)


def test_a_crawl_is_measured_beside_a_bare_spider(tmp_path: Path) -> None:
    result = bench(tmp_path, "--databases", "sqlite", "--examination", "off")
    assert (result.peer.pages, result.peer.media) == (12, 30)
    (crawl,) = result.crawls
    assert (crawl.database, crawl.workers, crawl.examining) == ("sqlite", 1, False)
    assert (crawl.pages, crawl.media, crawl.states) == (12, 30, {"finished": 3})
    assert crawl.times_the_peer == pytest.approx(crawl.seconds / result.peer.seconds)
    assert crawl.cpu_s.worker > 0
    assert crawl.cpu_s.crawl_child > 0
    assert crawl.cpu_s.database is None
    assert crawl.rows_written >= 12 + 2 * 30
    assert crawl.examiner_kept_busy is None


@pytest.mark.postgres
@pytest.mark.slow
def test_two_workers_on_postgresql_examine_what_they_crawl(tmp_path: Path) -> None:
    result = bench(
        tmp_path, "--databases", "postgresql", "--examination", "on", "--no-faces", "--workers", "2"
    )
    (crawl,) = result.crawls
    assert (crawl.database, crawl.workers, crawl.examining) == ("postgresql", 2, True)
    assert (crawl.pages, crawl.media, crawl.states) == (12, 30, {"finished": 3})
    assert crawl.cpu_s.examiner > 0
    assert crawl.cpu_s.database is not None
    assert crawl.cpu_s.database > 0
    assert crawl.examiner_kept_busy is not None
    # So few pictures may never fill its hands.
    assert 0 <= crawl.examiner_kept_busy <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        ["--workers", "none"],
        ["--databases", "mysql"],
        ["--examination", "perhaps"],
        ["--pages", "2", "--hosts", "3"],
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_starts(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_arguments: object, **_named: object) -> None:
        pytest.fail("a process was started")

    monkeypatch.setattr(subprocess, "Popen", started)
    assert run(["bench", "crawl", "--databases", "sqlite", *wrong]) == BAD_INPUT


def test_every_page_and_every_medium_is_reached_from_the_first_page_and_is_its_own() -> None:
    plan = SitePlan(pages=11, media=23, hosts=2, side_px=32)
    pages = MadePages(plan)
    contents: set[bytes] = set()
    for host in range(plan.hosts):
        found, waiting = {"/p0"}, ["/p0"]
        while waiting:
            status, kind, content = pages(host, waiting.pop())
            assert status == 200
            if not kind.startswith("text/html"):
                contents.add(content)
                continue
            parts = content.decode().replace('"', "'").split("'")
            for path in (part for part in parts if part.startswith("/")):
                if path not in found:
                    found.add(path)
                    waiting.append(path)
        assert len(found) == plan.pages_of(host) + plan.media_of(host)
        assert pages(host, f"/p{plan.pages_of(host)}")[0] == 404
    assert len(contents) == plan.media


def test_a_site_without_a_page_for_each_host_cannot_be_made() -> None:
    with pytest.raises(SitePlanError, match="one page for each"):
        MadePages(SitePlan(pages=1, media=5, hosts=2))
