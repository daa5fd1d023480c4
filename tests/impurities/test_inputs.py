"""What the network is shown of a map, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stm_impurities.impurities.inputs import input_channels, network_input, scale_maps
from napari_stm_impurities.impurities.network_config import InputConfig


def maps(seed: int = 0) -> torch.Tensor:
    return 40 + 7 * torch.randn(2, 3, 30, 40, generator=torch.Generator().manual_seed(seed))


def test_the_paper_s_scaling_has_mean_zero_and_reaches_one():
    scaled = scale_maps(maps(), "unit_range")
    values = maps().double().numpy()
    centred = values - values.mean((-2, -1), keepdims=True)
    np.testing.assert_allclose(scaled, centred / np.abs(centred).max((-2, -1), keepdims=True), atol=2e-5)


@pytest.mark.parametrize("scaling", ["unit_range", "robust"])
def test_offset_and_unit_do_not_matter(scaling):
    values = maps().double()
    torch.testing.assert_close(scale_maps(1e-3 * values + 5, scaling), scale_maps(values, scaling))


def test_robust_scaling_is_standardising_where_there_are_no_outliers():
    wave = torch.sin(torch.linspace(0, 20, 30))[:, None] * torch.cos(torch.linspace(0, 25, 40)) + 3
    scaled = scale_maps(wave, "robust")
    assert float(scaled.mean()) == pytest.approx(0, abs=1e-5)
    assert float(scaled.std(correction=0)) == pytest.approx(1, abs=1e-4)


def test_an_outlier_hardly_moves_the_robust_scale_and_is_clipped():
    values = maps()
    spiked = values.clone()
    # 30 standard deviations up; what stands far higher is set to missing before, as a spike
    spiked[:, :, 5, 6] = 40 + 30 * 7
    plain, scaled = scale_maps(values, "robust"), scale_maps(spiked, "robust")
    others = torch.ones(30, 40, dtype=torch.bool)
    others[5, 6] = False
    assert scaled.abs().max() <= 5
    assert float((scaled - plain)[..., others].abs().max()) < 0.35


@pytest.mark.parametrize("scaling", ["unit_range", "robust"])
def test_missing_pixels_stay_missing_and_do_not_enter_the_scale(scaling):
    values = maps()
    values[:, :, 20:] = torch.nan
    scaled = scale_maps(values, scaling)
    assert scaled[:, :, 20:].isnan().all()
    torch.testing.assert_close(scaled[:, :, :20], scale_maps(values[:, :, :20], scaling))


@pytest.mark.parametrize("scaling", ["unit_range", "robust"])
@pytest.mark.parametrize("value", [0.0, 3.0, 1e-12])
def test_a_constant_map_becomes_zero(scaling, value):
    assert scale_maps(torch.full((1, 8, 8), value), scaling).abs().max() == 0


@pytest.mark.parametrize("scaling", ["unit_range", "robust"])
def test_a_map_without_a_value_gives_zeros_in_the_end(scaling):
    scaled = scale_maps(torch.full((1, 1, 8, 8), torch.nan), scaling)
    assert network_input(scaled, InputConfig(measured_channel=False)).abs().max() == 0


def test_missing_pixels_are_zero_and_told_in_a_channel_of_their_own():
    values = maps()[:1]
    values[0, 1, 3, 4] = torch.nan
    scaled = scale_maps(values, "robust")
    shown = network_input(scaled, InputConfig(measured_channel=True))
    assert shown.shape == (1, 3, 2, 30, 40)
    assert input_channels(InputConfig(measured_channel=True)) == 2
    assert (shown[0, 1, 0, 3, 4], shown[0, 1, 1, 3, 4]) == (0, 0)
    assert int(shown[:, :, 1].sum()) == 3 * 30 * 40 - 1
    plain = network_input(scaled, InputConfig(measured_channel=False))
    assert plain.shape == (1, 3, 1, 30, 40)
    assert input_channels(InputConfig(measured_channel=False)) == 1
    assert torch.equal(plain[:, :, 0], shown[:, :, 0])
