"""The demo's run: a site is added, visited by the durable workflow, and each address accounted for.

1. `add_site` names the loopback site, its purpose and its scope.
2. `run_to_end` queues a run and waits for the workers, as an operator would.
3. `outcomes` says for every address what became of it and what was found there.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import msgspec

from indexer.observations import Examination
from service.accounts.actor import Actor
from service.app import Rooms
from service.candidates.views import ConfirmedFind
from service.demo.planned import Planned
from service.demo.server import LoopbackServer
from service.demo.site import Site
from service.demo.stages import StageFailedError
from service.demo.summary import Find, MediumOutcome, PageOutcome, judge
from service.sources.run_addresses import RunAddress, addresses_of_run
from service.sources.site_draft import SiteDraft
from service.sources.views import RunView

POLL_S = 0.2
RUN_LIMIT_S = 3600.0
_SYSTEM = Actor.system("demonstration")
_LEGAL_BASIS = "Demonstration on this machine with photographs that may be used for it."


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate with the evidence that it rests on, and the path where it was found."""

    candidate_id: uuid.UUID
    path: str
    find: ConfirmedFind


def add_site(rooms: Rooms, operator: Actor, server: LoopbackServer, site: Site) -> uuid.UUID:
    """Name the site, where a run may go and why."""
    draft = SiteDraft(
        name="Demonstration site",
        seeds=(server.url + site.start,),
        purpose="Show on this machine that planted pictures are found and hostile ones refused.",
        legal_basis=_LEGAL_BASIS,
        delay_s=0.0,
        page_budget=10_000,
        media_budget=100_000,
    )
    with rooms.database.write() as session:
        return rooms.sources.add_site(session, operator, draft).id


def run_to_end(rooms: Rooms, operator: Actor, site_id: uuid.UUID) -> RunView:
    """Queue a run and wait until the workers have ended it."""
    with rooms.database.write() as session:
        run = rooms.sources.start_run(session, operator, site_id)
    deadline = time.monotonic() + RUN_LIMIT_S
    while run.is_live:
        if time.monotonic() > deadline:
            raise StageFailedError(f"the run did not end within {RUN_LIMIT_S:.0f} s")
        time.sleep(POLL_S)
        with rooms.database.read() as session:
            run = rooms.sources.run(session, operator, run.id)
    if run.state != "finished":
        raise StageFailedError(f"the run ended as {run.state}: {run.state_reason}")
    return run


def found_in(rooms: Rooms, reviewer: Actor, url: str) -> tuple[Found, ...]:
    """All candidates that wait for a reviewer, with their evidence; `url` is the site's own."""
    with rooms.database.read() as session:
        queue = rooms.candidates.queue(session, reviewer)
        finds = [
            rooms.candidates.evidence_view(session, _SYSTEM, item.candidate_id) for item in queue
        ]
    return tuple(
        Found(find.candidate_id, path, find)
        for find in finds
        for path in sorted({_path(seen.media_url, url) for seen in find.addresses})
    )


def addresses(rooms: Rooms, operator: Actor, run_id: uuid.UUID, url: str) -> dict[str, RunAddress]:
    """What became of each address of the run, by its path on the site."""
    with rooms.database.read() as session:
        rows = addresses_of_run(session, operator, run_id)
    return {_path(row.url, url): row for row in rows}


def media_outcomes(
    items: Iterable[Planned],
    seen: Mapping[str, RunAddress],
    found: Iterable[Found],
    server: LoopbackServer,
) -> tuple[MediumOutcome, ...]:
    """For each medium of the site: what was found in it, and whether that is right."""
    by_path: dict[str, list[Found]] = {}
    for one in found:
        by_path.setdefault(one.path, []).append(one)
    asked = server.asked
    outcomes = []
    for item in items:
        outcome = _medium(item, seen.get(item.path), by_path.get(item.path, []), server.url)
        problem = judge(item, outcome, asked.get(item.path, 0))
        outcomes.append(msgspec.structs.replace(outcome, problem=problem))
    return tuple(outcomes)


def page_outcomes(
    items: Iterable[Planned], seen: Mapping[str, RunAddress], server: LoopbackServer
) -> tuple[PageOutcome, ...]:
    """For each page that a run should reach: what became of it."""
    outcomes = []
    for item in items:
        row = seen.get(item.path)
        refusal = row.refusal_code if row is not None else None
        expected = item.expected.refusals if item.expected is not None else frozenset()
        problem = None
        if expected and refusal not in expected:
            problem = f"not refused as it should be (said: {refusal})"
        if expected and server.asked.get(item.path):
            problem = "it was asked for although it is forbidden"
        if not expected and (row is None or row.state != "done"):
            problem = f"not visited ({refusal or 'never found'})"
        outcomes.append(
            PageOutcome(
                url=server.url + item.path,
                state=row.state if row is not None else "not found",
                refusal=refusal,
                refusal_message=row.refusal_message if row is not None else None,
                problem=problem,
            )
        )
    return tuple(outcomes)


def _medium(item: Planned, row: RunAddress | None, found: list[Found], url: str) -> MediumOutcome:
    finds = tuple(find for one in found for find in _finds(one.find.examination))
    return MediumOutcome(
        file=unquote(item.path.removeprefix("/media/")),
        url=url + item.path,
        what=item.what,
        finds=finds,
        manipulation=_manipulation(found),
        refusal=row.refusal_code if row is not None else None,
        refusal_message=row.refusal_message if row is not None else None,
        seen=row is not None and row.state == "done" and row.refusal_code is None,
    )


def _finds(examination: Examination | None) -> tuple[Find, ...]:
    if examination is None:
        return ()
    return tuple(
        find
        for finding in examination.findings
        for find in (
            *(
                Find(
                    "face",
                    similarity=round(face.similarity, 4),
                    expected_chance_matches=face.expected_chance_matches,
                )
                for face in finding.faces
            ),
            *(Find("hash", distance=match.distance) for match in finding.hashes),
        )
    )


def _manipulation(found: list[Found]) -> str | None:
    for one in found:
        if one.find.examination is not None:
            for finding in one.find.examination.findings:
                return finding.manipulation.band
    return None


def _path(url: str | None, site_url: str) -> str:
    return (url or "").removeprefix(site_url)
