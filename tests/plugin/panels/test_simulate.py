"""The widget *Simulate training data*."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from napari.components import ViewerModel
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_stm_impurities.core.progress import never, silent
from napari_stm_impurities.plugin.panels.simulate import SimulatePanel, montage, simulate_examples
from napari_stm_impurities.simulation.config import FriedelConfig
from napari_stm_impurities.simulation.dataset import simulate_dataset


def shown(qtbot: QtBot, viewer: ViewerModel) -> SimulatePanel:
    panel = SimulatePanel(viewer)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_examples_are_shown_with_their_impurities(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = shown(qtbot, viewer)
    panel.windows.kind.value = FriedelConfig
    qtbot.mouseClick(panel.examples_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.running)
    config = FriedelConfig()
    image = viewer.layers["examples"].data
    assert image.shape == (config.n_maps, 3 * config.side_px + 6, 3 * config.side_px + 6)
    assert len(viewer.layers["impurities in the examples"].data) >= 9


def test_the_montage_puts_each_impurity_where_its_window_is() -> None:
    windows = simulate_examples(FriedelConfig(noise_std=0), 0, progress=silent, should_stop=never)
    image, places = montage(windows)
    assert np.isfinite(image[0, *np.round(places).astype(int).T]).all()
    first = int(windows.present[0].sum())
    np.testing.assert_allclose(places[:first], windows.yx_px[0][windows.present[0]])
    np.testing.assert_allclose(image[:, :20, :20], windows.maps[0])
    np.testing.assert_allclose(image[:, 23:43, 46:66], windows.maps[5])


def test_the_size_is_told_at_once_and_the_time_before_the_file_is_written(
    qtbot: QtBot, viewer: ViewerModel, tmp_path: Path
) -> None:
    panel = shown(qtbot, viewer)
    panel.windows.kind.value = FriedelConfig
    panel.n_windows.value = 2000
    assert panel.size_label.text() == "The file: about 29 MB."
    panel.n_windows.value = 40
    assert panel.size_label.text() == "The file: about 576 kB."
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    assert "choose the file" in panel.message.text()
    panel.file.value = tmp_path / "windows.nc"
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: " in about " in panel.size_label.text(), timeout=30_000)
    qtbot.waitUntil(lambda: not panel.running, timeout=30_000)
    assert panel.message.text().startswith("40 windows, ")
    wanted = simulate_dataset(tmp_path / "again.nc", FriedelConfig(), 40, 0)
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "windows.nc"), xr.load_dataset(wanted))


def test_a_cancelled_simulation_leaves_no_file(qtbot: QtBot, viewer: ViewerModel, tmp_path: Path) -> None:
    panel = shown(qtbot, viewer)
    panel.windows.kind.value = FriedelConfig
    panel.n_windows.value = 1_000_000
    panel.file.value = tmp_path / "windows.nc"
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "of 1000000" in panel.message.text(), timeout=30_000)
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.running, timeout=10_000)
    assert list(tmp_path.iterdir()) == []


def test_a_surface_comes_with_its_bound_states_and_true_positions(qtbot: QtBot, viewer: ViewerModel) -> None:
    panel = shown(qtbot, viewer)
    panel.tabs.bar.setCurrentIndex(1)
    panel.material.value = "Cu(111)"
    panel.surface["side_px"].value = 32
    panel.surface["n_biases"].value = 3
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.running, timeout=30_000)
    assert [layer.name for layer in viewer.layers] == [
        "Cu(111) bound states -520 mV",
        "Cu(111) dI/dV",
        "Cu(111) true positions",
    ]
