"""TIFF stacks."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_stm_impurities.errors import ReadError
from napari_stm_impurities.readers import read_stack

DATA = np.arange(3 * 8 * 9, dtype=np.float32).reshape(3, 8, 9)


def test_imagej_tells_pixel_size_and_bias(tmp_path):
    labels = ["dI/dV -0.1 V", "dI/dV 20 mV", "dI/dV 5e0 mV"]
    tifffile.imwrite(
        tmp_path / "a.tif",
        DATA,
        imagej=True,
        resolution=(4, 2),
        metadata={"unit": "nm", "axes": "ZYX", "Labels": labels},
    )
    stack = read_stack(tmp_path / "a.tif")
    assert stack.bias.values.tolist() == [-100.0, 5.0, 20.0]
    np.testing.assert_array_equal(stack.values, DATA[[0, 2, 1]])
    assert stack.attrs["pixel_size_nm"] == [0.5, 0.25]


def test_what_a_tiff_does_not_tell_is_given(tmp_path):
    tifffile.imwrite(tmp_path / "a.tiff", DATA.astype(np.uint16), photometric="minisblack")
    with pytest.raises(ReadError, match=r"give bias_mv \(in mV, for its 3 maps\) and pixel_size_nm"):
        read_stack(tmp_path / "a.tiff")
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tiff", bias_mv=[1, 2, 3], pixel_size_nm=1).values, DATA)


def test_one_map_and_pages_of_a_single_channel(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", DATA[0])
    assert read_stack(tmp_path / "a.tif", bias_mv=5, pixel_size_nm=1).shape == (1, 8, 9)
    tifffile.imwrite(tmp_path / "b.tif", DATA[:, None], imagej=True, metadata={"axes": "ZCYX"})
    assert read_stack(tmp_path / "b.tif", bias_mv=[1, 2, 3], pixel_size_nm=1).shape == (3, 8, 9)


def test_a_colour_image_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8, 3), dtype=np.uint8), photometric="rgb")
    with pytest.raises(ReadError, match="colour"):
        read_stack(tmp_path / "a.tif", bias_mv=[1], pixel_size_nm=1)


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.9])
def test_a_cut_file_is_refused(tmp_path, keep):
    tifffile.imwrite(tmp_path / "a.tif", np.tile(DATA, (1, 10, 10)), photometric="minisblack")
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: int(keep * len(whole))])
    with pytest.raises(ReadError) as error:
        read_stack(tmp_path / "a.tif", bias_mv=[1, 2, 3], pixel_size_nm=1)
    assert "\n" not in str(error.value)


def test_a_hyperstack_has_channels(tmp_path):
    data = np.stack([DATA, DATA + 1000], axis=1)
    labels = [f"{channel} {mv} mV" for mv in (-5, 0, 5) for channel in ("dI/dV", "Z")]
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, metadata={"axes": "ZCYX", "Labels": labels})
    stack = read_stack(tmp_path / "a.tif", pixel_size_nm=1)
    assert stack.bias.values.tolist() == [-5.0, 0.0, 5.0]
    np.testing.assert_array_equal(stack.values, DATA)
    np.testing.assert_array_equal(read_stack(tmp_path / "a.tif", "Z", pixel_size_nm=1).values, DATA + 1000)


def test_two_axes_of_maps_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 3, 8, 9), np.float32), imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(ReadError, match="found 2 T x 3 Z; save one of them alone"):
        read_stack(tmp_path / "a.tif", bias_mv=[1, 2, 3], pixel_size_nm=1)
