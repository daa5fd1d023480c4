"""MATLAB files of both kinds, written by scipy and, as MATLAB lays them out, by h5py."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import scipy.io

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, open_recording, read_stack

DATA = np.arange(8 * 9 * 5, dtype=float).reshape(8, 9, 5)
BIAS_V = np.linspace(0.2, -0.2, 5)


def save_v5(path, **variables):
    scipy.io.savemat(path, variables, do_compression=True)


def save_v73(path, **variables):
    # MATLAB puts a block of its own before the HDF5, and the dimensions the other way round
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            data = file.create_dataset(name, data=np.atleast_2d(value).T)
            data.attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + bytes([0, 2]) + b"IM")


BOTH = pytest.mark.parametrize("save", [save_v5, save_v73])


@BOTH
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_the_volume_and_the_list_of_the_same_length_are_found(tmp_path, save, dim):
    volume = np.moveaxis(DATA, 2, dim)
    save(tmp_path / "a.mat", LDOS=volume, bias=BIAS_V, pixel_size_nm=0.25, comment=3.0)
    stack = read_stack(tmp_path / "a.mat")
    assert stack.bias.values.tolist() == [-200.0, -100.0, 0.0, 100.0, 200.0]
    np.testing.assert_array_equal(stack.values, np.moveaxis(DATA, 2, 0)[::-1])
    assert stack.attrs["pixel_size_nm"] == [0.25, 0.25]
    assert stack.name == "LDOS"


@BOTH
def test_units_are_in_the_names(tmp_path, save):
    save(tmp_path / "a.mat", didv=DATA, energy_meV=BIAS_V * 1000, scan_size_nm=[16.0, 9.0])
    stack = read_stack(tmp_path / "a.mat")
    assert stack.bias.values[[0, -1]].tolist() == [-200.0, 200.0]
    assert stack.attrs["pixel_size_nm"] == [2.0, 1.0]


def test_a_structure_is_searched(tmp_path):
    save_v5(tmp_path / "a.mat", obj={"map": DATA, "e": BIAS_V, "info": {"pixel_size": 0.5}, "name": "text"})
    stack = read_stack(tmp_path / "a.mat")
    assert stack.name == "obj.map"
    assert stack.attrs["pixel_size_nm"] == [0.5, 0.5]
    np.testing.assert_array_equal(stack.values[-1], DATA[:, :, 0])


def test_positions_give_the_pixel_size(tmp_path):
    save_v5(tmp_path / "a.mat", g=DATA, V=BIAS_V, x=np.arange(9) * 0.5, y=np.arange(8) * 0.25)
    assert read_stack(tmp_path / "a.mat").attrs["pixel_size_nm"] == [0.25, 0.5]


@BOTH
def test_what_is_ambiguous_is_refused_with_a_list(tmp_path, save):
    save(tmp_path / "a.mat", g=DATA, first=BIAS_V, second=BIAS_V, pixel_size=1.0)
    with pytest.raises(ReadError, match=r"first, second could each be the bias axis; give bias_mv.*g 8x9x5") as error:
        read_stack(tmp_path / "a.mat")
    assert "\n" not in str(error.value)
    assert read_stack(tmp_path / "a.mat", bias_mv=[1, 2, 3, 4, 5]).shape == (5, 8, 9)
    save(tmp_path / "b.mat", g=DATA, h=DATA[:, :, :3], bias=BIAS_V)
    with pytest.raises(ReadError, match="several shapes"):
        read_stack(tmp_path / "b.mat")


@BOTH
def test_several_volumes_are_channels(tmp_path, save):
    save(tmp_path / "a.mat", Current=DATA, dIdV=DATA + 1, bias=BIAS_V, pixel_size=1.0)
    recording = open_recording(tmp_path / "a.mat")
    assert recording.default == "dIdV"
    np.testing.assert_array_equal(read_stack(tmp_path / "a.mat", "Current").values[-1], DATA[:, :, 0])
    save(tmp_path / "b.mat", one=DATA, two=DATA, bias=BIAS_V, pixel_size=1.0)
    assert "choose one as the channel" in " ".join(describe(tmp_path / "b.mat")["warnings"])


@BOTH
def test_what_is_not_told_is_asked_for(tmp_path, save):
    save(tmp_path / "a.mat", g=DATA)
    with pytest.raises(ReadError, match=r"give bias_mv \(in mV, for its 5 maps\) and pixel_size_nm"):
        read_stack(tmp_path / "a.mat")
    save(tmp_path / "b.mat", image=DATA[:, :, 0], bias=0.5, pixel_size=1.0)
    assert read_stack(tmp_path / "b.mat").bias.values.tolist() == [500.0]
    save(tmp_path / "c.mat", note=3.0)
    with pytest.raises(ReadError, match="expected an array of three dimensions"):
        read_stack(tmp_path / "c.mat")


def test_a_sweep_over_a_gap_is_asked_for(tmp_path):
    gap = np.array([-10.0, -5.0, 0.0, 5.0, 10.0])
    save_v5(tmp_path / "a.mat", didv=DATA, bias=gap, pixel_size_nm=0.5)
    with pytest.raises(ReadError, match="may be in mV or in V"):
        read_stack(tmp_path / "a.mat")
    save_v5(tmp_path / "b.mat", didv=DATA, bias_mV=gap, pixel_size_nm=0.5)
    assert read_stack(tmp_path / "b.mat", strict=True).bias.values.tolist() == gap.tolist()


@pytest.mark.parametrize("bias", [0.3, -10.0, 0.002, 130.0])
def test_one_map_at_a_bias_without_unit(tmp_path, bias):
    save_v5(tmp_path / "a.mat", didv=DATA[:, :, 0], bias=bias, pixel_size_nm=0.5, bias_modulation=0.005)
    if abs(bias) == 10:
        with pytest.raises(ReadError, match="may be in mV or in V"):
            read_stack(tmp_path / "a.mat")
        return
    in_mv = bias * 1000 if abs(bias) < 1 else bias
    assert read_stack(tmp_path / "a.mat").bias.values.tolist() == [in_mv]
    assert any("has no unit" in one for one in describe(tmp_path / "a.mat")["assumptions"])


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"resolution": 256, "scan_size_nm": 9.0}, [9 / 8, 1.0]),
        ({"resolution": 9, "scan_size_nm": [8.0, 9.0]}, [1.0, 1.0]),
        ({"pixels": 256, "dx_nm": 0.5, "dy_nm": 0.25}, [0.25, 0.5]),
        ({"dx": 0.5, "dy": 0.25}, [0.25, 0.5]),
        ({"dx_A": 5.0, "dy_A": 2.5}, [0.25, 0.5]),
        ({"dx": 5e-10, "dy": 2.5e-10}, [0.25, 0.5]),
        ({"dx": 0.5}, [0.5, 0.5]),
        ({"x_step": 0.5, "y_step": 0.25}, [0.25, 0.5]),
        ({"pixel_size_x_nm": 0.5, "pixel_size_y_nm": 0.25}, [0.25, 0.5]),
        ({"scan_width_nm": 9.0, "scan_height_nm": 2.0}, [0.25, 1.0]),
        ({"xrange": 18.0, "yrange": 2.0}, [0.25, 2.0]),
        ({"x": 5e-10 * np.arange(9), "y": 2.5e-10 * np.arange(8)}, [0.25, 0.5]),
        ({"x_A": 5.0 * np.arange(9), "y_A": 2.5 * np.arange(8)}, [0.25, 0.5]),
        ({"nm_per_pixel": 0.5}, [0.5, 0.5]),
        ({"pixels_per_nm": 2.0}, [0.5, 0.5]),
        ({"pixel_size": 8, "dx_nm": 0.5, "dy_nm": 0.5}, [0.5, 0.5]),
        ({"resolution": 256}, None),
        ({"length": 126}, None),
        ({"step": 0.1}, None),
        ({"image_size": [8, 9]}, None),
        ({"scan_size": [8, 9]}, None),
        ({"dy": 0.25}, None),
        ({"bias_step": 0.1, "n_pixels": 9}, None),
        ({"x": np.arange(9.0) ** 2, "y": np.arange(8.0)}, None),
    ],
)
def test_lengths_and_what_only_looks_like_one(tmp_path, more, expected):
    save_v5(tmp_path / "a.mat", g=DATA, bias_mV=1000 * BIAS_V, **more)
    if expected is None:
        with pytest.raises(ReadError, match="give pixel_size_nm"):
            read_stack(tmp_path / "a.mat")
    else:
        np.testing.assert_allclose(read_stack(tmp_path / "a.mat").attrs["pixel_size_nm"], expected)


@pytest.mark.parametrize(
    "more",
    [
        {"dx": 0.5, "dy": 0.25},
        {"dx_nm": 0.5},
        {"x": 5.0 * np.arange(9), "y": 5.0 * np.arange(8)},
        {"scan_size_nm": 9.0},
        {"scan_size_nm": [4.0, 9.0]},
    ],
)
def test_a_guess_about_a_length_is_said(tmp_path, more):
    save_v5(tmp_path / "a.mat", g=DATA, bias_mV=1000 * BIAS_V, **more)
    assert [one.partition(":")[0] for one in describe(tmp_path / "a.mat")["assumptions"]] == ["pixel size"]
    with pytest.raises(ReadError, match=r"strict reading.*give pixel_size_nm"):
        read_stack(tmp_path / "a.mat", strict=True)


@BOTH
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_lists_of_positions_tell_which_side_is_x(tmp_path, save, dim):
    swapped = np.moveaxis(DATA.transpose(1, 0, 2), 2, dim)
    save(tmp_path / "a.mat", g=swapped, bias_mV=1000 * BIAS_V, x_nm=0.5 * np.arange(9), y_nm=0.25 * np.arange(8))
    stack = read_stack(tmp_path / "a.mat", strict=True)
    np.testing.assert_array_equal(stack.values, np.moveaxis(DATA, 2, 0)[::-1])
    assert stack.attrs["pixel_size_nm"] == [0.25, 0.5]
    given = read_stack(tmp_path / "a.mat", bias_mv=1000 * BIAS_V)
    np.testing.assert_array_equal(given.values, stack.values)


def test_the_maps_of_positions_are_no_channels(tmp_path):
    x, y = np.meshgrid(0.5 * np.arange(9), 0.25 * np.arange(8))
    save_v5(tmp_path / "a.mat", X=x, Y=y, didv=DATA[:, :, 0], bias_mV=5.0, pixel_size_nm=0.5)
    assert [one["name"] for one in describe(tmp_path / "a.mat")["channels"]] == ["didv"]


def test_a_list_of_no_known_name_is_assumed_to_be_the_bias_and_a_count_is_not(tmp_path):
    save_v5(tmp_path / "a.mat", g=DATA, stuff=BIAS_V, pixel_size_nm=0.5)
    assert any("stuff is taken" in one for one in describe(tmp_path / "a.mat")["assumptions"])
    for name in ("index", "layer", "t", "z"):
        save_v5(tmp_path / "b.mat", g=DATA, **{name: BIAS_V}, pixel_size_nm=0.5)
        with pytest.raises(ReadError, match="give bias_mv"):
            read_stack(tmp_path / "b.mat")


def test_a_cube_has_its_bias_in_the_third_dimension_and_says_so(tmp_path):
    cube = DATA[:5, :5]
    save_v5(tmp_path / "a.mat", g=cube, bias_mV=1000 * BIAS_V, pixel_size_nm=0.5)
    np.testing.assert_array_equal(read_stack(tmp_path / "a.mat").values, np.moveaxis(cube, 2, 0)[::-1])
    assert "3 dimensions" in describe(tmp_path / "a.mat")["assumptions"][0]


def test_the_same_bias_in_two_units(tmp_path):
    save_v5(tmp_path / "a.mat", g=DATA, bias_V=BIAS_V, bias_mV=1000 * BIAS_V, pixel_size_nm=0.5)
    assert read_stack(tmp_path / "a.mat", strict=True).bias.values[-1] == 200.0
    save_v5(tmp_path / "b.mat", g=DATA, bias_V=BIAS_V, bias_mV=BIAS_V, pixel_size_nm=0.5)
    with pytest.raises(ReadError, match="could each be the bias axis"):
        read_stack(tmp_path / "b.mat")


def test_other_numbers_than_real_ones(tmp_path):
    save_v5(tmp_path / "a.mat", g=DATA + 1j, bias_mV=1000 * BIAS_V, pixel_size_nm=0.5)
    with pytest.raises(ReadError, match="g must hold real numbers, got complex128"):
        read_stack(tmp_path / "a.mat")
    with h5py.File(tmp_path / "b.mat", "w", userblock_size=512) as file:
        pairs = np.zeros(DATA.T.shape, dtype=[("real", "f8"), ("imag", "f8")])
        file["g"], file["bias_mV"], file["pixel_size_nm"] = pairs, 1000 * BIAS_V, 0.5
    with (tmp_path / "b.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + bytes([0, 2]) + b"IM")
    with pytest.raises(ReadError, match="g must hold real numbers"):
        read_stack(tmp_path / "b.mat")
    save_v5(tmp_path / "c.mat", g=DATA.astype(np.int16), bias_mV=(1000 * BIAS_V).astype(np.int16), pixel_size_nm=0.5)
    np.testing.assert_array_equal(read_stack(tmp_path / "c.mat").values[-1], DATA[:, :, 0])
    save_v5(tmp_path / "d.mat", g=DATA > 3, bias_mV=1000 * BIAS_V, pixel_size_nm=0.5)
    with pytest.raises(ReadError, match="expected an array of three dimensions"):
        read_stack(tmp_path / "d.mat")
    save_v5(tmp_path / "e.mat", g=DATA, bias_mV=1000 * BIAS_V + 1j, pixel_size_nm=0.5 + 1j)
    with pytest.raises(ReadError, match="bias_mV must hold real numbers"):
        read_stack(tmp_path / "e.mat")


@pytest.mark.parametrize("unit", ["mV", "V", "meV", "eV"])
@pytest.mark.parametrize("name", ["bias_unit", "biasUnits", "unit_bias"])
def test_a_text_may_state_the_unit(tmp_path, unit, name):
    factor = 1000 if unit in ("V", "eV") else 1
    save_v5(tmp_path / "a.mat", g=DATA, bias=BIAS_V, **{name: unit}, pixel_size=5.0, pixel_size_unit="A")
    stack = read_stack(tmp_path / "a.mat", strict=True)
    np.testing.assert_allclose(stack.bias, factor * BIAS_V[::-1])
    assert stack.attrs["pixel_size_nm"] == [0.5, 0.5]
    save_v5(tmp_path / "b.mat", s={"g": DATA, "bias": BIAS_V, name: unit, "pixel_nm": 0.5})
    np.testing.assert_allclose(read_stack(tmp_path / "b.mat", strict=True).bias, factor * BIAS_V[::-1])


def test_a_text_of_v73_may_state_the_unit(tmp_path):
    save_v73(tmp_path / "a.mat", g=DATA, bias=BIAS_V, pixel_size_nm=0.5)
    with h5py.File(tmp_path / "a.mat", "r+") as file:
        text = file.create_dataset("bias_unit", data=np.array([[ord(letter)] for letter in "mV"], np.uint16))
        text.attrs["MATLAB_class"] = np.bytes_("char")
    np.testing.assert_allclose(read_stack(tmp_path / "a.mat", strict=True).bias, BIAS_V[::-1])
