"""What a network is shown of simulated windows, against what the paper says of its own."""

from __future__ import annotations

import torch

from napari_stm_impurities.impurities.inputs import scale_maps
from napari_stm_impurities.impurities.network_config import InputConfig, wang2020_input
from napari_stm_impurities.impurities.training.window_inputs import shown
from napari_stm_impurities.simulation.config import FriedelConfig, ScatteringConfig
from napari_stm_impurities.simulation.stream import simulate_windows


def test_the_paper_s_windows_are_shown_with_their_noise_on_top_of_the_unit_range():
    config = FriedelConfig()
    windows = simulate_windows(config, 2, torch.Generator().manual_seed(0))
    maps = shown(windows, config, wang2020_input())
    torch.testing.assert_close(maps[:, :, 0], windows.maps)
    assert maps.abs().max() > 1.5


def test_other_windows_are_scaled_as_a_measured_map_is():
    config = ScatteringConfig(side_px=24)
    windows = simulate_windows(config, 2, torch.Generator().manual_seed(0))
    maps = shown(windows, config, InputConfig())
    expected = torch.nan_to_num(scale_maps(windows.maps, "robust"))
    torch.testing.assert_close(maps[:, :, 0], expected)
    torch.testing.assert_close(maps[:, :, 1].bool(), ~windows.maps.isnan())
