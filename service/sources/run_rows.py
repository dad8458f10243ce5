"""Rows of runs: how they are told, and how one is handed out again."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from service.sources.models import Run
from service.sources.repository import SourcesRepository
from service.sources.views import AROUND, SWEEP_RUN, RunView, run_view


def queue_again(run: Run) -> None:
    """Hand a run out under a new number, so that it gets a workflow of its own."""
    run.state, run.state_reason, run.paused_at = "queued", "", None
    run.generation += 1


def run_views(
    repository: SourcesRepository, runs: Sequence[Run], acute: Collection[str] = ()
) -> tuple[RunView, ...]:
    """Views of rows, with the names of their sites. `acute` are people in acute danger: what is
    done for them goes first, but not each visit of a site, which serves everybody.
    """
    names = repository.site_names({run.site_id for run in runs})
    return tuple(
        run_view(
            run,
            names.get(run.site_id, ""),
            is_acute=run.kind in (AROUND, SWEEP_RUN) and not set(acute).isdisjoint(run.serves),
        )
        for run in runs
    )
