"""What a model sees of a stack: the right biases, the right scale, nothing lost."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.impurities.network_config import InputConfig
from napari_stm_impurities.impurities.preprocess import prepare_input
from napari_stm_impurities.physics.dispersion import Dispersion

GOLD = Dispersion.of("Au(111)")


def stack(n: int = 12, shape=(40, 50), pixel_nm=0.47, low=-230.0, high=20.0) -> xr.DataArray:
    data = np.random.default_rng(0).normal(size=(n, *shape))
    return make_stack(data, np.linspace(low, high, n), pixel_nm)


def test_pixels_on_the_model_s_scale_are_left_as_they_are():
    view = prepare_input(stack(), InputConfig(max_maps=None), GOLD)
    assert view.maps.shape == (12, 40, 50)
    assert view.pixel_size_nm == pytest.approx((0.47, 0.47))
    np.testing.assert_allclose(view.k_rad_per_px, GOLD.k_per_nm([-230.0, 20.0]) * 0.47)
    assert view.measured.all()


def test_neighbouring_biases_are_averaged_to_as_many_as_the_model_takes():
    view = prepare_input(stack(12), InputConfig(max_maps=4), GOLD)
    assert view.maps.shape == (4, 40, 50)
    # means of three maps of white noise of width 1
    assert float(view.maps.std()) == pytest.approx(1 / np.sqrt(3), rel=0.1)


@pytest.mark.parametrize(("pixel_nm", "shape"), [(0.047, (200, 220)), (1.0, (60, 60))])
def test_other_scales_are_brought_into_the_model_s_range(pixel_nm, shape):
    inputs = InputConfig(k_rad_per_px=(0.19, 1.0))
    view = prepare_input(stack(3, shape, pixel_nm), inputs, GOLD)
    assert 0.19 <= view.k_rad_per_px[1] <= 1.0
    size = view.pixel_size_nm[0]
    for n, given in zip(view.maps.shape[1:], shape, strict=True):
        # the same frame, but for a part of one pixel
        assert abs((n - 1) * size - (given - 1) * pixel_nm) < size


def test_fine_data_within_the_range_are_not_made_coarser():
    view = prepare_input(stack(3, (80, 80), 0.12), InputConfig(k_rad_per_px=(0.19, 1.0)), GOLD)
    assert view.pixel_size_nm == pytest.approx((0.12, 0.12))


def test_oblong_pixels_become_square_at_the_finer_size():
    view = prepare_input(stack(2, (40, 80), (0.5, 0.25)), InputConfig(), GOLD)
    assert view.pixel_size_nm == pytest.approx((0.25, 0.25))
    assert view.maps.shape == (2, 79, 80)


def test_biases_below_the_band_are_left_out():
    with_bound = stack(12, low=-630.0, high=20.0)
    view = prepare_input(with_bound, InputConfig(max_maps=None), GOLD)
    assert len(view.maps) == int((with_bound.bias.values > -520).sum()) < 12
    with pytest.raises(StmError, match="below the band bottom") as caught:
        prepare_input(stack(low=-700.0, high=-600.0), InputConfig(), GOLD)
    assert "\n" not in str(caught.value)


def test_without_a_band_the_pixels_are_taken_as_they_are():
    view = prepare_input(stack(3, (60, 60), 0.01), InputConfig(), None)
    assert view.k_rad_per_px is None
    assert view.pixel_size_nm == pytest.approx((0.01, 0.01))


def test_a_pixel_counts_as_measured_where_one_bias_is():
    holed = stack(3)
    holed.values[:, 30:] = np.nan
    holed.values[1, 5, 5] = np.nan
    view = prepare_input(holed, InputConfig(), GOLD)
    assert view.measured[:30].all()
    assert not view.measured[30:].any()
    assert view.maps[:, 30:].isnan().all()


def test_a_frame_of_few_ripples_is_refused_in_one_line():
    slow = Dispersion.of_wavelength(300.0, bias_mv=0.0)
    with pytest.raises(StmError, match="too small beside its ripples") as caught:
        prepare_input(stack(1, low=0.0, high=0.0), InputConfig(), slow)
    assert "\n" not in str(caught.value)


def test_the_given_stack_is_not_changed():
    given = stack()
    before = given.copy(deep=True)
    prepare_input(given, InputConfig(), GOLD)
    assert given.identical(before)


@pytest.mark.parametrize("size_nm", [(457.0, 14.0), (5.0, 0.1), (0.1, 5.0), (1e-4, 1e4), (30.0, 30.0)], ids=str)
def test_pixels_that_are_too_coarse_along_a_side_are_refused(size_nm):
    with pytest.raises(StmError, match="too coarse or too oblong"):
        prepare_input(stack(2, (64, 64), size_nm), InputConfig(), GOLD)


def test_what_is_drawn_out_is_no_more_than_half_of_the_longest_ripple():
    # at 0.19 radians a pixel a ripple pi / k is 16.5 pixels long
    assert prepare_input(stack(2, (64, 64), (0.5, 4.0)), InputConfig(), None).maps.shape == (2, 64, 505)
    with pytest.raises(StmError, match="too coarse or too oblong"):
        prepare_input(stack(2, (64, 64), (0.5, 4.2)), InputConfig(), None)
