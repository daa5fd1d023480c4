"""A few tests in the real window: what only docking, closing and drawing can show."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml
from napari import Viewer
from napari._qt.dialogs.qt_reader_dialog import QtReaderDialog
from napari.layers import Image, Layer
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtWidgets import QAbstractScrollArea, QWidget

from napari_stm_impurities.core.progress import Progress, ShouldStop, Stopped
from napari_stm_impurities.io.writers import write_nanonis_grid
from napari_stm_impurities.plugin import sample
from napari_stm_impurities.plugin.panels.compare import ComparePanel
from napari_stm_impurities.plugin.panels.find import FindPanel
from napari_stm_impurities.plugin.panels.prepare import PreparePanel
from napari_stm_impurities.plugin.panels.reference import ReferencePanel
from napari_stm_impurities.plugin.panels.report import ReportPanel
from napari_stm_impurities.plugin.panels.simulate import SimulatePanel
from napari_stm_impurities.plugin.panels.spectrum import LookPanel
from napari_stm_impurities.plugin.panels.statistics import StatisticsPanel
from napari_stm_impurities.plugin.panels.train import TrainPanel
from napari_stm_impurities.plugin.widgets import job
from napari_stm_impurities.plugin.widgets.forms import Fold, Tabs
from napari_stm_impurities.plugin.widgets.panel import Panel
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface

ROOT = Path(__file__).parents[2]
LAPTOP = (1366, 768)
PANELS: list[Callable[[Viewer], Panel]] = [
    PreparePanel,
    FindPanel,
    TrainPanel,
    ReferencePanel,
    ComparePanel,
    LookPanel,
    StatisticsPanel,
    ReportPanel,
    SimulatePanel,
]


def forever(*, progress: Progress, should_stop: ShouldStop) -> None:
    """Count until it is asked to stop."""
    done = 0
    while not should_stop():
        done += 1
        progress(0.5, f"at {done}")
        time.sleep(0.005)
    raise Stopped


class Endless(Panel):
    """A panel whose work never ends by itself."""

    def start(self) -> None:
        self.run(forever, done=lambda _result: None)


def docked(qtbot: QtBot, viewer: Viewer, panel: Panel) -> Panel:
    viewer.window.add_dock_widget(panel, name=type(panel).__name__)
    qtbot.waitUntil(panel.isVisible)
    return panel


def begin(qtbot: QtBot, panel: Panel) -> None:
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.message.text().startswith("at "))


def rectangle(widget: QWidget, window: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def set_folds(qtbot: QtBot, panel: Panel, opened: bool) -> None:
    """Open or close every fold in sight, also those inside another."""
    for _ in range(3):
        for fold in panel.findChildren(Fold):
            if fold.isVisible():
                fold.toggleButton().setChecked(opened)
        qtbot.wait(50)


def test_on_a_laptop_nothing_is_cut_off(qtbot: QtBot, make_napari_viewer: Callable[..., Viewer], image: Image) -> None:
    viewer = make_napari_viewer(show=True)
    image.name = "a layer with quite a long name, as file names often are, LI Demod 1 X"
    viewer.add_layer(image)
    viewer.add_points([[1, 1]], name="points with quite a long name, as file names often are")
    window = viewer.window._qt_window
    for kind in PANELS:  # one after the other in one window, since opening it takes longer than all else
        window.resize(*LAPTOP)
        panel = docked(qtbot, viewer, kind(viewer))
        check_on_a_laptop(qtbot, panel, window)
        viewer.window.remove_dock_widget(panel)


def check_on_a_laptop(qtbot: QtBot, panel: Panel, window: QWidget) -> None:
    panel.set_status(
        "one line that tells how many, at which threshold, in how many seconds, and on which device it ran"
    )
    qtbot.wait(50)
    assert (window.width(), window.height()) == LAPTOP, panel
    inside = QRect(QPoint(0, 0), window.size())
    scroll = panel.findChild(QAbstractScrollArea)
    tabs = panel.findChild(Tabs)
    for number in range(len(tabs.pages) if tabs else 1):
        if tabs:
            tabs.bar.setCurrentIndex(number)
            qtbot.wait(50)
        assert inside.contains(rectangle(panel.button, window)), panel
        set_folds(qtbot, panel, True)
        assert scroll.horizontalScrollBar().maximum() == 0, panel
        set_folds(qtbot, panel, False)
        qtbot.waitUntil(lambda: scroll.verticalScrollBar().maximum() == 0)
        for child in panel.findChildren(QWidget):
            if child.isVisible() and not isinstance(child.parent(), QAbstractScrollArea):
                assert inside.contains(rectangle(child, window)), (panel, child)


def test_a_renamed_and_a_deleted_layer_are_followed(
    qtbot: QtBot, make_napari_viewer: Callable[..., Viewer], image: Image
) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.add_layer(image)
    panel = docked(qtbot, viewer, ReferencePanel(viewer))
    image.name = "renamed"
    assert panel.source.box.native.currentText() == "renamed"
    viewer.layers.remove(image)
    assert panel.source.box.value is None


def test_closing_the_widget_in_a_run_stops_it(qtbot: QtBot, make_napari_viewer: Callable[..., Viewer]) -> None:
    viewer = make_napari_viewer(show=True)
    panel = docked(qtbot, viewer, Endless(viewer, "Go"))
    begin(qtbot, panel)
    viewer.window.remove_dock_widget(panel)
    qtbot.waitUntil(lambda: not job._running, timeout=5000)


def test_closing_the_viewer_in_a_run_stops_it(qtbot: QtBot, make_napari_viewer: Callable[..., Viewer]) -> None:
    viewer = make_napari_viewer(show=True)
    panel = docked(qtbot, viewer, Endless(viewer, "Go"))
    begin(qtbot, panel)
    viewer.close()
    qtbot.waitUntil(lambda: not job._running, timeout=5000)


def test_the_window_lives_on_during_the_work(qtbot: QtBot, make_napari_viewer: Callable[..., Viewer]) -> None:
    viewer = make_napari_viewer(show=True)
    panel = docked(qtbot, viewer, Endless(viewer, "Go"))
    threads: set[int] = set()
    panel.message.setText("")
    begin(qtbot, panel)
    layer = viewer.add_image(np.zeros((9, 9)))
    layer.events.data.connect(lambda _event: threads.add(threading.get_ident()))
    layer.data = np.ones((9, 9))
    qtbot.mouseClick(panel.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.running)
    assert panel.message.text() == "stopped"
    assert threads == {threading.get_ident()}


def test_the_sample_opens_from_the_menu(
    make_napari_viewer: Callable[..., Viewer], monkeypatch: pytest.MonkeyPatch, plugin: str
) -> None:
    small = SurfaceConfig(side_px=32, frame_nm=15, n_biases=3)

    def quick(material: str, seed: int, **how: Any) -> Any:
        return simulate_surface(material, seed, config=small, **how)

    monkeypatch.setattr(sample, "simulate_surface", quick)
    viewer = make_napari_viewer(show=True)
    bound, stack, truth = viewer.open_sample(plugin, "au111_surface_state")
    assert (bound.ndim, stack.ndim, truth.visible) == (2, 3, False)
    assert [str(unit) for unit in stack.units] == ["millivolt", "nanometer", "nanometer"]
    viewer.dims.set_current_step(0, 0)
    assert viewer.canvas.overlays.text.text == "Bias -230 mV"
    assert isinstance(truth, Layer)
    assert len(truth.data) == len(simulate_surface("Au(111)", 0, config=small).points)


def test_a_file_and_a_folder_of_maps_are_dropped_on_the_window(
    make_napari_viewer: Callable[..., Viewer],
    drop: Callable[[Viewer, Path], None],
    monkeypatch: pytest.MonkeyPatch,
    plugin: str,
    stack: xr.DataArray,
    tmp_path: Path,
) -> None:
    viewer = make_napari_viewer(show=True)
    drop(viewer, write_nanonis_grid(stack, tmp_path / "grid.3ds"))
    assert viewer.layers[-1].data.shape == stack.shape
    viewer.layers.clear()
    folder = tmp_path / "monday"
    folder.mkdir()
    for number, bias in enumerate(stack.bias.values):
        np.savez(folder / f"{number}.npz", data=stack.values[number], bias=[bias], pixel_size=[0.5, 0.25])
    # napari opens folders of pictures, too, so it asks
    monkeypatch.setattr(QtReaderDialog, "get_user_choices", lambda _dialog: ("STM impurities", False))
    drop(viewer, folder)
    (layer,) = viewer.layers
    np.testing.assert_array_equal(layer.data, stack.values)
    assert layer.name == "monday dI/dV"


def test_every_widget_of_the_manifest_opens(
    qtbot: QtBot, make_napari_viewer: Callable[..., Viewer], plugin: str
) -> None:
    manifest = yaml.safe_load((ROOT / "napari.yaml").read_text(encoding="utf-8"))
    names = [one["display_name"] for one in manifest["contributions"]["widgets"]]
    assert len(names) > 1
    viewer = make_napari_viewer(show=True)
    for name in names:
        _, panel = viewer.window.add_plugin_dock_widget(plugin, name)
        assert isinstance(panel, Panel)
