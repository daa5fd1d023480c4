"""The whole way in one window, by mouse and keys: a file is dropped, searched, corrected, compared and reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from napari import Viewer
from napari.layers import Points
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.cli import run
from napari_stm_impurities.io.tables import load_points, save_points
from napari_stm_impurities.io.writers import write_nanonis_grid
from napari_stm_impurities.plugin.layers.points import layer_points
from napari_stm_impurities.plugin.widgets.panel import Panel
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface

from .editing.conftest import Hand


def test_from_a_dropped_file_to_a_report(
    qtbot: QtBot,
    make_napari_viewer: Callable[..., Viewer],
    plugin: str,
    drop: Callable[[Viewer, Path], None],
    press: Callable[[Panel], str],
    tmp_path: Path,
) -> None:
    surface = simulate_surface("Au(111)", 3, config=SurfaceConfig(n_biases=8, noise_share=0.3))
    grid = tmp_path / "grid.3ds"
    write_nanonis_grid(surface.stack, grid)
    truth_file = save_points(surface.points, tmp_path / "truth.csv")
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1366, 768)

    # three clicks: the file, the widget, the button
    drop(viewer, grid)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20_000)
    image = viewer.layers[0]
    _, finder = viewer.window.add_plugin_dock_widget(plugin, "Find impurities")
    said = press(finder)
    points = viewer.layers["impurities (" + image.name + ")"]
    assert isinstance(points, Points)
    n_found = int(np.count_nonzero(points.shown))
    assert said.startswith(f"{n_found} impurities, confidence from ")
    assert compare(layer_points(points), surface.points).f1 > 0.9

    # the reference is dropped, and the figures follow the slider
    drop(viewer, truth_file)
    qtbot.waitUntil(lambda: len(viewer.layers) == 5, timeout=20_000)
    truth = next(layer for layer in viewer.layers if isinstance(layer, Points) and layer is not points)
    finder.threshold.reference.value = truth
    qtbot.waitUntil(lambda: "recall" in finder.threshold.figures.text())
    before = finder.threshold.figures.text()
    qtbot.keyClick(finder.threshold.slider, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: finder.threshold.figures.text() != before)
    assert np.count_nonzero(points.shown) < n_found
    finder.threshold.number.value = 0.5

    # by hand: one point is added, one is rejected
    viewer.layers.selection.active = points
    viewer.reset_view()
    hand = Hand(qtbot, viewer, image)
    hand.press("2")
    free = _free_place(surface.points[["y_px", "x_px"]].to_numpy())
    hand.click(*free)
    assert points.features["source"].iloc[-1] == "manual"
    hand.press("3")
    sure = points.data[int(np.argmax(points.features["confidence"]))]
    hand.click(*sure)
    hand.press("R")
    hand.press("4")
    kept = layer_points(points)
    np.testing.assert_allclose(kept.loc[kept["source"] == "manual", ["y_px", "x_px"]], [free], atol=0.2)

    # compared: the added point is extra, the rejected one is missed
    _, comparing = viewer.window.add_plugin_dock_widget(plugin, "Compare", tabify=True)
    comparing.points.value, comparing.reference.value = points, truth
    assert "extra" in press(comparing)
    report = compare(kept, surface.points)
    assert f"{len(report.pairs)} matched, {len(report.missed)} missed" in comparing.message.text()
    assert len(report.extra) >= 1
    assert len(report.missed) >= 1

    # reported, and had again from the command line
    _, reporter = viewer.window.add_plugin_dock_widget(plugin, "Report", tabify=True)
    reporter.points.value, reporter.reference.value = points, truth
    reporter.folder.line_edit.value = str(tmp_path / "report")
    said = press(reporter)
    assert f"{len(kept)} impurities" in said
    folder = tmp_path / "report"
    assert len(load_points(folder / "points.csv")) == len(kept)
    assert json.loads((folder / "comparison.json").read_text())["n_points"] == len(kept)
    assert run(["rerun", str(folder / "provenance.json"), "-o", str(tmp_path / "again.csv")]) == 0
    again = load_points(tmp_path / "again.csv")
    np.testing.assert_allclose(
        np.sort(again[["y_nm", "x_nm"]].to_numpy(), axis=0),
        np.sort(load_points(folder / "points.csv")[["y_nm", "x_nm"]].to_numpy(), axis=0),
        atol=1e-6,
    )


def _free_place(taken_px: np.ndarray) -> tuple[float, float]:
    """A place in the middle of the frame that is far from every impurity."""
    places = np.argwhere(np.ones((60, 60))) + 10.0
    nearest = np.linalg.norm(places[:, None] - taken_px[None], axis=-1).min(axis=1)
    y, x = places[int(nearest.argmax())]
    return float(y), float(x)
