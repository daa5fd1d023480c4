"""A training of seconds: small windows, a small network, few steps."""

from __future__ import annotations

import pytest
import torch
import xarray as xr

from napari_stm_impurities.impurities.model import Model
from napari_stm_impurities.impurities.network_config import InputConfig, NetworkConfig
from napari_stm_impurities.impurities.training import TrainingConfig, from_scratch
from napari_stm_impurities.simulation.config import FriedelConfig
from napari_stm_impurities.simulation.surface import Surface, SurfaceConfig, simulate_surface


@pytest.fixture
def tiny() -> TrainingConfig:
    """Three epochs of four steps; the paper's losses on 12 x 12 windows of two maps."""
    return TrainingConfig.of(
        windows=FriedelConfig.of(n_maps=2, side_px=12, impurities=(1, 3), noise_std=0.1),
        network=NetworkConfig.of(channels=(6, 8), convolutions=(1, 1), key_channels=2),
        inputs=InputConfig.of(scaling="unit_range", tile_px=0, k_rad_per_px=(0.5, 1.0)),
        loss="cross_entropy",
        experiment_tile_px=12,
        epochs=3,
        steps_per_epoch=4,
        batch_size=4,
        precision="float32",
        average_over_steps=5,
    )


@pytest.fixture(autouse=True)
def few_windows_to_calibrate_on(monkeypatch):
    """A calibration is tested elsewhere; here it need only be quick."""
    monkeypatch.setattr(from_scratch, "_CALIBRATION_WINDOWS", 24)
    monkeypatch.setattr(from_scratch, "_CALIBRATION_WINDOWS_STOPPED", 24)


@pytest.fixture(scope="session")
def gold() -> Surface:
    """A small surface to adapt to."""
    return simulate_surface("Au(111)", 1, config=SurfaceConfig.of(side_px=40, frame_nm=18.75, n_biases=4))


@pytest.fixture(scope="session")
def experiment(gold) -> xr.DataArray:
    """Its stack."""
    return gold.stack


def _weights(model: Model) -> torch.Tensor:
    """All weights and statistics of a model, one after the other."""
    return torch.cat([value.flatten().double() for value in model.network.state_dict().values()])


@pytest.fixture
def weights():
    """Give the function that lines up all weights and statistics of a model."""
    return _weights
