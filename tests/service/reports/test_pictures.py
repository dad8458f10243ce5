"""Pictures of a trend can be read by a screen reader, and hold no markup that was given."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from service.reports.pictures import HEIGHT_PX, Series, bars, short

SVG = "{http://www.w3.org/2000/svg}"


def _drawn(series: Series) -> ElementTree.Element:
    return ElementTree.fromstring(str(bars(series)))


def test_a_picture_has_a_title_and_its_numbers_in_words() -> None:
    root = _drawn(Series("runs", "Runs, week by week", ("2 Nov", "9 Nov"), (1.0, 1234.0)))
    assert root.get("role") == "img"
    ids = {element.get("id"): element.text for element in root.iter() if element.get("id")}
    named = [ids[name] for name in (root.get("aria-labelledby") or "").split()]
    assert named == ["Runs, week by week", "2 Nov: 1, 9 Nov: 1.2k"]


def test_bars_are_as_high_as_their_values() -> None:
    root = _drawn(Series("x", "X", ("a", "b", "c"), (0.0, 50.0, 100.0)))
    heights = [float(bar.get("height") or 0) for bar in root.iter(f"{SVG}rect")]
    assert len(heights) == 2, "nothing is drawn for zero"
    assert heights[0] * 2 == pytest.approx(heights[1])
    assert max(heights) < HEIGHT_PX


def test_nothing_at_all_is_a_line() -> None:
    root = _drawn(Series("x", "X", ("a",), (0.0,)))
    assert list(root.iter(f"{SVG}rect")) == []
    assert len(list(root.iter(f"{SVG}line"))) == 1


def test_text_is_never_markup() -> None:
    root = _drawn(Series("x", '<script>"x"</script>', ("<b>", "</svg>"), (1.0, 2.0)))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg",
        "title",
        "desc",
        "line",
        "rect",
        "text",
    }


@pytest.mark.parametrize(("labels", "values"), [((), ()), (("a",), (1.0, 2.0)), (("a",), (-1.0,))])
def test_what_cannot_be_drawn_is_refused(
    labels: tuple[str, ...], values: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match=r"series|bars"):
        Series("x", "X", labels, values)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (950, "950"), (1200, "1.2k"), (34_000_000, "34M"), (2.5, "2.5")],
)
def test_numbers_are_short(value: float, words: str) -> None:
    assert short(value) == words
