"""The plot of spectra: its axes, its curves, and its mark."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QColor

from napari_stm_impurities.plugin.plots.spectrum_plot import Line, SpectrumPlot

COLOUR = "#e69f00"


def shown(qtbot: QtBot, lines: list[Line]) -> SpectrumPlot:
    plot = SpectrumPlot("bias (mV)")
    qtbot.addWidget(plot)
    plot.resize(300, 200)
    plot.show_lines(lines, ("dI/dV", "A"), ("fall", ""))
    plot.show()
    return plot


def rows_of(plot: SpectrumPlot, x: float, colour: str = COLOUR) -> list[int]:
    """The rows of the frame in which a colour stands at one place of the axis."""
    picture, column = plot.grab().toImage(), round(plot.x_of(x))
    frame = plot.frame()
    rows = range(round(frame.top()) + 20, round(frame.bottom()))
    wanted = np.array(QColor(colour).getRgb()[:3])
    # a thin line is painted smoothly, so that its colour is a little mixed with what lies behind it
    return [
        row for row in rows if np.abs(np.array(QColor(picture.pixel(column, row)).getRgb()[:3]) - wanted).sum() < 120
    ]


def test_an_uneven_axis_is_drawn_to_scale(qtbot: QtBot) -> None:
    """A straight line over uneven biases stays straight."""
    x = np.array([-500.0, -400, -390, 0, 10])
    plot = shown(qtbot, [Line("", x, 1e-12 * x, COLOUR)])
    frame = plot.frame()
    assert plot.x_of(-500) == frame.left()
    assert plot.x_of(-245) == pytest.approx(frame.center().x())
    for at in (-200.0, -100.0):
        # 5 % are left free above and below
        wanted = frame.bottom() - frame.height() * (0.05 + (at + 500) / 510) / 1.1
        assert np.mean(rows_of(plot, at)) == pytest.approx(wanted, abs=2)


def test_where_nothing_was_measured_the_curve_is_broken(qtbot: QtBot) -> None:
    y = np.array([1.0, 1.0, np.nan, 1.0, 1.0])
    plot = shown(qtbot, [Line("", np.arange(5.0), y, COLOUR), Line("", np.arange(5.0), np.arange(5.0), "#0000ff")])
    assert rows_of(plot, 0.5)
    assert not rows_of(plot, 2.0)
    assert rows_of(plot, 3.5)


def test_the_two_axes_have_their_own_scales(qtbot: QtBot) -> None:
    x = np.linspace(0, 1, 20)
    left, right = Line("", x, np.full(20, 5.0), "#56b4e9"), Line("", x, 1e6 * x, COLOUR, right=True)
    plot = shown(qtbot, [left, right])
    frame = plot.frame()
    assert np.mean(rows_of(plot, 0.3, "#56b4e9")) == pytest.approx(frame.center().y(), abs=2)
    wanted = frame.bottom() - frame.height() * (0.05 + 0.7) / 1.1
    assert np.mean(rows_of(plot, 0.7)) == pytest.approx(wanted, abs=2)


def test_the_spread_is_part_of_the_range() -> None:
    line = Line("", np.arange(3.0), np.array([1.0, 2.0, np.nan]), COLOUR, spread=np.array([0.5, 0.1, 9.0]))
    assert line.span() == (0.5, 2.1)


@pytest.mark.parametrize("y", [[np.nan, np.nan], [], [3.0], [0.0, 0.0]])
def test_little_or_nothing_can_be_painted(qtbot: QtBot, y: list[float]) -> None:
    values = np.array(y, dtype=float)
    plot = shown(qtbot, [Line("a", np.arange(len(y)) * 1.0, values, COLOUR, spread=values * 0)])
    plot.mark(0.0)
    assert not plot.grab().isNull()
    assert len(plot.lines) == int(np.isfinite(values).any())
