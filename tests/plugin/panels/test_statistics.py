"""The widget *Surface statistics*: what it tells, and that it follows each edit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from pytestqt.qtbot import QtBot

from napari_stm_impurities.analysis.spatial_statistics import surface_statistics
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.plugin.editing import add_points
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.points import points_layer, points_on
from napari_stm_impurities.plugin.panels.statistics import StatisticsPanel
from napari_stm_impurities.plugin.widgets.panel import Panel

SIZE = (0.5, 0.25)


@pytest.fixture
def aborted() -> xr.DataArray:
    """Three maps of 40 x 80 pixels of 0.5 x 0.25 nm, of which half of the lines were measured."""
    values = np.random.default_rng(0).normal(size=(3, 40, 80))
    values[:, 20:] = np.nan
    return make_stack(values, [-10, 0, 10], SIZE)


@pytest.fixture
def scene(viewer: ViewerModel, aborted: xr.DataArray) -> tuple[Image, Points]:
    """That stack, with 12 points on the half that was measured and one beside it."""
    image = viewer.add_layer(Layer.create(*image_layer(aborted)))
    yx = np.random.default_rng(1).random((12, 2)) * [19, 79]
    table = make_points([*yx, [30, 40]], SIZE, source="model", confidence=0.9)
    return image, add_points(viewer, points_layer(table, image))


@pytest.fixture
def panel(viewer: ViewerModel, scene: object, shown: Callable[[Panel], Panel]) -> StatisticsPanel:
    return shown(StatisticsPanel(viewer))


def test_it_tells_what_the_core_tells(panel, scene, press, aborted):
    image, layer = scene
    assert press(panel) == "12 points; edits are followed"
    told = surface_statistics(points_on(image, layer), aborted)
    assert panel.statistics.to_dict() == told.to_dict()
    assert (told.n_points, told.n_outside, told.area_nm2) == (12, 1, 20 * 0.5 * 80 * 0.25)
    text = panel.summary.text()
    assert f"{told.density_per_nm2:.4g} ± {told.density_error_per_nm2:.2g} per nm²" in text
    assert told.clustering in text
    pd.testing.assert_frame_equal(panel.pairs.data_table(), told.pair_correlation)
    pd.testing.assert_frame_equal(panel.nearest.data_table(), told.nearest)
    assert panel.nearest.data_table()["points"].sum() == 12


def test_each_edit_is_followed(panel, scene, press, qtbot: QtBot):
    _, layer = scene
    press(panel)
    layer.add([5, 5])
    qtbot.waitUntil(lambda: panel.statistics.n_points == 13, timeout=20_000)
    layer.selected_data = {0, 1, 2}
    layer.remove_selected()
    qtbot.waitUntil(lambda: panel.statistics.n_points == 10, timeout=20_000)
    layer.shown = np.arange(len(layer.data)) < 4
    qtbot.waitUntil(lambda: panel.statistics.n_points == 4, timeout=20_000)
    assert "<b>200 nm²</b>" in panel.summary.text()


def test_the_last_of_many_edits_is_what_is_shown_in_the_end(panel, scene, press, qtbot: QtBot):
    _, layer = scene
    press(panel)
    for number in range(8):
        layer.add([2 + number, 3])
        qtbot.wait(60 if number % 3 else 300)
    qtbot.waitUntil(lambda: panel.statistics.n_points == 20, timeout=20_000)


def test_a_deleted_layer_is_told_and_no_longer_followed(panel, scene, press, viewer, qtbot: QtBot):
    _, layer = scene
    press(panel)
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: "a layer was deleted" in panel.message.text())
    layer.add([5, 5])  # nobody listens any more
    panel.reset_choices()  # the window does that
    assert press(panel) == "there are no points; find impurities first, or open a table"


def test_a_closed_widget_follows_nothing(viewer, scene, press, qtbot: QtBot):
    panel = StatisticsPanel(viewer)
    panel.show()
    press(panel)
    layer = scene[1]
    before = len(layer.events.data.callbacks)
    panel.closed()
    assert len(layer.events.data.callbacks) < before
    panel.close()


@pytest.mark.parametrize("n", [0, 1])
def test_few_points_have_a_density_and_no_curves(viewer, aborted, shown, press, n):
    image = viewer.add_layer(Layer.create(*image_layer(aborted)))
    add_points(viewer, points_layer(make_points([[5, 5]][:n], SIZE, source="manual"), image))
    panel = shown(StatisticsPanel(viewer))
    assert press(panel).startswith(f"{n} points")
    assert "per nm²" in panel.summary.text()
    assert not panel.pairs.isVisible()


def test_points_lie_on_the_image_wherever_both_were_put(viewer, aborted):
    image = viewer.add_layer(Layer.create(*image_layer(aborted)))
    image.translate = (*image.translate[:-2], 100.0, -50.0)
    image.rotate = 30
    yx = np.array([[3.0, 4.0], [10.0, 70.0]])
    ours = add_points(viewer, points_layer(make_points(yx, SIZE, source="manual"), image))
    table = points_on(image, ours)
    np.testing.assert_allclose(table[["y_px", "x_px"]], yx, atol=1e-9)
    np.testing.assert_allclose(table[["y_nm", "x_nm"]], yx * SIZE, atol=1e-9)
    # another plugin's layer, in angstrom, at the same places
    world = 10 * np.array([ours.data_to_world(one) for one in yx])
    foreign = viewer.add_points(world, units=("angstrom", "angstrom"))
    np.testing.assert_allclose(points_on(image, foreign)[["y_px", "x_px"]], yx, atol=1e-6)


def test_points_without_a_unit_are_in_pixels_of_the_image(viewer, aborted):
    values = make_stack(aborted.values, [-10, 0, 10], 0.5)
    image = viewer.add_layer(Layer.create(*image_layer(values)))
    foreign = viewer.add_points([[3.0, 4.0]])
    np.testing.assert_allclose(points_on(image, foreign)[["y_nm", "x_nm"]], [[1.5, 2.0]])


def test_painted_pixels_are_no_part_of_the_area(panel, scene, press, viewer, qtbot: QtBot):
    _, layer = scene
    labels = np.zeros((40, 80), int)
    labels[:, 40:] = 1
    mine = viewer.add_labels(labels, scale=SIZE)
    panel.reset_choices()
    panel.source.left_out.value = mine
    right = int((layer.data[:12, 1] > 39.5).sum())
    assert 0 < right < 12
    assert press(panel) == f"{12 - right} points; edits are followed"
    assert panel.statistics.area_nm2 == 20 * 0.5 * 40 * 0.25
    layer.add([5, 70])
    layer.add([5, 5])
    qtbot.waitUntil(lambda: panel.statistics.n_points == 13 - right, timeout=20_000)
