"""The bias on the canvas."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.plugin.layers.bias_overlay import show_bias
from napari_stm_impurities.plugin.layers.images import image_layer


def test_the_bias_follows_the_slider_on_an_uneven_axis(viewer: ViewerModel) -> None:
    show_bias(viewer)
    text = viewer.canvas.overlays.text
    assert not text.visible
    viewer.add_layer(Layer.create(*image_layer(make_stack(np.zeros((3, 9, 9)), [-100, 0, 30], 0.5))))
    said = []
    for number in range(3):
        viewer.dims.set_current_step(0, number)
        said.append(text.text)
    assert said == ["Bias -100 mV", "Bias 0 mV", "Bias +30 mV"]
    assert text.visible


def test_the_topmost_visible_map_is_the_one_told(viewer: ViewerModel) -> None:
    show_bias(viewer)
    show_bias(viewer)
    viewer.add_layer(Layer.create(*image_layer(make_stack(np.zeros((3, 9, 9)), [-10, 0, 10], 0.5))))
    viewer.add_layer(Layer.create(*image_layer(make_stack(np.zeros((9, 9)), -520, 0.5))))
    viewer.dims.set_current_step(0, 2)
    assert viewer.canvas.overlays.text.text == "Bias -520 mV"
    viewer.layers[1].visible = False
    assert viewer.canvas.overlays.text.text == "Bias +10 mV"
    viewer.layers.clear()
    assert not viewer.canvas.overlays.text.visible


def test_zero_has_no_sign_and_other_biases_have(viewer: ViewerModel) -> None:
    show_bias(viewer)
    bias = np.linspace(-0.3, 0.3, 7)  # the middle one is no exact zero
    viewer.add_layer(Layer.create(*image_layer(make_stack(np.zeros((7, 9, 9)), bias - 1e-12, 0.5))))
    said = []
    for number in range(7):
        viewer.dims.set_current_step(0, number)
        said.append(viewer.canvas.overlays.text.text.removeprefix("Bias "))
    assert said == ["-0.3 mV", "-0.2 mV", "-0.1 mV", "0 mV", "+0.1 mV", "+0.2 mV", "+0.3 mV"]
