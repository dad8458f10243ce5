"""OpenTelemetry, when the operator asks for it: a span for each slice of a run and for its end.

Only its interface is used here. What collects and where to is the operator's (a provider that
`opentelemetry-instrument` or a distribution sets up); without one a span costs nothing. Attributes
are the run's id and counts, never an address or anything of a person.
"""

from __future__ import annotations

import uuid
from importlib.util import find_spec

from service.errors import NotConfiguredError
from service.work.child_pool import ChildPool
from service.work.crawl_run import CrawlRuns, RunReports, SliceResult
from service.work.line_parts import LineParts

TRACER = "likeness.crawl"


class TracedCrawlRuns(CrawlRuns):
    """The same steps, each in a span."""

    def slice(self, run_id: uuid.UUID, generation: int | None = None) -> SliceResult:
        """See `CrawlRuns.slice`."""
        from opentelemetry import trace  # noqa: PLC0415 - optional, and checked before

        # an error's text may hold an address: its class is enough
        with trace.get_tracer(TRACER).start_as_current_span(
            "crawl slice", record_exception=False, set_status_on_exception=False
        ) as span:
            span.set_attribute("likeness.run", str(run_id))
            result = super().slice(run_id, generation)
            span.set_attribute("likeness.addresses_completed", result.completed)
            span.set_attribute("likeness.more", result.more)
            return result

    def end(self, run_id: uuid.UUID, generation: int | None = None) -> str:
        """See `CrawlRuns.end`."""
        from opentelemetry import trace  # noqa: PLC0415 - optional, and checked before

        with trace.get_tracer(TRACER).start_as_current_span(
            "crawl end", record_exception=False, set_status_on_exception=False
        ) as span:
            span.set_attribute("likeness.run", str(run_id))
            state = super().end(run_id, generation)
            span.set_attribute("likeness.state", state)
            return state


def crawl_runs(
    parts: LineParts, children: ChildPool, reports: RunReports, worker: str, *, traced: bool
) -> CrawlRuns:
    """The steps of runs. Raises `NotConfiguredError` when they cannot be traced."""
    if not traced:
        return CrawlRuns(parts, children, reports, worker)
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.trace") is None:
        raise NotConfiguredError(
            "LIKENESS_TELEMETRY is on, and the package opentelemetry-api is not installed."
        )
    return TracedCrawlRuns(parts, children, reports, worker)
