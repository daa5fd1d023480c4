"""The widget of every plot: when it draws, its mark, the mouse, and the colours of the window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from napari import Viewer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QMouseEvent, QPalette, QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.plots.confidence import confidence_table, mark_threshold, plot_confidence
from napari_stm_impurities.plots.elements import FOUND_COLOUR, SURFACE_COLOUR, mark_bias
from napari_stm_impurities.plots.spectra import Spectrum, plot_spectra, spectra_table
from napari_stm_impurities.plugin.plots.canvas import PlotCanvas

WIDTH, HEIGHT = 380, 140


def histogram(qtbot: QtBot, values: list[float], movable: bool = False) -> PlotCanvas:
    canvas = PlotCanvas("confidence", height_px=HEIGHT, draw_mark=mark_threshold, movable=movable)
    qtbot.addWidget(canvas)
    canvas.resize(WIDTH, HEIGHT)
    canvas.show_plot(plot_confidence, confidence_table, np.array(values))
    canvas.show()
    return canvas


def columns_of(canvas: PlotCanvas, colour: str, row: int = HEIGHT // 2) -> list[float]:
    """Where a colour stands in one row of the widget, in its pixels."""
    picture = canvas.grab().toImage()
    ratio = picture.width() / canvas.width()
    wanted = np.array(QColor(colour).getRgb()[:3])
    seen = [np.array(picture.pixelColor(x, round(row * ratio)).getRgb()[:3]) for x in range(picture.width())]
    return [
        x / ratio for x, found in enumerate(seen) if np.abs(found - wanted).sum() < 40
    ]  # smooth edges are mixed with what lies behind


def test_a_bar_stands_where_the_values_are(qtbot: QtBot) -> None:
    canvas = histogram(qtbot, [0.61, 0.61, 0.61])
    at = columns_of(canvas, SURFACE_COLOUR)
    assert canvas.x_of(0.6) - 1 <= min(at) <= max(at) <= canvas.x_of(0.64) + 1


def test_the_mark_moves_and_leaves_nothing_behind(qtbot: QtBot) -> None:
    canvas = histogram(qtbot, [])
    before = canvas.grab().toImage()
    for value in (0.5, 0.2, 1.0, 0.0, 0.5):
        canvas.mark(value)
        at = columns_of(canvas, FOUND_COLOUR)
        assert at, value
        assert np.mean(at) == pytest.approx(canvas.x_of(value), abs=1.5)
    canvas.mark(None)
    assert canvas.grab().toImage() == before


def test_a_step_of_the_mark_draws_nothing_else_again(qtbot: QtBot) -> None:
    canvas = histogram(qtbot, [0.5])
    canvas.grab()
    drawn: list[object] = []
    canvas.mpl_connect("draw_event", drawn.append)
    for value in (0.2, 0.3, 0.4):
        canvas.mark(value)
        canvas.grab()
    assert not drawn
    canvas.resize(WIDTH + 20, HEIGHT)
    canvas.grab()
    assert len(drawn) == 1
    assert np.mean(columns_of(canvas, FOUND_COLOUR)) == pytest.approx(canvas.x_of(0.4), abs=1.5)


def test_nothing_is_drawn_out_of_sight(qtbot: QtBot) -> None:
    calls: list[Axes] = []
    canvas = PlotCanvas("test")
    qtbot.addWidget(canvas)
    for _ in range(3):
        canvas.show_plot(lambda axes, _values: calls.append(axes), confidence_table, [])
        canvas.mark(0.5)
        QApplication.processEvents()
    assert not calls
    canvas.show()
    qtbot.waitUntil(lambda: len(calls) == 1)


def test_the_mouse_drags_the_mark_and_stays_on_the_axis(qtbot: QtBot) -> None:
    canvas = histogram(qtbot, [], movable=True)
    moved: list[float] = []
    canvas.moved.connect(moved.append)
    at = QPoint(round(canvas.x_of(0.25)), HEIGHT // 2)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=at)
    assert moved == [pytest.approx(0.25, abs=0.01)]

    def drag(x: float, button: Qt.MouseButton) -> None:
        none, keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(canvas, QMouseEvent(QEvent.Type.MouseMove, QPointF(x, 10.0), none, button, keys))

    drag(canvas.x_of(0.5), Qt.MouseButton.LeftButton)
    assert moved[-1] == canvas.marked == pytest.approx(0.5, abs=0.01)
    for x, end in ((WIDTH - 1.0, 1.0), (0.0, 0.0)):
        drag(x, Qt.MouseButton.LeftButton)
        assert moved[-1] == canvas.marked == end
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=at)
    drag(canvas.x_of(0.5), Qt.MouseButton.NoButton)
    qtbot.mousePress(canvas, Qt.MouseButton.RightButton, pos=at)
    assert len(moved) == 4


def test_a_fixed_mark_ignores_the_mouse(qtbot: QtBot) -> None:
    canvas = histogram(qtbot, [])
    canvas.mark(0.5)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 60))
    assert canvas.marked == 0.5


def test_the_wheel_is_left_to_the_panel_which_scrolls(qtbot: QtBot) -> None:
    canvas = histogram(qtbot, [])
    at = QPointF(100, 100)
    nothing = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(at, canvas.mapToGlobal(at), QPoint(), QPoint(0, -120), *nothing, False)
    assert event.isAccepted()
    QApplication.sendEvent(canvas, event)
    assert not event.isAccepted()


def test_the_frames_of_plots_with_the_same_margins_are_aligned(qtbot: QtBot) -> None:
    bias = np.array([-200.0, 40.0])
    ends = []
    for scale in (1.0, 1e-12):
        canvas = PlotCanvas("spectrum", draw_mark=mark_bias)
        qtbot.addWidget(canvas)
        canvas.resize(WIDTH, 180)
        canvas.show_plot(plot_spectra, spectra_table, bias, [Spectrum("here", scale * bias)], "dI/dV", "A")
        ends.append([canvas.x_of(one) for one in bias])
    assert ends[0] == ends[1]


def test_before_anything_is_plotted_there_is_nothing_to_save(qtbot: QtBot) -> None:
    canvas = PlotCanvas("test")
    qtbot.addWidget(canvas)
    canvas.show()
    assert not canvas.grab().isNull()
    for give in (canvas.picture, canvas.data_table):
        with pytest.raises(StmError, match="nothing is plotted"):
            give()


def test_it_has_the_colours_of_the_window(qtbot: QtBot, make_napari_viewer: Callable[..., Viewer]) -> None:
    viewer = make_napari_viewer(show=True)
    canvas = histogram(qtbot, [0.5])
    viewer.window.add_dock_widget(canvas)
    grounds = []
    for theme in ("dark", "light", "dark"):
        viewer.theme = theme
        QApplication.processEvents()
        picture = canvas.grab().toImage()
        ground = picture.pixelColor(3, picture.height() - 3)
        assert ground.name() == canvas.palette().color(QPalette.ColorRole.Window).name()
        text = QColor(str(canvas.axes.xaxis.label.get_color()))
        assert abs(text.lightness() - ground.lightness()) > 100
        grounds.append(ground.lightness())
    assert grounds[0] == grounds[2] < 100 < grounds[1]


def test_on_a_screen_of_twice_the_pixels_it_is_as_large_and_has_twice_as_many(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas = histogram(qtbot, [0.5])
    canvas.grab()
    place = canvas.x_of(0.7)
    monkeypatch.setattr(canvas, "devicePixelRatioF", lambda: 2.0)
    canvas._update_pixel_ratio()  # as matplotlib does when a window comes to such a screen
    canvas.draw()
    assert np.asarray(canvas.buffer_rgba()).shape[:2] == (2 * HEIGHT, 2 * WIDTH)
    assert canvas.x_of(0.7) == pytest.approx(place, abs=0.5)
