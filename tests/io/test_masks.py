"""Masks from files, written by the libraries that other programs write them with."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.masks import read_mask

MASK = np.zeros((6, 9), np.uint8)
MASK[1:3, 4:8] = 255


def test_labels_of_a_tiff(tmp_path):
    tifffile.imwrite(tmp_path / "labels.tif", MASK.astype(np.int32))
    np.testing.assert_array_equal(read_mask(tmp_path / "labels.tif"), MASK)


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "RGBA", "LA", "P"])
def test_a_picture_of_any_kind_excludes_what_is_not_black(tmp_path, mode):
    Image.fromarray(MASK).convert(mode).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png") != 0, MASK != 0)


def test_an_array_of_numpy(tmp_path):
    np.save(tmp_path / "mask.npy", MASK > 0)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.npy"), MASK > 0)


def test_what_is_no_mask_is_one_line(tmp_path):
    np.save(tmp_path / "three.npy", np.zeros((2, 3, 4)))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "mask.txt").write_text("0 1")
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    for name in ("three.npy", "broken.png", "empty.tif", "mask.txt", "objects.npy", "absent.png"):
        with pytest.raises(ReadError, match=r"expected a mask of labels \(\.tif, .tiff, \.png, \.npy\)") as error:
            read_mask(tmp_path / name)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["Topo014_ignore.png", "Topo096_ignore.png"])
def test_the_areas_that_were_drawn_on_a_measured_map(shared_data, name):
    mask = read_mask(shared_data / "jjacobe2__PyAutoSTM" / name)
    assert mask.ndim == 2
    assert 0 < (mask != 0).mean() < 1
