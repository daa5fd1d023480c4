"""The command kernels: the folder it writes, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import napari_stm_impurities as stm
from napari_stm_impurities.cli import run

FILES = {"kernels.nc", "residual.nc", "k.csv", "kinds.csv", "points.csv", "proposed.csv", "kernels.json", "k.png",
         "phases.png", "points.png", "kernel_0.png", "transform_0_real.png", "transform_0_imaginary.png"}  # fmt: skip


@pytest.fixture
def surface(tmp_path):
    """A small surface and its points as files."""
    config = stm.SurfaceConfig(side_px=40, frame_nm=18.75, n_biases=4)
    made = stm.simulate_surface("Au(111)", seed=3, config=config)
    stack = stm.save_stack(made.stack, tmp_path / "grid.nc")
    points = stm.save_points(made.points, tmp_path / "points.csv")
    return str(stack), str(points), made


def test_the_folder_holds_maps_tables_figures_and_provenance(surface, tmp_path, capsys):
    stack, points, made = surface
    folder = tmp_path / "kernels"
    words = ["kernels", stack, "--points", points, "-o", str(folder), "--material", "Au(111)", "--no-refine"]
    assert run(words) == 0
    said = capsys.readouterr()
    assert "explained share" in said.out
    assert "one kind" in said.err
    assert {path.name for path in folder.iterdir()} == FILES
    with xr.open_dataset(folder / "kernels.nc", engine="h5netcdf") as maps:
        assert maps["kernel"].dims == ("kind", "bias", "y", "x")
        assert maps["transform_real"].qy.attrs["units"] == "1/nm"
        assert np.isfinite(maps["kernel"].values).all()
    k = pd.read_csv(folder / "k.csv")
    assert list(k) == ["bias_mv", "k_per_nm", "k_sigma_per_nm", "k_ring_per_nm"]
    table = stm.load_points(folder / "points.csv")
    assert np.allclose(table[["y_nm", "x_nm"]], made.points[["y_nm", "x_nm"]])
    assert {"kind", "amplitude", "explains_sigma", "suspect", "y_refined_nm"} <= set(table)
    record = json.loads((folder / "kernels.json").read_text())
    assert record["config"]["refine_positions"] is False
    assert len(record["inputs"]["files"][0]["sha256"]) == len(record["points"]["sha256"]) == 64
    # a second run replaces what the first one wrote
    assert run(words) == 0


def test_other_folders_are_not_replaced(surface, tmp_path, capsys):
    stack, points, _ = surface
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    assert run(["kernels", stack, "--points", points, "-o", str(tmp_path / "other")]) == 2
    assert capsys.readouterr().err.count("error: ") == 1
    assert (tmp_path / "other" / "mine.txt").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--kinds", "many"], "the number of kinds"),
        (["--kinds", "9"], "kinds"),
        (["--method", "magic"], "method"),
        (["--radius-nm", "-1"], "radius-nm"),
    ],
)
def test_bad_settings_are_refused_in_one_line(surface, tmp_path, capsys, words, text):
    stack, points, _ = surface
    assert run(["kernels", stack, "--points", points, "-o", str(tmp_path / "out"), *words]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1


def test_a_map_without_a_ring_is_refused_in_one_line(tmp_path, capsys):
    noise = np.random.default_rng(0).normal(size=(3, 30, 30))
    stack = stm.save_stack(stm.make_stack(noise, [0, 1, 2], 0.17), tmp_path / "noise.nc")
    points = stm.save_points(stm.make_points([[10, 10]], (0.17, 0.17), source="manual"), tmp_path / "points.csv")
    assert run(["kernels", str(stack), "--points", str(points), "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "give a material" in error
    assert error.count("\n") == 1
