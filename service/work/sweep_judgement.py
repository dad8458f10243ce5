"""Whether a sweep could look (design rule 13).

It fetches media and no pages: that a medium is gone is an answer; a log-in page in its place, a
refusal or no answer at all is none.
"""

from __future__ import annotations

from service.sources.host_rests import GIVEN_UP
from service.sources.views import RunOutcome
from service.work.judgement import BUDGET, FACES_NOT_LOOKED_FOR, Judgement
from service.work.walls import WALL_PREFIX

MEDIA_KEPT_BACK = "media_kept_back"

_NOT_LOOKED = frozenset(
    (
        "not_media",
        "robots",
        "address_not_public",
        "timeout",
        "connection",
        "tls",
        "proxy",
        "lost",
        "defect",
    )
)
_MANY_SHARE = 0.2
_ENOUGH = 5
"""Fewer that were kept back say nothing of the others."""


def judge_sweep(outcome: RunOutcome) -> Judgement:
    """What a part of a sweep is called that came to its end."""
    codes = [(code, count) for kind, code, count in outcome.refusals if kind == "medium"]
    kept_back = sum(
        count for code, count in codes if code.startswith(WALL_PREFIX) or code in _NOT_LOOKED
    )
    answered = outcome.media_done + sum(count for _, count in codes)
    blind: list[str] = []
    if kept_back and (
        kept_back == answered or (kept_back >= _ENOUGH and kept_back >= _MANY_SHARE * answered)
    ):
        blind.append(MEDIA_KEPT_BACK)
    if any(code == GIVEN_UP for code, _ in codes):
        blind.append(GIVEN_UP)
    if outcome.media_without_faces:
        blind.append(FACES_NOT_LOOKED_FOR)
    notes = (BUDGET,) if outcome.waiting else ()
    return Judgement("blind" if blind else "finished", (*blind, *notes))
