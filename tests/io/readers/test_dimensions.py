"""The names of dimensions decide which is the bias, y and x; their order in the file never does."""

from __future__ import annotations

from itertools import permutations

import h5py
import numpy as np
import pytest
import xarray as xr

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, read_stack

#: (bias, y, x), each side of its own length and each number of its own.
MAPS = np.arange(3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)
BIAS_V, Y_NM, X_NM = np.array([-0.1, 0.0, 0.2]), 0.25 * np.arange(4), 0.5 * np.arange(5)


def save(path, names, order, *, units=True, coords=True, maps=MAPS):
    """A dataset whose dimensions are called `names` (bias, y, x) and lie in the file in that order."""
    unit = ({"units": "V"}, {"units": "nm"}, {"units": "nm"}) if units else ({}, {}, {})
    axes = {
        name: ((name,), values, attrs)
        for name, values, attrs in zip(names, (BIAS_V, Y_NM[: maps.shape[1]], X_NM), unit, strict=True)
    }
    cube = xr.DataArray(maps, dims=names, coords=axes if coords else None, name="LIX")
    cube.transpose(*(names[i] for i in order)).to_netcdf(path, engine="h5netcdf")
    return path


def assert_right(stack, maps=MAPS):
    assert stack.bias.values.tolist() == [-100.0, 0.0, 200.0]
    np.testing.assert_array_equal(stack.values, maps)
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.25, 0.5])


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize(
    "names",
    [
        ("bias", "y", "x"),
        ("V", "Y", "X"),
        ("energy", "dimy", "dimx"),
        ("sample_bias", "y_nm", "x_nm"),
        ("Bias", "row", "col"),
        ("voltage", "rows", "columns"),
        ("b", "y_pos", "x_pos"),
        ("layer", "ny", "nx"),
    ],
)
def test_any_order_of_named_dimensions(tmp_path, names, order):
    path = save(tmp_path / "a.nc", names, order)
    assert_right(read_stack(path, strict=True))
    # and of a square, where no length can tell
    square = MAPS[:, :3, :3]
    cube = xr.DataArray(square, dims=names, coords={names[0]: ((names[0],), BIAS_V, {"units": "V"})}, name="LIX")
    cube.transpose(*(names[i] for i in order)).to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    np.testing.assert_array_equal(read_stack(tmp_path / "b.nc", pixel_size_nm=1, strict=True).values, square)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_given_bias_does_not_change_the_order(tmp_path, order):
    path = save(tmp_path / "a.nc", ("bias", "y", "x"), order, coords=False)
    stack = read_stack(path, bias_mv=[-100, 0, 200], pixel_size_nm=(0.25, 0.5), strict=True)
    assert_right(stack)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_nameless_dimensions_have_the_roles_of_what_lies_along_them(tmp_path, order):
    axes = {"bias_V": ("c", BIAS_V), "y_nm": ("b", Y_NM), "x_nm": ("a", X_NM)}
    cube = xr.DataArray(MAPS, dims=("c", "b", "a"), coords=axes, name="LIX")
    cube.transpose(*("cba"[i] for i in order)).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert_right(read_stack(tmp_path / "a.nc", strict=True))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_hdf5_without_names_of_dimensions(tmp_path, order):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["LIX"] = MAPS.transpose(order)
        file["bias_V"], file["y_nm"], file["x_nm"] = BIAS_V, Y_NM, X_NM
    assert_right(read_stack(tmp_path / "a.h5", strict=True))


def test_where_no_name_tells_the_order_of_the_file_is_assumed(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["LIX"] = MAPS
        file["bias_V"] = BIAS_V
        file["LIX"].attrs["pixel_size_nm"] = [0.25, 0.5]
    assert_right(read_stack(tmp_path / "a.h5"))
    assert [one.partition(":")[0] for one in describe(tmp_path / "a.h5")["assumptions"]] == ["pixel size", "position"]
    with pytest.raises(ReadError, match=r"strict reading refuses"):
        read_stack(tmp_path / "a.h5", strict=True)


def test_a_group_that_holds_the_maps(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["scan/LIX"] = MAPS
        file["scan/bias_V"], file["scan/y_nm"], file["scan/x_nm"] = BIAS_V, Y_NM, X_NM
        file["settings/gain"] = 1.0
    assert_right(read_stack(tmp_path / "a.h5", strict=True))


@pytest.mark.parametrize("dims", [("x", "y"), ("y", "x"), ("dimx", "dimy"), ("col", "row")])
def test_one_map(tmp_path, dims):
    by_name = {"x": 0, "dimx": 0, "col": 0}
    image = MAPS[0].T if dims[0] in by_name else MAPS[0]
    one = xr.DataArray(image, dims=dims, name="LIX", attrs={"bias_mV": -5.0, "pixel_size_nm": [0.25, 0.5]})
    one.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    stack = read_stack(tmp_path / "a.nc")
    np.testing.assert_array_equal(stack.values[0], MAPS[0])
    assert stack.bias.values.tolist() == [-5.0]


def test_channels_whose_dimensions_lie_differently(tmp_path):
    channels = {
        "Current": (("x", "y", "bias"), MAPS.transpose(2, 1, 0)),
        "LIX": (("bias", "y", "x"), MAPS + 1),
        "LIX_table": (("n", "m"), np.zeros((137, 20))),
    }
    axes = {
        "bias": ("bias", BIAS_V, {"units": "V"}),
        "y": ("y", Y_NM, {"units": "nm"}),
        "x": ("x", X_NM, {"units": "nm"}),
    }
    xr.Dataset(channels, axes).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert_right(read_stack(tmp_path / "a.nc", "Current"))
    assert_right(read_stack(tmp_path / "a.nc", "LIX"), MAPS + 1)
    assert {one["name"] for one in describe(tmp_path / "a.nc")["channels"]} == {"Current", "LIX"}


def test_dimensions_of_one_count_for_nothing(tmp_path):
    cube = xr.DataArray(MAPS[:, None, :, :, None], dims=("bias", "time", "y", "x", "tip"), name="LIX")
    cube = cube.assign_coords(bias=("bias", BIAS_V, {"units": "V"}))
    cube.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    np.testing.assert_array_equal(read_stack(tmp_path / "a.nc", pixel_size_nm=1, strict=True).values, MAPS)
    xr.DataArray(MAPS[None, :1], dims=("time", "bias", "y", "x"), name="LIX").to_netcdf(
        tmp_path / "b.nc", engine="h5netcdf"
    )
    assert read_stack(tmp_path / "b.nc", bias_mv=5, pixel_size_nm=1, strict=True).shape == (1, 4, 5)


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        (MAPS.astype(complex), "it holds LIX .* of complex128"),
        (MAPS > 3, "it holds LIX .* of bool"),
        (np.zeros((2, 3, 4, 5)), "it holds LIX .dim_0 2, dim_1 3, dim_2 4, dim_3 5. of float64"),
    ],
)
def test_what_is_no_stack_is_named(tmp_path, numbers, says):
    xr.DataArray(numbers, name="LIX").to_netcdf(tmp_path / "a.nc", engine="h5netcdf", invalid_netcdf=True)
    with pytest.raises(ReadError, match=says) as error:
        read_stack(tmp_path / "a.nc", bias_mv=[1, 2, 3], pixel_size_nm=1)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("unit", "factor"), [("angstrom", 0.1), ("Å", 0.1), ("A", 0.1), ("pm", 1e-3), ("m", 1e9), ("um", 1e3)]
)
def test_positions_in_any_unit_and_direction(tmp_path, unit, factor):
    axes = {
        "bias": ("bias", 1000 * BIAS_V[::-1], {"units": "mV"}),
        "y": ("y", -Y_NM / factor, {"units": unit}),
        "x": ("x", X_NM / factor, {"unit": unit}),
    }
    xr.DataArray(MAPS[::-1], dims=("bias", "y", "x"), coords=axes, name="LIX").to_netcdf(
        tmp_path / "a.nc", engine="h5netcdf"
    )
    assert_right(read_stack(tmp_path / "a.nc", strict=True))


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize(
    ("for_y", "for_x"),
    [
        ({"axis": "Y"}, {"axis": "X"}),
        ({"standard_name": "projection_y_coordinate"}, {"standard_name": "projection_x_coordinate"}),
        ({"long_name": "y position"}, {"long_name": "X axis"}),
    ],
)
def test_attributes_of_a_coordinate_tell_its_role(tmp_path, order, for_y, for_x):
    axes = {
        "k": ("k", BIAS_V, {"units": "volt", "long_name": "Bias"}),
        "j": ("j", Y_NM, {"units": "nm", **for_y}),
        "i": ("i", X_NM, {"units": "nm", **for_x}),
    }
    cube = xr.DataArray(MAPS, dims=("k", "j", "i"), coords=axes, name="LIX")
    cube.transpose(*("kji"[n] for n in order)).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert_right(read_stack(tmp_path / "a.nc", strict=True))


def test_coordinates_of_no_known_name_tell_the_pixel_size_by_their_unit(tmp_path):
    axes = {"V": ("V", BIAS_V, {"units": "V"}), "p": ("p", Y_NM, {"units": "nm"}), "q": ("q", X_NM, {"units": "nm"})}
    xr.DataArray(MAPS, dims=("V", "p", "q"), coords=axes, name="LIX").to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert_right(read_stack(tmp_path / "a.nc"))
    assert "name neither y nor x" in " ".join(describe(tmp_path / "a.nc")["assumptions"])


@pytest.mark.parametrize(
    "attrs",
    [
        {"bias": "-300 mV", "pixel_size": "0.5 nm"},
        {"bias": "-0.3 V", "pixel_size": "5 Å"},
        {"bias": -0.3, "bias_unit": "V", "dx": 5.0, "dx_unit": "A", "dy": "0.5nm"},
        {"Bias (V)": -0.3, "scan_size_x_nm": 2.5, "scan_size_y_nm": 2.0},
    ],
)
def test_attributes_state_their_unit(tmp_path, attrs):
    one = xr.DataArray(MAPS[0], dims=("y", "x"), name="LIX")
    one.to_dataset().assign_attrs(attrs).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    stack = read_stack(tmp_path / "a.nc", strict=True)
    np.testing.assert_allclose(stack.bias, [-300.0])
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.5, 0.5])
