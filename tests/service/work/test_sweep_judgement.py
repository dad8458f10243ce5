"""How a part of a sweep ends: what is gone was answered, what was kept back was not."""

from __future__ import annotations

import pytest

from service.sources.host_rests import GIVEN_UP
from service.sources.views import RunOutcome
from service.work.sweep_judgement import judge_sweep


def outcome(done: int, *refusals: tuple[str, int], **rest: int) -> RunOutcome:
    counts = {"waiting": 0, "media_without_faces": 0, **rest}
    return RunOutcome(
        pages_done=0,
        media_done=done,
        pages_waiting=0,
        refusals=tuple(("medium", code, count) for code, count in refusals),
        starts_refused=0,
        canaries_lost=0,
        **counts,
    )


@pytest.mark.parametrize(
    "ended",
    [
        outcome(12),
        outcome(0, ("http_status", 12)),
        outcome(100, ("not_media", 4), ("wall_forbidden", 2)),
    ],
)
def test_what_is_gone_or_hardly_missing_is_looked_at(ended: RunOutcome) -> None:
    assert judge_sweep(ended).state == "finished"


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (outcome(0, ("wall_login", 1)), "media_kept_back"),
        (outcome(10, ("wall_forbidden", 5)), "media_kept_back"),
        (outcome(10, ("not_media", 5), ("http_status", 3)), "media_kept_back"),
        (outcome(500, (GIVEN_UP, 1)), GIVEN_UP),
        (outcome(5, media_without_faces=5), "faces_not_looked_for"),
    ],
)
def test_what_was_kept_back_makes_it_blind(ended: RunOutcome, reason: str) -> None:
    judgement = judge_sweep(ended)
    assert judgement.state == "blind"
    assert reason in judgement.reasons


def test_a_budget_that_was_used_up_is_said_and_no_blindness() -> None:
    assert judge_sweep(outcome(5, waiting=3)).reasons == ("budget",)
