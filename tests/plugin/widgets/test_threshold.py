"""The live threshold, moved by its slider, its number and the mouse on its histogram."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Points
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.tables import load_points, save_points
from napari_stm_impurities.plugin.editing import add_points, reject
from napari_stm_impurities.plugin.layers.images import THRESHOLD_KEY
from napari_stm_impurities.plugin.layers.points import layer_points, points_layer
from napari_stm_impurities.plugin.panels.find import FindPanel
from napari_stm_impurities.plugin.widgets.panel import Panel
from napari_stm_impurities.plugin.widgets.threshold import STEPS

Shown = Callable[[Panel], Panel]

CONFIDENCE = np.array([0.95, 0.8, 0.6, 0.4, 0.2, np.nan])
#: All in a row, 1 nm apart on pixels of 0.5 x 0.25 nm.
PLACES_PX = np.array([[2.0 * i, 4.0] for i in range(6)])


def table() -> pd.DataFrame:
    points = make_points(PLACES_PX, (0.5, 0.25), source="model", confidence=CONFIDENCE)
    return points.assign(source=pd.Categorical([*["model"] * 5, "manual"], categories=["model", "manual", "reference"]))


@pytest.fixture
def layer(viewer: ViewerModel, image: Image) -> Points:
    viewer.add_layer(image)
    return add_points(viewer, points_layer(table(), image, name="found"))


@pytest.fixture
def panel(viewer: ViewerModel, layer: Points, shown: Shown) -> Panel:
    return shown(FindPanel(viewer))


def slide(qtbot: QtBot, panel: Panel, value: float) -> None:
    """Move the slider from where it is, step by step, with the keys."""
    slider = panel.threshold.slider
    slider.setFocus()
    steps = round(value * STEPS) - slider.value()
    many, few = divmod(abs(steps), slider.pageStep())
    for _ in range(many):
        qtbot.keyClick(slider, Qt.Key.Key_PageUp if steps > 0 else Qt.Key.Key_PageDown)
    for _ in range(few):
        qtbot.keyClick(slider, Qt.Key.Key_Right if steps > 0 else Qt.Key.Key_Left)
    assert slider.value() == round(value * STEPS)


def test_the_slider_hides_and_shows_points_at_once(qtbot: QtBot, panel: Panel, layer: Points) -> None:
    for value in (0.5, 0.9, 1.0, 0.3, 0.0):
        slide(qtbot, panel, value)
        wanted = [not (confidence < value) for confidence in CONFIDENCE]
        assert layer.shown.tolist() == wanted
        assert panel.threshold.count.text() == f"{sum(wanted)} of 6 points"
        assert panel.threshold.number.value == value
        assert panel.threshold.histogram.marked == value
        assert layer.metadata[THRESHOLD_KEY] == value
        assert len(layer_points(layer)) == sum(wanted)


def test_the_histogram_counts_the_confidences_and_its_line_is_dragged(
    qtbot: QtBot, panel: Panel, layer: Points
) -> None:
    histogram = panel.threshold.histogram
    assert histogram.data_table()["points"].sum() == 5
    at = QPoint(round(histogram.x_of(0.7)), histogram.height() // 2)
    qtbot.mousePress(histogram, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseRelease(histogram, Qt.MouseButton.LeftButton, pos=at)
    assert layer.shown.tolist() == [True, True, False, False, False, True]
    assert panel.threshold.number.value == pytest.approx(0.7, abs=0.01)
    assert panel.threshold.slider.value() == pytest.approx(0.7 * STEPS, abs=0.01 * STEPS)


def test_the_histogram_follows_an_edit(qtbot: QtBot, panel: Panel, layer: Points) -> None:
    table = panel.threshold.histogram.data_table
    layer.selected_data = {0, 1}
    layer.remove_selected()
    qtbot.waitUntil(lambda: table()["points"].sum() == 3)


def test_nothing_is_drawn_anew_where_no_point_changes(qtbot: QtBot, panel: Panel, layer: Points) -> None:
    slide(qtbot, panel, 0.5)
    drawn = []
    layer.events.set_data.connect(drawn.append)
    slide(qtbot, panel, 0.55)
    assert not drawn
    slide(qtbot, panel, 0.65)
    assert len(drawn) == 1


def test_rejected_points_stay_hidden_and_manual_ones_shown(qtbot: QtBot, panel: Panel, layer: Points) -> None:
    reject(layer, [0])
    for value in (1.0, 0.0):
        slide(qtbot, panel, value)
        assert not layer.shown[0]
        assert layer.shown[5]
    qtbot.waitUntil(lambda: panel.threshold.count.text() == "5 of 6 points")


def test_reference_points_are_never_hidden(viewer: ViewerModel, image: Image, shown: Shown, qtbot: QtBot) -> None:
    viewer.add_layer(image)
    truth = add_points(viewer, points_layer(table().assign(source="reference", confidence=np.nan), image))
    panel = shown(FindPanel(viewer))
    assert not panel.threshold.slider.isVisible()  # none has a confidence
    assert truth.shown.all()


def test_a_point_added_while_others_are_hidden_is_shown_and_they_are_not(
    qtbot: QtBot, panel: Panel, layer: Points
) -> None:
    slide(qtbot, panel, 0.5)
    layer.add([[10.0, 20.0]])
    assert layer.shown.tolist() == [True, True, True, False, False, True, True]
    assert layer.features["source"].iloc[-1] == "manual"
    slide(qtbot, panel, 0.9)
    assert layer.shown.tolist() == [True, False, False, False, False, True, True]
    layer.selected_data = {1}
    layer.remove_selected()
    assert layer.shown.tolist() == [True, False, False, False, True, True]
    qtbot.waitUntil(lambda: panel.threshold.count.text() == "3 of 6 points")
    slide(qtbot, panel, 0.3)
    assert layer.shown.tolist() == [True, True, True, False, True, True]


def test_the_figures_follow_the_slider_and_the_reference(
    qtbot: QtBot, viewer: ViewerModel, panel: Panel, layer: Points, image: Image
) -> None:
    truth = make_points(PLACES_PX[:4] + 0.1, (0.5, 0.25), source="reference")
    reference = add_points(viewer, points_layer(truth, image, kind="reference", name="truth"))
    panel.reset_choices()
    assert panel.threshold.points.value is layer
    panel.threshold.reference.value = reference

    def says(points: Points, known: Points) -> bool:
        wanted = compare(layer_points(points), layer_points(known))
        figures = f"recall {wanted.recall:.3f} · precision {wanted.precision:.3f} · F1 {wanted.f1:.3f}"
        return figures in panel.threshold.figures.text() and panel.threshold.figures.isVisible()

    for value in (0.0, 0.3, 0.7):
        slide(qtbot, panel, value)
        qtbot.waitUntil(lambda: says(layer, reference))
    assert compare(layer_points(layer), layer_points(reference)).recall == 0.5
    reference.selected_data = {2, 3}
    reference.remove_selected()
    qtbot.waitUntil(lambda: says(layer, reference))
    assert "recall 1.000" in panel.threshold.figures.text()


def test_a_table_from_a_file_is_offered_and_shows_everything_at_first(
    qtbot: QtBot, viewer: ViewerModel, shown: Shown, tmp_path
) -> None:
    panel = shown(FindPanel(viewer))
    assert not panel.threshold.isVisible()
    layer = add_points(viewer, points_layer(load_points(save_points(table(), tmp_path / "points.csv"))))
    panel.reset_choices()
    assert panel.threshold.points.value is layer
    assert layer.shown.all()
    slide(qtbot, panel, 0.5)
    assert layer.shown.tolist() == [True, True, True, False, False, True]


def test_each_layer_keeps_its_own_threshold(
    qtbot: QtBot, viewer: ViewerModel, panel: Panel, layer: Points, image: Image
) -> None:
    slide(qtbot, panel, 0.7)
    other = add_points(viewer, points_layer(table(), image, name="other"))
    panel.reset_choices()
    panel.threshold.points.value = other
    assert panel.threshold.slider.value() == 0
    slide(qtbot, panel, 0.3)
    assert (layer.shown.sum(), other.shown.sum()) == (3, 5)
    panel.threshold.points.value = layer
    assert panel.threshold.number.value == pytest.approx(0.7)
    viewer.layers.remove(layer)
    panel.reset_choices()
    assert panel.threshold.points.value is other
    assert panel.threshold.number.value == pytest.approx(0.3)
