"""The learning rate over a training, and the running mean of the weights."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

#: The share of the steps over which the rate rises: AdamW's running means of the gradient start at zero, and a full
#: step from the few first windows is unreliable.
_WARM_UP = 0.03
#: The factor of the first step, which would have no effect at 0.
_FIRST_FACTOR = 0.02
#: After n steps the mean covers about 1 + n / 10 of them, up to its full length: a tenth of the
#: training so far, since older weights were worse.
_EARLY_STEPS = 10


def learning_rate(share_done: float) -> float:
    """The factor on the highest learning rate: a short rise, then half a cosine down to 0.

    Examples
    --------
    >>> [round(learning_rate(share), 2) for share in (0.0, 0.015, 0.03, 0.515, 1.0)]
    [0.02, 0.5, 1.0, 0.5, 0.0]
    """
    if share_done < _WARM_UP:
        return max(share_done / _WARM_UP, _FIRST_FACTOR)
    return 0.5 * (1 + math.cos(math.pi * (share_done - _WARM_UP) / (1 - _WARM_UP)))


def averaged(network: nn.Module, n_steps: int) -> AveragedModel:
    """The running mean of a network over about `n_steps` steps, batch statistics included; 0 keeps the last weights.

    Early on the mean is short, so that the random first weights are forgotten: the first step is taken as it is.

    Parameters
    ----------
    network
        What is averaged; a copy is made.
    n_steps
        The length of the exponential mean.

    References
    ----------
    Polyak and Juditsky, SIAM J. Control Optim. 30, 838 (1992).

    Examples
    --------
    >>> network = nn.Linear(1, 1)
    >>> mean = averaged(network, 200)
    >>> mean.update_parameters(network)
    >>> bool((mean.module.weight == network.weight).all())
    True
    """

    def update(old: Tensor, new: Tensor, n_averaged: Tensor | int) -> Tensor:
        # integer buffers, such as the number of batches, have no mean
        if n_steps == 0 or not old.is_floating_point():
            return new
        return old.lerp(new, max(1 / n_steps, 1 / (1 + int(n_averaged) / _EARLY_STEPS)))

    return AveragedModel(network, avg_fn=update, use_buffers=True)
