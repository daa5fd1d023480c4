"""Every plot of every widget can be saved as PNG, SVG and PDF, and its data as CSV."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QFileDialog

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.plugin.editing import add_points
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.points import points_layer
from napari_stm_impurities.plugin.panels import spectrum as spectrum_panel
from napari_stm_impurities.plugin.panels.compare import ComparePanel
from napari_stm_impurities.plugin.panels.find import FindPanel
from napari_stm_impurities.plugin.panels.kernels import KernelsPanel
from napari_stm_impurities.plugin.panels.prepare import PreparePanel
from napari_stm_impurities.plugin.panels.spectrum import LookPanel
from napari_stm_impurities.plugin.panels.statistics import StatisticsPanel
from napari_stm_impurities.plugin.panels.train import TrainPanel
from napari_stm_impurities.plugin.plots.canvas import PlotCanvas
from napari_stm_impurities.plugin.widgets.panel import Panel

Press = Callable[[Panel], str]

BIAS_MV = np.array([-200.0, -120.0, 40.0])
GOLD = Dispersion.of_material("Au(111)")
CONFIDENCE = [0.9, 0.8, 0.31, 0.3]
BEGINNINGS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
#: What is counted, or a share, has no unit.
PURE = {"points", "pairs", "epoch", "map", "g", "random", "low", "high", "confidence_from", "confidence_to"}
PURE |= {"kind", "attention", "leave_one_out_drop", "log_power", "loss", "ratio", "loss on the points", "held-out F1"}


@pytest.fixture
def viewer(viewer: ViewerModel) -> ViewerModel:
    """Ripples around one scatterer in nS, with points that a model found and a reference 0.1 nm beside each."""
    y, x = np.mgrid[:64, :64] * 0.3
    r = np.hypot(y - 9.7, x - 9.4) + 0.5
    maps = [np.cos(2 * float(GOLD.k_per_nm(bias)) * r) / r for bias in BIAS_MV]
    stack = make_stack(np.array(maps), BIAS_MV, 0.3, units="nS")
    image = viewer.add_layer(Layer.create(*image_layer(stack, name="maps")))
    yx = np.array([[10.0, 10], [20, 40], [50, 12], [40, 45]])
    found = make_points(yx, (0.3, 0.3), source="model", confidence=CONFIDENCE)
    truth = make_points(yx + np.array([0, 0.1 / 0.3]), (0.3, 0.3), source="reference")
    add_points(viewer, points_layer(found, image, name="found"))
    add_points(viewer, points_layer(truth, image, kind="reference", name="truth"))
    return viewer


def filled_find(viewer: ViewerModel, qtbot: QtBot, press: Press) -> Panel:
    panel = FindPanel(viewer)
    qtbot.waitUntil(lambda: panel.surface.reading is not None, timeout=30_000)
    return panel


def filled_compare(viewer: ViewerModel, qtbot: QtBot, press: Press) -> Panel:
    panel = ComparePanel(viewer)
    panel.start()
    return panel


def filled_statistics(viewer: ViewerModel, qtbot: QtBot, press: Press) -> Panel:
    panel = StatisticsPanel(viewer)
    panel.points.value = viewer.layers["found"]
    press(panel)
    return panel


def filled_spectrum(viewer: ViewerModel, qtbot: QtBot, press: Press) -> Panel:
    panel = LookPanel(viewer)
    panel.points.value = viewer.layers["found"]
    viewer.layers["found"].selected_data = {1}
    press(panel)
    return panel


def filled_kernels(viewer: ViewerModel, qtbot: QtBot, press: Press) -> Panel:
    panel = KernelsPanel(viewer)
    panel.points.value = viewer.layers["found"]
    panel.form["method"].value, panel.surface.box.value = "average", "Au(111)"
    press(panel)
    qtbot.waitUntil(lambda: panel.surface.reading is not None, timeout=30_000)
    return panel


def filled_prepare(viewer: ViewerModel, qtbot: QtBot, press: Press) -> Panel:
    panel = PreparePanel(viewer)
    panel.preview()
    panel.form["correct_drift"].value = True
    press(panel)
    return panel


def filled_train(viewer: ViewerModel, qtbot: QtBot, press: Press) -> Panel:
    panel = TrainPanel(viewer)
    panel.curve.begin("loss", "ratio")
    panel.curve.add_epoch(0.5, None)
    panel.curve.add_epoch(0.25, 0.75)
    panel.adapt.curve.begin("loss on the points", "held-out F1")
    panel.adapt.curve.add_epoch(0.5, 0.9)
    return panel


#: The files of each widget, and one number in each that is known beforehand.
KNOWN: dict[Callable[..., Panel], dict[str, Callable[[pd.DataFrame], bool]]] = {
    filled_find: {
        "confidence": lambda table: table["points"].sum() == 4 and table["points"].iloc[7] == 2,
        "fourier-transform": lambda table: set(table["bias_mv"]) <= set(BIAS_MV),
        "energy-q": lambda table: set(table["bias_mv"]) == set(BIAS_MV),
    },
    filled_compare: {
        "pair-distances": lambda table: (
            table.loc[table["pairs"] == 4, ["from_nm", "to_nm"]]
            .apply(lambda row: row["from_nm"] <= 0.1 <= row["to_nm"], axis=1)
            .all()
            and table["pairs"].sum() == 4
        )
    },
    filled_statistics: {
        "pair-correlation": lambda table: (table["r_nm"] > 0).all(),
        "nearest-neighbours": lambda table: table["points"].sum() == 4,
    },
    filled_spectrum: {
        "spectrum": lambda table: table["bias_mv"].tolist() == BIAS_MV.tolist(),
        "attention": lambda table: abs(table["attention"].sum() - 1) < 1e-5,
    },
    filled_kernels: {
        "fourier-transform": lambda table: set(table["bias_mv"]) <= set(BIAS_MV),
        "energy-q": lambda table: set(table["bias_mv"]) == set(BIAS_MV),
        "k": lambda table: table["k_ring_per_nm"].tolist() == pytest.approx(list(GOLD.k_per_nm(BIAS_MV))),
        "phase-of-t": lambda table: table.empty,
    },
    filled_prepare: {
        "before": lambda table: len(table) == 64 * 64 and table["x_nm"].max() == pytest.approx(63 * 0.3),
        "after": lambda table: len(table) == 64 * 64,
        "drift": lambda table: table["map"].tolist() == [1, 2, 3],
    },
    filled_train: {"training": lambda table: table["epoch"].iloc[0] == 1 and table.iloc[0, 1] == 0.5},
}


def has_unit(column: str) -> bool:
    return column in PURE or re.search(r"_(nm|mv|per_nm|rad)$|\(nS\)$", column) is not None


@pytest.mark.parametrize("filled", KNOWN)
def test_each_plot_saves_its_picture_and_its_data(
    filled: Callable[..., Panel],
    viewer: ViewerModel,
    qtbot: QtBot,
    press: Press,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    panel = filled(viewer, qtbot, press)
    qtbot.addWidget(panel)
    panel.show()
    names = set()
    for number, plot in enumerate(panel.findChildren(PlotCanvas)):
        folder = tmp_path / str(number)
        folder.mkdir()

        def in_folder(_parent: object, _title: str, name: str, _filter: str, folder: Path = folder) -> tuple[str, str]:
            return str(folder / name), ""

        monkeypatch.setattr(QFileDialog, "getSaveFileName", in_folder)
        for action in plot.menu.actions()[:4]:
            action.trigger()
        (data,) = folder.glob("*.csv")
        names.add(data.stem)
        assert sorted(path.suffix for path in folder.iterdir()) == [".csv", ".pdf", ".png", ".svg"]
        for kind, begins in BEGINNINGS.items():
            assert (folder / f"{data.stem}.{kind}").read_bytes().startswith(begins)
        table = pd.read_csv(data)
        pd.testing.assert_frame_equal(table, plot.data_table(), check_dtype=False)
        assert all(has_unit(column) for column in table), list(table)
        assert KNOWN[filled][data.stem](table)
    assert names == set(KNOWN[filled])


def test_no_other_widget_has_a_plot() -> None:
    folder = Path(spectrum_panel.__file__).parent
    with_plots = {path.stem for path in folder.glob("*.py") if "..plots" in path.read_text(encoding="utf-8")}
    # Find has its plots within the surface and the threshold, Train one of its own and one in its tab Adapt
    assert with_plots == {"adapt", "compare", "kernels", "prepare", "spectrum", "statistics", "train"}
