"""Scans of GXSM, laid out as its own writer lays them out."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, read_stack

FIELD = np.arange(6 * 8, dtype=np.float32).reshape(1, 1, 6, 8)
ANG = {"var_unit": "Ang", "unit": "nm", "Info": "This number is alwalys stored in Angstroem."}


def scan(path, field=FIELD, name="FloatField", bias="sranger_mk2_hwi_bias", **more):
    """A file of 24 x 16 Angstrom."""
    n_y, n_x = field.shape[-2:]
    variables = {
        name: (("time", "value", "dimy", "dimx"), field, {"long_name": "FLOAT", "unit": "A"}),
        "time": ("time", np.arange(field.shape[0], dtype=float)),
        "value": ("value", np.arange(field.shape[1], dtype=np.float32), {"unit": "A.U."}),
        "dimx": ("dimx", np.linspace(-8, 8, n_x, dtype=np.float32)),
        "dimy": ("dimy", np.linspace(12, -12, n_y, dtype=np.float32)),
        "rangex": ((), 16.0, ANG),
        "rangey": ((), 24.0, ANG),
        "dx": ((), 16.0 / n_x, ANG),
        "dy": ((), 24.0 / n_y, ANG),
        "dz": ((), 0.5, ANG),
        "offsetx": ((), 100.0, ANG),
        "offsety": ((), -50.0, ANG),
        "alpha": ((), 0.0, {"unit": "Grad"}),
        bias: ((), 0.5, {"unit": "V", "var_unit": "V"}),
        # as long as a map, and larger: it is a log
        "Event_User_Scan_Speed_adjust": (("n", "m"), np.ones((137, 20))),
        **more,
    }
    kept = {key: value for key, value in variables.items() if value is not None}
    xr.Dataset(kept).to_netcdf(path, engine="scipy")
    return path


@pytest.mark.parametrize("bias", ["sranger_mk2_hwi_bias", "sranger_hwi_bias", "rpspmc_hwi_Bias", "dsp_utunnel"])
def test_the_map_its_bias_and_its_frame(tmp_path, bias):
    path = scan(tmp_path / "a.nc", bias=bias)
    stack = read_stack(path, strict=True)
    np.testing.assert_array_equal(stack.values, FIELD[0])
    assert stack.bias.values.tolist() == [500.0]
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.4, 0.2])
    assert stack.attrs["frame_center_nm"] == [10.0, -5.0]
    assert [one["name"] for one in describe(path)["channels"]] == ["FloatField"]


@pytest.mark.parametrize(
    ("name", "dtype"), [("H", "i2"), ("Intensity", "i4"), ("DoubleField", "f8"), ("ByteField", "i1")]
)
def test_the_other_kinds_of_numbers(tmp_path, name, dtype):
    np.testing.assert_array_equal(read_stack(scan(tmp_path / "a.nc", FIELD.astype(dtype), name)).values, FIELD[0])


def test_the_name_of_the_file_tells_the_channel_and_heights_are_in_nm(tmp_path):
    path = scan(tmp_path / "au009-M-Xp-Topo.nc")
    stack = read_stack(path)
    assert (stack.name, stack.attrs["units"]) == ("Topo", "nm")
    # half an Angstrom a step
    np.testing.assert_allclose(stack.values, 0.05 * FIELD[0], rtol=1e-6)
    assert describe(path)["assumptions"][0].startswith("channel")
    stack = read_stack(scan(tmp_path / "au009-Xp-ADC1.nc"))
    assert (stack.name, stack.attrs["units"]) == ("ADC1", "DAC")
    np.testing.assert_array_equal(stack.values, FIELD[0])
    assert "mirrored" in " ".join(describe(scan(tmp_path / "au009-Xm-ADC1.nc"))["assumptions"])


def test_without_range_the_distance_of_two_pixels_is_taken(tmp_path):
    stack = read_stack(scan(tmp_path / "a.nc", rangex=None, rangey=None))
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.4, 0.2])


def test_layers_are_maps_where_their_values_are_biases(tmp_path):
    field = np.arange(3 * 6 * 8, dtype=np.float32).reshape(1, 3, 6, 8)
    values = ("value", np.array([0.1, 0.0, -0.2], np.float32), {"label": "Bias", "unit": "V"})
    stack = read_stack(scan(tmp_path / "a.nc", field, value=values), strict=True)
    assert stack.bias.values.tolist() == [-200.0, 0.0, 100.0]
    np.testing.assert_array_equal(stack.values, field[0, ::-1])
    with pytest.raises(ReadError, match=r"give bias_mv \(in mV, for its 3 maps\)"):
        read_stack(scan(tmp_path / "b.nc", field))
    with pytest.raises(ReadError, match=r"give bias_mv \(in mV, for its 3 maps\)"):
        read_stack(scan(tmp_path / "c.nc", field.reshape(3, 1, 6, 8)))
    with pytest.raises(ReadError, match="2 times of 3 layers"):
        read_stack(scan(tmp_path / "d.nc", np.concatenate([field, field])))


@pytest.mark.parametrize("missing", [{"bias": "other"}, {"rangex": None, "rangey": None, "dx": None, "dy": None}])
def test_what_is_missing_is_asked_for(tmp_path, missing):
    with pytest.raises(ReadError, match=r"give (bias_mv|pixel_size_nm)"):
        read_stack(scan(tmp_path / "a.nc", **missing))


@pytest.mark.parametrize("name", ["ComplexDoubleField", "RGBA_ByteField"])
def test_the_log_is_never_a_map(tmp_path, name):
    path = scan(tmp_path / "a.nc", FIELD.astype(float), name)
    with pytest.raises(ReadError, match=f"expected a field of real numbers.*found {name}") as error:
        read_stack(path, bias_mv=500, pixel_size_nm=0.5)
    assert "\n" not in str(error.value)
