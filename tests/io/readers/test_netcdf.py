"""NetCDF and HDF5: foreign files here; our own round trip stands in test_writers.py."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import xarray as xr
import xarray_nanonis

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import open_recording, read_stack

DATA = np.arange(3 * 4 * 5, dtype=float).reshape(3, 4, 5)


def test_a_volume_with_coordinates_in_other_units_and_order(tmp_path):
    cube = xr.DataArray(
        np.moveaxis(DATA, 0, 2),
        dims=("y", "x", "V"),
        coords={
            "V": ("V", [0.1, -0.1, 0.0], {"units": "V"}),
            "y": ("y", np.arange(4) * 2e-10, {"units": "m"}),
            "x": ("x", np.arange(5) * 1e-10, {"units": "m"}),
        },
        name="didv",
        attrs={"units": "nS"},
    )
    cube.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    stack = read_stack(tmp_path / "a.nc")
    assert stack.bias.values.tolist() == [-100.0, 0.0, 100.0]
    np.testing.assert_array_equal(stack.values, DATA[[1, 2, 0]])
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.2, 0.1])
    assert stack.attrs["units"] == "nS"


def test_classic_netcdf(tmp_path):
    cube = xr.DataArray(DATA, dims=("bias", "y", "x"), name="didv")
    cube = cube.assign_coords(bias=("bias", [1.0, 2.0, 3.0], {"units": "mV"}))
    cube.to_netcdf(tmp_path / "a.nc", engine="scipy")
    stack = read_stack(tmp_path / "a.nc", pixel_size_nm=0.5)
    assert stack.bias.values.tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(stack.values, DATA)


@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 4, 4)])
def test_plain_hdf5_with_a_bias_beside_it(tmp_path, shape):
    data = np.random.default_rng(0).normal(size=shape)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["cube"] = data
    with pytest.raises(ReadError, match=r"give bias_mv .* and pixel_size_nm"):
        read_stack(tmp_path / "a.h5")
    stack = read_stack(tmp_path / "a.h5", bias_mv=np.arange(shape[0]), pixel_size_nm=1)
    np.testing.assert_array_equal(stack.values, data.astype(np.float32))


def test_a_file_of_several_channels(tmp_path):
    coords = {"bias": ("bias", [1.0, 2.0, 3.0], {"units": "mV"})}
    channels = {name: (("bias", "y", "x"), DATA * i) for i, name in enumerate(("Current", "LI Demod 1 X"))}
    xr.Dataset(channels, coords).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    recording = open_recording(tmp_path / "a.nc", pixel_size_nm=1)
    assert recording.default == "LI Demod 1 X"
    np.testing.assert_array_equal(recording.stack("current").values, 0 * DATA)


def test_without_any_map(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["line"] = [1.0, 2.0]
    with pytest.raises(ReadError, match="found none with three dimensions, nor one map"):
        read_stack(tmp_path / "a.h5")


def test_a_cut_file(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["cube"] = DATA
    whole = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "a.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError) as error:
        read_stack(tmp_path / "a.h5", bias_mv=[1, 2, 3], pixel_size_nm=1)
    assert "\n" not in str(error.value)


def test_a_file_of_later_format_is_refused(tmp_path):
    xr.Dataset(attrs={"napari_stm_impurities_stack": 99}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(ReadError, match="saved by a later version"):
        read_stack(tmp_path / "a.nc")


def test_what_another_reader_of_nanonis_grids_saves(shared_data, tmp_path):
    path = shared_data / "pycroscopy__SciFiDatasets" / "NanonisReader_STS_grid_lockin.3ds"
    theirs = xarray_nanonis.Read_NanonisFile(path).dataset
    units = {name: variable.attrs["units"] for name, variable in theirs.variables.items()}
    theirs = theirs.drop_attrs()
    for name, unit in units.items():
        theirs[name].attrs = {"units": unit or ""}
    theirs.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    again, ours = read_stack(tmp_path / "a.nc", "LockinX"), read_stack(path)
    np.testing.assert_array_equal(again.values, ours.values)
    np.testing.assert_allclose(again.bias, ours.bias, atol=1e-4)


def test_a_scan_as_another_reader_of_nanonis_saves_it(shared_data, tmp_path):
    path = shared_data / "jjacobe2__PyAutoSTM" / "Topo014.sxm"
    theirs = xarray_nanonis.Read_NanonisFile(path).dataset
    theirs.attrs = {name: theirs.attrs[name] for name in ("BIAS", "SCAN_RANGE")}
    for one in theirs.variables.values():
        one.attrs = {name: value for name, value in one.attrs.items() if value is not None}
    theirs.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    for channel in ("Z", "Z [bwd]"):
        again, ours = read_stack(tmp_path / "a.nc", channel), read_stack(path, channel)
        # their rows go up, as y does
        np.testing.assert_array_equal(again.values, ours.values[:, ::-1])
    assert again.bias.values.tolist() == ours.bias.values.tolist()
    np.testing.assert_allclose(again.attrs["pixel_size_nm"], ours.attrs["pixel_size_nm"], rtol=1e-6)
