"""The report for the person: what was looked at for them, when, and what became of it, in words.

No address and no picture is in it. What we could not look at is said, never left out (rule 13).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.clock import Clock
from service.enrolment.face_words import words_for_person
from service.enrolment.model_views import PersonFaces
from service.errors import NotFoundError
from service.reports.crawl_report import CandidateCounts, FaceSearches
from service.reports.views import PersonReport
from service.sources.service import SourcesService
from service.sources.views import RunView

_FOUND_WORDS = {
    "waiting": ("is waiting to be confirmed", "are waiting to be confirmed"),
    "confirmed": (
        "was confirmed; what could be captured of it is kept as evidence",
        "were confirmed; what could be captured of them is kept as evidence",
    ),
    "dismissed": (
        "was looked at by people and is not you, or you dismissed it; nothing of it is kept",
        "were looked at by people and are not you, or you dismissed them; nothing of them is kept",
    ),
    "expired": (
        "ended without a decision; what was captured is gone",
        "ended without a decision; what was captured is gone",
    ),
    "halted": ("was stopped for your protection", "were stopped for your protection"),
}


@dataclass(frozen=True, slots=True)
class PersonReportBuilder:
    """Reads the rooms below and writes nothing."""

    clock: Clock
    sources: SourcesService
    candidates: CandidateCounts
    faces: FaceSearches

    def build(self, session: Session, actor: Actor, person_id: uuid.UUID) -> PersonReport:
        """The report on one case: for its person, or for staff of the organisation."""
        if actor.organisation_id is None or (
            actor.person_id is not None and actor.person_id != person_id
        ):
            raise NotFoundError("There is no such case.")
        # Runs belong to the organisation; the person is told numbers of those that served them.
        as_system = Actor.system("person report", actor.organisation_id)
        runs = self.sources.progress.serving(session, as_system, person_id)
        finds = self.candidates.counts(session, actor, person_id)
        rests = self.candidates.face_search_rests(session, actor, person_id)
        faces = self.faces.faces_of(session, actor, person_id)
        closer_on = self.candidates.only_closer_on(session, actor, person_id)
        ended = [run.finished_at for run in runs if run.finished_at is not None]
        return PersonReport(
            runs=len(runs),
            runs_going_on=sum(run.is_live for run in runs),
            runs_blind=sum(run.state == "blind" for run in runs),
            sites=len({run.site_id for run in runs}),
            pages_seen=sum(run.pages_seen for run in runs),
            media_examined=sum(run.media_examined for run in runs),
            last_looked_at=max(ended, default=None),
            finds=finds,
            sentences=_sentences(runs, finds, rests=rests, closer_on=closer_on, faces=faces),
            made_at=self.clock.now(),
        )


def _sentences(
    runs: Sequence[RunView],
    finds: Sequence[tuple[str, int]],
    *,
    rests: bool,
    closer_on: tuple[int, bool],
    faces: PersonFaces,
) -> tuple[str, ...]:
    lines = [_looked(runs)]
    blind = sum(run.state == "blind" for run in runs)
    if blind:
        times = "Once" if blind == 1 else f"{blind} times"
        lines.append(f"{times} we could not look at a site. What is there, we do not know.")
    for state, count in finds:
        one, many = _FOUND_WORDS.get(state, ("is being dealt with", "are being dealt with"))
        lines.append(f"1 find {one}." if count == 1 else f"{count} finds {many}.")
    unreadable = sum(run.media_unreadable for run in runs)
    if unreadable:
        lines.append(
            f"{_many(unreadable, 'picture or video', 'pictures and videos')} could not be read: "
            "we do not know what is in there."
        )
    partly = sum(run.media_only_small + run.media_in_part for run in runs)
    if partly:
        lines.append(
            f"{_many(partly, 'picture or video', 'pictures and videos')} could only be seen small "
            "or in part: we do not know what the rest shows."
        )
    if rests:
        lines.append(
            "The search for your face rests for now: so many faces that look like yours came up "
            "at once that people look at them before it goes on. Copies of your known pictures "
            "are still looked for."
        )
    words = words_for_person(faces)
    if words.reason:
        lines.append(f"{words.reason} {words.advice}")
    sites, everywhere = closer_on
    if sites:
        where = "one site" if sites == 1 else f"{sites} sites"
        lines.append(
            f"On {where} somebody else who looks like you was found, so only closer likenesses "
            "are shown to your advocates there for a while."
        )
    if everywhere:
        lines.append(
            "Many faces that look a little like yours came up, so only closer likenesses are shown "
            "to your advocates for a while."
        )
    looked_well = any(run.state == "finished" and run.media_examined for run in runs)
    if not finds and looked_well and not rests and not faces.cannot_be_found:
        lines.append("Nothing was found so far in what we could look at. We keep looking.")
    return tuple(lines)


def _looked(runs: Sequence[RunView]) -> str:
    if not runs:
        return "No site was looked at for you yet."
    pages, media = sum(run.pages_seen for run in runs), sum(run.media_examined for run in runs)
    sites = len({run.site_id for run in runs})
    where = "one site" if sites == 1 else f"{sites} sites"
    going_on = " A look is going on right now." if any(run.is_live for run in runs) else ""
    seen = f"{_many(pages, 'page')} and {_many(media, 'picture or video', 'pictures and videos')}"
    return f"For you we looked at {seen} on {where}.{going_on}"


def _many(count: int, one: str, many: str = "") -> str:
    return f"1 {one}" if count == 1 else f"{count} {many or one + 's'}"
