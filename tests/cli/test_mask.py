"""``--mask``: pixels that are left out of find, statistics and report."""

from __future__ import annotations

import json

import numpy as np
import pytest

import napari_stm_impurities as stm
from napari_stm_impurities.cli import run
from napari_stm_impurities.io.tables import load_points
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A surface, and a mask of its upper half."""
    made = tmp_path_factory.mktemp("mask")
    surface = simulate_surface(config=SurfaceConfig(n_biases=8), seed=3)
    stm.save_stack(surface.stack, made / "surface.nc")
    mask = np.zeros((surface.stack.sizes["y"], surface.stack.sizes["x"]), np.uint8)
    mask[: len(mask) // 2] = 1
    np.save(made / "mask.npy", mask)
    return made


def test_nothing_is_found_in_what_is_left_out(folder, capsys):
    words = ["find", str(folder / "surface.nc"), "-o"]
    assert run([*words, str(folder / "all.csv")]) == 0
    assert run([*words, str(folder / "part.csv"), "--mask", str(folder / "mask.npy")]) == 0
    rows = np.load(folder / "mask.npy").shape[0]
    everything, part = load_points(folder / "all.csv"), load_points(folder / "part.csv")
    assert (everything["y_px"] < rows / 2 - 0.5).sum() > 5
    assert (part["y_px"] >= rows / 2 - 0.5).all()
    assert len(part) > 5


def test_the_area_of_the_statistics_is_what_is_left(folder, capsys):
    assert run(["find", str(folder / "surface.nc"), "-o", str(folder / "points.csv")]) == 0
    areas = []
    for mask in ([], ["--mask", str(folder / "mask.npy")]):
        words = ["statistics", str(folder / "points.csv"), "--stack", str(folder / "surface.nc"), *mask]
        assert run([*words, "--json", str(folder / "numbers.json")]) == 0
        areas.append(json.loads((folder / "numbers.json").read_text())["area_nm2"])
    assert areas[1] == pytest.approx(areas[0] / 2)


def test_a_report_without_what_is_left_out_is_repeated(folder, capsys):
    words = ["report", str(folder / "surface.nc"), "-o", str(folder / "report")]
    assert run([*words, "--mask", str(folder / "mask.npy")]) == 0
    assert run(["rerun", str(folder / "report" / "provenance.json")]) == 0
    assert "the same" in capsys.readouterr().out


def test_a_batch_has_no_mask(folder, capsys):
    assert run(["find", str(folder), "-o", str(folder / "tables"), "--mask", str(folder / "mask.npy")]) == 2
    assert "--mask" in capsys.readouterr().err
