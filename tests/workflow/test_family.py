"""A family that this package has never seen goes through find, report, rerun, batch and a panel of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Layer, Points

from napari_stm_impurities.core.hashing import sha256_of_settings
from napari_stm_impurities.core.rows import Row
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.method import Family, RunRecord
from napari_stm_impurities.data.points import make_points, positions_nm
from napari_stm_impurities.data.schemas import make_image, make_movie
from napari_stm_impurities.io.tables import load_points
from napari_stm_impurities.io.writers import save_image, save_stack
from napari_stm_impurities.plugin.layers.images import image_layer
from napari_stm_impurities.plugin.layers.points import layer_points
from napari_stm_impurities.plugin.layers.results import show_finding
from napari_stm_impurities.plugin.panels.report import ReportPanel, finding_of
from napari_stm_impurities.plugin.widgets.panel import Panel
from napari_stm_impurities.workflow.batch import find_in_files
from napari_stm_impurities.workflow.families import FAMILIES
from napari_stm_impurities.workflow.provenance import Inputs, Provenance
from napari_stm_impurities.workflow.report import write_report
from napari_stm_impurities.workflow.rerun import rerun

# --- the family: bright pixels, some sixty lines ----------------------------------------------------------------------


class BrightRun(RunRecord):
    """The record of a search for bright pixels."""

    kind: Literal["bright"] = "bright"
    n_sigma: float

    def summary_rows(self) -> list[Row]:
        """The threshold in standard deviations, and what every record has."""
        return [Row("threshold", f"{self.n_sigma:g} sigma"), *super().summary_rows()]


@dataclass(frozen=True)
class BrightResult:
    """What a search for bright pixels returned."""

    points: pd.DataFrame
    maps: dict[str, xr.DataArray]
    n_sigma: float
    kind: ClassVar[str] = "bright"
    threshold: ClassVar[float] = 0.5
    default_threshold: ClassVar[float] = 0.5
    notes: ClassVar[tuple[str, ...]] = ("a toy",)
    device: ClassVar[str] = "cpu"

    @property
    def confidence_basis(self) -> Any:
        return self.n_sigma

    def recorded(self, folder: Path, threshold: float) -> BrightRun:
        return BrightRun(n_sigma=self.n_sigma, threshold=threshold, notes=self.notes)


@dataclass(frozen=True)
class Bright:
    """The search for pixels above some standard deviations."""

    n_sigma: float = 4.0

    def run(self, image, *, progress=lambda *_: None, should_stop=lambda: False) -> BrightResult:
        mean = image.mean(image.dims[:-2])
        score = (mean - mean.mean()) / mean.std()
        yx = np.argwhere(score.values > self.n_sigma)
        step = float(image.y[1] - image.y[0]), float(image.x[1] - image.x[0])
        points = make_points(yx, step, source="model", score=score.values[tuple(yx.T)], confidence=0.9)
        size_px2 = score.values[tuple(yx.T)].round().astype(int)
        return BrightResult(points.assign(kind="bright", size_px2=size_px2), {"brightness": score}, self.n_sigma)

    def fingerprint(self) -> str:
        return sha256_of_settings(self.n_sigma)


FAMILY = Family("bright", "bright pixels", BrightRun, lambda run, _: Bright(run.n_sigma))


class BrightPanel(Panel):
    """The widget of the family."""

    def __init__(self, viewer: ViewerModel, layer: Layer, image: xr.DataArray) -> None:
        super().__init__(viewer, "Find bright pixels")
        self.layer, self.image = layer, image

    def start(self) -> None:
        self.run(Bright().run, self.image, done=lambda result: show_finding(self.viewer, self.layer, result))


# --- the tests --------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The one line in the registry."""
    monkeypatch.setitem(FAMILIES, FAMILY.kind, FAMILY)


@pytest.fixture
def image() -> xr.DataArray:
    """Two maps of noise with three bright pixels."""
    values = np.random.default_rng(0).normal(size=(2, 30, 30))
    for y, x in ((3, 4), (20, 7), (15, 25)):
        values[:, y, x] = 30.0
    return make_stack(values, [-5, 5], (0.5, 0.25))


def test_find(image):
    assert positions_nm(Bright().run(image).points).tolist() == [[1.5, 1.0], [7.5, 6.25], [10.0, 1.75]]


def test_report_and_rerun(image, tmp_path):
    file = save_stack(image, tmp_path / "maps.nc")
    result = Bright().run(image)
    edited = result.points.drop(index=[1]).reset_index(drop=True)
    written = write_report(
        tmp_path / "report", image, edited, date="2026-01-31", inputs=Inputs.of_files([file]), finding=result
    )
    assert "2 bright pixels in" in (page := (tmp_path / "report" / "report.html").read_text())
    assert "4 sigma" in page
    assert Provenance.load(tmp_path / "report" / "provenance.json").run == BrightRun(
        n_sigma=4.0, threshold=0.5, notes=("a toy",)
    )
    again = rerun(tmp_path / "report" / "provenance.json")
    assert again.same, again
    assert again.points["kind"].tolist() == written.points["kind"].tolist() == ["bright", "bright"]
    assert again.points["size_px2"].tolist() == edited["size_px2"].tolist()


def test_a_movie_and_a_single_image_are_reported_run_again_and_searched_in_a_batch(image, tmp_path):
    movie = make_movie(image.values, [0.0, 1.5], (0.5, 0.25))
    for name, one in (("movie", movie), ("image", make_image(image.values[0], (0.5, 0.25)))):
        result = Bright().run(one)
        assert len(result.points) == 3
        # no file gives it again, so it is kept in the report
        written = write_report(tmp_path / name, one, result.points, date="", finding=result)
        assert written.provenance.inputs.files[0].path == "stack.nc"
        assert rerun(tmp_path / name / "provenance.json").same
        file = save_image(one, tmp_path / f"{name}.nc")
        assert find_in_files([file], tmp_path / f"{name} tables", Bright()).summary["points"].tolist() == [3]


def test_a_record_of_an_unknown_family_is_refused_in_one_line(image, tmp_path, monkeypatch):
    write_report(tmp_path / "report", image, Bright().run(image).points, date="", finding=Bright().run(image))
    monkeypatch.delitem(FAMILIES, FAMILY.kind)
    with pytest.raises(ValueError, match="no method of the kind 'bright'") as error:
        Provenance.load(tmp_path / "report" / "provenance.json")
    assert "\n" not in str(error.value)


def test_batch(image, tmp_path):
    files = [save_stack(image, tmp_path / f"{name}.nc") for name in "ab"]
    batch = find_in_files(files, tmp_path / "tables", Bright())
    assert batch.summary["points"].tolist() == [3, 3]
    assert load_points(tmp_path / "tables" / "a.nc.csv")["size_px2"].dtype.kind == "i"
    assert json.loads((tmp_path / "tables" / "a.nc.provenance.json").read_text())["run"]["kind"] == "bright"
    assert find_in_files(files, tmp_path / "tables", Bright()).summary["status"].tolist() == ["unchanged"] * 2
    assert find_in_files(files, tmp_path / "tables", Bright(5.0)).summary["status"].tolist() == ["done"] * 2
    assert rerun(tmp_path / "tables" / "a.nc.provenance.json").same


def test_panel_and_report_panel(image, qtbot, tmp_path):
    viewer = ViewerModel()
    layer = viewer.add_layer(Layer.create(*image_layer(image, name="maps")))
    panel = BrightPanel(viewer, layer, image)
    qtbot.addWidget(panel)
    panel.button.click()
    qtbot.waitUntil(lambda: any(isinstance(one, Points) for one in viewer.layers), timeout=10_000)
    points = next(one for one in viewer.layers if isinstance(one, Points))
    assert points.name == "bright pixels (maps)"
    assert "brightness (maps)" in [one.name for one in viewer.layers]
    assert layer_points(points)["size_px2"].notna().all()
    assert finding_of(points, layer).kind == "bright"
    report = ReportPanel(viewer)
    qtbot.addWidget(report)
    report.folder.line_edit.value = str(tmp_path / "report")
    report.button.click()
    qtbot.waitUntil(lambda: report.page is not None, timeout=60_000)
    assert "bright pixels" in report.message.text()
    assert rerun(tmp_path / "report" / "provenance.json").same
