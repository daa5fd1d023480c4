"""Resampling, averaging and cropping, against waves that are known everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities import prepare
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data import images
from napari_stm_impurities.data.images import make_stack


def noise(shape, seed=7) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize(("old", "new"), [((0.3, 0.3), 0.5), ((0.3, 0.2), 0.25), ((0.5, 0.5), 0.2)])
def test_a_wave_keeps_its_place_and_height_on_another_grid(old, new):
    wavelength = 4.0
    y, x = (np.arange(60) * size for size in old)
    data = np.sin(2 * np.pi * y / wavelength)[:, None] * np.cos(2 * np.pi * x / wavelength)
    out = prepare.resample(make_stack(data, 0, old), new)
    expected = np.sin(2 * np.pi * out.y.values / wavelength)[:, None] * np.cos(2 * np.pi * out.x.values / wavelength)
    assert images.pixel_size_nm(out) == pytest.approx((new, new))
    inner = (slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(out.values[0][inner], expected[inner], atol=0.12)
    assert float(out.y[-1]) <= y[-1] + 1e-9


def test_what_coarser_pixels_cannot_show_is_gone():
    x = np.arange(240)
    fine = np.cos(np.pi * x * 0.8)[None, :] * np.ones((240, 1))
    out = prepare.resample(make_stack(fine, 0, 1.0), 4.0).values[0]
    assert np.abs(out[5:-5, 5:-5]).max() < 0.01
    # taking every fourth pixel instead makes a wave that is not there
    assert np.abs(fine[::4, ::4]).max() > 0.9


def test_resampling_keeps_missing_areas_missing():
    data = np.ones((1, 40, 40))
    data[0, :, 20:] = np.nan
    out = prepare.resample(make_stack(data, 0, 1.0), 2.0).values[0]
    np.testing.assert_allclose(out[:, :10], 1, atol=1e-5)
    assert np.isnan(out[:, 11:]).all()


def test_pixels_larger_than_the_frame_are_refused():
    stack = make_stack(noise((1, 9, 9)), 0, 1.0)
    with pytest.raises(StmError, match="larger than the frame"):
        prepare.resample(stack, 20)
    with pytest.raises(StmError, match="positive"):
        prepare.resample(stack, 0)


def test_neighbouring_biases_are_averaged_without_the_missing_values():
    data = noise((7, 9, 9))
    data[1, 0, 0] = np.nan
    data[:3, 5, 5] = np.nan
    stack = make_stack(data, [0, 1, 2, 3, 10, 20, 30], 1.0)
    out = prepare.average_biases(stack, 3)
    assert out.bias.values.tolist() == [1.0, 6.5, 25.0]
    np.testing.assert_allclose(out.values[2], data[5:].mean(axis=0), rtol=1e-5)
    assert float(out[0, 0, 0]) == pytest.approx(data[[0, 2], 0, 0].mean())
    assert np.isnan(out.values[0, 5, 5])
    assert prepare.average_biases(stack, 100).shape == stack.shape
    with pytest.raises(StmError, match="at least one map"):
        prepare.average_biases(stack, 0)


def test_cropping_keeps_the_way_back():
    stack = make_stack(noise((2, 40, 50)), [0, 1], (0.5, 0.25))
    once = prepare.crop(stack, y_nm=(5, 10), x_nm=(2, 8))
    twice = prepare.crop(once, y_nm=(1, 3))
    assert twice.attrs["crop_origin_nm"] == [6.0, 2.0]
    assert float(twice.y[0]) == 0.0
    back = stack.sel(y=twice.y + 6.0, x=twice.x + 2.0)
    np.testing.assert_array_equal(twice.values, back.values)
    with pytest.raises(StmError, match="no pixel lies between 90 and 99 nm"):
        prepare.crop(stack, x_nm=(90, 99))
