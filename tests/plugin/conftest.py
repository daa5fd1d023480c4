"""What the tests of the plugin share: a small stack with a known pattern, and viewers without a window."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from napari import Viewer
from napari.components import ViewerModel
from napari.layers import Image, Layer
from npe2._pytest_plugin import TestPluginManager
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

from napari_stm_impurities.data.images import make_stack, pixel_size_nm
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.plugin.editing import autosave_paths as places
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.widgets.model_choice import trained_models
from napari_stm_impurities.plugin.widgets.panel import Panel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def imports_out_of_collection() -> None:
    """Leave the half a million objects of imported modules out of each garbage collection.

    napari collects whenever a layer is removed, and when a viewer is closed: 0.3 s each time with them, and 0.04 s
    without. What a test makes is collected as before.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The person's own folder, where no test finds what another one has left."""
    folder = tmp_path_factory.mktemp("own")
    monkeypatch.setattr(places, "user_data_path", lambda *_names, **_how: folder)
    return folder


@pytest.fixture
def stack() -> xr.DataArray:
    """Five maps of 20 x 30 pixels of 0.5 nm x 0.25 nm, from -20 to +20 mV."""
    values = np.random.default_rng(1).normal(size=(5, 20, 30))
    return make_stack(values, [-20, -10, 0, 10, 20], (0.5, 0.25), channel="LI X", units="A")


@pytest.fixture
def image(stack: xr.DataArray) -> Image:
    """That stack as a layer."""
    return Layer.create(*image_layer(stack))


@pytest.fixture
def viewer(qapp: object) -> ViewerModel:
    """A viewer without a window."""
    return ViewerModel()


@pytest.fixture
def points(stack: xr.DataArray) -> pd.DataFrame:
    """Three points that a model found in the stack."""
    rng = np.random.default_rng(0)
    size = pixel_size_nm(stack)
    return make_points(
        rng.uniform(0, 19, (3, 2)), size, source="model", score=rng.normal(size=3), confidence=rng.uniform(size=3)
    )


@pytest.fixture
def plugin(npe2pm: TestPluginManager) -> Iterator[str]:
    """The name of the plugin, registered alone from the manifest at the root."""
    with npe2pm.tmp_plugin(manifest=ROOT / "napari.yaml"):
        yield "napari-stm-impurities"


@pytest.fixture
def drop() -> Callable[[Viewer, Path], None]:
    """Give a function that lets a file or a folder fall on the canvas, as the window system does."""

    def fall(viewer: Viewer, path: Path) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        viewer.window._qt_viewer.dropEvent(QDropEvent(QPointF(50, 50), *how))

    return fall


@pytest.fixture(autouse=True)
def no_trained_models() -> Iterator[None]:
    """Models that one test trained are not offered to the next."""
    yield
    trained_models.models.clear()


@pytest.fixture
def shown(qtbot: QtBot) -> Callable[[Panel], Panel]:
    """Give a function that shows a panel, and closes it after the test."""

    def show(panel: Panel) -> Panel:
        qtbot.addWidget(panel)
        panel.show()
        return panel

    return show


@pytest.fixture
def press(qtbot: QtBot) -> Callable[[Panel], str]:
    """Give a function that presses a panel's main button, waits, and gives the line that the panel says."""

    def press_and_wait(panel: Panel) -> str:
        qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not panel.running, timeout=60_000)
        return panel.message.text()

    return press_and_wait
