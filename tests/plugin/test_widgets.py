"""The four widgets on viewers without a window, driven by their buttons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from magicgui.widgets import ComboBox
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_stm_impurities.comparison import compare
from napari_stm_impurities.errors import StmError
from napari_stm_impurities.network.config import wang2020_network
from napari_stm_impurities.network.model import Model, ModelConfig, shipped_models
from napari_stm_impurities.plugin.compare import ComparePanel
from napari_stm_impurities.plugin.layers import image_layer
from napari_stm_impurities.plugin.panel import Panel
from napari_stm_impurities.plugin.points_layers import layer_points, points_layer
from napari_stm_impurities.plugin.reference import ReferencePanel
from napari_stm_impurities.plugin.train_and_find import FROM_FILE, TrainAndFindPanel
from napari_stm_impurities.points import make_points
from napari_stm_impurities.stacks import make_stack, pixel_size_nm
from napari_stm_impurities.training import TrainingConfig

TRUTH_PX = np.array([[8.0, 8.0], [8.0, 24.0], [24.3, 12.6], [30.0, 30.0]])


def bound_states() -> xr.DataArray:
    """Four spots 2.5 pixels wide with a little noise, 0.5 nm a pixel, at -520 mV."""
    y, x = np.mgrid[:40, :40]
    spots = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / (2 * 1.06**2)) for a, b in TRUTH_PX)
    noise = 0.05 * np.random.default_rng(0).normal(size=(40, 40))
    return make_stack(spots + noise, -520, 0.5)


def start(qtbot: QtBot, panel: Panel) -> str:
    """Press the main button and wait; gives the line that the widget says."""
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.running, timeout=60_000)
    return panel.message.text()


def shown(qtbot: QtBot, panel: Panel) -> Panel:
    qtbot.addWidget(panel)
    panel.show()
    return panel


def names(box: ComboBox) -> list[str]:
    return [layer.name for layer in box.choices if layer is not None]


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    config = ModelConfig(name="small", network=wang2020_network().model_copy(update={"channels": (4,)}))
    return Model(config).save(tmp_path / "small.safetensors")


# --- find reference -------------------------------------------------------------------------------------------


def test_reference_points_lie_on_the_spots(qtbot: QtBot, viewer: ViewerModel) -> None:
    viewer.add_layer(Layer.create(*image_layer(bound_states(), name="bound")))
    panel = shown(qtbot, ReferencePanel(viewer))
    assert start(qtbot, panel).startswith("4 reference points at -520 mV")
    layer = viewer.layers["reference (bound)"]
    table = layer_points(layer)
    assert set(table["source"]) == {"reference"}
    assert compare(table, TRUTH_PX * 0.5, tolerance_nm=0.1).f1 == 1
    assert layer.scale.tolist() == [0.5, 0.5]


def test_of_a_stack_the_map_on_the_screen_is_searched(qtbot: QtBot, viewer: ViewerModel) -> None:
    bound = bound_states()
    flat = np.random.default_rng(1).normal(size=(2, 40, 40))
    values = np.concatenate([flat[:1], bound.values, flat[1:]])
    viewer.add_layer(Layer.create(*image_layer(make_stack(values, [-600, -520, 10], 0.5))))
    panel = shown(qtbot, ReferencePanel(viewer))
    viewer.dims.set_current_step(0, 0)
    assert "-600 mV" in panel.which.text()
    viewer.dims.set_current_step(0, 1)
    assert "-520 mV" in panel.which.text()
    assert start(qtbot, panel).startswith("4 reference points at -520 mV")


def test_a_foreign_image_is_asked_for_its_pixel_size(qtbot: QtBot, viewer: ViewerModel) -> None:
    viewer.add_image(bound_states().values[0], name="picture")
    panel = shown(qtbot, ReferencePanel(viewer))
    assert panel.source.pixel_size.native.isVisible()
    assert start(qtbot, panel) == "the layer 'picture' has no unit of length; give its pixel size in nm"
    panel.source.pixel_size.value = 0.5
    assert start(qtbot, panel).startswith("4 reference points")
    assert not panel.source.pixel_size.native.isVisible()
    assert compare(layer_points(viewer.layers[-1]), TRUTH_PX * 0.5, tolerance_nm=0.1).f1 == 1


def test_a_foreign_stack_is_asked_for_its_biases(qtbot: QtBot, viewer: ViewerModel) -> None:
    layer = viewer.add_image(
        np.zeros((3, 40, 40)), scale=(1, 5, 5), units=("pixel", "angstrom", "angstrom"), name="cube"
    )
    panel = shown(qtbot, ReferencePanel(viewer))
    assert not panel.source.pixel_size.native.isVisible()
    assert panel.source.first.native.isVisible()
    with pytest.raises(StmError, match="'cube' does not tell its bias"):
        panel.source.stack()
    panel.source.first.value, panel.source.last.value = 100, -100
    stack = panel.source.stack()
    assert stack.bias.values.tolist() == [-100, 0, 100]
    assert pixel_size_nm(stack) == pytest.approx((0.5, 0.5))
    assert not panel.source.first.native.isVisible()
    assert layer.scale.tolist() == [1, 5, 5]


def test_a_layer_deleted_during_its_run_still_gets_its_points(qtbot: QtBot, viewer: ViewerModel) -> None:
    viewer.add_layer(Layer.create(*image_layer(bound_states(), name="bound")))
    panel = shown(qtbot, ReferencePanel(viewer))
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    viewer.layers.remove("bound")
    panel.reset_choices()
    qtbot.waitUntil(lambda: not panel.running, timeout=60_000)
    assert [layer.name for layer in viewer.layers] == ["reference (bound)"]
    assert viewer.layers[0].scale.tolist() == [0.5, 0.5]


def test_a_second_run_leaves_the_points_of_the_first_alone(qtbot: QtBot, viewer: ViewerModel) -> None:
    viewer.add_layer(Layer.create(*image_layer(bound_states(), name="bound")))
    panel = shown(qtbot, ReferencePanel(viewer))
    start(qtbot, panel)
    viewer.layers["reference (bound)"].add([1, 1])
    start(qtbot, panel)
    assert [len(layer.data) for layer in viewer.layers if isinstance(layer, Points)] == [5, 4]


def test_without_an_image_it_says_what_to_do(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = shown(qtbot, ReferencePanel(viewer))
    assert "open a file" in start(qtbot, panel)


# --- compare --------------------------------------------------------------------------------------------------


def two_layers(viewer: ViewerModel) -> tuple[Points, Points]:
    """Of three reference points two are found, and one point is extra."""
    image = viewer.add_layer(Layer.create(*image_layer(bound_states(), name="bound")))
    found = make_points([[8, 8.2], [24, 12], [1, 38]], (0.5, 0.5), source="model", confidence=0.9)
    truth = make_points([[8, 8], [24.3, 12.6], [30, 30]], (0.5, 0.5), source="reference")
    model = viewer.add_layer(Layer.create(*points_layer(found, image, name="model")))
    reference = viewer.add_layer(Layer.create(*points_layer(truth, image, kind="reference", name="reference")))
    return model, reference


def test_compare_makes_three_layers_and_the_figures(qtbot: QtBot, viewer: ViewerModel) -> None:
    model, reference = two_layers(viewer)
    panel = shown(qtbot, ComparePanel(viewer))
    panel.points.value, panel.reference.value = model, reference
    assert start(qtbot, panel) == "2 matched, 1 missed, 1 extra"
    assert viewer.layers["matched"].data.tolist() == [[8, 8.2], [24, 12]]
    assert viewer.layers["missed"].data.tolist() == [[30, 30]]
    assert viewer.layers["extra"].data.tolist() == [[1, 38]]
    colours = {tuple(viewer.layers[name].border_color[0]) for name in ("matched", "missed", "extra")}
    assert len(colours) == 3
    wanted = compare(
        layer_points(model), layer_points(reference), pixel_size_nm=0.5, frame=(-0.25, 19.75, -0.25, 19.75)
    )
    for figure in (wanted.recall, wanted.precision, wanted.f1, wanted.reference_ratio, wanted.chance_ratio):
        assert f"<b>{figure:.3f}</b>" in panel.figures.text()
    panel.tolerance.value = 0.2
    assert start(qtbot, panel) == "1 matched, 2 missed, 2 extra"
    assert [layer.name for layer in viewer.layers].count("matched") == 1


def test_compare_needs_two_different_layers(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = shown(qtbot, ComparePanel(viewer))
    assert "two points layers are needed" in start(qtbot, panel)
    model, reference = two_layers(viewer)
    viewer.layers.remove(reference)
    panel.reset_choices()
    assert "two points layers are needed" in start(qtbot, panel)
    viewer.add_layer(reference)
    panel.reset_choices()
    assert panel.points.value is not panel.reference.value
    panel.points.value = panel.reference.value = model
    assert "same layer" in start(qtbot, panel)


def test_a_reference_that_is_found_later_is_chosen(qtbot: QtBot, viewer: ViewerModel) -> None:
    model, reference = two_layers(viewer)
    viewer.layers.remove(reference)
    viewer.add_points([[8, 8.2]], name="other")
    viewer.layers.move(len(viewer.layers) - 1, 0)
    panel = shown(qtbot, ComparePanel(viewer))
    assert (panel.points.value, panel.reference.value.name) == (model, "other")
    viewer.add_layer(reference)
    panel.reset_choices()
    assert (panel.points.value, panel.reference.value) == (model, reference)


def test_points_of_another_plugin_can_be_compared(qtbot: QtBot, viewer: ViewerModel) -> None:
    model, _ = two_layers(viewer)
    other = viewer.add_points([[8, 8.2], [24, 12]], name="other")  # in pixels, without any unit
    panel = shown(qtbot, ComparePanel(viewer))
    panel.points.value, panel.reference.value = model, other
    assert start(qtbot, panel) == "2 matched, 0 missed, 1 extra"


def test_hidden_points_do_not_count(qtbot: QtBot, viewer: ViewerModel) -> None:
    model, reference = two_layers(viewer)
    model.shown = [False, True, True]
    panel = shown(qtbot, ComparePanel(viewer))
    panel.points.value, panel.reference.value = model, reference
    assert start(qtbot, panel) == "1 matched, 2 missed, 1 extra"
    assert viewer.layers["matched"].data.tolist() == [[24, 12]]


def test_the_likely_layers_are_chosen_until_the_person_chooses(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = shown(qtbot, ComparePanel(viewer))
    model, reference = two_layers(viewer)
    viewer.add_image(np.zeros((9, 9)), name="score")
    panel.reset_choices()
    assert (panel.points.value, panel.reference.value) == (model, reference)
    assert panel.image.value is viewer.layers["bound"]
    panel.image.value = viewer.layers["score"]
    viewer.add_points([[1, 1]])
    panel.reset_choices()
    assert panel.image.value is viewer.layers["score"]


# --- train and find -------------------------------------------------------------------------------------------


def test_layers_are_offered_as_they_come_and_go(qtbot: QtBot, viewer: ViewerModel, image: Image) -> None:
    panel = shown(qtbot, TrainAndFindPanel(viewer))
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
    qtbot: QtBot, viewer: ViewerModel, image: Image, small_model: Path
) -> None:
    viewer.add_layer(image)
    panel = shown(qtbot, TrainAndFindPanel(viewer))
    panel.model.value, panel.model_file.value = FROM_FILE, small_model
    panel.surface.value = "Au(111)"
    panel.threshold.own.value = True
    panel.threshold.inner.value = 0.0
    said = start(qtbot, panel)
    layer = viewer.layers["impurities (LI X)"]
    assert said.startswith(f"{len(layer.data)} impurities, confidence from 0.00")
    assert " s on cpu" in said
    assert layer.scale.tolist() == [0.5, 0.25]
    assert np.all((layer.data >= -0.5) & (layer.data <= [19.5, 29.5]))
    assert "score (LI X)" in viewer.layers


def test_a_file_that_is_no_model_is_one_line(qtbot: QtBot, viewer: ViewerModel, image: Image, tmp_path: Path) -> None:
    viewer.add_layer(image)
    panel = shown(qtbot, TrainAndFindPanel(viewer))
    panel.model.value = FROM_FILE
    assert "choose the file of a model" in start(qtbot, panel)
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"not a model")
    panel.model_file.value = bad
    said = start(qtbot, panel)
    assert str(bad) in said
    assert "\n" not in said
    assert len(viewer.layers) == 1


def test_the_shipped_models_are_offered(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = shown(qtbot, TrainAndFindPanel(viewer))
    assert list(panel.model.choices) == [*shipped_models(), FROM_FILE]


def small_training(panel: TrainAndFindPanel, path: Path, epochs: int) -> None:
    """Choose the shortest training there is."""
    panel.tabs.bar.setCurrentIndex(1)
    panel.preset.value = "wang2020"
    panel.training["epochs"].value = epochs
    panel.training["steps_per_epoch"].value = 1
    panel.training["batch_size"].value = 1
    panel.training["windows"]["n_maps"].value = 2
    panel.training["network"]["channels"].value = "4"
    panel.save_as.value = path


def test_train_then_find(qtbot: QtBot, viewer: ViewerModel, tmp_path: Path, points: pd.DataFrame) -> None:
    maps = np.random.default_rng(0).normal(size=(2, 24, 24))
    image = viewer.add_layer(Layer.create(*image_layer(make_stack(maps, [0, 10], 0.5), name="maps")))
    viewer.add_layer(Layer.create(*points_layer(points, image, name="known")))
    panel = shown(qtbot, TrainAndFindPanel(viewer))
    small_training(panel, tmp_path / "mine.safetensors", epochs=2)
    panel.reference.value = viewer.layers["known"]
    assert panel.button.text() == "Train model"
    said = start(qtbot, panel)
    assert said.startswith("2 epochs, loss ")
    assert (tmp_path / "mine.safetensors").is_file()
    assert [len(curve) for curve in panel.curves.values] == [2, 2]
    assert np.isfinite(panel.curves.values).all()
    panel.tabs.bar.setCurrentIndex(0)
    assert panel.model.value == "mine (trained here)"
    panel.surface.value = "Au(111)"
    assert "impurities, confidence from" in start(qtbot, panel)


def test_a_training_is_cancelled_in_the_middle_and_taken_up_again(
    qtbot: QtBot, viewer: ViewerModel, tmp_path: Path
) -> None:
    panel = shown(qtbot, TrainAndFindPanel(viewer))
    panel.use_image.value = False
    small_training(panel, tmp_path / "mine.safetensors", epochs=10_000)
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(panel.curves.values[0]) >= 2, timeout=30_000)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.running, timeout=30_000)
    done = len(panel.curves.values[0])
    assert 2 <= done < 10_000
    assert f"{done} epochs" in panel.message.text()
    assert Model.load(tmp_path / "mine.safetensors").config.name == "mine"
    panel.resume.value = True
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(panel.curves.values[0]) >= 1, timeout=30_000)
    panel.cancel()
    qtbot.waitUntil(lambda: not panel.running, timeout=30_000)
    epochs = int(panel.message.text().split()[0])
    assert epochs == done + len(panel.curves.values[0])


def test_a_training_without_an_image_says_what_to_untick(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = shown(qtbot, TrainAndFindPanel(viewer))
    panel.tabs.bar.setCurrentIndex(1)
    assert "untick Image as experiment" in start(qtbot, panel)


def test_a_model_that_has_learnt_nothing_is_not_chosen(qtbot: QtBot, viewer: ViewerModel, tmp_path: Path) -> None:
    panel = shown(qtbot, TrainAndFindPanel(viewer))
    panel.use_image.value = False
    small_training(panel, tmp_path / "mine.safetensors", epochs=1)
    panel.training["steps_per_epoch"].value = 10_000
    chosen = panel.model.value
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.running, timeout=30_000)
    assert "before the first epoch" in panel.message.text()
    assert panel.model.value == chosen


def test_the_presets_fill_the_form(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = shown(qtbot, TrainAndFindPanel(viewer))
    assert panel.training.value() == TrainingConfig.preset("default")
    panel.preset.value = "wang2020"
    assert panel.training.value() == TrainingConfig.preset("wang2020")
