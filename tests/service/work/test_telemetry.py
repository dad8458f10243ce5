"""Spans hold ids of runs and counts; without being asked for there are none."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace

from service.work.crawl_run import CrawlRuns, SliceResult
from service.work.telemetry import TracedCrawlRuns, crawl_runs


class TracerOfATest:
    """Remembers spans and what they were given."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, dict[str, object]]] = []
        self._inside: dict[str, object] = {}

    @contextmanager
    def start_as_current_span(self, name: str, **options: bool) -> Iterator[Any]:
        assert options == {"record_exception": False, "set_status_on_exception": False}
        self._inside = {}
        self.spans.append((name, self._inside))
        yield self

    def set_attribute(self, name: str, value: object) -> None:
        self._inside[name] = value


def test_each_step_is_a_span_of_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    tracer, run_id = TracerOfATest(), uuid.uuid4()
    monkeypatch.setattr(trace, "get_tracer", lambda _name: tracer)
    monkeypatch.setattr(CrawlRuns, "slice", lambda *_: SliceResult(7, True, 0.0))
    monkeypatch.setattr(CrawlRuns, "end", lambda *_: "blind")
    runs = crawl_runs(None, None, None, "W", traced=True)  # type: ignore[arg-type]
    assert isinstance(runs, TracedCrawlRuns)
    assert runs.slice(run_id).completed == 7
    assert runs.end(run_id) == "blind"
    run = {"likeness.run": str(run_id)}
    assert tracer.spans == [
        ("crawl slice", {**run, "likeness.addresses_completed": 7, "likeness.more": True}),
        ("crawl end", {**run, "likeness.state": "blind"}),
    ]


def test_nothing_is_traced_unless_asked_for() -> None:
    plain = crawl_runs(None, None, None, "W", traced=False)  # type: ignore[arg-type]
    assert type(plain) is CrawlRuns
