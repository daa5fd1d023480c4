"""Looking at a place in the real window: clicks on the canvas, selected points, and what is told of them."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from napari import Viewer
from napari.layers import Image, Layer, Points
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt

from napari_stm_impurities.data.images import make_stack, select_bias
from napari_stm_impurities.impurities.detect import Finding, find
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network import receptive_field_px
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig
from napari_stm_impurities.plugin.layers.images import FINDING_KEY, IMAGE_KEY, image_layer
from napari_stm_impurities.plugin.layers.points import points_layer
from napari_stm_impurities.plugin.panels.spectrum import LookPanel

SIDE = 48
BIAS = [-300.0, -120.0, -40.0, 10.0]  # uneven, and the first is not searched


@pytest.fixture
def finding() -> Finding:
    """Found in the three upper maps by a small network with spread scores."""
    network = NetworkConfig(channels=(4, 6), convolutions=(1, 1), key_channels=4)
    torch.manual_seed(0)
    model = Model(ModelConfig(name="small", network=network, inputs=InputConfig(halo_px=receptive_field_px(network))))
    with torch.no_grad():
        model.network.projection.weight.mul_(300)
    return find(select_bias(stack(), -200), model, "Au(111)", threshold=0.0)


def stack() -> object:
    values = np.random.default_rng(3).normal(size=(4, SIDE, SIDE)) + np.arange(4.0)[:, None, None]
    return make_stack(values, BIAS, 0.4, units="nS")


@pytest.fixture
def window(make_napari_viewer: Callable[..., Viewer]) -> Viewer:
    return make_napari_viewer(show=True)


def shown_points(finding: Finding) -> pd.DataFrame:
    """Five points, not at the edge and not beside each other, so that each can be clicked."""
    chosen: list[int] = []
    yx = finding.points[["y_px", "x_px"]].to_numpy()
    for row, place in enumerate(yx):
        if np.all((place > 4) & (place < SIDE - 5)) and all(np.linalg.norm(yx[chosen] - place, axis=1) > 4):
            chosen.append(row)
    return finding.points.iloc[chosen[:5]].reset_index(drop=True)


def add_layers(viewer: Viewer, finding: Finding, **where: object) -> tuple[Image, Points]:
    image = viewer.add_layer(Layer.create(*image_layer(stack(), name="maps")))
    for name, value in where.items():
        setattr(image, name, value)
    data, keywords, kind = points_layer(shown_points(finding), image, name="impurities")
    keywords["metadata"] = {FINDING_KEY: finding, IMAGE_KEY: weakref.ref(image)}
    points = viewer.add_layer(Layer.create(data, keywords, kind))
    points.size = 2
    viewer.reset_view()
    return image, points


def opened(qtbot: QtBot, viewer: Viewer) -> LookPanel:
    panel = LookPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Spectrum and attention")
    qtbot.waitUntil(panel.isVisible)
    return panel


def on_canvas(viewer: Viewer, image: Image, y_px: float, x_px: float) -> QPoint:
    """Where a pixel of the image stands on the canvas."""
    world = image.data_to_world((0,) * (image.ndim - 2) + (y_px, x_px))[-2:]
    transform = viewer.window._qt_viewer.canvas.view.scene.transform
    x, y = transform.map([world[1], world[0], 0, 1])[:2]
    return QPoint(round(float(x)), round(float(y)))


def click(qtbot: QtBot, viewer: Viewer, at: QPoint) -> None:
    qtbot.mouseClick(viewer.window._qt_viewer.canvas.native, Qt.MouseButton.LeftButton, pos=at)


def looked(qtbot: QtBot, panel: LookPanel, before: object = None) -> None:
    qtbot.waitUntil(lambda: panel.look is not before and not panel.running, timeout=30_000)


def empty_place(points: Points) -> tuple[float, float]:
    """A pixel far from all points."""
    grid = np.stack(np.meshgrid(np.arange(4.0, SIDE - 4), np.arange(4.0, SIDE - 4), indexing="ij"), -1).reshape(-1, 2)
    away = np.linalg.norm(grid[:, None] - points.data[None], axis=2).min(1)
    y, x = grid[int(away.argmax())]
    return float(y), float(x)


def test_a_click_shows_the_spectrum_and_the_score_of_the_run(qtbot: QtBot, window: Viewer, finding: Finding) -> None:
    image, points = add_layers(window, finding)
    panel = opened(qtbot, window)
    y, x = empty_place(points)
    click(qtbot, window, on_canvas(window, image, y, x))
    looked(qtbot, panel)
    look = panel.look
    row, column = round(look.place.y_nm / 0.4), round(look.place.x_nm / 0.4)
    assert (row, column) == (y, x)
    assert look.reasons.score == pytest.approx(float(finding.score[row, column]), abs=1e-4)
    # the whole spectrum is there, and the network was asked about the maps that were searched
    assert look.spectrum.bias.values.tolist() == BIAS
    assert look.reasons.weight.bias.values.tolist() == BIAS[1:]
    table = panel.spectrum.data_table()
    np.testing.assert_array_equal(table["bias_mv"], BIAS)
    np.testing.assert_array_equal(table["here: dI/dV (nS)"], look.spectrum.values)
    assert panel.attention.data_table()["attention"].sum() == pytest.approx(1)
    assert f"{look.reasons.score:.3f}" in panel.summary.text()
    assert len(points.data) == 5
    away = np.linalg.norm(points.data - (look.place.y_nm / 0.4, look.place.x_nm / 0.4), axis=1).min() * 0.4
    assert f"{away:.3f} nm off, confidence" in panel.summary.text()


def test_a_click_on_a_symbol_is_about_that_point(qtbot: QtBot, window: Viewer, finding: Finding) -> None:
    image, points = add_layers(window, finding)
    panel = opened(qtbot, window)
    for index in (0, 3):
        before = panel.look
        click(qtbot, window, on_canvas(window, image, *(points.data[index] + (0.3, -0.2))))
        looked(qtbot, panel, before)
        assert panel.look.reasons.score == pytest.approx(shown_points(finding)["score"][index], abs=1e-4)
        assert panel.look.reasons.confidence == pytest.approx(shown_points(finding)["confidence"][index], abs=1e-4)
        assert "0.000 nm off" in panel.summary.text()


def test_a_selected_point_is_looked_at(qtbot: QtBot, window: Viewer, finding: Finding) -> None:
    _, points = add_layers(window, finding)
    panel = opened(qtbot, window)
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    assert "select one point" in panel.message.text()
    points.selected_data = {2}
    looked(qtbot, panel)
    assert panel.look.reasons.score == pytest.approx(shown_points(finding)["score"][2], abs=1e-4)
    panel.by_click.value = False
    before = panel.look
    points.selected_data = {1}
    qtbot.wait(50)
    assert panel.look is before
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    looked(qtbot, panel, before)
    assert panel.look.reasons.score == pytest.approx(shown_points(finding)["score"][1], abs=1e-4)


def test_adding_and_dragging_are_left_alone(qtbot: QtBot, window: Viewer, finding: Finding) -> None:
    image, points = add_layers(window, finding)
    panel = opened(qtbot, window)
    canvas = window.window._qt_viewer.canvas.native
    window.layers.selection.active = points
    points.mode = "add"
    y, x = empty_place(points)
    at = on_canvas(window, image, y, x)
    click(qtbot, window, at)
    assert len(points.data) == 6
    # the new point is selected by napari, and so it is looked at; but the click itself was not
    window.layers.selection.active = image
    qtbot.waitUntil(lambda: not panel.running and not panel._follower.waiting)
    before = panel.look
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=at)
    for step in (10, 30, 60):
        qtbot.mouseMove(canvas, pos=at + QPoint(step, 0))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=at + QPoint(60, 0))
    assert not panel.running
    panel.by_click.value = False
    click(qtbot, window, at)
    assert not panel.running
    assert panel.look is before


def test_the_slider_moves_the_mark(qtbot: QtBot, window: Viewer, finding: Finding) -> None:
    _, points = add_layers(window, finding)
    panel = opened(qtbot, window)
    points.selected_data = {0}
    looked(qtbot, panel)
    for number in (0, 3):
        window.dims.set_current_step(0, number)
        assert panel.spectrum.marked == panel.attention.marked == BIAS[number]
        assert f"{float(panel.look.spectrum[number]):.4g} nS" in panel.summary.text()


def test_without_a_run_the_shipped_model_is_asked(qtbot: QtBot, window: Viewer) -> None:
    image = window.add_layer(Layer.create(*image_layer(stack(), name="maps")))
    window.reset_view()
    panel = opened(qtbot, window)
    click(qtbot, window, on_canvas(window, image, 20, 20))
    looked(qtbot, panel)
    assert "not yet run on this image" in panel.summary.text()
    assert panel.look.reasons.weight.sum() == pytest.approx(1)


def test_of_one_map_without_a_ring_there_is_the_spectrum_all_the_same(qtbot: QtBot, window: Viewer) -> None:
    single = make_stack(np.random.default_rng(0).normal(size=(1, SIDE, SIDE)), 10, 0.4)
    image = window.add_layer(Layer.create(*image_layer(single, name="one map")))
    window.reset_view()
    panel = opened(qtbot, window)
    click(qtbot, window, on_canvas(window, image, 20, 20))
    looked(qtbot, panel)
    assert panel.look.reasons is None
    assert "one bias" in panel.message.text()
    assert len(panel.spectrum.axes.get_lines()) == 2
    assert not panel.attention.isVisible()


def test_nothing_happens_without_an_image_or_beside_it(qtbot: QtBot, window: Viewer, finding: Finding) -> None:
    panel = opened(qtbot, window)
    window.add_points([[1, 1]])
    click(qtbot, window, QPoint(100, 100))
    assert not panel.running
    image, points = add_layers(window, finding)
    click(qtbot, window, on_canvas(window, image, -30, -30))
    assert not panel.running
    points.selected_data = {0}
    looked(qtbot, panel)
    window.layers.remove(image)
    points.selected_data = {1}
    click(qtbot, window, QPoint(100, 100))
    qtbot.wait(50)
    assert not panel.running
    assert panel.message.text() == ""


def test_on_a_rotated_image_the_same_pixel_is_meant(qtbot: QtBot, window: Viewer, finding: Finding) -> None:
    image, points = add_layers(window, finding, rotate=30, translate=(0, 5.0, -9.0))
    panel = opened(qtbot, window)
    y, x = empty_place(points)
    click(qtbot, window, on_canvas(window, image, y, x))
    looked(qtbot, panel)
    place = panel.look.place
    assert (round(place.y_nm / 0.4), round(place.x_nm / 0.4)) == (y, x)
    np.testing.assert_allclose(place.points_nm, points.data * 0.4, atol=1e-9)


def test_a_click_during_a_look_comes_next(qtbot: QtBot, window: Viewer, finding: Finding) -> None:
    _, points = add_layers(window, finding)
    panel = opened(qtbot, window)
    points.selected_data = {0}
    qtbot.waitUntil(lambda: panel.running)
    points.selected_data = {4}
    looked(qtbot, panel)
    qtbot.waitUntil(lambda: "0.000 nm" in panel.summary.text() and not panel.running)
    assert panel.look.reasons.score == pytest.approx(shown_points(finding)["score"][4], abs=1e-4)


def test_the_closed_widget_hears_nothing(qtbot: QtBot, window: Viewer, finding: Finding) -> None:
    image, points = add_layers(window, finding)
    before = list(window.mouse_drag_callbacks)
    selected, slider = points.selected_data.events.items_changed, window.dims.events.current_step
    listening = len(selected)
    panel = opened(qtbot, window)
    on_slider = len(slider.callbacks)
    assert len(window.mouse_drag_callbacks) == len(before) + 1
    assert len(selected) == listening + 1
    window.window.remove_dock_widget(panel)
    assert list(window.mouse_drag_callbacks) == before
    assert len(selected) == listening
    assert len(slider.callbacks) == on_slider - 1
    click(qtbot, window, on_canvas(window, image, 20, 20))
    points.selected_data = {0}
    qtbot.wait(50)
    assert panel.look is None
