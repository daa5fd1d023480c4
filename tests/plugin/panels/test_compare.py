"""Comparing in the real window: by clicks, keys and the mouse on the canvas."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from napari import Viewer
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.cli import run
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.tables import save_points
from napari_stm_impurities.io.writers import save_stack
from napari_stm_impurities.plugin.layers.images import image_layer, layer_stack
from napari_stm_impurities.plugin.layers.points import layer_points, points_layer, points_on
from napari_stm_impurities.plugin.layers.transforms import layer_pixel_size_nm
from napari_stm_impurities.plugin.panels.compare import ComparePanel

DRAWN = ["links", "matched", "missed", "extra"]
FOUND_PX = [[8, 8.2], [24, 12], [1, 38]]
TRUTH_PX = [[8, 8], [24.3, 12.6], [30, 30]]


def add_layers(viewer: ViewerModel, **where: object) -> tuple[Image, Points, Points]:
    """Of three reference points two are found, and one point is extra; 0.5 nm a pixel."""
    values = np.random.default_rng(0).normal(size=(2, 40, 40))
    image = viewer.add_layer(Layer.create(*image_layer(make_stack(values, [0, 10], 0.5), name="maps")))
    for name, value in where.items():
        setattr(image, name, value)
    found = make_points(FOUND_PX, (0.5, 0.5), source="model", confidence=[0.9, 0.8, 0.7])
    truth = make_points(TRUTH_PX, (0.5, 0.5), source="reference")
    model = viewer.add_layer(Layer.create(*points_layer(found, image, name="model")))
    reference = viewer.add_layer(Layer.create(*points_layer(truth, image, kind="reference", name="reference")))
    return image, model, reference


def opened(qtbot: QtBot, viewer: Viewer) -> ComparePanel:
    panel = ComparePanel(viewer)
    viewer.window.add_dock_widget(panel, name="Compare")
    qtbot.waitUntil(panel.isVisible)
    return panel


def press(qtbot: QtBot, panel: ComparePanel) -> str:
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    return panel.message.text()


def followed(qtbot: QtBot, panel: ComparePanel, wanted: str) -> None:
    qtbot.waitUntil(lambda: panel.message.text() == wanted, timeout=3000)


def drawn(viewer: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer.layers if layer.name in DRAWN]


def drawn_nm(layer: Layer) -> np.ndarray:
    """Where the points of a drawn layer lie, in nm."""
    size = np.asarray(layer_pixel_size_nm(layer)) / np.abs(layer.scale)
    return np.array([layer.data_to_world(one) for one in layer.data]) * size


def click_row(qtbot: QtBot, panel: ComparePanel, number: int) -> None:
    table = panel.table
    at = table.visualRect(table.model().index(number, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)


def on_canvas(viewer: Viewer, world: tuple[float, float]) -> QPoint:
    """Where a place (y, x) stands on the canvas, in its pixels."""
    canvas = viewer.window._qt_viewer.canvas
    transform = canvas.view.scene.transform
    x, y = transform.map([world[1], world[0], 0, 1])[:2]
    return QPoint(round(float(x)), round(float(y)))


@pytest.fixture
def window(make_napari_viewer: Callable[..., Viewer]) -> Viewer:
    return make_napari_viewer(show=True)


def test_a_comparison_is_four_layers_with_a_link_for_each_pair(qtbot: QtBot, window: Viewer) -> None:
    _, model, _ = add_layers(window)
    panel = opened(qtbot, window)
    window.layers.selection.active = model
    assert press(qtbot, panel) == "2 matched, 1 missed, 1 extra"
    assert drawn(window) == DRAWN
    assert window.layers.selection.active is model
    start, way = window.layers["links"].data[:, 0], window.layers["links"].data[:, 1]
    np.testing.assert_allclose(start, FOUND_PX[:2])
    np.testing.assert_allclose(start + way, TRUTH_PX[:2])
    assert press(qtbot, panel) == "2 matched, 1 missed, 1 extra"
    assert drawn(window) == DRAWN


def test_what_is_drawn_is_offered_nowhere(qtbot: QtBot, window: Viewer) -> None:
    _, model, reference = add_layers(window)
    panel = opened(qtbot, window)
    press(qtbot, panel)
    assert set(panel.points.choices) == {model, reference}


def test_points_added_and_deleted_with_the_keys_are_followed(qtbot: QtBot, window: Viewer) -> None:
    _, model, _ = add_layers(window)
    panel = opened(qtbot, window)
    press(qtbot, panel)
    recall = panel.figures.text()
    canvas = window.window._qt_viewer.canvas.native
    window.layers.selection.active = model
    model.mode = "add"
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=on_canvas(window, (15.0, 15.0)))
    followed(qtbot, panel, "3 matched, 0 missed, 1 extra")
    assert panel.figures.text() != recall
    assert len(window.layers["matched"].data) == len(window.layers["links"].data) == 3
    assert len(window.layers["missed"].data) == 0
    model.mode = "select"
    model.selected_data = {2}
    qtbot.keyClick(canvas, Qt.Key.Key_Delete)
    followed(qtbot, panel, "3 matched, 0 missed, 0 extra")
    assert panel.table.model().rowCount() == 3


def test_a_point_that_comes_later_looks_like_the_others(qtbot: QtBot, window: Viewer) -> None:
    """The layer is empty at first, and napari must not give its first point the default look."""
    _, _, reference = add_layers(window)
    reference.data = reference.data[:2]
    panel = opened(qtbot, window)
    assert press(qtbot, panel) == "2 matched, 0 missed, 1 extra"
    reference.add([30, 30])
    followed(qtbot, panel, "2 matched, 1 missed, 1 extra")
    missed = window.layers["missed"]
    assert missed.symbol[0] == "cross"
    np.testing.assert_allclose(missed.border_color[0], [0xD5 / 255, 0x5E / 255, 0, 1], atol=1e-3)
    assert missed.size[0] == pytest.approx(window.layers["extra"].size[0])


def test_hidden_points_are_followed(qtbot: QtBot, window: Viewer) -> None:
    _, model, _ = add_layers(window)
    panel = opened(qtbot, window)
    press(qtbot, panel)
    model.shown = model.features["confidence"] >= 0.85
    followed(qtbot, panel, "1 matched, 2 missed, 0 extra")
    model.shown = True
    followed(qtbot, panel, "2 matched, 1 missed, 1 extra")


def test_the_tolerance_is_followed(qtbot: QtBot, window: Viewer) -> None:
    add_layers(window)
    panel = opened(qtbot, window)
    press(qtbot, panel)
    panel.tolerance.value = 0.2
    followed(qtbot, panel, "1 matched, 2 missed, 2 extra")
    assert panel.distances.axes.get_lines()[0].get_xdata()[0] == pytest.approx(0.2)
    assert panel.distances.data_table()["pairs"].sum() == 1


def test_a_row_goes_to_its_point(qtbot: QtBot, window: Viewer) -> None:
    _, model, reference = add_layers(window)
    panel = opened(qtbot, window)
    press(qtbot, panel)
    kinds = [panel.table.model().index(row, 0).data() for row in range(4)]
    click_row(qtbot, panel, kinds.index("missed"))
    assert window.scene.camera.center[1:] == pytest.approx((15.0, 15.0))
    assert window.layers.selection.active is reference
    assert reference.selected_data == {2}
    click_row(qtbot, panel, kinds.index("extra"))
    assert window.scene.camera.center[1:] == pytest.approx((0.5, 19.0))
    assert window.layers.selection.active is model
    assert model.selected_data == {2}
    # and on with the arrow keys: the widest pair stands below what has no partner
    click_row(qtbot, panel, 1)
    qtbot.keyClick(panel.table, Qt.Key.Key_Down)
    assert window.scene.camera.center[1:] == pytest.approx((12.0, 6.0))
    assert (model.selected_data, reference.selected_data) == ({1}, {1})


def test_a_row_goes_to_the_right_point_among_hidden_ones(qtbot: QtBot, window: Viewer) -> None:
    _, model, _ = add_layers(window)
    model.shown = [False, True, True]
    panel = opened(qtbot, window)
    press(qtbot, panel)
    kinds = [panel.table.model().index(row, 0).data() for row in range(panel.table.model().rowCount())]
    click_row(qtbot, panel, kinds.index("extra"))
    assert model.selected_data == {2}


def test_the_rows_are_sorted_by_a_click_on_a_title(qtbot: QtBot, window: Viewer) -> None:
    add_layers(window)
    panel = opened(qtbot, window)
    press(qtbot, panel)
    table = panel.table
    assert [table.model().index(row, 0).data() for row in range(4)] == ["missed", "extra", "matched", "matched"]
    header = table.horizontalHeader()
    at = QPoint(header.sectionPosition(2) + 10, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)
    shown = [table.model().index(row, 2).data() for row in range(4)]
    assert shown in (["0.70", "0.80", "0.90", ""], ["", "0.90", "0.80", "0.70"])


def test_the_layers_go_with_a_compared_layer_and_with_the_widget(qtbot: QtBot, window: Viewer) -> None:
    _, model, reference = add_layers(window)
    panel = opened(qtbot, window)
    press(qtbot, panel)
    window.layers.remove(reference)
    qtbot.waitUntil(lambda: drawn(window) == [])
    assert not panel.results.isVisible()
    assert "deleted" in panel.message.text()
    model.add([3, 3])  # nothing follows any more
    window.layers.append(reference)
    assert press(qtbot, panel).startswith("2 matched")
    window.window.remove_dock_widget(panel)
    assert drawn(window) == []
    assert {model, reference} <= set(window.layers)
    model.add([4, 4])


def test_all_layers_at_once_and_the_viewer_can_be_closed(qtbot: QtBot, window: Viewer) -> None:
    add_layers(window)
    panel = opened(qtbot, window)
    press(qtbot, panel)
    window.layers.clear()
    qtbot.waitUntil(lambda: not panel.results.isVisible())
    add_layers(window)
    press(qtbot, panel)
    window.close()


def test_a_drawn_layer_that_is_deleted_stays_away_until_compared_again(qtbot: QtBot, window: Viewer) -> None:
    _, model, _ = add_layers(window)
    panel = opened(qtbot, window)
    press(qtbot, panel)
    window.layers.remove("extra")
    model.name = "renamed"
    model.add([30, 30])
    followed(qtbot, panel, "3 matched, 0 missed, 1 extra")
    assert drawn(window) == DRAWN[:3]
    press(qtbot, panel)
    assert drawn(window) == DRAWN


def test_of_two_viewers_each_has_its_own(qtbot: QtBot, make_napari_viewer: Callable[..., Viewer]) -> None:
    both = [make_napari_viewer(show=True) for _ in range(2)]
    panels = []
    for viewer in both:
        add_layers(viewer)
        panels.append(opened(qtbot, viewer))
        press(qtbot, panels[-1])
    both[0].layers["model"].add([30, 30])
    followed(qtbot, panels[0], "3 matched, 0 missed, 1 extra")
    both[0].window.remove_dock_widget(panels[0])
    assert (drawn(both[0]), drawn(both[1])) == ([], DRAWN)
    assert panels[1].message.text() == "2 matched, 1 missed, 1 extra"


def shown(qtbot: QtBot, viewer: ViewerModel) -> ComparePanel:
    panel = ComparePanel(viewer)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_on_a_rotated_image_and_in_other_units_all_lies_on_its_point(qtbot: QtBot, viewer: ViewerModel) -> None:
    _, model, _ = add_layers(viewer, rotate=30, translate=(0, 3.0, -7.0))
    truth_nm = layer_points(viewer.layers["reference"])[["y_nm", "x_nm"]].to_numpy()
    other = viewer.add_points(truth_nm * 10, units=("angstrom", "angstrom"), name="in angstrom")
    panel = shown(qtbot, viewer)
    panel.points.value, panel.reference.value = model, other
    assert press(qtbot, panel) == "2 matched, 1 missed, 1 extra"
    found_nm = layer_points(model)[["y_nm", "x_nm"]].to_numpy()
    np.testing.assert_allclose(drawn_nm(viewer.layers["matched"]), found_nm[:2])
    np.testing.assert_allclose(drawn_nm(viewer.layers["extra"]), found_nm[2:])
    np.testing.assert_allclose(drawn_nm(viewer.layers["missed"]), truth_nm[2:])
    # and the layer is moved
    other.translate = (1000.0, 0.0)
    followed(qtbot, panel, "0 matched, 3 missed, 3 extra")
    model.translate = model.translate + np.array([100.0, 0.0])
    followed(qtbot, panel, "2 matched, 1 missed, 1 extra")
    np.testing.assert_allclose(drawn_nm(viewer.layers["matched"]), found_nm[:2] + np.array([100, 0]))


@pytest.mark.parametrize("turned", [False, True])
def test_the_chance_level_is_the_command_s_where_a_corner_was_not_measured(
    qtbot: QtBot, viewer: ViewerModel, tmp_path: Path, turned: bool
) -> None:
    image, model, reference = add_layers(viewer, **({"rotate": 30.0, "translate": (0, 5.0, 2.0)} if turned else {}))
    whole = compare(points_on(image, model), points_on(image, reference), frame=layer_stack(image), pixel_size_nm=0.5)
    image.data[:, 20:, 20:] = np.nan
    stack, found, truth = tmp_path / "maps.nc", tmp_path / "found.csv", tmp_path / "truth.csv"
    save_stack(layer_stack(image), stack)
    save_points(points_on(image, model), found)
    save_points(points_on(image, reference), truth)
    command = ["compare", str(found), str(truth), "--stack", str(stack), "--json", str(tmp_path / "a.json")]
    assert run(command) == 0
    of_command = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    panel = shown(qtbot, viewer)
    press(qtbot, panel)
    assert panel.report.chance_ratio == pytest.approx(of_command["chance_ratio"], rel=1e-9)
    assert panel.report.frame_nm == pytest.approx(of_command["frame_nm"])
    # the third reference point lies in the corner where no point can be; the other two gain what it loses, and more
    assert of_command["chance_ratio"] == pytest.approx(whole.chance_ratio * 2 / 3 * 4 / 3, rel=0.02)


def test_points_outside_the_frame_and_an_empty_layer(qtbot: QtBot, viewer: ViewerModel) -> None:
    _, model, reference = add_layers(viewer)
    panel = shown(qtbot, viewer)
    model.data = np.array([[-300.0, 8.0], [900.0, 900.0]])
    assert press(qtbot, panel) == "0 matched, 3 missed, 2 extra"
    np.testing.assert_allclose(viewer.layers["extra"].data, [[-300, 8], [900, 900]])
    model.data = np.zeros((0, 2))
    followed(qtbot, panel, "0 matched, 3 missed, 0 extra")
    assert panel.table.model().rowCount() == 3
    assert panel.distances.data_table()["pairs"].sum() == 0
    reference.data = np.zeros((0, 2))
    followed(qtbot, panel, "0 matched, 0 missed, 0 extra")


def test_a_failed_edit_is_one_line_and_the_next_is_followed(qtbot: QtBot, viewer: ViewerModel) -> None:
    _, model, _ = add_layers(viewer)
    panel = shown(qtbot, viewer)
    press(qtbot, panel)
    good = model.data.copy()
    model.data = np.full((3, 2), np.nan)
    qtbot.waitUntil(lambda: "not a finite number" in panel.message.text())
    model.data = good
    followed(qtbot, panel, "2 matched, 1 missed, 1 extra")


def test_the_figures_are_saved(
    qtbot: QtBot, viewer: ViewerModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, model, reference = add_layers(viewer)
    panel = shown(qtbot, viewer)
    press(qtbot, panel)
    names = iter([tmp_path / "mine", tmp_path / "rows.csv", ""])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args: (str(next(names)), ""))
    for _ in range(3):
        qtbot.mouseClick(panel.save_button, Qt.MouseButton.LeftButton)
    wanted = compare(
        layer_points(model), layer_points(reference), pixel_size_nm=0.5, frame=(-0.25, 19.75, -0.25, 19.75)
    )
    assert json.loads((tmp_path / "mine.json").read_text(encoding="utf-8")) == wanted.to_dict()
    rows = pd.read_csv(tmp_path / "rows.csv")
    assert rows["kind"].tolist() == ["matched", "matched", "missed", "extra"]
    np.testing.assert_allclose(rows["confidence"], [0.9, 0.8, np.nan, 0.7])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.json", "rows.csv"]


def test_two_thousand_points_are_followed_at_once(qtbot: QtBot, viewer: ViewerModel) -> None:
    _, model, reference = add_layers(viewer)
    rng = np.random.default_rng(0)
    reference.data = rng.uniform(0, 400, (2000, 2))
    model.data = reference.data + rng.normal(0, 0.2, (2000, 2))
    panel = shown(qtbot, viewer)
    press(qtbot, panel)
    before = time.process_time()
    model.add([1000, 1000])
    qtbot.waitUntil(lambda: panel.report.n_points == 2001)
    assert time.process_time() - before < 1.0  # some 0.1 s, and the waiting itself
