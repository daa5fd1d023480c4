"""The widget *Simulate training data*."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_stm_impurities.plugin.simulate import SimulatePanel, montage, simulate_examples
from napari_stm_impurities.progress import never, silent
from napari_stm_impurities.simulation.config import FriedelConfig


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
