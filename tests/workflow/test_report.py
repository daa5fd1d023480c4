"""The report: what is in it, that it is whole or absent, and that the same points come again."""

from __future__ import annotations

import html
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.image import imread

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.impurities.detect import Finding, find
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network_config import NetworkConfig
from napari_stm_impurities.io.readers import read_stack
from napari_stm_impurities.io.tables import load_points
from napari_stm_impurities.io.writers import save_stack
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.prepare import level_planes
from napari_stm_impurities.spots import find_reference
from napari_stm_impurities.workflow import report as report_module
from napari_stm_impurities.workflow.provenance import Inputs, Provenance
from napari_stm_impurities.workflow.report import MODEL, OVERLAY, PROVENANCE, SPECTRA, STACK, write_report
from napari_stm_impurities.workflow.rerun import rerun

DATE = "2026-01-31T12:00:00+00:00"
BAND = Dispersion.of_material("Au(111)")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = np.random.default_rng(0).normal(size=(3, 32, 28))
    stack = make_stack(values, [-20, 0, 20], 0.47, channel="LI X", units="A", attrs={"source": "grid & <co>"})
    return save_stack(stack, tmp_path_factory.mktemp("data") / "maps.nc")


@pytest.fixture
def stack(data: Path) -> xr.DataArray:
    return read_stack(data)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(ModelConfig(name="small", network=NetworkConfig(channels=(4,), convolutions=(1,), key_channels=2)))


@pytest.fixture
def finding(stack: xr.DataArray, model: Model) -> Finding:
    return find(stack, model, BAND, 0.0)


@pytest.fixture
def reference() -> pd.DataFrame:
    return make_points([[5, 5], [20, 11], [12, 22]], (0.47, 0.47), source="reference")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pictures be empty files, where a test does not look at them: drawing is most of the work."""
    for name in ("draw_points", "draw_overlay", "draw_spectra", "draw_pair_correlation", "draw_nearest_neighbours"):
        monkeypatch.setattr(
            report_module, name, lambda *what, **how: next(w for w in what if isinstance(w, Path)).touch()
        )


class Pictures(HTMLParser):
    """Every picture of a page, and whether its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append(str(dict(attrs)["src"]))
        elif tag != "meta":
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


def test_it_holds_everything_and_gives_the_same_points_again(tmp_path, stack, finding, data, reference):
    corrected = finding.points.assign(checked="unchecked")
    corrected.loc[0, "checked"] = "rejected"
    corrected = pd.concat([corrected.drop(index=1), make_points([[9, 9]], (0.47, 0.47), source="manual")])
    inputs = Inputs.of_files([data])
    report = write_report(
        tmp_path / "r", stack, corrected, date=DATE, inputs=inputs, finding=finding, reference=reference
    )
    names = {path.name for path in report.files}
    assert names == {
        "report.html",
        "points.csv",
        "statistics.json",
        "comparison.json",
        "reference.csv",
        "provenance.json",
        "map.png",
        "overlay.png",
        "spectra.png",
        "pair_correlation.png",
        "nearest_neighbours.png",
        # the model is not shipped, so it is kept beside
        "model.safetensors",
    }
    assert names == set(os.listdir(report.folder))
    n = len(finding.points) - 1
    table = load_points(report.folder / "points.csv")
    assert len(table) == n
    assert (table["source"] == "manual").sum() == 1
    assert json.loads((report.folder / "statistics.json").read_text())["n_points"] == n
    assert json.loads((report.folder / "comparison.json").read_text())["n_reference"] == 3
    for path in report.files:
        assert path.suffix != ".png" or imread(path).std() > 0.05
    again = rerun(report.folder / PROVENANCE)
    assert again.same, again.said
    pd.testing.assert_frame_equal(again.points[["y_nm", "x_nm"]], table[["y_nm", "x_nm"]], rtol=0, atol=1e-6)


def test_the_page_needs_no_other_file_and_shows_every_picture(tmp_path, stack, finding, reference):
    report = write_report(tmp_path / "r", stack, finding.points, date=DATE, finding=finding, reference=reference)
    text = (report.folder / "report.html").read_text(encoding="utf-8")
    page = Pictures()
    page.feed(text)
    assert page.opened == []
    assert len(page.found) == len([path for path in report.files if path.suffix == ".png"])
    assert all(source.startswith("data:image/png;base64,") for source in page.found)
    # what a file says is text, and never a tag
    assert "grid &amp; &lt;co&gt;" in text
    assert f"{report.statistics.density_per_nm2:.4g} ±" in text
    assert DATE in text


@pytest.mark.usefixtures("undrawn")
def test_a_preparation_is_repeated_from_the_file(tmp_path, stack, model, data):
    prepared = level_planes(stack)
    finding = find(prepared, model, BAND, 0.0)
    inputs = Inputs.of_files([data])
    report = write_report(tmp_path / "r", prepared, finding.points, date=DATE, inputs=inputs, finding=finding)
    assert not (report.folder / STACK).exists()
    assert [step["step"] for step in report.provenance.inputs.recipe] == ["level_planes"]
    assert rerun(report.folder / PROVENANCE).same


@pytest.mark.usefixtures("undrawn")
def test_a_file_that_was_saved_after_its_preparation_is_not_prepared_twice(tmp_path, stack, model):
    data = save_stack(level_planes(stack), tmp_path / "prepared.nc")
    read = read_stack(data)
    finding = find(read, model, BAND, 0.0)
    inputs = Inputs.of_files([data])
    report = write_report(tmp_path / "r", read, finding.points, date=DATE, inputs=inputs, finding=finding)
    assert report.provenance.inputs.recipe == ()
    assert rerun(report.folder / PROVENANCE).same


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("from_file", [True, False])
def test_maps_that_no_file_gives_again_are_kept(tmp_path, stack, model, data, from_file):
    changed = stack.copy(data=stack.values + 1e-3 * np.arange(28, dtype=np.float32))  # by hand, told nowhere
    finding = find(changed, model, BAND, 0.0)
    inputs = Inputs.of_files([data]) if from_file else None
    report = write_report(tmp_path / "r", changed, finding.points, date=DATE, inputs=inputs, finding=finding)
    np.testing.assert_array_equal(read_stack(report.folder / STACK), changed)
    assert [Path(file.path).name for file in report.provenance.inputs.came_from] == ["maps.nc"] * from_file
    report.folder.rename(tmp_path / "moved")
    assert rerun(tmp_path / "moved" / PROVENANCE).same


@pytest.mark.usefixtures("undrawn")
def test_the_threshold_in_the_end_is_that_of_the_report(tmp_path, stack, finding):
    confidence = finding.points["confidence"]
    least = float(confidence.median())
    shown = finding.points[confidence >= least]
    report = write_report(tmp_path / "r", stack, shown, date=DATE, finding=finding, threshold=least)
    assert report.provenance.edits == ()
    assert report.provenance.run.threshold == least
    assert len(rerun(report.folder / PROVENANCE).points) == len(shown)


@pytest.mark.usefixtures("undrawn")
def test_a_shipped_model_is_named_and_not_copied(tmp_path, stack):
    finding = find(stack, "default", BAND)
    report = write_report(tmp_path / "r", stack, finding.points, date=DATE, finding=finding)
    assert report.provenance.run.model_file == "default"
    assert not (report.folder / MODEL).exists()


@pytest.mark.usefixtures("undrawn")
def test_points_by_hand_are_told_as_such(tmp_path, stack):
    drawn = make_points([[4, 5], [20, 20]], (0.47, 0.47), source="manual")
    report = write_report(tmp_path / "r", stack, drawn, date=DATE)
    assert report.provenance.run is None
    assert "set by hand" in (report.folder / "report.html").read_text(encoding="utf-8")
    assert rerun(report.folder / PROVENANCE).said.startswith("no model was run")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("n", [0, 1])
def test_few_points_leave_out_what_needs_more(tmp_path, stack, n):
    points = make_points([[4, 5]][:n], (0.47, 0.47), source="manual")
    report = write_report(tmp_path / "r", stack, points, date=DATE)
    names = {path.name for path in report.files}
    assert "pair_correlation.png" not in names
    assert (SPECTRA in names) == bool(n)
    assert f"<td>Points</td><td>{n}</td>" in (report.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_one_map_has_no_spectra(tmp_path, stack):
    drawn = make_points([[4, 5], [20, 20]], (0.47, 0.47), source="manual")
    report = write_report(tmp_path / "r", stack.isel(bias=[1]), drawn, date=DATE)
    assert SPECTRA not in {path.name for path in report.files}


@pytest.mark.usefixtures("undrawn")
def test_the_reference_is_found_on_the_map_of_the_bound_states(tmp_path, stack):
    y, x = np.mgrid[:32, :28]
    spots = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / 2.2) for a, b in [(8, 8), (20, 19)])
    bound = make_stack(spots + 0.03 * np.random.default_rng(0).normal(size=spots.shape), -520, 0.47)
    drawn = make_points([[8, 8]], (0.47, 0.47), source="manual")
    report = write_report(tmp_path / "r", stack, drawn, date=DATE, bound_map=bound)
    assert (report.comparison.n_reference, len(report.comparison.pairs)) == (2, 1)
    assert (report.folder / OVERLAY).is_file()


@pytest.mark.usefixtures("undrawn")
def test_a_map_that_is_refused_as_bound_states_leaves_the_rest_of_the_report(tmp_path, stack):
    nothing = make_stack(np.full((32, 28), np.nan), -520, 0.47)
    with pytest.raises(StmError) as refused:
        find_reference(nothing)
    drawn = make_points([[8, 8], [20, 20]], (0.47, 0.47), source="manual")
    report = write_report(tmp_path / "r", stack, drawn, date=DATE, bound_map=nothing)
    assert report.no_reference == f"no reference points on the map of the bound states: {refused.value}"
    assert "\n" not in report.no_reference
    assert report.comparison is None
    names = {path.name for path in report.files}
    assert {"report.html", "points.csv", "statistics.json", "map.png", "pair_correlation.png"} <= names
    assert not names & {"reference.csv", "comparison.json", "overlay.png"}
    assert report.no_reference in html.unescape((report.folder / "report.html").read_text(encoding="utf-8"))
    again = write_report(tmp_path / "r", stack, drawn, date=DATE)
    assert again.no_reference == ""
    assert "no reference points" not in (again.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("undrawn")
def test_an_earlier_report_is_replaced_and_nothing_else(tmp_path, stack):
    drawn = make_points([[4, 5], [20, 20]], (0.47, 0.47), source="manual")
    (tmp_path / "r").mkdir()
    for n in (1, 2):
        write_report(tmp_path / "r", stack, drawn[:n], date=DATE)
    assert len(load_points(tmp_path / "r" / "points.csv")) == 2
    (tmp_path / "r" / "thesis.tex").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "provenance.json").write_text("{}")
    for name in ("r", "other"):
        with pytest.raises(StmError, match="exists already and is no report"):
            write_report(tmp_path / name, stack, drawn, date=DATE)
    assert (tmp_path / "r" / "thesis.tex").exists()
    assert (tmp_path / "other" / "provenance.json").read_text() == "{}"


@pytest.mark.usefixtures("undrawn")
def test_a_report_that_is_stopped_leaves_nothing_and_the_earlier_one(tmp_path, stack):
    drawn = make_points([[4, 5], [20, 20]], (0.47, 0.47), source="manual")
    write_report(tmp_path / "r", stack, drawn, date=DATE)
    before = {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()}
    shares: list[float] = []

    def stop() -> bool:
        return bool(shares) and shares[-1] > 0.6

    with pytest.raises(Stopped):
        write_report(
            tmp_path / "r", stack, drawn[:1], date=DATE, progress=lambda s, what: shares.append(s), should_stop=stop
        )
    assert {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()} == before
    assert os.listdir(tmp_path) == ["r"]
    assert shares == sorted(shares)


@pytest.mark.usefixtures("undrawn")
def test_the_provenance_names_the_program_that_reads_it(tmp_path, stack):
    report = write_report(tmp_path / "r", stack, make_points([], (1, 1), source="manual"), date=DATE)
    assert Provenance.load(report.folder / PROVENANCE) == report.provenance
    page = (report.folder / "report.html").read_text(encoding="utf-8")
    assert re.search(r"stm-impurities rerun provenance\.json", page)
