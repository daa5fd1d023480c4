"""An endless stream of training windows, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from .config import FriedelConfig, WindowConfig
from .friedel_windows import friedel_windows
from .scattering_windows import scattering_windows
from .windows import PatchBatch


def simulate_windows(config: WindowConfig, n_windows: int, generator: torch.Generator) -> PatchBatch:
    """One batch of windows of the kind of `config`."""
    if isinstance(config, FriedelConfig):
        return friedel_windows(config, n_windows, generator)
    return scattering_windows(config, n_windows, generator)


def window_stream(
    config: WindowConfig, batch_size: int, *seed: int, device: torch.device | str = "cpu"
) -> Iterator[PatchBatch]:
    """An endless iterator of batches of windows.

    Parameters
    ----------
    config
        The settings of the simulation.
    batch_size
        Windows in a batch.
    seed
        One or more whole numbers, such as a seed and an epoch; the same give the same windows.
    device
        The device of the simulation.
    """
    mixed = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1)
    generator = torch.Generator(device).manual_seed(mixed)
    while True:
        yield simulate_windows(config, batch_size, generator)
