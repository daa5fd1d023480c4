"""``statistics``, ``report`` and ``rerun``, from files to files."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import napari_stm_impurities as stm
from napari_stm_impurities.cli import run
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.tables import load_points, save_points
from napari_stm_impurities.simulation.surface import SurfaceConfig
from napari_stm_impurities.workflow.provenance import Provenance

SMALL = SurfaceConfig(side_px=40, frame_nm=18.75, n_biases=5)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated surface, and the report on it."""
    folder = tmp_path_factory.mktemp("reported")
    surface = stm.simulate_surface(seed=3, config=SMALL)
    stm.save_stack(surface.stack, folder / "surface.nc")
    save_points(surface.points, folder / "truth.csv")
    words = ["--material", "Au(111)", "--reference", str(folder / "truth.csv")]
    assert run(["report", str(folder / "surface.nc"), "-o", str(folder / "report"), *words]) == 0
    return folder


@pytest.fixture
def folder(reported: Path, tmp_path: Path) -> Path:
    """A copy of that, in another place."""
    return Path(shutil.copytree(reported, tmp_path / "copy"))


def test_a_report_is_run_again_and_gives_the_same_points(reported, tmp_path, capsys):
    points = load_points(reported / "report" / "points.csv")
    assert len(points) > 3
    assert run(["rerun", str(reported / "report" / "provenance.json"), "-o", str(tmp_path / "again.csv")]) == 0
    assert f"the same {len(points)} points as recorded" in capsys.readouterr().out
    again = load_points(tmp_path / "again.csv")
    np.testing.assert_allclose(again[["y_nm", "x_nm"]], points[["y_nm", "x_nm"]], atol=1e-4)


def test_the_data_are_found_again_where_the_folder_is_now(folder, capsys):
    told = folder / "report" / "provenance.json"
    record = Provenance.load(told)
    moved = record.inputs.files[0].model_copy(update={"path": "C:\\measured\\surface.nc"})
    inputs = record.inputs.model_copy(update={"files": (moved,)})
    record.model_copy(update={"inputs": inputs}).save(told)
    assert run(["rerun", str(told)]) == 0
    (folder / "surface.nc").unlink()
    assert run(["rerun", str(told)]) == 2
    assert "no such file, and none of that name in" in capsys.readouterr().err


def test_one_changed_byte_in_the_file_is_one_line(reported, only_error, tmp_path):
    folder = Path(shutil.copytree(reported, tmp_path / "c"))
    told = folder / "report" / "provenance.json"
    # the copy, and not the file where it was
    told.write_text(told.read_text().replace(str(reported), str(folder)))
    path = folder / "surface.nc"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert run(["rerun", str(told)]) == 2
    assert "surface.nc: the file has changed: SHA-256" in only_error()


def test_other_points_are_told_with_exit_code_1(folder, capsys):
    told = folder / "report" / "provenance.json"
    record = Provenance.load(told)
    record.model_copy(update={"points_nm": record.points_nm[1:]}).save(told)
    assert run(["rerun", str(told)]) == 1
    assert "not the same points" in capsys.readouterr().out


def test_corrected_points_are_told_as_edits_and_made_again(folder, capsys):
    points = load_points(folder / "report" / "points.csv")
    points = points.drop(index=0)
    points.loc[1, ["x_nm", "x_px"]] += [0.2, 0.2 / 0.46875]
    points.loc[1, ["score", "confidence"]] = np.nan
    points.loc[1, "source"] = "manual"
    save_points(points, folder / "corrected.csv")
    words = ["--points", str(folder / "corrected.csv"), "--material", "Au(111)"]
    assert run(["report", str(folder / "surface.nc"), "-o", str(folder / "report"), *words]) == 0
    record = Provenance.load(folder / "report" / "provenance.json")
    assert [edit.kind for edit in record.edits] == ["deleted", "moved"]
    assert not (folder / "report" / "comparison.json").exists()  # the earlier report is gone as a whole
    assert run(["rerun", str(folder / "report" / "provenance.json"), "-o", str(folder / "again.csv")]) == 0
    again = load_points(folder / "again.csv")
    np.testing.assert_allclose(again[["y_nm", "x_nm"]], points[["y_nm", "x_nm"]], atol=1e-4)


def test_points_without_a_model_are_not_searched_again(folder, capsys):
    drawn = save_points(make_points([[3, 4], [9, 9]], (0.46875, 0.46875), source="manual"), folder / "drawn.csv")
    words = ["-o", str(folder / "by_hand"), "--points", str(drawn), "--model", "no such model"]
    assert run(["report", str(folder / "surface.nc"), *words]) == 0
    assert run(["rerun", str(folder / "by_hand" / "provenance.json")]) == 0
    assert "no model was run" in capsys.readouterr().out


def test_a_folder_with_something_else_in_it_is_refused_before_any_work(folder, only_error):
    (folder / "report" / "notes.txt").write_text("mine")
    before = sorted(os.listdir(folder / "report"))
    assert run(["report", str(folder / "none.nc"), "-o", str(folder / "report")]) == 2
    assert "exists already and is no report; give another name" in only_error()
    assert sorted(os.listdir(folder / "report")) == before


def test_what_is_no_provenance_is_one_line(reported, only_error):
    assert run(["rerun", str(reported / "truth.csv")]) == 2
    assert "expected the provenance of a table of points" in only_error()


def test_statistics_tells_the_density(reported, tmp_path, capsys):
    as_json = tmp_path / "s.json"
    words = ["--stack", str(reported / "surface.nc"), "--json", str(as_json)]
    assert run(["statistics", str(reported / "truth.csv"), *words]) == 0
    truth = load_points(reported / "truth.csv")
    inside = truth[["y_nm", "x_nm"]].apply(lambda nm: nm.between(-0.234375, 18.75 - 0.234375)).all(axis=1).sum()
    told = json.loads(as_json.read_text())
    assert told["density_per_nm2"] == pytest.approx(inside / 18.75**2)
    said = capsys.readouterr().out
    assert f"{told['density_per_nm2']:.4g} ± " in said
    assert "g(r) above the band" in said


def test_the_map_of_the_bound_states_is_given_what_its_file_lacks(tmp_path, npz, noise, only_error, capsys):
    y, x = np.mgrid[:24, :20]
    spots = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / 2.2) for a, b in [(6, 6), (17, 13)])
    np.save(tmp_path / "bound.npy", spots + 0.03 * np.random.default_rng(0).normal(size=spots.shape))
    points = save_points(make_points([[6, 6]], (0.5, 0.5), source="manual"), tmp_path / "points.csv")
    words = ["report", str(npz("maps.npz", noise, pixel_size=0.5)), "-o", str(tmp_path / "report")]
    words += ["--points", str(points), "--bound-state", str(tmp_path / "bound.npy")]
    assert run(words) == 2
    error = only_error()
    assert "bound.npy" in error
    assert "give --bound-state-bias-mv (in mV, for its one map) and --bound-state-pixel-size-nm" in error
    assert run([*words, "--bound-state-pixel-size-nm", "0.5", "--bound-state-bias-mv", "-520 mV"]) == 0
    assert len(load_points(tmp_path / "report" / "reference.csv")) == 2
    assert "warning" not in capsys.readouterr().err


def test_a_report_is_written_where_the_map_of_the_bound_states_is_refused(tmp_path, npz, noise, capsys):
    points = save_points(make_points([[6, 6]], (0.5, 0.5), source="manual"), tmp_path / "points.csv")
    words = ["report", str(npz("maps.npz", noise, pixel_size=0.5)), "-o", str(tmp_path / "report")]
    bound = npz("bound.npz", np.full((1, 24, 20), 1.0), bias=[-520])
    assert run([*words, "--points", str(points), "--bound-state", str(bound)]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert len(told) == 1
    assert told[0].startswith("warning: no reference points on the map of the bound states: ")
    assert (tmp_path / "report" / "points.csv").is_file()
    assert not (tmp_path / "report" / "reference.csv").exists()
