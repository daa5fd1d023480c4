"""The tab *Adapt*, driven by its buttons, and once in a real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from napari import Viewer
from napari.components import ViewerModel
from napari.layers import Layer, Points
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt

from napari_stm_impurities.impurities.model import Calibration, Model, ModelConfig
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig
from napari_stm_impurities.impurities.training import adaptation_of
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.points import points_layer
from napari_stm_impurities.plugin.panels.train import TrainPanel
from napari_stm_impurities.plugin.widgets.model_choice import FROM_FILE, trained_models
from napari_stm_impurities.plugin.widgets.panel import Panel
from napari_stm_impurities.simulation.config import ScatteringConfig
from napari_stm_impurities.simulation.surface import Surface, SurfaceConfig, simulate_surface

Press = Callable[[Panel], str]
Shown = Callable[[Panel], Panel]


@pytest.fixture(scope="module")
def gold() -> Surface:
    """A small surface."""
    return simulate_surface("Au(111)", 1, config=SurfaceConfig(side_px=40, frame_nm=18.75, n_biases=3))


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    """A model that learns in no time."""
    torch.manual_seed(0)
    config = ModelConfig(
        name="small",
        network=NetworkConfig.of(channels=(4,), convolutions=(1,), key_channels=2),
        inputs=InputConfig.of(max_maps=2),
        calibration=Calibration(f1=0.5),
        training={"windows": ScatteringConfig.of(side_px=16, n_maps=(1, 2)).model_dump(mode="json")},
    )
    return Model(config).save(tmp_path / "small.safetensors")


@pytest.fixture(autouse=True)
def forgetting_f1(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the yardstick tells, first of the parent, then of the adapted model."""
    told = [0.95, 0.94]
    monkeypatch.setattr(
        "napari_stm_impurities.impurities.training.fine_tuning.forgetting_f1",
        lambda model, progress: told[model.config.name != "small"],
    )
    return told


def prepared(panel: TrainPanel, gold: Surface, model: Path, path: Path, epochs: int) -> Points:
    """Add the surface to the viewer, and choose the shortest adaptation."""
    image = panel.viewer.add_layer(Layer.create(*image_layer(gold.stack, name="maps")))
    points = panel.viewer.add_layer(Layer.create(*points_layer(gold.points, image, name="corrected")))
    panel.reset_choices()
    tab = panel.adapt
    panel.source.box.value = image
    tab.model.box.value, tab.model.file.value = FROM_FILE, model
    tab.points.value = points
    tab.surface.value = "Au(111)"
    tab.save_as.value = path
    for name, value in (("epochs", epochs), ("steps_per_epoch", 1), ("simulated_per_step", 1), ("window_px", 16)):
        tab.settings[name].value = value
    return points


def open_adapt(qtbot: QtBot, panel: TrainPanel) -> None:
    """Click the tab."""
    bar = panel.tabs.bar
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(1).center())
    assert panel.button.text() == "Adapt model"


def test_the_main_button_says_what_the_open_tab_does(qtbot: QtBot, viewer: ViewerModel, shown: Shown) -> None:
    panel = shown(TrainPanel(viewer))
    assert panel.button.text() == "Train model"
    open_adapt(qtbot, panel)
    qtbot.mouseClick(panel.tabs.bar, Qt.MouseButton.LeftButton, pos=panel.tabs.bar.tabRect(0).center())
    assert panel.button.text() == "Train model"


def test_a_corrected_half_is_learnt_and_the_new_model_is_offered(
    qtbot: QtBot, viewer: ViewerModel, gold: Surface, small_model: Path, tmp_path: Path, press: Press, shown: Shown
) -> None:
    panel = shown(TrainPanel(viewer))
    points = prepared(panel, gold, small_model, tmp_path / "mine", epochs=2)
    half = [[0.0, 0.0], [0.0, 9.2], [18.75, 9.2], [18.75, 0.0]]
    viewer.add_shapes([half], name="half", units=("nanometer", "nanometer"))
    panel.reset_choices()
    panel.adapt.region.value = viewer.layers["half"]
    # a point that was rejected is no impurity
    inside = np.flatnonzero(gold.points["x_nm"] < 9.2)
    points.shown = [number != inside[0] for number in range(len(points.data))]
    open_adapt(qtbot, panel)
    said = press(panel)
    assert said.startswith("held-out F1 ")
    assert "simulated 0.95 -> 0.94; saved as" in said
    assert "Find impurities offers it" in said
    assert "Mind" not in said
    saved = Model.load(tmp_path / "mine.safetensors")
    told = adaptation_of(saved)
    assert told.origin.parent == "small"
    assert told.origin.n_points == len(inside) - 1
    assert told.origin.region_nm == pytest.approx((0.0, 18.75, 0.0, 9.2))
    table = panel.adapt.curve.data_table()
    assert table.columns.tolist() == ["epoch", "loss on the points", "held-out F1"]
    assert table["epoch"].tolist() == [1, 2]
    assert np.isfinite(table.to_numpy()).all()
    assert trained_models.models["mine (adapted here)"].sha256() == saved.sha256()
    # so that Resume finds the model that it began with
    assert panel.adapt.model.box.value == FROM_FILE


def test_a_model_that_has_become_worse_says_so(
    qtbot: QtBot,
    viewer: ViewerModel,
    gold: Surface,
    small_model: Path,
    tmp_path: Path,
    forgetting_f1: list[float],
    press: Press,
    shown: Shown,
) -> None:
    forgetting_f1[1] = 0.9
    panel = shown(TrainPanel(viewer))
    prepared(panel, gold, small_model, tmp_path / "mine", epochs=1)
    panel.adapt.points.value = None
    open_adapt(qtbot, panel)
    said = press(panel)
    assert said.startswith("F1 simulated 0.95 -> 0.90; look at its points again")
    assert "worse than the one it came from on simulated surfaces (F1 0.95 before, 0.90 now)" in said
    assert panel.adapt.curve.names[0] == "entropy"


def test_without_an_image_the_line_says_what_to_do(
    qtbot: QtBot, viewer: ViewerModel, press: Press, shown: Shown
) -> None:
    panel = shown(TrainPanel(viewer))
    open_adapt(qtbot, panel)
    assert "there is no image to work on" in press(panel)


def test_in_the_window_it_is_cancelled_in_the_middle_and_taken_up_again(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Viewer],
    gold: Surface,
    small_model: Path,
    tmp_path: Path,
) -> None:
    viewer = make_napari_viewer(show=True)
    panel = TrainPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Train and adapt")
    qtbot.waitUntil(panel.isVisible)
    prepared(panel, gold, small_model, tmp_path / "mine.safetensors", epochs=10_000)
    open_adapt(qtbot, panel)

    def click(button: object) -> None:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    # before the first epoch is done: no model, and the widget works on
    panel.adapt.settings["steps_per_epoch"].value = 10_000
    click(panel.button)
    qtbot.waitUntil(lambda: panel.message.text().startswith("epoch 1"), timeout=30_000)
    click(panel.cancel_button)
    qtbot.waitUntil(lambda: not panel.running, timeout=30_000)
    assert "there is no new model; Resume takes it up" in panel.message.text()
    assert not (tmp_path / "mine.safetensors").exists()

    panel.adapt.settings["steps_per_epoch"].value = 1
    click(panel.button)
    qtbot.waitUntil(lambda: len(panel.adapt.curve.epochs) >= 2, timeout=30_000)
    click(panel.cancel_button)
    qtbot.waitUntil(lambda: not panel.running, timeout=30_000)
    done = len(panel.adapt.curve.epochs)
    assert 2 <= done < 10_000
    assert adaptation_of(Model.load(tmp_path / "mine.safetensors")).epochs == done

    # a box is ticked on its square
    qtbot.mouseClick(panel.adapt.resume.native, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert panel.adapt.resume.value
    click(panel.button)
    qtbot.waitUntil(lambda: len(panel.adapt.curve.epochs) >= 1, timeout=30_000)
    click(panel.cancel_button)
    qtbot.waitUntil(lambda: not panel.running, timeout=30_000)
    assert adaptation_of(Model.load(tmp_path / "mine.safetensors")).epochs > done
    assert panel.button.isEnabled()
    assert not panel.bar.isVisible()
