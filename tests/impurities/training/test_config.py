"""The presets are what the paper says, and what cannot be trained is refused."""

from __future__ import annotations

import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig
from napari_stm_impurities.impurities.training.config import TrainingConfig
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.simulation.config import FriedelConfig, ScatteringConfig


def test_the_paper_s_preset_is_the_paper():
    paper = TrainingConfig.preset("wang2020")
    assert isinstance(paper.windows, FriedelConfig)
    # L = 20, eta = 0.8, alpha = 0.03
    assert paper.windows.side_px == 20
    assert paper.experiment_tile_px == 20
    assert paper.windows.noise_std == 0.8
    assert paper.confidence_weight == 0.03
    # Eq. 1 with one weight for each pair of biases, then the sum; Eq. 2
    assert paper.network.attention == "global"
    assert paper.network.sum_over_biases == "sum"
    assert paper.loss == "cross_entropy"
    assert len(paper.network.channels) == 1
    # the 80 x 80 area in 20 x 20 tiles, each by itself, every map in [-1, 1], at every bias
    assert (paper.inputs.tile_px, paper.inputs.halo_px) == (20, 0)
    assert (paper.inputs.scaling, paper.inputs.scale_over) == ("unit_range", "tile")
    assert paper.inputs.max_maps is None


def test_the_default_learns_from_exact_scattering():
    assert isinstance(TrainingConfig.preset("default").windows, ScatteringConfig)
    assert TrainingConfig.preset("default") == TrainingConfig()


def test_a_preset_that_is_not_there_is_told():
    with pytest.raises(StmError, match=r"wang2021.*default and wang2020"):
        TrainingConfig.preset("wang2021")


@pytest.mark.parametrize("name", ["default", "wang2020"])
def test_a_preset_comes_back_from_json(name):
    preset = TrainingConfig.preset(name)
    assert TrainingConfig.model_validate_json(preset.model_dump_json()) == preset


@pytest.mark.parametrize(
    "values",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"confidence_weight": -0.1},
        {"precision": "float16"},
        {"loss": "detection", "network": NetworkConfig.of(offsets=False)},
        {"windows": {"kind": "sine"}},
    ],
    ids=str,
)
def test_what_cannot_be_trained_is_refused_in_one_line(values):
    with pytest.raises(StmError) as caught:
        TrainingConfig.of(**values)
    assert "\n" not in str(caught.value)


def test_a_halo_narrower_than_what_the_network_sees_is_refused():
    with pytest.raises(StmError, match="halo_px is 8"):
        TrainingConfig.of(inputs=InputConfig(halo_px=8))


def test_the_paper_s_windows_are_made_for_a_band_and_a_grid():
    # Au(111) on the paper's grid, by hand: k = sqrt(0.26 (V + 520) / 38.0998) / nm, 0.46875 nm a pixel
    lowest, highest = 0.46875 * (0.26 * 290 / 38.0998) ** 0.5, 0.46875 * (0.26 * 540 / 38.0998) ** 0.5
    band = Dispersion.of_material("Au(111)")
    windows = TrainingConfig.preset("wang2020").for_band(band, [-230.0, 20.0], 0.46875).windows
    assert windows.k_rad_per_px * (1 - windows.k_spread) == pytest.approx(lowest, rel=1e-4)
    assert windows.k_rad_per_px * (1 + windows.k_spread) == pytest.approx(highest, rel=1e-4)
    assert windows.noise_std == 0.8
    default = TrainingConfig.preset("default")
    assert default.for_band(band, [-230.0, 20.0], 0.46875) == default
