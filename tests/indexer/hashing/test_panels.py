"""Seams between pictures that were put side by side."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from indexer.hashing.panels import MAX_PANELS, Edges, panels_of
from indexer.media import Pixels

ASTRONAUT = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)
CHELSEA = cv2.cvtColor(skimage.data.chelsea(), cv2.COLOR_RGB2GRAY)
COFFEE = cv2.cvtColor(skimage.data.coffee(), cv2.COLOR_RGB2GRAY)


def small(light: Pixels, width_px: int = 80, height_px: int = 80) -> Pixels:
    size = (width_px, height_px)
    return np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def is_near(one: Edges, other: Edges) -> bool:
    return all(abs(a - b) <= 2 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("gutter_px", [0, 3])
def test_two_pictures_side_by_side_are_two_panels(gutter_px: int) -> None:
    gutter = np.full((80, gutter_px), 255, dtype=np.uint8)
    panels = panels_of(np.hstack([small(COFFEE), gutter, small(ASTRONAUT)]))
    assert any(is_near(panel, (0, 0, 80, 80)) for panel in panels)
    assert any(is_near(panel, (80 + gutter_px, 0, 160 + gutter_px, 80)) for panel in panels)


def test_a_panel_that_is_cut_again_gives_its_pieces_too() -> None:
    stacked = np.vstack([small(CHELSEA, 80, 60), small(COFFEE, 80, 60)])
    panels = panels_of(np.hstack([small(ASTRONAUT, 80, 120), stacked]))
    for expected in ((0, 0, 80, 120), (80, 0, 160, 60), (80, 60, 160, 120)):
        assert any(is_near(panel, expected) for panel in panels), expected


@pytest.mark.parametrize("light", [ASTRONAUT, CHELSEA, COFFEE])
def test_ordinary_pictures_have_few_seams_or_none(light: Pixels) -> None:
    assert len(panels_of(small(light, 160, 120))) <= 4


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_bars_are_trimmed_off(shade: int) -> None:
    between = np.pad(small(COFFEE), ((12, 30), (5, 0)), constant_values=shade)
    assert is_near(panels_of(between)[0], (5, 12, 85, 92))


@pytest.mark.parametrize("light", [ASTRONAUT, CHELSEA, COFFEE])
def test_a_picture_without_a_border_has_no_inside(light: Pixels) -> None:
    inside = [
        panel
        for panel in panels_of(small(light, 160, 120))
        if panel[2] - panel[0] > 140 and panel[3] - panel[1] > 100
    ]
    assert inside == []


def test_flat_pictures_and_slivers_have_none() -> None:
    assert panels_of(np.full((120, 160), 90, dtype=np.uint8)) == ()
    assert panels_of(np.zeros((1, 160), dtype=np.uint8)) == ()
    assert panels_of(np.zeros((160, 1), dtype=np.uint8)) == ()


def test_there_is_an_end_to_cutting() -> None:
    board = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((20, 20))) * 255
    assert len(panels_of(board.astype(np.uint8))) <= MAX_PANELS + 2
