"""The site of the chaos test: `python -m tests.chaos.chaos_site PAGES MEDIA HOSTS LOG PERSON_ID`.

Every `SHOWS_EACH`-th medium of a host shows the person. Each request is a line of the log.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from pathlib import Path

from indexer.benchmarks.crawl_site import Answer, LoopbackHosts, MadePages, SitePlan
from tests.service.work.work_factory import shown

SHOWS_EACH = 25


def finds(plan: SitePlan) -> int:
    """How many media show the person."""
    return sum(len(range(0, plan.media_of(host), SHOWS_EACH)) for host in range(plan.hosts))


class ChaosPages(MadePages):
    """The made pages, with media that say whom they show."""

    def __init__(self, plan: SitePlan, person_id: uuid.UUID) -> None:
        super().__init__(plan)
        self._person_id = person_id

    def __call__(self, host: int, path: str) -> Answer:
        status, kind, content = super().__call__(host, path)
        if kind != "image/jpeg":
            return status, kind, content
        number = int(path[2:].partition(".")[0])
        person = self._person_id if number % SHOWS_EACH == 0 else None
        return status, "image/png", shown(person, host * 1_000_000 + number)


async def serve(plan: SitePlan, person_id: uuid.UUID, log_file: Path) -> None:
    with log_file.open("a", buffering=1, encoding="utf-8") as log:
        hosts = await LoopbackHosts(ChaosPages(plan, person_id), plan.hosts, log).start()
        print(json.dumps(hosts), flush=True)  # noqa: T201 - the test reads this line
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    pages, media, hosts, log_file, person_id = sys.argv[1:]
    plan = SitePlan(int(pages), int(media), int(hosts), side_px=32)
    asyncio.run(serve(plan, uuid.UUID(person_id), Path(log_file)))
