"""Self-attention across the maps of different biases (Eq. 1)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class BiasAttention(nn.Module):
    """Eq. 1: each map's value is replaced by a mean over all maps, weighted by query and key.

    ``V~_i = (1/Z_i) sum_j V_j exp(<Q_i, K_j>)``, ``Z_i = sum_j exp(<Q_i, K_j>)``, then ``V_T = sum_i V~_i``.
    The inner product runs over the feature map and is divided by the number of its pixels and by
    sqrt(d_k), so that it neither saturates nor depends on L; no scale is stated in the paper.

    Parameters
    ----------
    in_channels
        Features that come in for each map.
    key_channels, value_channels
        d_k and d_v.
    reach
        ``"global"``: one weight for each pair of biases, as in the paper. ``"local"``: the inner product
        is taken at each pixel alone. ``"off"``: equal weights.
    total
        ``"sum"`` or ``"mean"`` over i.

    References
    ----------
    Wang et al. 2020, Eq. 1; Vaswani et al. 2017.

    Examples
    --------
    >>> attention = BiasAttention(4, 2, 3, "global", "sum")
    >>> total, weights = attention(torch.zeros(1, 5, 4, 8, 8))
    >>> total.shape, weights.shape
    (torch.Size([1, 3, 8, 8]), torch.Size([1, 5, 5]))
    """

    def __init__(
        self,
        in_channels: int,
        key_channels: int,
        value_channels: int,
        reach: Literal["global", "local", "off"],
        total: Literal["sum", "mean"],
    ) -> None:
        super().__init__()
        self.reach = reach
        self.total = total
        self.value = nn.Conv2d(in_channels, value_channels, 1)
        if reach != "off":
            self.query = nn.Conv2d(in_channels, key_channels, 1)
            self.key = nn.Conv2d(in_channels, key_channels, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The merged feature maps, and the attention weights.

        Parameters
        ----------
        features
            Shape (batch, bias, channel, y, x).

        Returns
        -------
        V_T
            Shape (batch, d_v, y, x).
        weights
            exp(<Q_i, K_j>) / Z_i, shape (batch, i, j), or (batch, i, j, y, x) when local.
        """
        batch, n_maps = features.shape[:2]
        flat = features.flatten(0, 1)
        value = self.value(flat).unflatten(0, (batch, n_maps))
        weights = self._weights(flat, batch, n_maps)
        map_weights = weights.sum(1) if self.total == "sum" else weights.mean(1)
        broadcast_weights = map_weights[:, :, None] if self.reach == "local" else map_weights[:, :, None, None, None]
        return (value * broadcast_weights).sum(1), weights

    def _weights(self, flat: Tensor, batch: int, n_maps: int) -> Tensor:
        if self.reach == "off":
            return flat.new_full((batch, n_maps, n_maps), 1 / n_maps)
        query = self.query(flat).unflatten(0, (batch, n_maps))
        key = self.key(flat).unflatten(0, (batch, n_maps))
        scale = query.shape[2] ** -0.5
        if self.reach == "local":
            return torch.einsum("bichw,bjchw->bijhw", query * scale, key).softmax(2)
        scale /= query.shape[-2] * query.shape[-1]
        return torch.einsum("bichw,bjchw->bij", query * scale, key).softmax(2)
