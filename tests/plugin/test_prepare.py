"""The widget Prepare."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_stm_impurities import prepare
from napari_stm_impurities.plugin.layers import image_layer, layer_stack
from napari_stm_impurities.plugin.prepare import PreparePanel
from napari_stm_impurities.stacks import make_stack

RNG = np.random.default_rng(0)
STACK = make_stack(RNG.normal(size=(4, 20, 24)) + np.arange(24), [-10, 0, 10, 20], 0.5)


@pytest.fixture
def panel(qtbot):
    viewer = ViewerModel()
    data, keywords, _ = image_layer(STACK, name="maps")
    viewer.add_layer(Layer.create(data, keywords, "image"))
    panel = PreparePanel(viewer)
    qtbot.addWidget(panel)
    return panel


def test_apply_adds_a_layer_with_the_same_as_the_functions_give(panel, qtbot):
    panel.form["level_lines"].value = True
    panel.start()
    qtbot.waitUntil(lambda: not panel.running, timeout=20_000)
    assert [layer.name for layer in panel.viewer.layers] == ["maps", "maps (prepared)"]
    made = layer_stack(panel.viewer.layers[-1])
    wanted = prepare.level_lines(prepare.level_planes(STACK))
    np.testing.assert_array_equal(made.values, wanted.values)
    assert prepare.recipe_of(made) == [{"step": "level_planes"}, {"step": "level_lines"}]
    np.testing.assert_array_equal(panel.viewer.layers[0].data, STACK.values)


def test_the_preview_shows_before_and_after_and_adds_nothing(panel):
    panel.preview()
    assert panel.pictures.pixmap().width() > 2 * 100
    assert "before and after level planes" in panel.message.text()
    assert len(panel.viewer.layers) == 1


def test_a_bad_range_is_told_in_one_line(panel, qtbot):
    panel.form.fill(panel.form.value().model_copy(update={"low_mv": 500.0}))
    panel.start()
    qtbot.waitUntil(lambda: not panel.running, timeout=20_000)
    assert "no map lies between" in panel.message.text()
    assert len(panel.viewer.layers) == 1
