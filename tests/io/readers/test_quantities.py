"""The one rule for numbers whose unit a file does not state, and that every format follows it."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import scipy.io
import tifffile
import xarray as xr

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, read_stack
from napari_stm_impurities.io.readers.quantities import in_mv, pixel_in_nm

#: Steps of one in y, ten in x and a hundred between maps, so that no order can be mistaken for another.
MAPS = (100.0 * np.arange(5)[:, None, None] + np.arange(16)[:, None] + 10.0 * np.arange(20)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "values", "unit", "expected"),
    [
        ("bias", [-0.2, 0.2], "V", [-200.0, 200.0]),
        ("bias", [-0.2, 0.2], "mV", [-0.2, 0.2]),
        ("bias_V", [-5.0, 5.0], "", [-5000.0, 5000.0]),
        ("bias_mV", [-5.0, 5.0], "", [-5.0, 5.0]),
        ("energy_meV", [-5.0, 5.0], "", [-5.0, 5.0]),
        ("biasmV", [-5.0, 5.0], "", [-5.0, 5.0]),
        ("Bias (V)", [-5.0, 5.0], "", [-5000.0, 5000.0]),
        ("mV", [-5.0, 5.0], "", [-5.0, 5.0]),
        # no unit: V below 1, for nobody maps over less than 1 mV; mV above 10, for nobody applies more than 10 V
        ("V", [-0.5, 0.5], "", [-500.0, 500.0]),
        ("bias", [-0.99, 0.0], "", [-990.0, 0.0]),
        ("bias", [-520.0, 20.0], "", [-520.0, 20.0]),
        ("bias", [0.0], "", [0.0]),
        # between these nothing is taken
        ("bias", [-10.0, 10.0], "", None),
        ("E", [-1.0, 1.0], "", None),
        ("bias", [-0.2, 0.2], "a.u.", None),
    ],
)
def test_the_bias(name, values, unit, expected):
    quantity = in_mv(name, np.array(values), unit)
    assert quantity.values == (None if expected is None else tuple(expected))
    stated = bool(unit) or any(mark in name.lower() for mark in ("_v", "mv", "mev", "(v)"))
    assert len(quantity.assumptions) == (expected is not None and not stated and any(values))
    assert (expected is None) == bool(quantity.doubt)


@pytest.mark.parametrize(
    ("name", "value", "unit", "expected"),
    [
        ("pixel_size", 5e-10, "m", 0.5),
        ("pixel_size", 5.0, "Å", 0.5),
        ("pixel_nm", 200.0, "", 200.0),
        ("dx_A", 5.0, "", 0.5),
        ("pixel_size", 5e-10, "", 0.5),
        ("pixel_size", 0.5, "", 0.5),
        # 1 pm to 1 nm as um, or a millionth of a nm: neither is likely
        ("pixel_size", 5e-5, "", None),
        ("pixel_size", 500.0, "", None),
        ("pixel_size", 0.5, "px", None),
        ("pixel_size", -0.5, "nm", None),
    ],
)
def test_the_pixel_size(name, value, unit, expected):
    quantity = pixel_in_nm(name, (value, value), unit)
    if expected is None:
        assert quantity.values is None
        assert quantity.doubt
    else:
        np.testing.assert_allclose(quantity.values, [expected, expected])
        assert len(quantity.assumptions) == (not unit and not name.endswith(("_nm", "_A")))


def test_single_precision_stays_the_decimal_number_that_was_meant():
    assert in_mv("bias", np.array([-0.22, 0.13], np.float32), "V").values == (-220.0, 130.0)


def as_npz(path, bias, pixel_size):
    np.savez(path.with_suffix(".npz"), data=MAPS, bias=bias, pixel_size=pixel_size)
    return path.with_suffix(".npz")


def as_mat(path, bias, pixel_size):
    scipy.io.savemat(path.with_suffix(".mat"), {"g": np.moveaxis(MAPS, 0, 2), "bias": bias, "pixel_size": pixel_size})
    return path.with_suffix(".mat")


def as_h5(path, bias, pixel_size):
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["didv"], file["bias"], file["pixel_size"] = MAPS, bias, pixel_size
    return path.with_suffix(".h5")


def as_h5_attributes(path, bias, pixel_size):
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["didv"] = MAPS
        file["didv"].attrs["bias"] = bias
        file.attrs["pixel_size"] = pixel_size
    return path.with_suffix(".h5")


def as_nc(path, bias, pixel_size):
    cube = xr.DataArray(MAPS, dims=("bias", "y", "x"), coords={"bias": np.array(bias)}, name="didv")
    cube.attrs["pixel_size"] = pixel_size
    cube.to_netcdf(path.with_suffix(".nc"), engine="h5netcdf")
    return path.with_suffix(".nc")


def as_zarr(path, bias, pixel_size):
    cube = xr.DataArray(MAPS, dims=("bias", "y", "x"), coords={"bias": np.array(bias)}, name="didv")
    cube.to_dataset().assign_attrs(pixel_size=pixel_size).to_zarr(path.with_suffix(".zarr"), zarr_format=2)
    return path.with_suffix(".zarr")


def as_tif(path, bias, pixel_size):
    metadata = {"axes": "ZYX", "bias": list(bias), "pixel_size": pixel_size}
    tifffile.imwrite(path.with_suffix(".tif"), MAPS, metadata=metadata, photometric="minisblack")
    return path.with_suffix(".tif")


FORMATS = pytest.mark.parametrize("save", [as_npz, as_mat, as_h5, as_h5_attributes, as_nc, as_zarr, as_tif])


@FORMATS
@pytest.mark.parametrize(
    ("bias", "pixel_size"),
    [(np.linspace(-0.2, 0.2, 5), 0.5), (np.linspace(-200, 200, 5), 5e-10), (np.linspace(0.2, -0.2, 5), 0.5)],
)
def test_every_format_reads_the_same_numbers_alike_and_says_what_it_assumes(tmp_path, save, bias, pixel_size):
    path = save(tmp_path / "a", bias, pixel_size)
    stack = read_stack(path)
    np.testing.assert_allclose(stack.bias, [-200, -100, 0, 100, 200])
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.5, 0.5])
    np.testing.assert_array_equal(stack.values, MAPS[:: 1 if bias[0] < 0 else -1])
    assumed = describe(path)["assumptions"]
    assert any(one.startswith("bias: bias = ") for one in assumed)
    assert any(one.startswith("pixel size: pixel_size = ") for one in assumed)
    with pytest.raises(ReadError, match="strict reading refuses an assumption"):
        read_stack(path, strict=True)
    # what the person gave is no assumption
    given = {"bias_mv": [1, 2, 3, 4, 5], "pixel_size_nm": 1.0}
    assert [one for one in describe(path, **given)["assumptions"] if not one.startswith("position")] == []


@FORMATS
def test_numbers_that_may_be_in_two_units_are_asked_for(tmp_path, save):
    path = save(tmp_path / "a", [-10.0, -5.0, 0.0, 5.0, 10.0], 0.5)
    if save is as_npz:
        # its documentation says mV
        assert read_stack(path).bias.values.tolist() == [-10.0, -5.0, 0.0, 5.0, 10.0]
        assert "mV is taken, as documented" in " ".join(describe(path)["assumptions"])
        return
    with pytest.raises(ReadError, match=r"may be in mV or in V.*give bias_mv \(in mV, for its 5 maps\)"):
        read_stack(path)
    assert read_stack(path, bias_mv=[-10, -5, 0, 5, 10]).bias.values.tolist() == [-10.0, -5.0, 0.0, 5.0, 10.0]


@FORMATS
def test_a_pixel_of_no_likely_size_is_asked_for(tmp_path, save):
    path = save(tmp_path / "a", np.linspace(-200, 200, 5), 5e-5)
    with pytest.raises(ReadError, match=r"no size of a pixel in nm or in m.*give pixel_size_nm"):
        read_stack(path)
    assert read_stack(path, pixel_size_nm=0.5).shape == (5, 16, 20)
