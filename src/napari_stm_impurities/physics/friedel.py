"""The paper's density modulation around impurities: independent Friedel oscillations (Eq. 3)."""

from __future__ import annotations

import torch
from torch import Tensor


def friedel_modulation(
    yx_px: Tensor, k_rad_per_px: Tensor, amplitude: Tensor, phase_rad: Tensor, side_px: int, cutoff_px: float
) -> Tensor:
    """The sum of the Friedel oscillations of all impurities on a square of pixels of spacing 1.

    ``dn(r) = sum_w A_w cos(2 k_F |r - r_w| + alpha_w) / (|r - r_w| + eps)^2``

    Parameters
    ----------
    yx_px
        Positions r_w, shape (batch, impurity, 2).
    k_rad_per_px
        k_F of each map, shape (batch, bias).
    amplitude, phase_rad
        A_w and alpha_w, drawn for each impurity and each k_F: shape (batch, bias, impurity).
        An impurity of amplitude 0 contributes nothing.
    side_px
        L, the side of the square.
    cutoff_px
        eps, which avoids the divergence at an impurity.

    Returns
    -------
    torch.Tensor
        dn, shape (batch, bias, L, L).

    References
    ----------
    Wang et al. 2020, Eq. 3.

    Examples
    --------
    >>> amplitude = torch.ones(1, 1, 1)
    >>> dn = friedel_modulation(torch.zeros(1, 1, 2), torch.tensor([[0.5]]), amplitude, 0 * amplitude, 4, 1.0)
    >>> bool(torch.isclose(dn[0, 0, 0, 3], torch.cos(torch.tensor(3.0)) / 16))
    True
    """
    axis = torch.arange(side_px, device=yx_px.device, dtype=yx_px.dtype)
    dy = axis[:, None, None] - yx_px[:, None, None, :, 0]
    dx = axis[None, :, None] - yx_px[:, None, None, :, 1]
    distance = torch.sqrt(dy**2 + dx**2)[:, None]
    wave = torch.cos(2 * k_rad_per_px[:, :, None, None, None] * distance + phase_rad[:, :, None, None, :])
    return (amplitude[:, :, None, None, :] * wave / (distance + cutoff_px) ** 2).sum(-1)


def standardise(maps: Tensor) -> Tensor:
    """The maps without their mean and scaled into [-1, 1], as in the paper.

    Parameters
    ----------
    maps
        Shape (..., y, x).

    Returns
    -------
    torch.Tensor
        The same shape; a constant map becomes 0.
    """
    centred = maps - maps.mean((-2, -1), keepdim=True)
    return centred / centred.abs().amax((-2, -1), keepdim=True).clamp_min(torch.finfo(maps.dtype).tiny)
