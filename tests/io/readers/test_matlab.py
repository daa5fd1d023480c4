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
