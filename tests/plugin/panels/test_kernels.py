"""The widget *Kernels and kinds* on an exact surface of two kinds with one point missing and one false point."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from scipy.special import hankel1

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.kernels.config import KernelConfig
from napari_stm_impurities.kernels.fit import fit_kernels
from napari_stm_impurities.kernels.result import Kernels
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.plots.kernels import k_table, phases_table
from napari_stm_impurities.plugin.editing import accept, add_points, autosave, history_of
from napari_stm_impurities.plugin.editing.marking import is_rejected
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.points import layer_points, points_layer
from napari_stm_impurities.plugin.panels import kernels as module
from napari_stm_impurities.plugin.panels.kernels import KernelsPanel
from napari_stm_impurities.plugin.preferences import Preferences
from napari_stm_impurities.plugin.widgets.panel import Panel

Press = Callable[[Panel], str]

BAND = Dispersion.of_material("Au(111)")
SIDE, SIZE_NM, N = 48, 0.5, 18
BIAS_MV = np.linspace(-200, 200, 6)
MISSING, FALSE_PX = 3, (24.0, 24.0)


@pytest.fixture(autouse=True)
def no_autosave(monkeypatch: pytest.MonkeyPatch) -> None:
    """The points of one test are not there again in the next one, whose images are the same."""
    monkeypatch.setattr(autosave, "preferences", lambda: Preferences(autosave=False))


@pytest.fixture(scope="module")
def places() -> np.ndarray:
    """18 positions in pixels, at least 5 pixels apart."""
    rng, kept = np.random.default_rng(0), np.zeros((0, 2))
    while len(kept) < N:
        new = rng.uniform(2, SIDE - 3, 2)
        if not len(kept) or np.hypot(*(kept - new).T).min() > 5:
            kept = np.vstack([kept, new])
    return kept


@pytest.fixture(scope="module")
def surface(places: np.ndarray) -> xr.DataArray:
    """Six exact maps of elastic scatterers of two phase shifts, with multiple scattering and 2 % noise."""
    t = 0.6 * (np.exp(2j * np.where(np.arange(N) % 2, 0.6, 2.2)) - 1) / 2
    pixels = np.indices((SIDE, SIDE)).reshape(2, -1).T
    maps = []
    for bias in BIAS_MV:
        k = float(BAND.k_per_nm(bias)) * SIZE_NM
        between = np.hypot(*np.moveaxis(places[:, None] - places, -1, 0))
        hops = hankel1(0, k * np.where(between > 0, between, 1)) * (between > 0)
        apart = np.hypot(*np.moveaxis(pixels[:, None] - places, -1, 0))
        waves = hankel1(0, k * np.maximum(apart, 0.05 / k))
        inner = np.linalg.inv(np.eye(N) - t[:, None] * hops) * t
        maps.append(1 + np.einsum("pn,nm,pm->p", waves, inner, waves).real.reshape(SIDE, SIDE))
    noise = np.random.default_rng(1).normal(0, 0.02, (len(BIAS_MV), SIDE, SIDE))
    return make_stack(np.array(maps) + noise, BIAS_MV, SIZE_NM)


@pytest.fixture(scope="module")
def table(places: np.ndarray) -> pd.DataFrame:
    """All positions but one, and one where nothing is."""
    listed = np.vstack([np.delete(places, MISSING, axis=0), FALSE_PX])
    return make_points(listed, (SIZE_NM, SIZE_NM), source="model", confidence=0.9)


@pytest.fixture(scope="module")
def fit(surface: xr.DataArray, table: pd.DataFrame) -> Kernels:
    """The fit of that surface, made once."""
    return fit_kernels(surface, table, dispersion=BAND)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, fit: Kernels) -> list[dict[str, Any]]:
    """What the widget asks for; the answer is there already."""
    calls: list[dict[str, Any]] = []

    def answer(stack: xr.DataArray, points: pd.DataFrame, **how: Any) -> Kernels:
        calls.append({"stack": stack, "points": points, **how})
        return fit

    monkeypatch.setattr(module, "fit_kernels", answer)
    return calls


@pytest.fixture
def image(viewer: ViewerModel, surface: xr.DataArray) -> Image:
    layer = Layer.create(*image_layer(surface, name="maps"))
    layer.translate = (*layer.translate[:1], 30.0, -20.0)
    return viewer.add_layer(layer)


@pytest.fixture
def points(viewer: ViewerModel, image: Image, table: pd.DataFrame) -> Points:
    return add_points(viewer, points_layer(table, image, name="found"))


@pytest.fixture
def panel(viewer: ViewerModel, points: Points, shown: Callable[[Panel], Panel]) -> KernelsPanel:
    panel = shown(KernelsPanel(viewer))
    panel.surface.box.value = "Au(111)"
    return panel


def click(qtbot: QtBot, panel: KernelsPanel, button: Any) -> str:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    return panel.message.text()


def key(layer: Points, name: str) -> None:
    """Press a key on a layer, as napari does."""
    bound = next(do for bind, do in layer.keymap.items() if str(bind) == name)
    bound(layer)


def test_a_fit_in_the_thread_shows_kernels_kinds_and_plots(viewer, panel, image, points, press):
    """The whole way once, with a quick method."""
    panel.form["method"].value = "harmonics"
    panel.form["harmonics"].value, panel.form["symmetry"].value = 0, 1
    assert re.match(r"1 kind, \d+ suspects?, \d+ proposals?, [\d.]+ s$", press(panel))
    assert panel.fit.method == "harmonics"
    assert {"kernel, kind 0 (maps)", "residual (maps)", "model (maps)", "proposals (maps)"} <= {
        layer.name for layer in viewer.layers
    }
    assert "<b>harmonics</b>" in panel.summary.text()
    assert panel.phase_plot.data_table().empty


def test_the_settings_and_the_shown_points_are_those_that_are_fitted(panel, points, press, asked, table):
    assert panel.form.value() == KernelConfig()
    shown = np.ones(N, bool)
    shown[2] = False
    points.shown = shown
    panel.form["n_kinds"].value, panel.form["refine_positions"].value = 3, False
    press(panel)
    assert asked[0]["config"] == KernelConfig(n_kinds=3, refine_positions=False)
    assert asked[0]["dispersion"] == "Au(111)"
    np.testing.assert_allclose(asked[0]["points"][["y_nm", "x_nm"]], table[["y_nm", "x_nm"]].drop(2))


def test_model_and_residual_lie_on_the_image_and_kernels_beside_it(viewer, panel, image, press, asked, fit):
    press(panel)
    for name in ("model", "residual"):
        layer = viewer.layers[f"{name} (maps)"]
        assert layer.data_to_world((2, 7, 9)) == pytest.approx(image.data_to_world((2, 7, 9)))
        assert not layer.visible
    total = viewer.layers["model (maps)"].data + viewer.layers["residual (maps)"].data
    np.testing.assert_allclose(total, image.data, atol=1e-4)
    for kind in (0, 1):
        kernel = viewer.layers[f"kernel, kind {kind} (maps)"]
        np.testing.assert_allclose(kernel.data, fit.kernels[kind])
        assert kernel.scale[-2:].tolist() == [SIZE_NM, SIZE_NM]
        assert kernel.data_to_world((0, 0, -0.5))[2] > image.data_to_world((0, 0, SIDE - 0.5))[2]
        for part in ("real", "imaginary"):
            transform = viewer.layers[f"kernel FFT {part}, kind {kind} (maps)"]
            assert transform.axis_labels[-2:] == ("qy (1/nm)", "qx (1/nm)")
            assert transform.units == image.units
            assert transform.scale[-1] == pytest.approx(float(np.diff(fit.transform.qx)[0]))
    names = [layer.name for layer in viewer.layers]
    assert names.index("found") > names.index("kernel, kind 1 (maps)")
    assert panel.source.box.value is image
    assert [layer for layer in panel.source.box.choices if layer is not None] == [image]
    press(panel)
    assert sorted(layer.name for layer in viewer.layers) == sorted(names)


def test_maps_that_were_left_out_do_not_shift_the_slider(viewer, panel, image, press, fit, monkeypatch):
    later = slice(2, None)
    maps = {name: getattr(fit, name).isel(bias=later) for name in ("kernels", "transform", "model", "residual")}
    monkeypatch.setattr(module, "fit_kernels", lambda *what, **how: module.Kernels(**{**vars(fit), **maps}))
    press(panel)
    for name in ("model (maps)", "kernel, kind 0 (maps)"):
        layer = viewer.layers[name]
        assert layer.data_to_world((0, 0, 0))[0] == pytest.approx(BIAS_MV[2])


def test_points_are_coloured_by_kind_and_the_false_one_is_a_cross(panel, points, press, asked, fit):
    before = layer_points(points, hidden=True)
    message = press(panel)
    assert message.startswith("2 kinds, 1 suspect, 1 proposal, ")
    kind = points.features["kind"].to_numpy(dtype=int)
    truth = np.delete(np.arange(N) % 2, MISSING)
    sure = kind[:-1] >= 0
    assert sure.sum() >= N - 3
    assert len({(one, other) for one, other in zip(kind[:-1][sure], truth[sure], strict=True)}) == 2
    for one in (0, 1):
        assert len({tuple(colour[:3]) for colour in points.face_color[kind == one]}) == 1
    assert not np.allclose(points.face_color[kind == 0][0, :3], points.face_color[kind == 1][0, :3])
    assert [str(symbol) for symbol in points.symbol] == ["square"] * (N - 1) + ["x"]
    pd.testing.assert_frame_equal(layer_points(points, hidden=True)[before.columns], before)
    points.selected_data = set()
    history_of(points).undo()
    pd.testing.assert_frame_equal(layer_points(points, hidden=True), before)
    assert {str(symbol) for symbol in points.symbol} == {"square"}
    assert not points.face_color[:, 3].any()


def test_suspects_are_dropped_by_key_and_button_and_come_back(qtbot, panel, points, press, asked):
    press(panel)
    assert click(qtbot, panel, panel.drop) == "1 point dropped; they are rejected, and Undo brings them back"
    assert np.flatnonzero(is_rejected(points)).tolist() == [N - 1]
    assert not points.shown[N - 1]
    assert click(qtbot, panel, panel.undo) == "undone: drop 1 suspect"
    assert points.shown.all()
    key(points, "D")
    assert np.flatnonzero(is_rejected(points)).tolist() == [N - 1]
    assert "no suspect is left" in click(qtbot, panel, panel.drop)


def test_a_suspect_that_was_accepted_stays(qtbot, panel, points, press, asked):
    accept(points, [N - 1])
    press(panel)
    assert "no suspect is left" in click(qtbot, panel, panel.drop)
    assert points.shown.all()


def test_refined_positions_are_taken_of_the_chosen_points_or_of_all(qtbot, viewer, panel, points, press, asked, fit):
    before = points.data.copy()
    press(panel)
    refined = fit.points[["y_refined_nm", "x_refined_nm"]].to_numpy() / SIZE_NM
    moves = np.flatnonzero((np.abs(refined - before) > 1e-6).any(1))
    assert len(moves) > 5
    points.selected_data = {int(moves[0])}
    key(points, "T")
    np.testing.assert_allclose(points.data[moves[0]], refined[moves[0]])
    assert np.flatnonzero((points.data != before).any(1)).tolist() == [moves[0]]
    assert points.features["source"][moves[0]] == "manual"
    points.selected_data = set()
    click(qtbot, panel, panel.take)
    np.testing.assert_allclose(points.data, refined, atol=1e-9)
    click(qtbot, panel, panel.undo)
    click(qtbot, panel, panel.undo)
    np.testing.assert_array_equal(points.data, before)


def test_a_proposal_is_accepted_by_one_key_and_taken_back(qtbot, viewer, panel, image, points, press, asked, places):
    press(panel)
    proposals = viewer.layers["proposals (maps)"]
    assert {str(symbol) for symbol in proposals.symbol} == {"ring"}
    np.testing.assert_allclose(proposals.data, [places[MISSING]], atol=0.2)
    assert proposals not in panel.points.choices
    assert "no point is chosen" in click(qtbot, panel, panel.accept)
    proposals.selected_data = {0}
    key(proposals, "A")
    assert len(points.data) == N + 1
    np.testing.assert_allclose(points.data[-1], proposals.data[0])
    added = points.features.iloc[-1]
    assert (added["source"], added["checked"]) == ("kernel residual", "accepted")
    assert added["amplitude"] == pytest.approx(panel.fit.proposed["amplitude"][0])
    assert not proposals.shown.any()
    key(proposals, "U")
    assert len(points.data) == N
    assert proposals.shown.all()
    proposals.selected_data = {0}
    assert click(qtbot, panel, panel.accept) == "1 proposal accepted"
    history_of(points).undo()
    assert proposals.shown.all()


def test_points_edited_during_the_fit_keep_their_own_values(qtbot, panel, points, press, asked, fit):
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    points.selected_data = {0}
    points.remove_selected()
    points.add([1.0, 1.0])
    qtbot.waitUntil(lambda: not panel.running, timeout=60_000)
    explained = points.features["explains_sigma"].to_numpy(dtype=float)
    np.testing.assert_allclose(explained[:-1], fit.points["explains_sigma"][1:])
    assert np.isnan(explained[-1])


def test_plots_and_table_hold_the_numbers_of_the_fit(panel, press, asked, fit):
    press(panel)
    pd.testing.assert_frame_equal(panel.k_plot.data_table(), k_table(fit))
    pd.testing.assert_frame_equal(panel.phase_plot.data_table(), phases_table(fit))
    phases = panel.phase_plot.data_table()
    assert sorted(phases["kind"].unique()) == [0, 1]
    assert (phases["low_rad"] <= phases["high_rad"]).all()
    for row in fit.kinds.to_dict("records"):
        assert f"&nbsp;{row['kind']}</td><td align='right'>&nbsp;{row['n']}</td>" in panel.kinds.text()


def test_deleted_points_and_missing_layers_are_one_line(qtbot, viewer, panel, points, press, asked):
    press(panel)
    viewer.layers.remove(points)
    panel.reset_choices()
    assert "the fitted points are gone" in click(qtbot, panel, panel.drop)
    assert press(panel) == "there are no points; find impurities first, or open a table"
