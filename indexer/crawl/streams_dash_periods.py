"""A DASH presentation in several periods: which of them are one film, and its pieces in order.

Advertisements are put into a film as periods of their own, so that it comes in several. Those that
have the same form, behind the same beginning, are joined; what has another beginning cannot be
decoded together with it, and is said to be left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from indexer.crawl.streams import MAX_LISTED_PIECES, MAX_SECONDS, Form, Piece, StreamError, Track

MAX_PERIODS = 100


class DashForm(NamedTuple):
    """One representation, `seconds` long; its pieces are read when they are asked for, because a
    small manifest can describe very many. `track` raises `StreamError`.
    """

    form: Form
    seconds: float
    track: Callable[[], Track]
    name: str = ""


def films_of(periods: Sequence[Sequence[DashForm]], place: int) -> tuple[DashForm, ...]:
    """The forms of the period number `place`, each with what goes on with it in the others."""
    lengths_s: dict[str, float] = defaultdict(float)
    for period in periods:
        for name, seconds in {form.name: form.seconds for form in period}.items():
            lengths_s[name] += seconds
    return tuple(
        form._replace(
            seconds=min(lengths_s[form.name] if form.name else form.seconds, MAX_SECONDS),
            track=partial(_film, form, periods, place),
        )
        for form in periods[place]
    )


def saying(form: DashForm, left_out: tuple[str, ...]) -> DashForm:
    """The form, whose track says that so much is left out."""

    def track() -> Track:
        own = form.track()
        return replace(own, left_out=(*left_out, *own.left_out))

    return form._replace(track=track)


def _film(chosen: DashForm, periods: Sequence[Sequence[DashForm]], place: int) -> Track:
    own = chosen.track()
    pieces: list[Piece] = []
    seconds, missing, read = 0.0, 0, len(own.pieces)
    joins = own.init is not None and not own.cut_at_limit and bool(chosen.name)
    for number, period in enumerate(periods):
        track: Track | None = own
        if number != place:
            # A manifest of a few lines can describe very many pieces in each period.
            track = _named(chosen.name, period) if joins and read < MAX_LISTED_PIECES else None
            read += len(track.pieces) if track is not None else 0
        if track is None or track.init != own.init or track.cut_at_limit != own.cut_at_limit:
            missing += 1
            continue
        pieces += track.pieces
        seconds += track.seconds
    left_out = [f"{missing} other parts of the presentation"] * (missing > 0) + [*own.left_out]
    if len(pieces) > MAX_LISTED_PIECES:
        left_out.append(f"{len(pieces) - MAX_LISTED_PIECES} pieces beyond the first")
    return replace(
        own,
        pieces=tuple(pieces[:MAX_LISTED_PIECES]),
        seconds=min(seconds, MAX_SECONDS),
        left_out=tuple(left_out),
    )


def _named(name: str, period: Sequence[DashForm]) -> Track | None:
    form = next((form for form in period if form.name == name), None)
    if form is None:
        return None
    with suppress(StreamError):
        return form.track()
    return None
