"""Series and files of several images that were once read for less than was asked; each folder says what is right."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, open_recording, read_stack


def test_the_file_without_a_lock_in_is_named(cases):
    paths = [cases / f"04_series_one_file_without_lock_in/m{one}.sxm" for one in ("00", "05", "10", "15")]
    for read in (read_stack, describe):
        with pytest.raises(ReadError, match=r"m10\.sxm: has no LI_Demod_1_X, which the others have"):
            read(paths)
    stack = read_stack([path for path in paths if path.name != "m10.sxm"])
    assert (stack.name, stack.sizes["bias"]) == ("LI_Demod_1_X", 3)
    assert read_stack(paths, "Z").sizes["bias"] == 4


def test_maps_in_amperes_and_nanoamperes_are_in_one_unit(cases):
    stack = read_stack([cases / f"19_series_of_different_units/{one}.sxm" for one in "ab"])
    assert stack.attrs["units"] == "A"
    low, high = np.abs(stack.values).mean(axis=(1, 2))
    assert low == pytest.approx(high, rel=1e-5)


def test_images_of_two_frames_are_no_stack(cases):
    recording = open_recording(cases / "11_gwyddion_images_of_different_frames/other_size.gwy")
    assert recording.bias_mv == (-200.0,)
    assert [n * size for n, size in zip(recording.frame.shape, recording.frame.pixel_size_nm, strict=True)] == [8, 10]
    assert "'dIdV -100 mV' (its size is 8 x 20 nm instead of 8 x 10 nm)" in " ".join(map(str, recording.assumptions))
