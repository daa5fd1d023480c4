"""Spotiflow with eight bias channels, its own network, labels, loss and prediction.

A. Dominguez Mantes et al., Nature Methods 22, 1495 (2025).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .learning import N_MAPS, eight_maps, learn
from .torchvision_cpu import allow_torchvision
from .view import Seen, Spots

#: Spotiflow's default of 3e-4 is meant for hundreds of thousands of steps; a short training gains from a higher one.
_RATE = 1e-3
#: Everything that could be a spot; the threshold comes later.
_LEAST_PROBABILITY = 0.02


def spotiflow() -> Any:
    """The network in its default make, for eight channels."""
    allow_torchvision()
    from spotiflow.model import Spotiflow, SpotiflowModelConfig

    # it logs every prediction
    logging.disable(logging.INFO)
    return Spotiflow(SpotiflowModelConfig(in_channels=N_MAPS, sigma=1.0))


def train_spotiflow(minutes: float, path: Path) -> None:
    """Train it with Spotiflow's own labels and loss."""
    torch.manual_seed(0)
    network = spotiflow()
    from spotiflow.model import SpotiflowTrainingConfig
    from spotiflow.model.trainer import SpotiflowTrainingWrapper
    from spotiflow.utils import multiscale_decimate, points_to_flow, points_to_prob

    judge = SpotiflowTrainingWrapper(network, SpotiflowTrainingConfig(crop_size=64))
    sigma = network.config.sigma

    def loss(maps: Tensor, places: list[np.ndarray]) -> Tensor:
        shape = tuple(maps.shape[2:])
        heat = [points_to_prob(yx, shape, mode="max", sigma=sigma) for yx in places]
        batch = {"img": maps, "flow": np.stack([points_to_flow(yx, shape, sigma=sigma) for yx in places])}
        batch["flow"] = torch.from_numpy(batch["flow"].astype(np.float32)).permute(0, 3, 1, 2)
        for level in range(network.config.levels):
            coarser = (network.config.downsample_factor**level,) * 2
            decimated = np.stack([multiscale_decimate(one, coarser) for one in heat])
            batch[f"heatmap_lv{level}"] = torch.from_numpy(decimated).float()[:, None]
        return judge._common_step(batch)["loss"]

    learn(network, loss, _RATE, minutes, path)


class Spotiflow:
    """The trained network, with its own way to sub-pixel places."""

    def __init__(self, path: Path) -> None:
        self.network = spotiflow()
        self.network.load_state_dict(torch.load(path, weights_only=True))
        self.network.eval()

    def search(self, seen: Seen) -> Spots:
        """Find the spots."""
        image = eight_maps(seen.view.maps)[0].permute(1, 2, 0).numpy()
        # the maps are scaled already, as they were in the training
        yx, details = self.network.predict(
            image, prob_thresh=_LEAST_PROBABILITY, normalizer=None, verbose=False, device="cpu"
        )
        return Spots.on(seen, yx, details.prob)
