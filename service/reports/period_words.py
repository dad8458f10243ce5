"""What may be said of a period and of a site in it: blind is never called clean (rule 13)."""

from __future__ import annotations

from collections.abc import Sequence

from service.reports.period_views import SitePeriod


def counted(count: int, one: str, many: str) -> str:
    """ "1 run", "2 runs"."""
    return f"{count} {one if count == 1 else many}"


def of_site(
    *,
    runs: int,
    blind: int,
    failed: int,
    cancelled: int,
    coverage: float | None,
    state: str,
    not_due: int = 0,
) -> str:
    """One sentence on one site."""
    if not runs:
        why = " The site is paused." if state == "paused" else ""
        return f"No run ended, so nothing can be said of it.{why}"
    unfinished = blind + failed + cancelled
    if blind == runs:
        return "Could not look. Nothing can be concluded."
    if unfinished == runs:
        return "No run came to its end. Nothing can be concluded of what was not seen."
    part = ""
    if blind:
        part += f" {counted(blind, 'run', 'runs')} of {runs} could not look."
    if failed:
        part += f" {counted(failed, 'run', 'runs')} of {runs} failed."
    if cancelled:
        part += f" {counted(cancelled, 'run was', 'runs were')} cancelled."
    if coverage is not None and coverage < 1:
        part += f" {min(99, int(coverage * 100))} % of the known pages were visited."
    if not_due:
        pages = counted(not_due, "visit of a page", "visits of pages")
        verbs = "changes was" if not_due == 1 else "change were"
        part += f" {pages} that hardly ever {verbs} not due; what may be new there is not known."
    return f"Looked at.{part}"


def of_period(
    sites: Sequence[SitePeriod], *, going_on: int, complete: bool, paused: int = 0
) -> tuple[str, ...]:
    """The sentences at the top, the gravest first."""
    visited = [site for site in sites if site.runs]
    said: list[str] = []
    if not complete:
        said.append("This period has not ended: the numbers are those of now.")
    if not visited:
        said.append("No run ended in this period. Nothing was looked at, so nothing can be said.")
    blind = [site for site in visited if site.could_not_look]
    if blind:
        places = counted(len(blind), "site", "sites")
        said.append(f"On {places} we could not look. Nothing can be concluded of what is there.")
    partly = sum(site.runs_blind for site in visited if not site.could_not_look)
    if partly:
        runs = counted(partly, "run", "runs")
        said.append(
            f"{runs} of other sites could not look, either; what those missed is not known."
            if blind
            else f"{runs} could not look; what those missed is not known."
        )
    broken = sum(site.runs_failed + site.runs_cancelled for site in visited)
    if broken:
        said.append(
            f"{counted(broken, 'run', 'runs')} failed or had to end early, and say nothing about "
            "what they did not see."
        )
    looked = [site for site in visited if site.runs_finished]
    if looked:
        said.append(_looked_at(visited, looked))
    held_back = sum(site.finds_held_back for site in visited)
    if held_back:
        likenesses = counted(held_back, "likeness was", "likenesses were")
        said.append(f"{likenesses} counted and not shown; whom they show is not known.")
    absent = len(sites) - len(visited)
    if absent and visited:
        said.append(
            f"{counted(absent, 'site was', 'sites were')} not visited: no run of "
            f"{'it' if absent == 1 else 'them'} ended in this period."
        )
    if going_on:
        said.append(
            f"{counted(going_on, 'run goes', 'runs go')} on and will be in the report of the "
            "period in which they end."
        )
    if paused:
        said.append(
            f"{counted(paused, 'of these is', 'of these are')} paused: nothing is looked at by "
            f"{'it' if paused == 1 else 'them'} until somebody goes on."
        )
    return tuple(said)


def _looked_at(visited: Sequence[SitePeriod], looked: Sequence[SitePeriod]) -> str:
    pages = counted(sum(site.pages_seen for site in visited), "page was", "pages were")
    media = counted(sum(site.media_examined for site in visited), "medium", "media")
    found = sum(site.candidates_found for site in visited)
    where = counted(len(looked), "site", "sites")
    candidates = (
        f"{counted(found, 'candidate was', 'candidates were')} found; a candidate is not an "
        "identification."
        if found
        else "No new candidate was found in what was looked at."
    )
    return f"{pages} visited and {media} examined; runs of {where} finished. {candidates}"
