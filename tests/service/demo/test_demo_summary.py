"""The demo's judgement: what counts as right, and what is said when it is not."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.console import Console

from service.demo.memory import MemoryPeak
from service.demo.planned import ALTERED, Expected, Planned
from service.demo.stages import StageFailedError, Stages
from service.demo.summary import Find, MediumOutcome, judge, problems_of
from service.errors import ConflictError

FACE = Find("face", similarity=0.8)
HASH = Find("hash", distance=4)


def planned(expected: Expected | None) -> Planned:
    return Planned("/media/x.jpg", b"", "image/jpeg", "person", "x", expected)


def outcome(**changes: object) -> MediumOutcome:
    parts: dict[str, object] = {"file": "x.jpg", "url": "/media/x.jpg", "what": "x", "seen": True}
    return MediumOutcome(**(parts | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expected", "seen_as", "asked"),
    [
        (Expected(found_by=frozenset({"face"})), outcome(finds=(FACE,)), 1),
        (Expected(found_by=frozenset({"face"})), outcome(finds=(FACE, HASH)), 1),
        (Expected(), outcome(), 1),
        (
            Expected(found_by=frozenset({"face"}), bands=ALTERED),
            outcome(finds=(FACE,), manipulation="weak_signs"),
            1,
        ),
        (
            Expected(refusals=frozenset({"robots"}), requested=False),
            outcome(seen=False, refusal="robots"),
            0,
        ),
        (Expected(requested=False), outcome(seen=False), 0),
        (None, outcome(finds=(FACE,)), 1),
    ],
)
def test_an_outcome_as_declared_has_no_problem(
    expected: Expected | None, seen_as: MediumOutcome, asked: int
) -> None:
    assert judge(planned(expected), seen_as, asked) is None


@pytest.mark.parametrize(
    ("expected", "seen_as", "asked", "says"),
    [
        (Expected(found_by=frozenset({"face"})), outcome(), 1, "not found by face"),
        (Expected(found_by=frozenset({"face", "hash"})), outcome(finds=(FACE,)), 1, "by hash"),
        (Expected(), outcome(finds=(FACE,)), 1, "somebody was found"),
        (Expected(), outcome(seen=False), 0, "not looked at"),
        (Expected(), outcome(refusal="timeout"), 1, "refused as timeout"),
        (Expected(refusals=frozenset({"truncated"})), outcome(), 1, "not refused"),
        (
            Expected(found_by=frozenset({"face"}), bands=ALTERED),
            outcome(finds=(FACE,), manipulation="no_trace_found"),
            1,
            "manipulation finding is no_trace_found",
        ),
        (Expected(requested=False), outcome(seen=False), 2, "asked for 2 times"),
        (
            Expected(refusals=frozenset({"robots"}), requested=False),
            outcome(seen=False),
            0,
            "not refused",
        ),
    ],
)
def test_any_other_outcome_is_a_problem_that_is_named(
    expected: Expected, seen_as: MediumOutcome, asked: int, says: str
) -> None:
    problem = judge(planned(expected), seen_as, asked)
    assert problem is not None
    assert says in problem


def test_problems_carry_their_address() -> None:
    assert problems_of([outcome(), outcome(problem="not looked at")]) == (
        "/media/x.jpg: not looked at",
    )


def test_a_stage_that_fails_is_named_and_timed() -> None:
    stages = Stages(Console(file=io.StringIO()))
    with pytest.raises(StageFailedError, match="sealing: it was sealed before"):  # noqa: SIM117
        with stages.stage("sealing"):
            raise ConflictError("it was sealed before")
    assert list(stages.seconds) == ["sealing"]


def test_a_requirement_that_does_not_hold_ends_the_demo() -> None:
    with pytest.raises(StageFailedError, match="two and two"):
        Stages(Console(file=io.StringIO())).require(2 + 2 == 5, "two and two are not five")


def test_the_memory_of_children_counts() -> None:
    hundred_mb = "x = bytearray(100_000_000); print('ready', flush=True); input()"
    with MemoryPeak(every_s=0.05) as peak:
        child = subprocess.Popen(
            [sys.executable, "-c", hundred_mb], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        with MemoryPeak(every_s=0.05) as later:
            pass
        child.communicate(b"\n")
    assert later.peak_bytes > 100_000_000
    assert peak.peak_bytes >= 100_000_000
