"""numpy files."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.data.images import pixel_size_nm
from napari_stm_impurities.io.readers import read_stack, recording

DATA = np.arange(3 * 4 * 5, dtype=float).reshape(3, 4, 5)


@pytest.mark.parametrize(("pixel_size", "expected"), [(0.5, [0.5, 0.5]), ([0.5, 0.25], [0.5, 0.25])])
def test_an_archive_of_three_arrays(tmp_path, pixel_size, expected):
    np.savez(tmp_path / "a.npz", data=DATA, bias=[10, -10, 0], pixel_size=pixel_size)
    stack = read_stack(tmp_path / "a.npz")
    assert stack.bias.values.tolist() == [-10, 0, 10]
    np.testing.assert_array_equal(stack.values, DATA[[1, 2, 0]])
    assert stack.attrs["pixel_size_nm"] == expected


def test_one_map_in_a_compressed_archive(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", data=DATA[0].astype(np.int16), bias=-520, pixel_size=0.5)
    stack = read_stack(tmp_path / "a.npz")
    assert stack.shape == (1, 4, 5)
    assert stack.dtype == np.float32


def test_a_bare_array_with_what_it_lacks(tmp_path):
    np.save(tmp_path / "a.npy", DATA)
    np.testing.assert_array_equal(read_stack(tmp_path / "a.npy", bias_mv=[1, 2, 3], pixel_size_nm=1).values, DATA)
    with pytest.raises(ReadError, match=r"give bias_mv \(in mV, for its 3 maps\) and pixel_size_nm"):
        read_stack(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"maps": DATA}, "expected the arrays data, bias, pixel_size, found maps"),
        ({"data": DATA, "pixel_size": 1.0}, "give bias_mv"),
        ({"data": DATA, "bias": [1, 2, 3]}, "give pixel_size_nm"),
        ({"data": DATA, "bias": [1, 2], "pixel_size": 1.0}, "3 maps need 3 biases (mV), got 2"),
        ({"data": DATA, "bias": [1, 2, np.nan], "pixel_size": 1.0}, "not finite"),
        ({"data": DATA, "bias": [1, 2, 2], "pixel_size": 1.0}, "the bias 2 mV occurs more than once"),
        ({"data": DATA, "bias": [1, 2, 3], "pixel_size": -1.0}, "must be positive"),
        ({"data": DATA, "bias": [1, 2, 3], "pixel_size": [1, 2, 3]}, "got 3 numbers"),
        ({"data": DATA[None], "bias": [1], "pixel_size": 1.0}, "shape (bias, y, x)"),
        ({"data": DATA.astype(complex), "bias": [1, 2, 3], "pixel_size": 1.0}, "real numbers, got complex128"),
        ({"data": np.array(["a"]), "bias": [1], "pixel_size": 1.0}, "real numbers"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(tmp_path, arrays, says):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ReadError) as error:
        read_stack(tmp_path / "a.npz")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_archive_has_the_same_values(tmp_path, monkeypatch, save, order):
    monkeypatch.setattr(recording, "LAZY_BYTES", 100)
    save(tmp_path / "a.npz", bias=[1, 2, 3], data=np.asarray(DATA, order=order), pixel_size=1.0)
    stack = read_stack(tmp_path / "a.npz")
    np.testing.assert_array_equal(stack.values, DATA)
    assert (stack.chunks is not None) == (save is np.savez)


def test_a_pickled_object_is_never_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.array([print], dtype=object), bias=[1], pixel_size=1.0)
    with pytest.raises(ReadError, match="real numbers, got object"):
        read_stack(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(10**4, 10**4, 10**4), (2, 10**4, 10**4), (-3, 4, 5)])
def test_an_array_that_promises_more_than_is_there(tmp_path, shape):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": shape})
    (tmp_path / "a.npy").write_bytes(buffer.getvalue() + bytes(64))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("data.npy", buffer.getvalue() + bytes(64))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(ReadError, match=r"GiB|the file is cut|damaged"):
            read_stack(tmp_path / name, bias_mv=[1, 2], pixel_size_nm=1)


def test_a_cut_archive(tmp_path):
    np.savez(tmp_path / "a.npz", data=DATA, bias=[1, 2, 3], pixel_size=1.0)
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match="expected a numpy archive"):
        read_stack(tmp_path / "a.npz")


def test_names_with_a_unit_are_believed(tmp_path):
    np.savez(tmp_path / "a.npz", data=DATA, bias_V=[-0.005, 0, 0.005], pixel_size_m=5e-10)
    stack = read_stack(tmp_path / "a.npz", strict=True)
    assert stack.bias.values.tolist() == [-5.0, 0.0, 5.0]
    assert stack.attrs["pixel_size_nm"] == [0.5, 0.5]
    np.savez(tmp_path / "b.npz", data=DATA, bias_mv=[-5.0, 0, 5.0], dx_nm=0.5, dy_nm=0.25, note="a word")
    stack = read_stack(tmp_path / "b.npz", strict=True)
    assert stack.bias.values.tolist() == [-5.0, 0.0, 5.0]
    assert stack.attrs["pixel_size_nm"] == [0.25, 0.5]


def test_volts_and_metres_without_a_word_are_assumed(tmp_path):
    np.savez(tmp_path / "a.npz", data=DATA, bias=[-0.2, 0, 0.2], pixel_size=5e-10)
    stack = read_stack(tmp_path / "a.npz")
    assert stack.bias.values.tolist() == [-200.0, 0.0, 200.0]
    assert stack.attrs["pixel_size_nm"] == [0.5, 0.5]
    assert len(stack.attrs["assumptions"]) == 2


def test_a_bias_of_another_length_does_not_stand_in_the_way_of_what_is_given(tmp_path):
    np.savez(tmp_path / "a.npz", data=DATA, bias=[1, 2], pixel_size=0.5)
    assert read_stack(tmp_path / "a.npz", bias_mv=[1, 2, 3]).sizes["bias"] == 3


def test_a_text_may_state_the_unit(tmp_path):
    units = {"bias_unit": "mV", "pixel_size_units": np.array(["pm"])}
    np.savez(tmp_path / "a.npz", data=DATA, bias=[-0.5, 0, 0.5], pixel_size=500.0, **units)
    stack = read_stack(tmp_path / "a.npz", strict=True)
    assert stack.bias.values.tolist() == [-0.5, 0.0, 0.5]
    assert stack.attrs["pixel_size_nm"] == [0.5, 0.5]
    np.savez(tmp_path / "b.npz", data=DATA, bias_mV=[-5, 0, 5], pixel_size_nm=0.5, units=np.array([None]))
    assert read_stack(tmp_path / "b.npz", strict=True).shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("listed", "size", "says"),
    [
        ((10.0, 8.0), (0.5, 0.5), "is taken as (x, y), so that the pixels are square"),
        ((8.0, 10.0), (0.5, 0.5), "is taken as (y, x)"),
        ((4.0, 10.0), (0.25, 0.5), "is taken as (y, x)"),
    ],
)
def test_which_side_of_a_frame_is_meant_is_an_assumption(tmp_path, listed, size, says):
    maps = np.random.default_rng(0).normal(size=(2, 16, 20))
    np.savez(tmp_path / "a.npz", data=maps, bias_mv=[1, 2], scan_size_nm=listed)
    stack = read_stack(tmp_path / "a.npz")
    assert pixel_size_nm(stack) == pytest.approx(size)
    (assumed,) = stack.attrs["assumptions"]
    assert f"scan_size_nm = {listed[0]:g}, {listed[1]:g} {says}" in assumed
