"""The cases of numbers and units in text, and of tables of points: what is right, or a question, and nothing else."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from napari_stm_impurities import ReadError, load_points
from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.cli import run
from napari_stm_impurities.io.readers import describe
from napari_stm_impurities.io.readers.bias_names import bias_in_name


@pytest.mark.parametrize(
    ("file", "bias_mv", "size_nm"),
    [
        ("comma_labels.tif", [-200, -100, 0, 150, 250], [8, 10]),
        ("minus_labels.tif", [-500, -400, -300, -200, -100], [8, 10]),
        ("comma_bracket.txt", [-230], [30.5, 30.5]),
        ("micro.txt", [0.23], [30.5, 30.5]),
        ("modulation.ibw", [-200], [8, 10]),
    ],
)
def test_the_bias_in_free_text(cases, file, bias_mv, size_nm):
    facts = describe(cases / "08_bias_in_free_text" / file)
    np.testing.assert_allclose(facts["bias_mv"], bias_mv, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(facts["size_nm"], size_nm, rtol=1e-9)


@pytest.mark.parametrize(("name", "mv"), [("dIdV_5e-1V", 500), ("dIdV_1.5e3mV", 1500), ("dIdV_\N{EN DASH}200mV", -200)])
def test_the_bias_in_a_name(name, mv):
    assert bias_in_name(name) == mv


@pytest.mark.parametrize(
    ("file", "pixel_nm"),
    [
        ("micrometre_utf8.xyz", (10, 10)),
        ("micrometre_latin1.xyz", (10, 10)),
        ("angstrom_utf8.xyz", (0.1, 0.1)),
        ("angstrom_latin1.xyz", (0.1, 0.1)),
        ("gwyddion_export_um.txt", (30.5 / 20, 30.5 / 24)),
    ],
)
def test_the_unit_in_any_encoding(cases, file, pixel_nm):
    facts = describe(cases / "09_xyz_unit_in_utf8" / file, bias_mv=10)
    np.testing.assert_allclose(facts["pixel_size_nm"], pixel_nm, rtol=1e-9)


def test_the_results_of_imagej_are_the_same_points(cases, tmp_path):
    truth = load_points(cases / "truth.csv")
    written = tmp_path / "imagej.csv"
    assert run(["convert", str(cases / "truth.csv"), "-o", str(written), "--pixel-size-nm", "0.46875"]) == 0
    for path in (written, cases / "12_tables_of_points" / "imagej.csv"):
        np.testing.assert_allclose(load_points(path)[["y_nm", "x_nm"]], truth[["y_nm", "x_nm"]], atol=1e-9)


def test_quoted_decimal_commas(cases):
    points = load_points(cases / "12_tables_of_points" / "quoted_comma.csv")
    assert points.loc[0, ["x_nm", "y_nm"]].tolist() == [18.545, 28.624]


def test_the_pixels_of_trackpy(cases, tmp_path, capsys):
    path = cases / "12_tables_of_points" / "trackpy.csv"
    with pytest.raises(ReadError, match="in pixels; give pixel_size_nm"):
        load_points(path)
    truth = load_points(cases / "truth.csv")
    assert compare(load_points(path, pixel_size_nm=0.46875), truth).rms_distance_nm == pytest.approx(0, abs=1e-6)
    words = ["compare", str(path), str(cases / "truth.csv")]
    assert run(words) == 2
    assert "give --pixel-size-nm" in capsys.readouterr().err
    assert run([*words, "--stack", str(cases / "surface.nc")]) == 0
    assert "assumed: " in capsys.readouterr().err


def test_the_mark_that_excel_puts_first(cases, tmp_path):
    path = cases / "12_tables_of_points" / "excel_bom.csv"
    np.testing.assert_array_equal(
        load_points(path)[["y_nm", "x_nm"]], load_points(cases / "truth.csv")[["y_nm", "x_nm"]]
    )
    reader = pytest.importorskip("napari_stm_impurities.plugin.reader")
    shutil.copy(path, tmp_path / "points.csv")
    assert reader.get_reader(str(tmp_path / "points.csv")) is not None
