"""The widget *Correct points*, pressed in a real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from napari import Viewer
from napari.layers import Image, Points
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtWidgets import QAbstractScrollArea, QPushButton

from napari_stm_impurities.plugin.editing import add_points, autosave, autosave_of, history_of
from napari_stm_impurities.plugin.layers.points import points_layer
from napari_stm_impurities.plugin.panels.review import CorrectPanel


@pytest.fixture
def window(make_napari_viewer: Callable[..., Viewer], image: Image) -> Viewer:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1366, 768)
    viewer.add_layer(image)
    return viewer


@pytest.fixture
def open_panel(qtbot: QtBot) -> Callable[[Viewer], CorrectPanel]:
    """Give a function that docks the widget in a window."""

    def dock(viewer: Viewer) -> CorrectPanel:
        panel = CorrectPanel(viewer)
        viewer.window.add_dock_widget(panel, name="Correct points")
        qtbot.waitUntil(panel.isVisible)
        return panel

    return dock


def click(qtbot: QtBot, button: QPushButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def found(viewer: Viewer, points: pd.DataFrame, image: Image, name: str = "impurities") -> Points:
    return add_points(viewer, points_layer(points, image, name=name))


def test_every_button_and_what_it_says(
    qtbot: QtBot,
    window: Viewer,
    image: Image,
    points: pd.DataFrame,
    open_panel: Callable[[Viewer], CorrectPanel],
) -> None:
    layer = found(window, points, image)
    panel = open_panel(window)
    assert panel.points.value is layer
    assert panel.counts.text() == "3 shown: 3 by the model, 0 manual. 0 hidden. 0 accepted, 0 rejected."
    assert not panel.undo.isEnabled()
    click(qtbot, panel.buttons["Add"])
    assert layer.mode == "add"
    click(qtbot, panel.buttons["Select and move"])
    assert layer.mode == "select"
    click(qtbot, panel.buttons["Accept"])
    assert "no point is chosen" in panel.message.text()
    click(qtbot, panel.button)
    assert layer.selected_data == {int(np.argmin(points["confidence"]))}
    click(qtbot, panel.buttons["Accept"])
    click(qtbot, panel.button)
    click(qtbot, panel.buttons["Reject"])
    qtbot.waitUntil(
        lambda: panel.counts.text() == "2 shown: 2 by the model, 0 manual. 0 hidden. 1 accepted, 1 rejected."
    )
    assert panel.undo.text() == "Undo: reject 1 point (Ctrl+Z)"
    click(qtbot, panel.undo)
    qtbot.waitUntil(lambda: panel.redo.text() == "Redo: reject 1 point (Ctrl+Shift+Z)")
    click(qtbot, panel.redo)
    qtbot.waitUntil(panel.unreject.isEnabled)
    click(qtbot, panel.unreject)
    qtbot.waitUntil(lambda: panel.undo.text() == "Undo: bring 1 point back (Ctrl+Z)")
    click(qtbot, panel.button)
    click(qtbot, panel.buttons["Delete"])
    qtbot.waitUntil(lambda: panel.counts.text().startswith("2 shown"))
    click(qtbot, panel.buttons["Snap"])
    assert "no point is chosen" in panel.message.text()


def test_it_follows_the_layer_that_is_chosen(
    qtbot: QtBot,
    window: Viewer,
    image: Image,
    points: pd.DataFrame,
    open_panel: Callable[[Viewer], CorrectPanel],
) -> None:
    first, second = found(window, points, image), found(window, points.iloc[:2], image, "second")
    panel = open_panel(window)
    for layer, n in ((first, 3), (second, 2), (first, 3)):
        window.layers.selection.active = layer
        assert panel.points.value is layer
        assert panel.counts.text().startswith(f"{n} shown")
    window.layers.selection.active = image
    assert panel.points.value is first
    first.remove([0])
    second.remove([0])
    click(qtbot, panel.undo)
    assert (len(first.data), len(second.data)) == (3, 1)


def test_a_layer_of_another_plugin_can_be_corrected(
    qtbot: QtBot, window: Viewer, open_panel: Callable[[Viewer], CorrectPanel]
) -> None:
    panel = open_panel(window)
    assert not panel.buttons["Add"].isEnabled()
    other = window.add_points([[1.0, 2.0], [3.0, 4.0]], name="from elsewhere")
    assert panel.points.value is other
    assert panel.counts.text() == "2 shown: 0 by the model, 2 manual. 0 hidden. 0 accepted, 0 rejected."
    other.selected_data = {0}
    click(qtbot, panel.buttons["Delete"])
    click(qtbot, panel.undo)
    other.selected_data = {1}
    click(qtbot, panel.buttons["Reject"])
    assert other.shown.tolist() == [True, False]


def test_a_new_layer_over_the_image(
    qtbot: QtBot, window: Viewer, image: Image, open_panel: Callable[[Viewer], CorrectPanel]
) -> None:
    panel = open_panel(window)
    click(qtbot, panel.new)
    layer = window.layers[-1]
    assert panel.points.value is layer
    assert (layer.mode, len(layer.data)) == ("add", 0)
    layer.add([3.0, 4.0])
    assert layer.features["source"].astype(str).tolist() == ["manual"]
    np.testing.assert_allclose(layer.data_to_world([3, 4]), image.data_to_world([0, 3, 4])[-2:])
    qtbot.waitUntil(lambda: panel.counts.text().startswith("1 shown: 0 by the model, 1 manual"))


def test_without_an_image_it_says_what_to_do(
    qtbot: QtBot, make_napari_viewer: Callable[..., Viewer], open_panel: Callable[[Viewer], CorrectPanel]
) -> None:
    panel = open_panel(make_napari_viewer(show=True))
    click(qtbot, panel.new)
    assert "open a file first" in panel.message.text()
    assert "open a file first" in notification_manager.records[-1].message


def test_points_that_are_hidden_elsewhere_are_counted(
    qtbot: QtBot,
    window: Viewer,
    image: Image,
    points: pd.DataFrame,
    open_panel: Callable[[Viewer], CorrectPanel],
) -> None:
    layer = found(window, points, image)
    panel = open_panel(window)
    layer.shown = [True, False, False]
    qtbot.waitUntil(lambda: panel.counts.text().startswith("1 shown: 1 by the model, 0 manual. 2 hidden."))


def test_opened_from_the_menu_it_has_the_layers_themselves(
    qtbot: QtBot, window: Viewer, image: Image, points: pd.DataFrame, plugin: str
) -> None:
    _, panel = window.window.add_plugin_dock_widget(plugin, "Correct points")
    layer = add_points(panel.viewer, points_layer(points, image))
    window.layers.selection.active = layer
    assert panel.points.value is layer is window.layers[-1]
    click(qtbot, panel.button)
    click(qtbot, panel.buttons["Delete"])
    assert panel.undo.text() == "Undo: delete 1 point (Ctrl+Z)"
    click(qtbot, panel.undo)
    assert len(window.layers[-1].data) == 3


def test_a_renamed_and_a_deleted_layer(
    qtbot: QtBot,
    window: Viewer,
    image: Image,
    points: pd.DataFrame,
    open_panel: Callable[[Viewer], CorrectPanel],
) -> None:
    layer = found(window, points, image)
    panel = open_panel(window)
    layer.name = "mine"
    layer.remove([0])
    qtbot.waitUntil(panel.undo.isEnabled)
    click(qtbot, panel.undo)
    assert len(layer.data) == 3
    window.layers.remove(layer)
    assert panel.points.value is None
    assert panel.counts.text() == ""
    assert not panel.buttons["Accept"].isEnabled()
    click(qtbot, panel.new)
    assert panel.points.value is window.layers[-1]


def test_a_widget_that_was_closed_hears_nothing_any_more(
    qtbot: QtBot,
    window: Viewer,
    image: Image,
    points: pd.DataFrame,
    open_panel: Callable[[Viewer], CorrectPanel],
) -> None:
    layer = found(window, points, image)
    panel = open_panel(window)
    window.window.remove_dock_widget(panel)
    with qtbot.waitSignal(panel.destroyed):
        panel.deleteLater()
    layer.remove([0])
    history_of(layer).undo()
    window.layers.selection.active = image
    assert len(layer.data) == 3


def test_two_windows_at_once(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Viewer],
    image: Image,
    points: pd.DataFrame,
    open_panel: Callable[[Viewer], CorrectPanel],
) -> None:
    viewers = [make_napari_viewer(show=True) for _ in range(2)]
    layers = [found(viewer, points, image) for viewer in viewers]
    panels = [open_panel(viewer) for viewer in viewers]
    for panel, layer in zip(panels, layers, strict=True):
        assert panel.points.value is layer
    centre = viewers[0].scene.camera.center
    click(qtbot, panels[1].button)
    click(qtbot, panels[1].buttons["Delete"])
    assert [len(layer.data) for layer in layers] == [3, 2]
    assert viewers[0].scene.camera.center == centre
    viewers[1].close()
    click(qtbot, panels[0].button)
    click(qtbot, panels[0].buttons["Delete"])
    click(qtbot, panels[0].undo)
    assert len(layers[0].data) == 3


def test_what_is_kept_is_told_and_recovered_points_can_be_discarded(
    qtbot: QtBot,
    window: Viewer,
    image: Image,
    points: pd.DataFrame,
    open_panel: Callable[[Viewer], CorrectPanel],
    monkeypatch: pytest.MonkeyPatch,
    own_folder: Path,
) -> None:
    monkeypatch.setattr(autosave, "EVERY_S", 0.01)
    layer = found(window, points, image)
    panel = open_panel(window)
    assert panel.kept.text() == "Autosave: nothing to keep"
    assert not panel.discard.isVisible()
    layer.remove([0])
    qtbot.waitUntil(lambda: panel.kept.text().startswith("Autosave: kept "), timeout=20_000)
    window.layers.clear()
    window.add_layer(image)
    qtbot.waitUntil(lambda: len(window.layers) == 2)
    back = window.layers[-1]
    window.layers.selection.active = back
    qtbot.waitUntil(panel.discard.isVisible)
    assert len(list((own_folder / "autosave").iterdir())) == 1
    assert autosave_of(window, back).recovered
    click(qtbot, panel.discard)
    assert back not in window.layers
    assert not list((own_folder / "autosave").iterdir())


def test_on_a_laptop_everything_is_in_sight(
    qtbot: QtBot,
    window: Viewer,
    image: Image,
    points: pd.DataFrame,
    open_panel: Callable[[Viewer], CorrectPanel],
) -> None:
    layer = found(window, points, image, "impurities (a layer with quite a long name, as file names often are)")
    panel = open_panel(window)
    history_of(layer).record("bring 1234 points back")
    layer.remove([0])
    panel.set_status("4 of 12 points snapped; the others have no other peak of the score map in reach")
    kept = autosave_of(window, layer)
    kept.take_over(Path("/home/somebody/measurements/2026-11-20_Au111_surface_state_4K") / f"{'grid_' * 9}001.3ds")
    qtbot.waitUntil(lambda: "grid_" in panel.kept.text().replace("\u200b", ""))
    qtbot.wait(100)
    inside = QRect(QPoint(0, 0), window.window._qt_window.size())
    scroll = panel.findChild(QAbstractScrollArea)
    assert scroll.horizontalScrollBar().maximum() == 0
    assert scroll.verticalScrollBar().maximum() == 0
    for button in panel.findChildren(QPushButton):
        if button.isVisible():
            place = QRect(button.mapTo(window.window._qt_window, QPoint(0, 0)), button.size())
            assert inside.contains(place), button.text()
            assert button.fontMetrics().horizontalAdvance(button.text()) < button.width(), button.text()
