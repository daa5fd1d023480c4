"""The widget *Find impurities* on viewers without a window, driven by its buttons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Layer
from napari.settings import get_plugin_settings
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.impurities.model import Calibration, Model, ModelConfig, shipped_models
from napari_stm_impurities.impurities.network_config import wang2020_network
from napari_stm_impurities.plugin.editing import autosave, history_of, reject
from napari_stm_impurities.plugin.layers.images import FINDING_KEY, IMAGE_KEY, image_layer
from napari_stm_impurities.plugin.layers.points import layer_points
from napari_stm_impurities.plugin.layers.results import FIND_AGAIN
from napari_stm_impurities.plugin.panels import find as find_module
from napari_stm_impurities.plugin.panels.find import LEAST_CONFIDENCE, FindPanel
from napari_stm_impurities.plugin.preferences import PAGE, Preferences, _threads_of_torch
from napari_stm_impurities.plugin.widgets.dispersion_picker import BY_LENGTH, NARROW, READ_OFF
from napari_stm_impurities.plugin.widgets.model_choice import FROM_FILE
from napari_stm_impurities.plugin.widgets.panel import Panel

Press = Callable[[Panel], str]
Shown = Callable[[Panel], Panel]


def names(box: object) -> list[str]:
    return [layer.name for layer in box.choices if layer is not None]


@pytest.fixture(autouse=True)
def no_autosave(monkeypatch: pytest.MonkeyPatch) -> None:
    """The points of one test are not there again in the next one, whose images are the same."""
    monkeypatch.setattr(autosave, "preferences", lambda: Preferences(autosave=False))


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    """A network that has learnt nothing, with a calibration that spreads its scores, so that half of them count."""
    network = wang2020_network().model_copy(update={"channels": (4,)})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        calibration = Calibration(slope=400.0, intercept=400.0 * 4.2665)
        model = Model(ModelConfig(name="small", network=network, calibration=calibration))
    return model.save(tmp_path / "small.safetensors")


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


@pytest.fixture
def panel(viewer: ViewerModel, image: Image, small_model: Path, shown: Shown) -> FindPanel:
    """The widget on an image of five maps, with a model that gives every point a confidence near 0.5."""
    viewer.add_layer(image)
    panel = shown(FindPanel(viewer))
    panel.model.box.value, panel.model.file.value = FROM_FILE, small_model
    panel.surface.box.value = "Au(111)"
    return panel


def test_find_adds_points_and_scores_that_lie_on_the_image(
    viewer: ViewerModel, panel: FindPanel, image: Image, press: Press
) -> None:
    said = press(panel)
    layer, scores = viewer.layers["impurities (LI X)"], viewer.layers["score (LI X)"]
    assert said.startswith(f"{layer.shown.sum()} impurities, confidence from 0.50")
    assert " s on cpu" in said
    assert layer.scale.tolist() == [0.5, 0.25]
    assert np.all((layer.data >= -0.5) & (layer.data <= [19.5, 29.5]))
    finding = layer.metadata[FINDING_KEY]
    assert layer.metadata[IMAGE_KEY]() is scores.metadata[IMAGE_KEY]() is image
    assert len(finding.points) == len(layer.data) == (layer.features["confidence"] >= LEAST_CONFIDENCE).sum()
    assert layer.shown.tolist() == (layer.features["confidence"] >= 0.5).tolist()
    assert 0 < layer.shown.sum() < len(layer.data)
    assert panel.threshold.layer is layer
    assert panel.threshold.number.value == 0.5


def test_the_slider_gives_what_a_run_with_that_threshold_would_give(
    viewer: ViewerModel, panel: FindPanel, small_model: Path, press: Press, stack: xr.DataArray
) -> None:
    press(panel)
    layer = viewer.layers["impurities (LI X)"]
    confidence = np.sort(layer.features["confidence"])
    threshold = float(confidence[len(confidence) // 3 : len(confidence) // 3 + 2].mean())
    panel.threshold.number.value = threshold
    wanted = find(stack, small_model, "Au(111)", panel.threshold.value).points
    pd.testing.assert_frame_equal(layer_points(layer), wanted)


def test_a_second_run_goes_into_the_same_layers_and_keeps_what_a_person_did(
    viewer: ViewerModel, panel: FindPanel, press: Press
) -> None:
    press(panel)
    layer, scores = viewer.layers["impurities (LI X)"], viewer.layers["score (LI X)"]
    first = layer.metadata[FINDING_KEY]
    layer.add([[3.2, 7.7]])
    rejected = layer.data[0].copy()
    reject(layer, [0])
    panel.threshold.number.value = 0.0
    n_shown = int(layer.shown.sum())
    by_hand = layer_points(layer, hidden=True)
    panel.biases.low.value = -10  # another question, another answer
    press(panel)
    assert [one.name for one in viewer.layers] == ["LI X", "score (LI X)", "impurities (LI X)"]
    assert viewer.layers["score (LI X)"] is scores
    assert layer.metadata[FINDING_KEY] is not first
    assert layer.metadata[FINDING_KEY].attention.bias.values.tolist() == [-10, 0, 10, 20]
    assert [3.2, 7.7] in layer.data.round(6).tolist()
    assert panel.threshold.number.value == 0.0  # as it was left
    verdict = layer.features["checked"].to_numpy()
    near = np.hypot(*((layer.data - rejected) * [0.5, 0.25]).T) <= 0.47
    assert "rejected" in verdict[near]
    assert not layer.shown[verdict == "rejected"].any()
    assert history_of(layer).undo_name == FIND_AGAIN
    history_of(layer).undo()
    pd.testing.assert_frame_equal(layer_points(layer, hidden=True), by_hand)
    assert layer.shown.sum() == n_shown


def test_another_image_and_a_deleted_result_get_layers_of_their_own(
    viewer: ViewerModel, panel: FindPanel, stack: xr.DataArray, press: Press
) -> None:
    press(panel)
    other = viewer.add_layer(Layer.create(*image_layer(stack, name="other")))
    panel.reset_choices()
    panel.source.box.value = other
    press(panel)
    assert panel.threshold.layer is viewer.layers["impurities (other)"]
    viewer.layers.remove("impurities (other)")
    panel.reset_choices()
    press(panel)
    wanted = {name: {name, f"impurities ({name})", f"score ({name})"} for name in ("LI X", "other")}
    assert sorted(one.name for one in viewer.layers) == sorted(wanted["LI X"] | wanted["other"])


def test_only_the_chosen_biases_are_searched(
    viewer: ViewerModel, panel: FindPanel, small_model: Path, press: Press, stack: xr.DataArray
) -> None:
    panel.biases.low.value, panel.biases.high.value = -10, 10
    press(panel)
    layer = viewer.layers["impurities (LI X)"]
    wanted = find(stack.isel(bias=slice(1, 4)), small_model, "Au(111)", LEAST_CONFIDENCE).points
    np.testing.assert_allclose(layer.features["confidence"], wanted["confidence"])


def test_painted_pixels_are_not_searched(
    viewer: ViewerModel, panel: FindPanel, small_model: Path, press: Press, stack: xr.DataArray
) -> None:
    assert panel.source.left_out.value is None
    labels = np.zeros((20, 30), np.uint8)  # of larger ones napari counts with numba, which sets the threads of torch
    labels[:, :14] = 2
    viewer.add_labels(labels, scale=(0.5, 0.25), name="mine")
    panel.reset_choices()
    assert panel.source.left_out.value is None  # offered, not chosen
    panel.source.left_out.value = viewer.layers["mine"]
    press(panel)
    layer = viewer.layers["impurities (LI X)"]
    wanted = find(stack, small_model, "Au(111)", LEAST_CONFIDENCE, mask=labels).points
    np.testing.assert_allclose(layer.data, wanted[["y_px", "x_px"]])
    assert len(layer.data)
    assert (layer.data[:, 1] > 13).all()
    viewer.layers["mine"].translate = (900, 0)
    assert press(panel).startswith("the labels layer 'mine' covers no pixel of the image 'LI X'")


def test_structure_is_offered_as_a_mask_and_not_chosen(
    viewer: ViewerModel, panel: FindPanel, tmp_path: Path, press: Press
) -> None:
    network = wang2020_network().model_copy(update={"channels": (4,), "structure": True})
    panel.model.file.value = Model(ModelConfig(network=network)).save(tmp_path / "structure.safetensors")
    press(panel)
    layer = viewer.layers["structure (LI X)"]
    panel.reset_choices()
    assert panel.source.left_out.value is None
    assert layer in panel.source.left_out.choices
    press(panel)
    assert [one.name for one in viewer.layers].count("structure (LI X)") == 1


@pytest.mark.parametrize("chosen", [None, True, False])
def test_the_second_pass_can_be_left_out(
    panel: FindPanel, press: Press, monkeypatch: pytest.MonkeyPatch, chosen: bool | None
) -> None:
    asked = []
    real = find_module.find_on_device

    def spy(*args: Any, **keywords: Any) -> Any:
        asked.append(keywords["second_pass"])
        return real(*args, **keywords)

    monkeypatch.setattr(find_module, "find_on_device", spy)
    if chosen is not None:
        panel.second_pass.value = chosen
    press(panel)
    assert asked == [True if chosen is None else chosen]


def test_the_length_of_the_ripples_sets_the_scale(viewer: ViewerModel, panel: FindPanel, press: Press) -> None:
    panel.surface.box.value = BY_LENGTH
    assert "give the length of the ripples" in press(panel)
    panel.surface.length.value = 2.0
    press(panel)
    band = viewer.layers["impurities (LI X)"].metadata[FINDING_KEY].dispersion
    assert float(band.k_per_nm(20.0)) == pytest.approx(np.pi / 2.0)


def test_without_a_ring_the_result_says_what_was_done(viewer: ViewerModel, panel: FindPanel, press: Press) -> None:
    panel.surface.box.value = READ_OFF
    assert "Note: " in press(panel)
    assert "no ring" in panel.message.text()


def test_the_preferences_are_used_at_the_next_run(
    viewer: ViewerModel,
    panel: FindPanel,
    press: Press,
    plugin_settings: None,
    plugin: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    real = find_module.find_on_device

    def spy(*args: Any, **keywords: Any) -> Any:
        asked.append((args[3], keywords["tile_px"], torch.get_num_threads()))
        return real(*args, **keywords)

    monkeypatch.setattr(find_module, "find_on_device", spy)
    own = _threads_of_torch()
    press(panel)
    page = getattr(get_plugin_settings(plugin), PAGE)
    page.device, page.tile_px, page.threads = "cpu", 16, own + 1
    press(panel)
    page.threads = 0
    press(panel)
    assert asked == [(None, None, own), ("cpu", 16, own + 1), ("cpu", 16, own)]
    page.device = "mps"
    assert "no device 'mps' on this machine; try cpu" in press(panel)


def test_a_renamed_image_and_one_deleted_during_its_run(
    qtbot: QtBot, viewer: ViewerModel, panel: FindPanel, image: Image
) -> None:
    image.name = "renamed"
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    viewer.layers.remove(image)
    panel.reset_choices()
    qtbot.waitUntil(lambda: not panel.running, timeout=60_000)
    assert [layer.name for layer in viewer.layers] == ["score (renamed)", "impurities (renamed)"]
    assert viewer.layers[1].scale.tolist() == [0.5, 0.25]


def test_an_image_from_elsewhere_is_asked_for_what_it_does_not_tell(
    qtbot: QtBot, viewer: ViewerModel, panel: FindPanel, stack: xr.DataArray, press: Press
) -> None:
    viewer.add_image(stack.values, name="cube")
    panel.reset_choices()
    panel.source.box.value = viewer.layers["cube"]
    assert "no unit of length" in press(panel) or "does not tell its bias" in panel.message.text()
    panel.source.pixel_size.value = 0.5
    panel.source.first.value, panel.source.last.value = -20, 20
    assert " impurities, " in press(panel)
    qtbot.waitUntil(lambda: panel.surface.facts.text().replace(NARROW, " ").startswith("5 maps, -20 to +20 mV"))
    assert (panel.biases.low.value, panel.biases.high.value) == (-20, 20)


def test_one_map_is_enough_where_the_surface_is_known(
    viewer: ViewerModel, panel: FindPanel, stack: xr.DataArray, press: Press
) -> None:
    one = viewer.add_layer(Layer.create(*image_layer(stack.isel(bias=[4]), name="one")))
    panel.reset_choices()
    panel.source.box.value = one
    assert " impurities, " in press(panel)
    panel.surface.box.value = READ_OFF
    assert "with one bias only, and no ring" in press(panel)


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
