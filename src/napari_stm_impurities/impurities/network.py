"""The network: a CNN shared by all maps, attention across biases, and a projection to S."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..nn.attention import BiasAttention
from .network_config import InputConfig, NetworkConfig

_FIRST_SCORE = -4.0
_DECODER_CONVOLUTIONS = 2


class Scores(NamedTuple):
    """What a network gives for a batch of windows.

    Attributes
    ----------
    score
        S before the softmax, shape (batch, y, x).
    offsets_px
        The way (y, x) from each pixel to the nearest impurity, shape (batch, 2, y, x), or None.
    weights
        The attention of the finest level, shape (batch, i, j) or (batch, i, j, y, x).
    structure
        The logit of the probability that a pixel is structure and no impurity, shape (batch, y, x), or None.
    """

    score: Tensor
    offsets_px: Tensor | None
    weights: Tensor
    structure: Tensor | None = None


class ImpurityNetwork(nn.Module):
    """From maps at any number of biases, in any order, to one score map.

    Parameters
    ----------
    config
        The network's make.
    in_channels
        1 (the map), or 2 (the map, and which pixels were measured).

    Examples
    --------
    >>> network = ImpurityNetwork(NetworkConfig(), 2).eval()
    >>> network(torch.zeros(1, 3, 2, 20, 24)).score.shape
    torch.Size([1, 20, 24])
    """

    def __init__(self, config: NetworkConfig, in_channels: int) -> None:
        super().__init__()
        self.config = config
        widths = config.channels
        values = [config.value_channels or width for width in widths]
        self.encoder = nn.ModuleList(
            _block(config, before, width, n, halve=level > 0)
            for level, (before, width, n) in enumerate(
                zip((in_channels, *widths[:-1]), widths, config.convolutions, strict=True)
            )
        )
        self.attention = nn.ModuleList(
            BiasAttention(width, config.key_channels, value, config.attention, config.sum_over_biases)
            for width, value in zip(widths, values, strict=True)
        )
        merged = values[-1]
        decoder = []
        for width, value in zip(widths[-2::-1], values[-2::-1], strict=True):
            decoder.append(_block(config, merged + value, width, _DECODER_CONVOLUTIONS))
            merged = width
        self.decoder = nn.ModuleList(decoder)
        self._n_offsets = 2 if config.offsets else 0
        self.projection = nn.Conv2d(merged, 1 + self._n_offsets + int(config.structure), 1)
        # impurities are rare: a network that begins by expecting few learns sooner
        assert self.projection.bias is not None
        nn.init.constant_(self.projection.bias[:1], _FIRST_SCORE)
        if config.structure:
            nn.init.constant_(self.projection.bias[-1:], _FIRST_SCORE)

    @property
    def multiple_px(self) -> int:
        """Sides are padded to a multiple of this many pixels."""
        return 2 ** (len(self.encoder) - 1)

    def forward(self, maps: Tensor) -> Scores:
        """Score a batch of windows.

        Parameters
        ----------
        maps
            Shape (batch, bias, channel, y, x).

        Returns
        -------
        Scores
            At the same pixels.
        """
        return self.decode(self.encode(maps), (maps.shape[-2], maps.shape[-1]))

    def encode(self, maps: Tensor) -> Iterator[Tensor]:
        """The features of each map, level by level; no map knows of another yet.

        Parameters
        ----------
        maps
            Shape (batch, bias, channel, y, x).

        Yields
        ------
        torch.Tensor
            Of one level, the finest first, shape (batch, bias, channel, y, x), the sides padded and halved.
        """
        batch, n_maps, _, height, width = maps.shape
        multiple = self.multiple_px
        features = functional.pad(maps.flatten(0, 1), (0, -width % multiple, 0, -height % multiple))
        # convolutions are faster where the channels of a pixel lie together
        features = features.contiguous(memory_format=torch.channels_last)
        for block in self.encoder:
            features = block(features)
            yield features.unflatten(0, (batch, n_maps))

    def decode(
        self, levels: Iterable[Tensor], shape: tuple[int, int], firsts: Sequence[tuple[int, int]] | None = None
    ) -> Scores:
        """Merge the maps at each level by attention, and bring the levels together to S.

        Parameters
        ----------
        levels
            What :meth:`encode` yields, of all maps or of some; or a window cut out of each level.
        shape
            (y, x) of the maps, without the padding; or of the window that was cut out of the finest level.
        firsts
            The first pixel (y, x) of each window, in its level's pixels; all 0 when not given.
        """
        height, width = shape
        merged, weights = [], None
        corners = list(firsts or [(0, 0)] * len(self.encoder))
        for features, attention in zip(levels, self.attention, strict=True):
            total, of_level = attention(features)
            merged.append(total)
            weights = of_level if weights is None else weights
        total = merged.pop()
        for block in self.decoder:
            temporary, (top, left) = merged.pop(), corners.pop()
            top, left = corners[-1][0] - 2 * top, corners[-1][1] - 2 * left
            finer = functional.interpolate(total, scale_factor=2, mode="bilinear", align_corners=False)
            finer = finer[..., top : top + temporary.shape[-2], left : left + temporary.shape[-1]]
            total = block(torch.cat([finer, temporary], 1))
        out = self.projection(total)[:, :, :height, :width]
        assert weights is not None
        if weights.ndim == 5:
            weights = weights[..., :height, :width]
        offsets = out[:, 1 : 1 + self._n_offsets] if self.config.offsets else None
        return Scores(out[:, 0], offsets, weights, out[:, -1] if self.config.structure else None)


def load_weights(network: ImpurityNetwork, source: ImpurityNetwork) -> None:
    """Copy the weights of a network of the same make; outputs that the source lacks keep their first weights.

    Raises
    ------
    RuntimeError
        If the networks differ in anything but the structure output.
    """
    weights = source.state_dict()
    if network.config.structure != source.config.structure:
        own = network.state_dict()
        for name in ("projection.weight", "projection.bias"):
            common = min(len(own[name]), len(weights[name]))
            weights[name] = torch.cat([weights[name][:common], own[name][common:]])
    network.load_state_dict(weights)


def _block(config: NetworkConfig, before: int, width: int, n_convolutions: int, halve: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = []
    if halve:
        layers += _convolution(config, before, width, 2, stride=2)
        before = width
    for index in range(n_convolutions):
        layers += _convolution(config, width if index else before, width, config.kernel_px)
    return nn.Sequential(*layers)


def _convolution(config: NetworkConfig, before: int, width: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    padding = kernel // 2 if stride == 1 else 0
    layers: list[nn.Module] = [nn.Conv2d(before, width, kernel, stride, padding, bias=not config.batch_norm)]
    if config.batch_norm:
        layers.append(nn.BatchNorm2d(width))
    return [*layers, nn.ReLU()]


def check_halo(network: NetworkConfig, inputs: InputConfig) -> None:
    """Refuse tiles whose halo is narrower than what the network sees, which would leave seams.

    Where each tile is scaled by itself, as in the paper, tiles are separate images and need no halo.
    """
    reach = receptive_field_px(network)
    if inputs.scale_over == "image" and inputs.halo_px < reach:
        raise ValueError(
            f"the network sees {reach} pixels to each side, and halo_px is {inputs.halo_px}; make it {reach}"
        )


def decoder_reach_px(config: NetworkConfig) -> tuple[int, ...]:
    """How far to each side of a pixel the decoder looks at each level for the score there, in that level's pixels.

    Examples
    --------
    >>> decoder_reach_px(NetworkConfig()), decoder_reach_px(NetworkConfig(channels=(8,), convolutions=(4,)))
    ((2, 4, 5, 4), (0,))
    """
    reach = [0]
    for _ in config.channels[1:]:
        reach[-1] += config.kernel_px // 2 * _DECODER_CONVOLUTIONS
        # half as many coarse pixels, and one more for the interpolation between two
        reach.append(-(-reach[-1] // 2) + 1)
    return tuple(reach)


def receptive_field_px(config: NetworkConfig) -> int:
    """How far to each side of a pixel its score can depend on the maps, in pixels.

    Examples
    --------
    >>> receptive_field_px(NetworkConfig(channels=(8,), convolutions=(4,), kernel_px=5))
    8
    """
    radius = config.kernel_px // 2
    levels = len(config.channels)
    encoder = sum(radius * n * 2**level for level, n in enumerate(config.convolutions))
    decoder = sum(radius * _DECODER_CONVOLUTIONS * 2**level for level in range(levels - 1))
    # each halving joins two pixels, and each doubling interpolates between two coarse ones
    resampling = sum(2**level + 2**level for level in range(levels - 1)) + (2 ** (levels - 1) - 1)
    return encoder + decoder + resampling
