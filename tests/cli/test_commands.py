"""What each command writes and says."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import roifile
import xarray as xr

import napari_stm_impurities as stm
from napari_stm_impurities.cli import run
from napari_stm_impurities.cli.files import biases
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.imagej import export_imagej
from napari_stm_impurities.io.tables import load_points, save_points
from napari_stm_impurities.simulation.surface import SurfaceConfig


def test_info_tells_the_facts_as_text_and_as_json(tmp_path, noise, capsys, npz):
    noise[:, :6] = np.nan
    path = npz("stack.npz", noise)
    assert run(["info", str(path)]) == 0
    said = capsys.readouterr().out
    assert "3 maps of 24 x 20 pixels" in said
    assert "3 from -20 to 20 mV" in said
    assert run(["info", str(path), "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert facts["shape"] == [3, 24, 20]
    assert facts["bias_mv"] == [-20, 0, 20]
    assert facts["pixel_size_nm"] == pytest.approx([0.47, 0.47])
    assert facts["missing_share"] == pytest.approx(0.25)


def test_info_tells_where_the_frame_lay(tmp_path, noise, capsys):
    attrs = {"frame_center_nm": [10.0, -20.5], "frame_angle_deg": 45.0}
    path = stm.save_stack(stm.make_stack(noise, [-20, 0, 20], 0.5, attrs=attrs), tmp_path / "a.nc")
    assert run(["info", str(path)]) == 0
    assert "centre at x = 10, y = -20.5 nm, rotated by 45 degrees" in capsys.readouterr().out


def test_info_knows_a_table_of_points(tmp_path, capsys):
    table = make_points(np.array([[1.0, 2.0], [3.0, 4.0]]), (0.5, 0.5), source="reference")
    path = save_points(table, tmp_path / "points.csv")
    assert run(["info", str(path)]) == 0
    assert "2 (2 from reference)" in capsys.readouterr().out
    assert run(["info", str(path), "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert (facts["points"], facts["sources"]) == (2, {"reference": 2})


def test_info_goes_on_after_a_bad_file(tmp_path, noise, capsys, npz):
    path = npz("stack.npz", noise)
    assert run(["info", str(tmp_path / "nowhere.3ds"), str(path), "--json"]) == 2
    said = capsys.readouterr()
    assert [facts["file"] for facts in json.loads(said.out)] == [str(path)]
    assert said.err.count("error: ") == 1


def test_convert_keeps_the_values(tmp_path, noise):
    np.save(tmp_path / "stack.npy", noise)
    words = ["--bias-mv", "-20:20:20", "--pixel-size-nm", "0.5"]
    assert run(["convert", str(tmp_path / "stack.npy"), "-o", str(tmp_path / "stack.nc"), *words]) == 0
    back = stm.read_stack(tmp_path / "stack.nc")
    np.testing.assert_array_equal(back, noise)
    assert list(back.bias.values) == [-20, 0, 20]


def test_convert_writes_points_for_imagej(tmp_path, capsys):
    table = make_points([[2, 4], [10, 7]], (0.5, 0.25), source="model", score=1.0, confidence=0.5)
    path = save_points(table, tmp_path / "points.csv")
    roi, results = tmp_path / "points.roi", tmp_path / "points.imagej.csv"
    for output in (roi, results):
        assert run(["convert", str(path), "-o", str(output)]) == 0
        assert "2 points for ImageJ" in capsys.readouterr().out
    assert roifile.ImagejRoi.fromfile(roi).coordinates().tolist() == [[4, 2], [7, 10]]
    # the results count from the corner of the first pixel
    np.testing.assert_allclose(
        np.loadtxt(results, delimiter=",", skiprows=1, usecols=(1, 2)), [[1.125, 1.25], [1.875, 5.25]]
    )


def test_a_selection_of_imagej_becomes_a_table(tmp_path, capsys, only_error):
    table = make_points([[2, 4], [10, 7]], (0.5, 0.5), source="manual")
    roi, output = export_imagej(table, tmp_path / "points.roi", 0.5), tmp_path / "points.csv"
    assert run(["info", str(roi)]) == 0
    assert "selection of ImageJ (.roi)" in capsys.readouterr().out
    assert run(["convert", str(roi), "-o", str(output)]) == 2
    assert "in pixels; give --pixel-size-nm" in only_error()
    assert run(["convert", str(roi), "-o", str(output), "--pixel-size-nm", "0.5"]) == 0
    back = load_points(output)
    assert back[["y_nm", "x_nm"]].values.tolist() == [[1, 2], [5, 3.5]]
    assert back["source"].tolist() == ["reference"] * 2


def test_points_that_cannot_be_converted_are_told(tmp_path, only_error, noise, npz):
    plain = tmp_path / "plain.csv"
    plain.write_text("y_nm,x_nm\n1.0,2.0\n")
    assert run(["convert", str(plain), "-o", str(tmp_path / "a.roi")]) == 2
    assert "give --pixel-size-nm" in only_error()
    assert run(["convert", str(plain), "-o", str(plain), "--pixel-size-nm", "0.5"]) == 2
    assert "would be written over" in only_error()
    assert run(["convert", str(plain), str(plain), "-o", str(tmp_path / "a.roi")]) == 2
    assert "got 2 files" in only_error()
    assert run(["convert", str(npz("stack.npz", noise)), "-o", str(tmp_path / "a.roi")]) == 2
    assert "expected a table of points" in only_error()
    assert run(["convert", str(plain), "-o", str(tmp_path / "a.roi"), "--pixel-size-nm", "0.5"]) == 0


TRACKPY = "y,x,mass,size,frame\n4,2,1,1,0\n10,12,1,1,0\n"


def test_a_table_in_pixels_is_asked_for_its_pixel_size(tmp_path, only_error, capsys):
    (tmp_path / "trackpy.csv").write_text(TRACKPY)
    (tmp_path / "nm.csv").write_text("y_nm,x_nm\n2,1\n5,6\n")
    words = ["compare", str(tmp_path / "trackpy.csv"), str(tmp_path / "nm.csv")]
    assert run(words) == 2
    assert "are in pixels; give --pixel-size-nm" in only_error()
    assert run(["info", words[1]]) == 2
    assert "are in pixels; give --pixel-size-nm" in only_error()
    assert run([*words, "--pixel-size-nm", "0.5"]) == 0
    said = capsys.readouterr()
    assert "assumed: " in said.err
    assert "trackpy" in said.err
    assert [line for line in said.out.splitlines() if "distance" in line and "0.000 nm" in line]
    assert run(["info", words[1], "--pixel-size-nm", "0.5"]) == 0
    assert "assumed" in capsys.readouterr().out


def test_the_stack_of_a_comparison_tells_the_pixel_size(tmp_path, npz, noise, capsys):
    (tmp_path / "trackpy.csv").write_text(TRACKPY)
    (tmp_path / "nm.csv").write_text("y_nm,x_nm\n2,1\n5,6\n")
    stack = npz("stack.npz", noise, pixel_size=0.5)
    assert run(["compare", str(tmp_path / "trackpy.csv"), str(tmp_path / "nm.csv"), "--stack", str(stack)]) == 0
    assert "0.000 nm" in capsys.readouterr().out


def test_what_a_table_does_not_state_is_said(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n5,6\n")
    (tmp_path / "b.csv").write_text("y_nm,x_nm\n2,1\n6,5\n")
    assert run(["compare", str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("assumed: ")]
    assert "a.csv" in line
    assert "taken in nm" in line


@pytest.mark.parametrize(
    ("text", "mv"),
    [
        ("-10, 0, 10", [-10, 0, 10]),
        ("\N{MINUS SIGN}10,0,10", [-10, 0, 10]),
        ("\N{EN DASH}4:4:4", [-4, 0, 4]),
        ("-0.01 V, 0 V, 10 mV", [-10, 0, 10]),
        ("-0,5; 0; 0,5", [-0.5, 0, 0.5]),
        ("-4 mV:4 mV:4 mV", [-4, 0, 4]),
        ("230 \N{MICRO SIGN}V", [0.23]),
    ],
)
def test_biases_as_a_person_writes_them(text, mv):
    assert biases(text) == pytest.approx(mv)


@pytest.mark.parametrize("text", ["", "ten", "5 pA", "1:2", "1:2:3:4", "1,,2", "nan", "5 mV rms", "100..200"])
def test_what_are_no_biases_is_told(text):
    with pytest.raises(StmError, match="numbers with commas, or FIRST:LAST:STEP in mV"):
        biases(text)


def test_find_writes_points_scores_and_a_figure(tmp_path, noise, model, capsys, npz):
    path = npz("stack.npz", noise)
    points, scores, figure = tmp_path / "points.csv", tmp_path / "s.nc", tmp_path / "f.png"
    words = ["--score-map", str(scores), "--figure", str(figure), "--threshold", "0", "--material", "Au(111)"]
    assert run(["find", str(path), "-o", str(points), "--model", str(model), *words]) == 0
    assert f"{len(load_points(points))} impurities" in capsys.readouterr().out
    assert scores.stat().st_size > 0
    assert figure.read_bytes().startswith(b"\x89PNG")


#: A surface that takes no time.
SMALL = ["--side-px", "24", "--frame-nm", "11.25", "--n-biases", "3"]


def test_simulate_is_the_same_for_the_same_seed(tmp_path):
    for name in ("one", "two"):
        also = ["--points", str(tmp_path / f"{name}.csv"), "--bound-state", str(tmp_path / f"{name}_b.nc")]
        assert run(["simulate", "-o", str(tmp_path / f"{name}.nc"), "--seed", "3", *SMALL, *also]) == 0
    one, two = (stm.read_stack(tmp_path / f"{name}.nc") for name in ("one", "two"))
    np.testing.assert_array_equal(one, two)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert stm.read_stack(tmp_path / "one_b.nc").sizes["bias"] == 1


def test_simulate_takes_its_options_from_the_configuration(tmp_path, capsys):
    assert run(["simulate", "-o", str(tmp_path / "s.nc"), *SMALL]) == 0
    assert "3 maps of 24 x 24 pixels" in capsys.readouterr().err
    assert stm.read_stack(tmp_path / "s.nc").shape == (3, 24, 24)
    assert run(["simulate", "-o", str(tmp_path / "t.nc"), "--bias-start-mv", "-600"]) == 2
    assert "-520 mV" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.nc"]


def test_simulate_says_size_and_time_before_it_writes_windows(tmp_path, capsys):
    assert run(["simulate", "-o", str(tmp_path / "w.nc"), "--windows", "5", "--preset", "wang2020"]) == 0
    assert re.search(r"5 windows, about .* MB, in about .* s", capsys.readouterr().err)
    with xr.open_dataset(tmp_path / "w.nc", engine="h5netcdf") as windows:
        assert windows.sizes["window"] == 5
        np.testing.assert_allclose(windows["label"].sum(("y", "x")), 1, rtol=1e-5)


def test_compare_tells_the_figures(tmp_path, capsys):
    truth = save_points(make_points([[1, 1], [5, 5]], (1, 1), source="reference"), tmp_path / "truth.csv")
    points = save_points(make_points([[1, 1.3], [9, 9]], (1, 1), source="model"), tmp_path / "points.csv")
    report = tmp_path / "report.json"
    assert run(["compare", str(points), str(truth), "--tolerance-nm", "0.5", "--json", str(report)]) == 0
    assert "0.500" in capsys.readouterr().out
    figures = json.loads(report.read_text())
    assert (figures["recall"], figures["precision"], figures["tolerance_nm"]) == (0.5, 0.5, 0.5)


def test_compare_refuses_what_is_no_table(tmp_path, only_error):
    path = tmp_path / "points.csv"
    path.write_text("a,b\n1,2\n")
    assert run(["compare", str(path), str(tmp_path / "none.csv")]) == 2
    assert "y_nm" in only_error()


def test_reference_takes_the_map_at_the_bias(tmp_path, capsys, npz):
    y, x = np.mgrid[:40, :40]
    spots = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / 4) for a, b in [(10, 12), (28, 25)])
    data = np.stack([spots, np.zeros_like(spots)]) + np.random.default_rng(0).normal(0, 0.02, (2, 40, 40))
    path = npz("maps.npz", data, bias=[-520, 0], pixel_size=0.5)
    assert run(["reference", str(path), "-o", str(tmp_path / "r.csv"), "--bias", "-520"]) == 0
    found = load_points(tmp_path / "r.csv").sort_values("y_px")
    np.testing.assert_allclose(found[["y_px", "x_px"]], [(10, 12), (28, 25)], atol=0.3)
    assert "at -520 mV" in capsys.readouterr().out


@pytest.mark.parametrize("pattern", ["pycroscopy__SciFiDatasets/*.3ds", "jjacobe2__PyAutoSTM/Topo014.sxm"])
def test_find_works_on_real_files(pattern, shared_data, tmp_path, capsys):
    (path,) = shared_data.glob(pattern)
    assert run(["find", str(path), "-o", str(tmp_path / "points.csv")]) == 0
    assert "impurities" in capsys.readouterr().out
    load_points(tmp_path / "points.csv")


def test_windows_under_another_format_s_name_are_refused(tmp_path, capsys):
    assert run(["simulate", "-o", str(tmp_path / "w.csv"), "--windows", "5", "--preset", "wang2020"]) == 2
    assert "name the file w.nc" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_simulate_puts_its_amplitudes_into_the_maps(tmp_path):
    small = ["--side-px", "24", "--frame-nm", "11.25", "--n-biases", "2", "--seed", "4"]
    path = tmp_path / "surface.nc"
    options = ["--noise-share", "1.5", "--line-noise-share", "0", "--step-share", "3", "--herringbone-share", "0.8"]
    assert run(["simulate", "-o", str(path), *small, *options]) == 0
    listed = [
        {"kind": "white_noise", "amplitude": 1.5},
        {"kind": "herringbone", "share": 1, "amplitude": 0.8, "period_nm": 6.3},
        {"kind": "atomic_step", "share": 1, "height": 3, "wave": 1, "offset_share": (-0.25, 0.25), "width_px": 1},
    ]
    config = SurfaceConfig.of(side_px=24, frame_nm=11.25, n_biases=2, artefacts=listed)
    np.testing.assert_array_equal(stm.read_stack(path).values, stm.simulate_surface(seed=4, config=config).stack.values)


def test_reference_warns_where_ripples_stand_in_place_of_bound_states(tmp_path, capsys):
    config = SurfaceConfig(n_biases=1, bias_start_mv=10, bias_stop_mv=10, noise_share=0.1)
    surface = stm.simulate_surface(seed=2, config=config)
    bound = stm.save_stack(surface.bound_state_map, tmp_path / "bound.nc")
    rippled = stm.save_stack(surface.stack, tmp_path / "rippled.nc")
    assert run(["reference", str(bound), "-o", str(tmp_path / "a.csv")]) == 0
    assert "ripples" not in capsys.readouterr().err
    # the ripples of many impurities are no single spots, so the search says that too
    assert run(["reference", str(rippled), "-o", str(tmp_path / "b.csv")]) == 2
    assert "the map at 10 mV shows ripples" in capsys.readouterr().err
