"""The page in napari's Preferences: it is there, it is kept, and a run uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from napari import Viewer
from napari._qt.dialogs.preferences_dialog import PreferencesDialog
from napari.settings import get_plugin_settings
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QSpinBox, QWidget

from napari_stm_impurities.plugin import preferences as preferences_module
from napari_stm_impurities.plugin.preferences import PAGE, PLUGIN, Preferences, preferences

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page(plugin_settings: None, plugin: str) -> Any:
    """Our page, with settings that are kept in a folder of this test."""
    return getattr(get_plugin_settings(plugin), PAGE)


def test_the_manifest_and_the_defaults_agree() -> None:
    manifest = yaml.safe_load((ROOT / "napari.yaml").read_text(encoding="utf-8"))
    shown = manifest["contributions"]["configurations"][PAGE]["properties"]
    assert {name: field["default"] for name, field in shown.items()} == Preferences().model_dump()
    for name, info in Preferences.model_fields.items():
        bounds = {type(bound).__name__: bound for bound in info.metadata}
        assert shown[name].get("minimum") == (bounds["Ge"].ge if "Ge" in bounds else None)
        assert shown[name].get("maximum") == (bounds["Le"].le if "Le" in bounds else None)
        assert shown[name]["title"]
        assert shown[name]["description"]
    assert shown["device"]["enum"] == ["fastest", "cpu", "cuda", "mps"]


def test_without_the_plugin_in_napari_the_defaults_hold(plugin_settings: None) -> None:
    assert preferences() == Preferences()


def test_what_is_set_is_used_and_outlives_napari(page: Any, tmp_path: Path) -> None:
    assert preferences() == Preferences()
    page.device, page.threads, page.tile_px, page.autosave = "cpu", 3, 64, False
    assert preferences() == Preferences(device="cpu", threads=3, tile_px=64, autosave=False)
    kept = yaml.safe_load((tmp_path / f"{PLUGIN}.yaml").read_text(encoding="utf-8"))
    assert kept[PAGE] == {"device": "cpu", "threads": 3, "tile_px": 64, "autosave": False}
    with pytest.raises(ValueError, match="device"):
        page.device = "toaster"


def test_the_device_and_the_tile_may_be_left_to_the_program() -> None:
    assert (Preferences().device_name, Preferences().tile) == (None, None)
    assert (Preferences(device="cpu").device_name, Preferences(tile_px=32).tile) == ("cpu", 32)


def test_the_number_of_cores_is_that_of_torch_and_goes_back() -> None:
    before = torch.get_num_threads()
    try:
        assert Preferences(threads=3).threaded(torch.get_num_threads)() == 3
        # another library may have set the number of this thread since torch was asked
        assert Preferences().threaded(torch.get_num_threads)() == preferences_module._threads_of_torch()
    finally:
        torch.set_num_threads(before)


def test_the_page_stands_in_the_preferences(qtbot: QtBot, make_napari_viewer: Callable[..., Viewer], page: Any) -> None:
    viewer = make_napari_viewer(show=True)
    dialog = PreferencesDialog(parent=viewer.window._qt_window)
    qtbot.addWidget(dialog)
    dialog.show()
    (row,) = [at for at in range(dialog._list.count()) if dialog._list.item(at).text() == "STM impurities"]
    dialog._list.setCurrentRow(row)
    ours: QWidget = dialog._stack.currentWidget()
    qtbot.waitUntil(ours.isVisible)
    said = " ".join(label.text() for label in ours.findChildren(QLabel))
    for word in ("Device", "Processor cores", "Tile (pixels)", "Save corrected points"):
        assert word in said or any(word in box.text() for box in ours.findChildren(QCheckBox)), said
    (device,) = ours.findChildren(QComboBox)
    assert [device.itemText(at) for at in range(device.count())] == ["fastest", "cpu", "cuda", "mps"]
    device.setFocus()
    qtbot.keyClick(device, Qt.Key.Key_Down)
    assert preferences().device == "cpu"
    assert len(ours.findChildren(QSpinBox)) == 2
    qtbot.mouseClick(dialog._button_ok, Qt.MouseButton.LeftButton)
    assert preferences().device == "cpu"
