"""Metrics in the text format of Prometheus (version 0.0.4), read from the database when asked.

Every worker writes into the one database, so one place answers for all of them, and nothing is
lost when a process ends. Counts only: no name of a site or person, no id. The format is written
here: it is a dozen lines, and the usual client counts within one process.
"""

from __future__ import annotations

from collections.abc import Mapping

from service.sources.run_totals import RunTotals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_RUN_STATES = ("queued", "running", "paused", "yielded", "finished", "blind", "cancelled", "failed")
_SITE_STATES = ("active", "paused")

Labels = tuple[tuple[str, str], ...]


def exposition(totals: RunTotals) -> str:
    """All metrics as text."""
    counters: tuple[tuple[str, str, float], ...] = (
        ("pages_seen", "Pages fetched and read.", totals.pages_seen),
        ("media_seen", "Media fetched.", totals.media_seen),
        ("media_examined", "Media that were looked at.", totals.media_examined),
        ("media_unreadable", "Media that could not be read.", totals.media_unreadable),
        ("faces_counted", "Faces counted; nothing of them is kept.", totals.faces_counted),
        ("candidates_found", "Candidates made by crawls.", totals.candidates_found),
        ("addresses_refused", "Addresses refused or failed.", totals.refusals),
        ("bytes_fetched", "Bytes fetched.", totals.bytes_fetched),
        ("examine_seconds", "Seconds of examining.", totals.examine_seconds),
    )
    parts = [
        _metric(
            "runs",
            "Runs by state; blind ones could not look.",
            "gauge",
            {(("state", state),): totals.runs.get(state, 0) for state in _RUN_STATES},
        ),
        _metric(
            "sites",
            "Sites by state.",
            "gauge",
            {(("state", state),): totals.sites.get(state, 0) for state in _SITE_STATES},
        ),
        _metric(
            "addresses",
            "Addresses of live runs that are not done.",
            "gauge",
            {
                (("kind", kind), ("state", state)): totals.waiting.get((kind, state), 0)
                for kind in ("page", "medium")
                for state in ("waiting", "leased")
            },
        ),
    ]
    parts += [_metric(f"{name}_total", words, "counter", {(): v}) for name, words, v in counters]
    return "".join(parts)


def _metric(name: str, words: str, kind: str, values: Mapping[Labels, float]) -> str:
    lines = [f"# HELP likeness_{name} {words}", f"# TYPE likeness_{name} {kind}"]
    for labels, value in values.items():
        inside = ",".join(f'{label}="{word}"' for label, word in labels)
        lines.append(f"likeness_{name}{f'{{{inside}}}' if inside else ''} {value:.15g}")
    return "\n".join(lines) + "\n"
