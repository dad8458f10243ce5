"""Small pictures of a trend: SVG bars, made here, readable without colour and by a screen reader.

Each has a title and a description with its numbers, and a table stands beside it. Colours come
from the page (`currentColor`, or the class `bar`), so that it is right in the light and the dark;
as a picture in a document it is black. All text in it is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

WIDTH_PX = 320
HEIGHT_PX = 96
_TOP_PX = 14
_FOOT_PX = 16
_GAP_PX = 4
_LEAST_BAR_PX = 2.0
_SHORT_STEPS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))
_FEW = 10


@dataclass(frozen=True, slots=True)
class Series:
    """What one picture shows: a value for each period, the oldest first; never negative."""

    name: str
    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if len(self.labels) != len(self.values) or not self.values:
            raise ValueError("a series needs one label for each of its values, and at least one")
        if min(self.values) < 0:
            raise ValueError("bars show counts, which are never negative")


def bars(series: Series) -> Markup:
    """The picture as an SVG element, `WIDTH_PX` by `HEIGHT_PX` units, growing with its place."""
    most = max(series.values)
    room = HEIGHT_PX - _TOP_PX - _FOOT_PX
    step = WIDTH_PX / len(series.values)
    ground = HEIGHT_PX - _FOOT_PX
    shapes = []
    for place, value in enumerate(series.values):
        height = max(_LEAST_BAR_PX, room * value / most) if value else 0.0
        if height:
            shapes.append(
                f'<rect class="bar" x="{place * step + _GAP_PX / 2:.1f}" '
                f'y="{ground - height:.1f}" width="{step - _GAP_PX:.1f}" height="{height:.1f}" '
                'fill="currentColor"/>'
            )
    middle = f'font-size="11" fill="currentColor" font-family="sans-serif" y="{HEIGHT_PX - 3}"'
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="trend" role="img" '
        'viewBox="0 0 {width} {height}" aria-labelledby="{name}-title {name}-words">'
        '<title id="{name}-title">{title}</title><desc id="{name}-words">{words}</desc>'
        '<line x1="0" y1="{ground}.5" x2="{width}" y2="{ground}.5" stroke="currentColor" '
        'stroke-width="1"/>{shapes}'
        '<text x="0" y="10" font-size="11" fill="currentColor" font-family="sans-serif">'
        "at most {most}</text>"
        '<text x="0" {middle}>{first}</text>'
        '<text x="{width}" text-anchor="end" {middle}>{last}</text></svg>'
    ).format(
        width=WIDTH_PX,
        height=HEIGHT_PX,
        name=series.name,
        title=series.title,
        words=_in_words(series),
        ground=ground,
        shapes=Markup("".join(shapes)),  # noqa: S704 - numbers that were formatted above
        most=short(most),
        middle=Markup(middle),  # noqa: S704 - numbers that were formatted above
        first=series.labels[0],
        last=series.labels[-1],
    )


def short(value: float) -> str:
    """A number in at most five characters: 950, 1.2k, 34M."""
    for size, letter in _SHORT_STEPS:
        if value >= size:
            scaled = value / size
            return f"{scaled:.1f}{letter}" if scaled < _FEW else f"{scaled:.0f}{letter}"
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def _in_words(series: Series) -> str:
    return ", ".join(
        f"{label}: {short(value)}"
        for label, value in zip(series.labels, series.values, strict=True)
    )
