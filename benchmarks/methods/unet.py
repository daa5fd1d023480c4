"""AtomAI's U-Net with eight bias channels, and the peaks of its probability map.

M. Ziatdinov et al., Nature Machine Intelligence 4, 1101 (2022).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from napari_stm_impurities.impurities.peaks import find_peaks

from .learning import N_MAPS, eight_maps, learn
from .torchvision_cpu import allow_torchvision
from .view import Seen, Spots

#: Filters of the first block (AtomAI's default).
_FILTERS = 16
#: AtomAI's default rate.
_RATE = 1e-3
#: Width of the spot that stands for an impurity in the label, in pixels.
_SPOT_PX = 1.0


def unet() -> nn.Module:
    """The network as the library makes it, but for its first block, which takes eight channels in place of one."""
    allow_torchvision()
    from atomai.nets import ConvBlock, Unet

    network = Unet(nb_classes=1, nb_filters=_FILTERS)
    network.c1 = ConvBlock(2, 1, N_MAPS, _FILTERS, batch_norm=True)
    return network


def train_unet(minutes: float, path: Path) -> None:
    """Train it with AtomAI's loss for one class, the binary cross entropy."""
    torch.manual_seed(0)
    network = unet()
    cross_entropy = nn.BCEWithLogitsLoss()

    def loss(maps: Tensor, places: list[np.ndarray]) -> Tensor:
        label = torch.stack([spots(yx, maps.shape[2:]) for yx in places])
        return cross_entropy(network(maps)[:, 0], label)

    learn(network, loss, _RATE, minutes, path)


def spots(yx: np.ndarray, shape: tuple[int, ...]) -> Tensor:
    """A Gaussian spot of height 1 on each impurity, the highest where they overlap."""
    y, x = torch.meshgrid(torch.arange(shape[0]), torch.arange(shape[1]), indexing="ij")
    if not len(yx):
        return torch.zeros(shape)
    places = torch.from_numpy(yx).float()
    squared = (y - places[:, 0, None, None]) ** 2 + (x - places[:, 1, None, None]) ** 2
    return torch.exp(-0.5 * squared.amin(0) / _SPOT_PX**2)


class UNet:
    """The trained U-Net.

    A peak's place is refined by a parabola through the logarithm of the probability, which is exact for the
    spots that it has learnt.
    """

    def __init__(self, path: Path) -> None:
        self.network = unet()
        self.network.load_state_dict(torch.load(path, weights_only=True))
        self.network.eval()

    def search(self, seen: Seen) -> Spots:
        """Find the peaks."""
        maps = eight_maps(seen.view.maps)
        height, width = maps.shape[2:]
        # three halvings want sides of a multiple of eight
        padded = nn.functional.pad(maps, (0, -width % 8, 0, -height % 8), mode="reflect")
        with torch.inference_mode():
            score = nn.functional.logsigmoid(self.network(padded)[0, 0, :height, :width])
        return Spots.on(seen, *find_peaks(score.numpy()))
