"""Files of one fault each, in formats of arrays: each is read right, asked about, or refused in the right words."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, read_stack


def test_dimensions_that_lie_x_first(cases):
    folder = cases / "06_netcdf_x_before_y"
    there, usual = (read_stack(folder / name) for name in ("x_y_bias.nc", "y_x.nc"))
    np.testing.assert_array_equal(there.values, usual.values)
    for axis in ("bias", "y", "x"):
        np.testing.assert_allclose(there[axis], usual[axis], atol=1e-9)


@pytest.mark.parametrize("name", ["default_axes.tif", "zyx.tif"])
def test_pages_that_imagej_calls_channels(cases, name):
    path = cases / "07_tiff_pages_as_channels" / name
    stack = read_stack(path, strict=True)
    assert stack.bias.values.tolist() == [-200.0, -100.0, 0.0, 100.0, 200.0]
    assert stack.shape == (5, 16, 20)
    assert read_stack(path, bias_mv=[1, 2, 3, 4, 5]).shape == (5, 16, 20)


@pytest.mark.parametrize(
    ("name", "pixel_size"),
    [("resolution_in_pixels", [0.625, 0.5]), ("dx_dy", [0.25, 0.5]), ("angstrom_axes", [5.0, 5.0])],
)
def test_matlab_files_whose_guesses_are_said(cases, name, pixel_size):
    path = cases / "10_matlab_guesses" / f"{name}.mat"
    stack = read_stack(path)
    assert stack.bias.values[[0, -1]].tolist() == [-200.0, 200.0]
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], pixel_size)
    assumed = " ".join(describe(path)["assumptions"])
    assert "bias: bias = -0.2 ... 0.2 has no unit" in assumed
    assert "pixel size: " in assumed


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gap_in_mv", r"may be in mV or in V.*give bias_mv"),
        ("length_in_points", "give pixel_size_nm"),
        ("bias_step", "give pixel_size_nm"),
    ],
)
def test_matlab_files_that_have_to_be_asked_about(cases, name, says):
    with pytest.raises(ReadError, match=says):
        read_stack(cases / "10_matlab_guesses" / f"{name}.mat")


def test_one_map_at_10_mv_by_its_name(cases):
    path = cases / "10_matlab_guesses" / "map_at_10_mv.mat"
    assert read_stack(path).bias.values.tolist() == [10.0]
    facts = describe(path)
    assert any("name of the file" in line for line in (*facts["warnings"], *facts["assumptions"]))


@pytest.mark.parametrize("given", [{}, {"bias_mv": 100, "pixel_size_nm": 0.1}])
def test_a_spectrum_is_no_map(cases, given):
    with pytest.raises(ReadError, match=r"point spectrum of Nanonis .Bias calc .V., Current .A., LI Demod 1 X"):
        read_stack(cases / "13_refusal_asks_for_nonsense" / "point_spectrum.dat", **given)


@pytest.mark.parametrize("given", [{}, {"bias_mv": 500, "pixel_size_nm": 0.5}])
def test_the_map_of_gxsm_and_not_its_log(cases, given):
    stack = read_stack(cases / "13_refusal_asks_for_nonsense" / "scan_with_log.nc", **given)
    assert stack.shape == (1, 32, 32)
    assert stack.bias.values.tolist() == [500.0]
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.5, 0.5])


@pytest.mark.parametrize("name", ["loop.tif", "Au111_-200mV.tif"])
def test_pages_that_were_written_one_by_one(cases, name):
    path = cases / "14_tiff_written_page_by_page" / name
    assert read_stack(path, bias_mv=[-200, -100, 0, 100, 200], pixel_size_nm=0.5).shape == (5, 16, 20)
    with pytest.raises(ReadError, match="5 maps need 5 biases"):
        read_stack(path, bias_mv=-200, pixel_size_nm=0.5)
    with pytest.raises(ReadError, match="for its 5 maps"):
        read_stack(path, pixel_size_nm=0.5)


@pytest.mark.parametrize("name", ["volts.npz", "metres.npz"])
def test_volts_and_metres_without_a_word(cases, name):
    path = cases / "16_npz_volts_and_metres" / name
    stack = read_stack(path)
    assert stack.bias.values[[0, -1]].tolist() == [-200.0, 200.0]
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.5, 0.5])
    assert {one.partition(":")[0] for one in describe(path)["assumptions"]} == {"bias", "pixel size"}
