"""*Find impurities* in the real window, driven by mouse and keys: cancel, deletion, closing, two windows at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from napari import Viewer
from napari.layers import Image, Layer, Points
from napari.settings import get_plugin_settings
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.impurities.model import Calibration, Model, ModelConfig
from napari_stm_impurities.impurities.network_config import wang2020_network
from napari_stm_impurities.plugin.layers.images import IMAGE_KEY, image_layer
from napari_stm_impurities.plugin.panels.find import FindPanel
from napari_stm_impurities.plugin.preferences import PAGE
from napari_stm_impurities.plugin.widgets import job
from napari_stm_impurities.plugin.widgets.model_choice import FROM_FILE

Window = Callable[..., Viewer]
ModelFor = Callable[[xr.DataArray], Path]

#: So small that an image has many of them.
TILE_PX = 8


@pytest.fixture
def model_for(tmp_path: Path) -> Callable[[xr.DataArray], Path]:
    """Give a function that makes a network that has learnt nothing, and finds half of its places in a stack likely."""

    def make(stack: xr.DataArray) -> Path:
        network = wang2020_network().model_copy(update={"channels": (4,)})
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = Model(ModelConfig(network=network))
        small = stack.isel(y=slice(64), x=slice(64))
        score = find(small, model, "Au(111)", 0.0, tile_px=TILE_PX).points["score"]
        slope = 1.0 / float(score.std())
        model.config = model.config.model_copy(
            update={"calibration": Calibration(slope=slope, intercept=-slope * float(score.median()))}
        )
        return model.save(tmp_path / f"for {stack.sizes['y']}.safetensors")

    return make


@pytest.fixture
def many_tiles(plugin_settings: None, plugin: str) -> None:
    """So many tiles that there is time to do something in the middle of a run."""
    getattr(get_plugin_settings(plugin), PAGE).tile_px = TILE_PX


def large(n_maps: int = 3, side_px: int = 160) -> xr.DataArray:
    values = np.random.default_rng(0).normal(size=(n_maps, side_px, side_px))
    return make_stack(values, np.linspace(-40, 40, n_maps) if n_maps > 1 else [40], 0.4)


def opened(qtbot: QtBot, viewer: Viewer, stack: xr.DataArray, model_for: ModelFor, name: str = "image") -> FindPanel:
    """The widget docked in a window with an image."""
    viewer.add_layer(Layer.create(*image_layer(stack, name=name)))
    panel = FindPanel(viewer)
    viewer.window.add_dock_widget(panel)
    panel.model.box.value, panel.model.file.value = FROM_FILE, model_for(stack)
    panel.surface.box.value = "Au(111)"
    qtbot.waitUntil(panel.button.isVisible)
    return panel


def begin(qtbot: QtBot, panel: FindPanel) -> None:
    """Press the button, and wait until tiles are being searched."""
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)

    def searching() -> None:
        assert panel.running, panel.message.text()
        assert panel.message.text() == "scoring the maps"

    qtbot.waitUntil(searching, timeout=60_000)


def ended(qtbot: QtBot, panel: FindPanel) -> None:
    qtbot.waitUntil(lambda: not panel.running, timeout=120_000)


def results(viewer: Viewer) -> list[Layer]:
    return [layer for layer in viewer.layers if IMAGE_KEY in layer.metadata]


def test_cancelled_in_the_middle_it_works_again(
    qtbot: QtBot, make_napari_viewer: Window, model_for: ModelFor, many_tiles: None
) -> None:
    viewer = make_napari_viewer(show=True)
    panel = opened(qtbot, viewer, large(), model_for)
    begin(qtbot, panel)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    ended(qtbot, panel)
    assert panel.message.text() == "stopped"
    assert not results(viewer)
    assert not panel.cancel_button.isVisible()
    panel.biases.low.value = panel.biases.high.value = 40  # less to do
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    ended(qtbot, panel)
    assert " impurities, " in panel.message.text()
    assert len(results(viewer)) == 2


def test_layers_are_made_in_the_main_thread_and_deleted_ones_are_not_missed(
    qtbot: QtBot, make_napari_viewer: Window, model_for: ModelFor, many_tiles: None
) -> None:
    viewer = make_napari_viewer(show=True)
    panel = opened(qtbot, viewer, large(n_maps=1, side_px=120), model_for)
    threads = set()
    for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
        event.connect(lambda _event: threads.add(threading.get_ident()))
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    ended(qtbot, panel)
    assert len(results(viewer)) == 2
    # everything goes while the second run is under way: the image, its points, its score map
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    viewer.layers.select_all()
    viewer.layers.remove_selected()
    assert not viewer.layers
    ended(qtbot, panel)
    assert {type(layer) for layer in viewer.layers} == {Image, Points}
    assert len(viewer.layers) == 2
    assert threads == {threading.get_ident()}
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    assert not panel.running  # the image is gone, and a score map is none
    assert "there is no image to work on" in panel.message.text()


@pytest.mark.parametrize("close", ["window", "widget"])
def test_closing_in_the_middle_stops_it(
    qtbot: QtBot, make_napari_viewer: Window, model_for: ModelFor, many_tiles: None, close: str
) -> None:
    viewer = make_napari_viewer(show=True)
    panel = opened(qtbot, viewer, large(), model_for)
    begin(qtbot, panel)
    if close == "window":
        viewer.close()
    else:
        viewer.window.remove_dock_widget(panel)
    qtbot.waitUntil(lambda: not job._running, timeout=60_000)
    if close == "widget":
        # what listened to the slider and to the layers is gone, too
        del panel
        viewer.dims.set_current_step(0, 0)
        viewer.layers[0].data = np.zeros((3, 160, 160))
        assert not results(viewer)


def test_two_windows_search_at_once_each_its_own_image(
    qtbot: QtBot, make_napari_viewer: Window, model_for: ModelFor, many_tiles: None
) -> None:
    viewers = [make_napari_viewer(show=True) for _ in range(2)]
    stacks = [large(n_maps=1, side_px=side) for side in (120, 96)]
    panels = [
        opened(qtbot, viewer, stack, model_for, f"image {number}")
        for number, (viewer, stack) in enumerate(zip(viewers, stacks, strict=True))
    ]
    for panel in panels:
        qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    assert all(panel.running for panel in panels)
    for panel in panels:
        ended(qtbot, panel)
    for number, viewer in enumerate(viewers):
        names = [layer.name for layer in viewer.layers]
        assert names == [f"image {number}", f"score (image {number})", f"impurities (image {number})"]
    # the slider of one window leaves the points of the other alone
    first, second = (viewer.layers[-1] for viewer in viewers)
    before = second.shown.copy()
    slider = panels[0].threshold.slider
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_End)
    assert first.shown.tolist() == (first.features["confidence"] >= 1).tolist()
    assert not first.shown.all()
    np.testing.assert_array_equal(second.shown, before)


def test_the_way_from_an_image_to_points_with_the_mouse(
    qtbot: QtBot, make_napari_viewer: Window, model_for: ModelFor, many_tiles: None
) -> None:
    """The bias on the canvas, one press, and the slider under the mouse."""
    viewer = make_napari_viewer(show=True)
    panel = opened(qtbot, viewer, large(), model_for)
    assert viewer.canvas.overlays.text.text == "Bias 0 mV"
    viewer.dims.set_current_step(0, 2)
    assert viewer.canvas.overlays.text.text == "Bias +40 mV"
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    ended(qtbot, panel)
    layer = viewer.layers[-1]
    n_shown = int(layer.shown.sum())
    assert panel.message.text().startswith(f"{n_shown} impurities, confidence from 0.50, ")
    histogram = panel.threshold.histogram
    qtbot.waitUntil(histogram.isVisible)
    at = QPoint(round(histogram.x_of(0.95)), histogram.height() // 2)
    qtbot.mouseClick(histogram, Qt.MouseButton.LeftButton, pos=at)
    assert int(layer.shown.sum()) < n_shown
    assert panel.threshold.count.text() == f"{int(layer.shown.sum())} of {len(layer.data)} points"
