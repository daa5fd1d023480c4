"""The learning rate over a training, and the running mean of the weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_WARM_UP = 0.03


def learning_rate(share_done: float) -> float:
    """The factor on the highest learning rate: a short rise, then half a cosine down to 0.

    Examples
    --------
    >>> [round(learning_rate(share), 2) for share in (0.0, 0.015, 0.03, 0.515, 1.0)]
    [0.02, 0.5, 1.0, 0.5, 0.0]
    """
    if share_done < _WARM_UP:
        return max(share_done / _WARM_UP, 0.02)
    return 0.5 * (1 + math.cos(math.pi * (share_done - _WARM_UP) / (1 - _WARM_UP)))


class WeightAverage:
    """The running mean of a network's weights over about `n_steps` steps; 0 keeps the last weights.

    References
    ----------
    Polyak and Juditsky, SIAM J. Control Optim. 30, 838 (1992).
    """

    def __init__(self, network: nn.Module, n_steps: int) -> None:
        self.n_steps = n_steps
        self.weights: dict[str, Tensor] = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take the weights after `step` (counted from 0) into the mean; early on the mean is short."""
        new = 1.0 if self.n_steps == 0 else max(1 / self.n_steps, 1 / (1 + step / 10))
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.weights[name].lerp_(value, min(new, 1.0))
            else:
                self.weights[name].copy_(value)
