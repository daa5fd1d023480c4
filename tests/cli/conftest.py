"""What the tests of the command share: small files, a small model, and the one line of an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def noise() -> np.ndarray:
    """Three maps without anything in them."""
    return np.random.default_rng(0).normal(size=(3, 24, 20)).astype(np.float32)


@pytest.fixture
def npz(tmp_path) -> Callable[..., Path]:
    """Write maps as a file that the readers know, and give its path."""

    def write(name: str, data: np.ndarray, bias=None, pixel_size: float = 0.47) -> Path:
        bias = np.linspace(-20, 20, len(data)) if bias is None else bias
        np.savez(tmp_path / name, data=data, bias=bias, pixel_size=pixel_size)
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A small model with random weights: enough for the way that the files go."""
    from napari_stm_impurities.impurities.model import Model, ModelConfig
    from napari_stm_impurities.impurities.network_config import NetworkConfig

    config = ModelConfig(name="small", network=NetworkConfig(channels=(4,), convolutions=(1,), key_channels=2))
    return Model(config).save(tmp_path_factory.mktemp("model") / "small.safetensors")


@pytest.fixture
def only_error(capsys) -> Callable[[], str]:
    """Give the one line on standard error, once sure that nothing stands on standard output."""

    def read() -> str:
        said = capsys.readouterr()
        lines = [line for line in said.err.splitlines() if line.startswith("error: ")]
        assert said.out == ""
        assert len(lines) == 1, said.err
        assert "Traceback" not in said.err
        return lines[0]

    return read
