"""The widget *Train and adapt* on viewers without a window, driven by its buttons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from napari.components import ViewerModel
from napari.layers import Layer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.impurities.model import Model
from napari_stm_impurities.impurities.training import TrainingConfig
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.points import points_layer
from napari_stm_impurities.plugin.panels.find import FindPanel
from napari_stm_impurities.plugin.panels.train import TrainPanel
from napari_stm_impurities.plugin.widgets.model_choice import trained_models
from napari_stm_impurities.plugin.widgets.panel import Panel

Press = Callable[[Panel], str]
Shown = Callable[[Panel], Panel]


def small_training(panel: TrainPanel, path: Path, epochs: int) -> None:
    """Choose the shortest training there is."""
    panel.preset.value = "wang2020"
    panel.training["epochs"].value = epochs
    panel.training["steps_per_epoch"].value = 1
    panel.training["batch_size"].value = 1
    panel.training["windows"]["n_maps"].value = 2
    panel.training["network"]["channels"].value = "4"
    panel.save_as.value = path


def test_train_then_find(viewer: ViewerModel, tmp_path: Path, points: pd.DataFrame, press: Press, shown: Shown) -> None:
    maps = np.random.default_rng(0).normal(size=(2, 24, 24))
    image = viewer.add_layer(Layer.create(*image_layer(make_stack(maps, [0, 10], 0.5), name="maps")))
    viewer.add_layer(Layer.create(*points_layer(points, image, name="known")))
    panel = shown(TrainPanel(viewer))
    finding = shown(FindPanel(viewer))
    small_training(panel, tmp_path / "mine.safetensors", epochs=2)
    panel.reference.value = viewer.layers["known"]
    assert panel.button.text() == "Train model"
    said = press(panel)
    assert said.startswith("2 epochs, loss ")
    assert (tmp_path / "mine.safetensors").is_file()
    table = panel.curve.data_table()
    assert table.columns.tolist() == ["epoch", "loss", "ratio"]
    assert table["epoch"].tolist() == [1, 2]
    assert np.isfinite(table.to_numpy()).all()
    assert finding.model.box.value == "mine (trained here)"
    finding.surface.box.value = "Au(111)"
    assert "impurities, confidence from" in press(finding)


def test_a_training_is_cancelled_in_the_middle_and_taken_up_again(
    qtbot: QtBot, viewer: ViewerModel, tmp_path: Path, shown: Shown
) -> None:
    panel = shown(TrainPanel(viewer))
    panel.use_image.value = False
    small_training(panel, tmp_path / "mine.safetensors", epochs=10_000)
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(panel.curve.epochs) >= 2, timeout=30_000)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.running, timeout=30_000)
    done = len(panel.curve.epochs)
    assert 2 <= done < 10_000
    assert f"{done} epochs" in panel.message.text()
    assert Model.load(tmp_path / "mine.safetensors").config.name == "mine"
    panel.resume.value = True
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(panel.curve.epochs) >= 1, timeout=30_000)
    panel.cancel()
    qtbot.waitUntil(lambda: not panel.running, timeout=30_000)
    epochs = int(panel.message.text().split()[0])
    assert epochs == done + len(panel.curve.epochs)


def test_a_training_without_an_image_says_what_to_untick(viewer: ViewerModel, press: Press, shown: Shown) -> None:
    panel = shown(TrainPanel(viewer))
    assert "untick Image as experiment" in press(panel)


def test_a_model_that_has_learnt_nothing_is_not_chosen(
    qtbot: QtBot, viewer: ViewerModel, tmp_path: Path, shown: Shown
) -> None:
    panel = shown(TrainPanel(viewer))
    panel.use_image.value = False
    small_training(panel, tmp_path / "mine.safetensors", epochs=1)
    panel.training["steps_per_epoch"].value = 10_000
    offered = list(trained_models.models)
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.running, timeout=30_000)
    assert "before the first epoch" in panel.message.text()
    assert list(trained_models.models) == offered


def test_the_presets_fill_the_form(viewer: ViewerModel, shown: Shown) -> None:
    panel = shown(TrainPanel(viewer))
    assert panel.training.value() == TrainingConfig.preset("default")
    panel.preset.value = "wang2020"
    assert panel.training.value() == TrainingConfig.preset("wang2020")
