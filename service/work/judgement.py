"""Whether a run could look: "finished", or "blind" with its reasons (design rule 13).

A run is blind when it fetched no page, met a challenge, log-in, age or consent page (or one that
only a script fills), lost a canary, was kept out of where it should begin, was without its proxy
or the browser that its pages need, gave a host up that failed again and again, or had no model to
look for faces with although its organisation wants that. "Nothing found" is never said of a blind
run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.crawl.walls import KINDS
from service.sources.host_rests import GIVEN_UP
from service.sources.views import RunOutcome
from service.work.walls import WALL_PREFIX

CANARY_LOST = "canary_lost"
NO_PAGE = "no_page"
START_REFUSED = "start_refused"
MANY_REFUSED = "many_refused"
FACES_NOT_LOOKED_FOR = "faces_not_looked_for"
SOFT_ERROR = "soft_404"
SOFT_FORBIDDEN = "soft_403"
MANY_EMPTY = "many_empty"
PROXY_DOWN = "proxy"
BROWSER_MISSING = "browser_missing"
NOT_RENDERED = "not_rendered"
MANY_NOT_RENDERED = "many_not_rendered"
BUDGET = "budget"

_POSITIVE_WALLS = frozenset(WALL_PREFIX + kind for kind in KINDS)
_MANY_SHARE = 0.2
_MANY_EMPTY_SHARE = 0.5
"""Dead links are common; where every second page says that there is nothing, it says so to us."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a run ends. `reasons` are stable codes, the gravest first."""

    state: str
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The reasons as one text for the run's row."""
        return ",".join(self.reasons)


def judge(outcome: RunOutcome) -> Judgement:
    """What a run that came to its end is called."""
    blind = _blind_reasons(outcome)
    notes = (BUDGET,) if outcome.waiting else ()
    if blind:
        return Judgement("blind", (*blind, *notes))
    return Judgement("finished", notes)


def _blind_reasons(outcome: RunOutcome) -> Sequence[str]:
    reasons: list[str] = []
    if outcome.pages_done == 0:
        reasons.append(NO_PAGE)
    page_codes = {code: count for kind, code, count in outcome.refusals if kind == "page"}
    answered = outcome.pages_done + sum(page_codes.values())
    reasons += sorted(code for code in page_codes if code in _POSITIVE_WALLS)
    if any(code == PROXY_DOWN for _, code, _ in outcome.refusals):
        reasons.append(PROXY_DOWN)
    if page_codes.get(BROWSER_MISSING):
        reasons.append(BROWSER_MISSING)
    if page_codes.get(NOT_RENDERED, 0) >= max(1.0, _MANY_SHARE * answered):
        reasons.append(MANY_NOT_RENDERED)
    if outcome.canaries_lost:
        reasons.append(CANARY_LOST)
    if outcome.starts_refused:
        reasons.append(START_REFUSED)
    if any(code == GIVEN_UP for _kind, code, _count in outcome.refusals):
        reasons.append(GIVEN_UP)
    if outcome.media_without_faces:
        reasons.append(FACES_NOT_LOOKED_FOR)
    kept_out = sum(
        count
        for code, count in page_codes.items()
        if code.startswith(WALL_PREFIX) or code == SOFT_FORBIDDEN
    )
    if page_codes.get(SOFT_ERROR, 0) >= max(1.0, _MANY_EMPTY_SHARE * answered):
        reasons.append(MANY_EMPTY)
    if kept_out and kept_out >= _MANY_SHARE * answered:
        reasons.append(MANY_REFUSED)
    return reasons
