"""What is read off an image as soon as it is chosen: on maps whose ripples are known."""

from __future__ import annotations

import threading
from collections.abc import Callable

import dask.array
import numpy as np
import pytest
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Layer
from pytestqt.qtbot import QtBot

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.panels.find import FindPanel
from napari_stm_impurities.plugin.widgets import dispersion_picker as surface_module
from napari_stm_impurities.plugin.widgets.dispersion_picker import (
    BY_LENGTH,
    NARROW,
    NO_IMAGE,
    READ_OFF,
    DispersionPicker,
)
from napari_stm_impurities.plugin.widgets.panel import Panel

Shown = Callable[[Panel], FindPanel]

BIAS_MV = np.array([-200.0, -120.0, -30.0, 40.0])
GOLD = Dispersion.of_material("Au(111)")


def ripples(bias_mv: np.ndarray = BIAS_MV, seed: int = 0) -> xr.DataArray:
    """Waves around 40 random scatterers, cos(2kr)/r at each bias, on 120 x 120 pixels of 0.3 nm, with little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:120, :120] * 0.3
    r = np.hypot(y[..., None] - rng.uniform(0, 36, 40), x[..., None] - rng.uniform(0, 36, 40)) + 0.5
    maps = [(np.cos(2 * float(GOLD.k_per_nm(bias)) * r) / r).sum(-1) for bias in bias_mv]
    return make_stack(np.array(maps) + 0.05 * rng.normal(size=(len(maps), 120, 120)), bias_mv, 0.3)


def layer_of(stack: xr.DataArray, name: str = "gold") -> Image:
    return Layer.create(*image_layer(stack, name=name))


@pytest.fixture
def panel(viewer: ViewerModel, shown: Shown) -> FindPanel:
    viewer.add_layer(layer_of(ripples()))
    return shown(FindPanel(viewer))


def wait_for(qtbot: QtBot, surface: DispersionPicker) -> None:
    qtbot.waitUntil(lambda: surface.reading is not None, timeout=30_000)


def said(panel: FindPanel) -> str:
    return panel.surface.facts.text().replace(NARROW, " ")


def test_bias_pixels_and_band_are_read_as_soon_as_an_image_is_chosen(qtbot: QtBot, panel: FindPanel) -> None:
    wait_for(qtbot, panel.surface)
    text = said(panel)
    assert text.startswith("4 maps, -200 to +40 mV · 120 x 120 pixels of 0.3 nm\nRipples of ")
    true_length = np.pi / float(GOLD.k_per_nm(40.0))
    assert float(text.split("Ripples of ")[1].split()[0]) == pytest.approx(true_length, rel=0.04)
    view = panel.surface.view
    assert view.isVisible()
    band = panel.surface.band()
    assert isinstance(band, Dispersion)
    assert band.effective_mass == pytest.approx(0.26, rel=0.2)


def test_the_circle_follows_the_slider(qtbot: QtBot, viewer: ViewerModel, panel: FindPanel) -> None:
    wait_for(qtbot, panel.surface)
    for number, bias in enumerate(BIAS_MV):
        viewer.dims.set_current_step(0, number)
        assert panel.surface.view.bias_mv == bias
        assert panel.surface.view.circle_per_nm == pytest.approx(2 * float(GOLD.k_per_nm(bias)), rel=0.04)


def test_the_circle_is_painted_where_it_belongs(qtbot: QtBot, viewer: ViewerModel, panel: FindPanel) -> None:
    wait_for(qtbot, panel.surface)
    viewer.dims.set_current_step(0, 1)
    canvas = panel.surface.view.transform
    picture = canvas.grab().toImage()
    ratio = picture.width() / canvas.width()
    radius = panel.surface.view.circle_per_nm
    for angle in np.linspace(0, 2 * np.pi, 12):
        x, y = canvas.axes.transData.transform((radius * np.cos(angle), radius * np.sin(angle))) / ratio
        # the line is thin, and its pixels lie where rounding puts them
        near = [
            picture.pixelColor(round(x * ratio) + dx, round((canvas.height() - y) * ratio) + dy)
            for dx in (-1, 0, 1)
            for dy in (-1, 0, 1)
        ]
        assert any(colour.red() > colour.blue() + 100 for colour in near)  # orange; the transform is grey


def test_without_a_ring_it_says_so_and_asks(qtbot: QtBot, viewer: ViewerModel, image: Image, shown: Shown) -> None:
    viewer.add_layer(image)
    panel = shown(FindPanel(viewer))  # kept: Python would delete it
    surface = panel.surface
    wait_for(qtbot, surface)
    assert "No ring of ripples stands out" in surface.facts.text()
    assert "Choose the surface above, or the ripples' length" in surface.facts.text()
    assert surface.view.circle_per_nm is None
    assert surface.band() is None
    surface.box.value = BY_LENGTH
    assert surface.length.native.isVisible()
    with pytest.raises(StmError, match="give the length of the ripples"):
        surface.band()
    surface.length.value = 1.5
    band = surface.band()
    assert isinstance(band, Dispersion)
    assert float(band.k_per_nm(20.0)) == pytest.approx(np.pi / 1.5)  # 20 mV is the highest bias
    viewer.dims.set_current_step(0, 4)
    assert surface.view.circle_per_nm == pytest.approx(2 * np.pi / 1.5)
    surface.box.value = "Au(111)"
    assert not surface.length.native.isVisible()
    assert surface.band() == "Au(111)"
    assert surface.view.circle_per_nm == pytest.approx(2 * float(GOLD.k_per_nm(20.0)))
    assert "m* 0.26" in surface.facts.text().replace(NARROW, " ")


def test_an_older_reading_is_forgotten(
    qtbot: QtBot, viewer: ViewerModel, panel: FindPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(qtbot, panel.surface)
    entered, first_may_end = threading.Event(), threading.Event()
    ended = []
    real = surface_module.fit_dispersion

    def slow(stack: xr.DataArray) -> Dispersion:
        if stack.sizes["bias"] == 3:
            entered.set()
            first_may_end.wait(30)
            ended.append(stack)
        return real(stack)

    monkeypatch.setattr(surface_module, "fit_dispersion", slow)
    slowly, quickly = (viewer.add_layer(layer_of(ripples(BIAS_MV[:n]), f"{n} maps")) for n in (3, 2))
    panel.reset_choices()
    panel.source.box.value = slowly
    qtbot.waitUntil(lambda: "Reading the scale" in panel.surface.facts.text())
    qtbot.waitUntil(entered.is_set, timeout=30_000)
    panel.source.box.value = quickly
    wait_for(qtbot, panel.surface)
    assert said(panel).startswith("2 maps")
    first_may_end.set()
    qtbot.waitUntil(lambda: bool(ended), timeout=30_000)
    qtbot.wait(100)
    assert said(panel).startswith("2 maps")


def test_it_is_read_anew_when_the_data_change(qtbot: QtBot, viewer: ViewerModel, panel: FindPanel) -> None:
    wait_for(qtbot, panel.surface)
    viewer.layers[0].data = np.random.default_rng(0).normal(size=(4, 120, 120))
    assert panel.surface.reading is None
    wait_for(qtbot, panel.surface)
    assert "No ring" in panel.surface.facts.text()


def test_the_chosen_biases_are_the_ones_that_are_read(qtbot: QtBot, panel: FindPanel) -> None:
    wait_for(qtbot, panel.surface)
    assert (panel.biases.low.value, panel.biases.high.value) == (-200, 40)
    assert panel.biases.range_mv() == (None, None)
    panel.biases.low.value = -120
    wait_for(qtbot, panel.surface)
    assert said(panel).startswith("3 maps, -120 to +40 mV")
    panel.biases.low.value = 41
    wait_for(qtbot, panel.surface)
    assert "no map lies between" in panel.surface.facts.text()


def test_one_map_and_biases_that_are_no_round_numbers(qtbot: QtBot, viewer: ViewerModel, shown: Shown) -> None:
    odd = BIAS_MV + 1 / 3
    viewer.add_layer(layer_of(ripples(odd)))
    panel = shown(FindPanel(viewer))
    wait_for(qtbot, panel.surface)
    assert panel.biases.range_mv() == (None, None)
    panel.biases.high.value = round(odd[2], 3)  # as it is shown
    wait_for(qtbot, panel.surface)
    assert said(panel).startswith("3 maps")
    one = viewer.add_layer(layer_of(ripples(BIAS_MV[-1:]), "one"))
    panel.reset_choices()
    panel.source.box.value = one
    wait_for(qtbot, panel.surface)
    assert said(panel).startswith("1 map, +40 mV")
    assert not panel.biases.low.native.isVisible()
    assert panel.surface.view.circle_per_nm == pytest.approx(2 * float(GOLD.k_per_nm(40.0)), rel=0.04)


def test_a_stack_on_the_disk_is_read_in_the_thread(qtbot: QtBot, viewer: ViewerModel, shown: Shown) -> None:
    threads = set()

    def block(block: np.ndarray) -> np.ndarray:
        threads.add(threading.current_thread())
        return block

    values = dask.array.from_array(ripples().values, chunks=(1, 120, 120))
    stack = make_stack(values, BIAS_MV, 0.3)
    layer = layer_of(stack)
    viewer.add_layer(layer)
    layer.data = values.map_blocks(block, meta=np.empty((0, 0, 0), np.float32))
    threads.clear()
    panel = shown(FindPanel(viewer))
    wait_for(qtbot, panel.surface)
    assert threads
    assert threading.main_thread() not in threads


def test_without_an_image_it_says_what_to_do(viewer: ViewerModel, shown: Shown, qtbot: QtBot) -> None:
    panel = shown(FindPanel(viewer))
    assert panel.surface.facts.text() == NO_IMAGE
    assert panel.surface.box.value == READ_OFF
    layer = viewer.add_layer(layer_of(ripples()))
    panel.reset_choices()
    wait_for(qtbot, panel.surface)
    viewer.layers.remove(layer)
    panel.reset_choices()
    assert panel.surface.facts.text() == NO_IMAGE
    assert not panel.surface.view.isVisible()
