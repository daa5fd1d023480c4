"""Inference with test-time augmentation: the mean over the maps as they are and rotated by 180 degrees.

Physics does not change when a map is turned, but a network's answer does, a little; the mean of the two answers is
nearer to the truth than either.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .network import ImpurityNetwork, Scores
from .network_config import InputConfig

_PLANE = (-2, -1)


def predict(network: ImpurityNetwork, shown: Tensor, inputs: InputConfig) -> Scores:
    """The scores of a network for a batch of maps, without gradients, with test-time augmentation where it is set.

    Parameters
    ----------
    network
        In evaluation mode.
    shown
        Shape (batch, bias, channel, y, x), from :func:`~napari_stm_impurities.impurities.inputs.network_input`.
    inputs
        Whether the maps are shown both ways.
    """
    height, width = shown.shape[-2:]
    with torch.inference_mode():
        if not inputs.augments(shown.shape[1]):
            return network(shown)
        whole = pad_to_multiple(shown, network.multiple_px)
        upright, turned = network(whole), network(rot180(whole))
        offsets = None
        if upright.offsets_px is not None and turned.offsets_px is not None:
            # a way points the other way when the map is turned
            offsets = ((upright.offsets_px - rot180(turned.offsets_px)) / 2)[..., :height, :width]
        weights = rot180(turned.weights) if turned.weights.ndim == 5 else turned.weights
        weights = (upright.weights + weights) / 2
        if weights.ndim == 5:
            weights = weights[..., :height, :width]
        score = ((upright.score + rot180(turned.score)) / 2)[..., :height, :width]
        structure = None
        if upright.structure is not None and turned.structure is not None:
            structure = ((upright.structure + rot180(turned.structure)) / 2)[..., :height, :width]
        return Scores(score, offsets, weights, structure)


def rot180(values: Tensor) -> Tensor:
    """The last two axes turned by half a turn."""
    return values.flip(_PLANE)


def pad_to_multiple(values: Tensor, multiple: int, value: float = 0.0) -> Tensor:
    """The last two axes made longer at their ends, to a multiple of so many pixels, as the network does it."""
    height, width = values.shape[-2:]
    return functional.pad(values, (0, -width % multiple, 0, -height % multiple), value=value)
