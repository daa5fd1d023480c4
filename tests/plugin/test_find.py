"""The widget *Find impurities* on viewers without a window, driven by its buttons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_stm_impurities.network.config import wang2020_network
from napari_stm_impurities.network.model import Model, ModelConfig, shipped_models
from napari_stm_impurities.plugin.find import FindPanel
from napari_stm_impurities.plugin.model_choice import FROM_FILE
from napari_stm_impurities.plugin.panel import Panel

Press = Callable[[Panel], str]
Shown = Callable[[Panel], Panel]


def names(box: object) -> list[str]:
    return [layer.name for layer in box.choices if layer is not None]


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    config = ModelConfig(name="small", network=wang2020_network().model_copy(update={"channels": (4,)}))
    return Model(config).save(tmp_path / "small.safetensors")


def test_layers_are_offered_as_they_come_and_go(viewer: ViewerModel, image: Image, shown: Shown) -> None:
    panel = shown(FindPanel(viewer))
    assert names(panel.source.box) == []
    viewer.add_layer(image)
    viewer.add_image(np.zeros((9, 9)), name="other plugin's")
    viewer.add_points([[1, 1]])
    panel.reset_choices()
    assert names(panel.source.box) == ["other plugin's", "LI X"]
    viewer.layers.remove("other plugin's")
    panel.reset_choices()
    assert names(panel.source.box) == ["LI X"]


def test_find_adds_points_and_scores_that_lie_on_the_image(
    viewer: ViewerModel, image: Image, small_model: Path, press: Press, shown: Shown
) -> None:
    viewer.add_layer(image)
    panel = shown(FindPanel(viewer))
    panel.model.box.value, panel.model.file.value = FROM_FILE, small_model
    panel.surface.value = "Au(111)"
    panel.threshold.own.value = True
    panel.threshold.inner.value = 0.0
    said = press(panel)
    layer = viewer.layers["impurities (LI X)"]
    assert said.startswith(f"{len(layer.data)} impurities, confidence from 0.00")
    assert " s on cpu" in said
    assert layer.scale.tolist() == [0.5, 0.25]
    assert np.all((layer.data >= -0.5) & (layer.data <= [19.5, 29.5]))
    assert "score (LI X)" in viewer.layers


def test_a_file_that_is_no_model_is_one_line(
    viewer: ViewerModel, image: Image, tmp_path: Path, press: Press, shown: Shown
) -> None:
    viewer.add_layer(image)
    panel = shown(FindPanel(viewer))
    panel.model.box.value = FROM_FILE
    assert "choose the file of a model" in press(panel)
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"not a model")
    panel.model.file.value = bad
    said = press(panel)
    assert str(bad) in said
    assert "\n" not in said
    assert len(viewer.layers) == 1


def test_the_shipped_models_are_offered(viewer: ViewerModel, shown: Shown) -> None:
    panel = shown(FindPanel(viewer))
    assert list(panel.model.box.choices) == [*shipped_models(), FROM_FILE]
