"""The small histogram: what it counts, what it paints, and its line under the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor

from napari_stm_impurities.plugin.plots.curves import COLOURS
from napari_stm_impurities.plugin.plots.histogram import Histogram


def shown(qtbot: QtBot, movable: bool = False) -> Histogram:
    histogram = Histogram(movable)
    qtbot.addWidget(histogram)
    histogram.resize(204, 136)
    histogram.show()
    return histogram


def colours_across(histogram: Histogram, y: int) -> list[str]:
    picture = histogram.grab().toImage()
    return [QColor(picture.pixel(x, y)).name() for x in range(picture.width())]


def test_a_bar_stands_where_the_values_are(qtbot: QtBot) -> None:
    histogram = shown(qtbot)
    histogram.show_values([0.6, 0.6, 0.7, np.nan, 5.0, -1.0], 0.0, 1.0, 2, "distance (nm)")
    assert histogram.counts.tolist() == [0, 3]
    row = colours_across(histogram, 68)
    middle = round(histogram.x_of(0.5))
    assert COLOURS[0] not in row[:middle]
    assert COLOURS[0] in row[middle + 2 :]


@pytest.mark.parametrize("values", [[], [np.nan], [2.0]])
def test_nothing_to_count_paints_no_bar(qtbot: QtBot, values: list[float]) -> None:
    histogram = shown(qtbot)
    histogram.show_values(values, 0.0, 1.0, 4, "confidence")
    assert COLOURS[0] not in colours_across(histogram, 68)


def test_the_line_is_where_it_was_put(qtbot: QtBot) -> None:
    histogram = shown(qtbot)
    histogram.show_values([], 0.0, 2.0, 4, "confidence")
    histogram.mark(0.5)
    at = [x for x, colour in enumerate(colours_across(histogram, 68)) if colour == COLOURS[1]]
    assert at
    assert np.mean(at) == pytest.approx(histogram.x_of(0.5), abs=1)
    histogram.mark(None)
    assert COLOURS[1] not in colours_across(histogram, 68)


def test_the_mouse_moves_the_line_and_stays_on_the_axis(qtbot: QtBot) -> None:
    histogram = shown(qtbot, movable=True)
    histogram.show_values([], 0.0, 1.0, 4, "confidence")
    told: list[float] = []
    histogram.moved.connect(told.append)
    at = QPoint(round(histogram.x_of(0.25)), 60)
    qtbot.mousePress(histogram, Qt.MouseButton.LeftButton, pos=at)
    assert told == [pytest.approx(0.25, abs=0.01)]
    qtbot.mouseRelease(histogram, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mousePress(histogram, Qt.MouseButton.LeftButton, pos=QPoint(204, 60))
    assert told[-1] == histogram.marked == 1.0


def test_a_fixed_line_ignores_the_mouse(qtbot: QtBot) -> None:
    histogram = shown(qtbot)
    histogram.mark(0.5)
    qtbot.mousePress(histogram, Qt.MouseButton.LeftButton, pos=QPoint(20, 60))
    assert histogram.marked == 0.5
