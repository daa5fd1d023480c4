"""The exact local density of states of a two-dimensional electron gas with s-wave scatterers.

Multiple scattering included: ``rho(r)/rho0 = 1 + Re sum_nm H0(k|r-r_n|) [(t^-1 - H)^-1]_nm H0(k|r_m-r|)``
with ``H_nm = H0(k|r_n-r_m|)`` off the diagonal and ``t = (a exp(2 i delta) - 1)/2``.

References
----------
Crommie, Lutz, Eigler, Science 262, 218 (1993); Heller et al., Nature 369, 464 (1994);
Fiete and Heller, Rev. Mod. Phys. 75, 933 (2003).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import hankel1
from torch import Tensor

#: Below this k r the wave is held at its value there: H0 diverges at a scatterer, where no s-wave theory holds.
SMALLEST_KR = 0.05
_STEP = 0.02
_LARGEST_KR = 2000.0
#: Refinement of the table from which a wave is read without interpolation.
_REFINEMENT = 8


@lru_cache(maxsize=2)
def _tables(device: str) -> tuple[Tensor, Tensor]:
    """H0(x), and the exponent -i x H1(x)/H0(x) of its change with an imaginary part of x."""
    x = torch.arange(0.0, _LARGEST_KR + 2 * _STEP, _STEP, dtype=torch.float64).clamp_min(SMALLEST_KR).numpy()
    wave = hankel1(0, x)
    exponent = -1j * x * hankel1(1, x) / wave
    return _single(wave, device), _single(exponent, device)


def _single(values: NDArray[np.complex128], device: str) -> Tensor:
    return torch.from_numpy(values).to(torch.complex64).to(device)


def hankel0(kr: Tensor, damping: Tensor) -> Tensor:
    """The outgoing Hankel function H0(kr (1 + i damping)), read off a table with linear interpolation.

    Parameters
    ----------
    kr
        Any shape, real, in radians; held between 0.05 and 2000.
    damping
        1/(2 k l) for a mean free path l; broadcasts with `kr`.

    Returns
    -------
    torch.Tensor
        complex64, the same shape; accurate to 1e-3 where kr is at least 0.2 (nearer to 0.06), and to the square of
        the damping.
    """
    wave, exponent = _tables(str(kr.device))
    table_position = (kr / _STEP).clamp(SMALLEST_KR / _STEP, _LARGEST_KR / _STEP)
    index = table_position.to(torch.int64)
    part = table_position - index
    return torch.lerp(wave[index], wave[index + 1], part.to(wave.dtype)) * torch.exp(
        damping * torch.lerp(exponent[index], exponent[index + 1], part.to(wave.dtype))
    )


@lru_cache(maxsize=2)
def _pair_table(device: str) -> Tensor:
    """H0(x) and H1(x) side by side, shape (step, 2)."""
    x = torch.arange(0.0, _LARGEST_KR + 2 * _STEP, _STEP, dtype=torch.float64).clamp_min(SMALLEST_KR).numpy()
    return _single(np.stack([hankel1(0, x), hankel1(1, x)], axis=1), device)


def hankel01(kr: Tensor) -> tuple[Tensor, Tensor]:
    """The outgoing Hankel functions H0(kr) and H1(kr) = -H0'(kr), read off a table with linear interpolation.

    Parameters
    ----------
    kr
        Any shape, real, in radians; held between 0.05 and 2000.

    Returns
    -------
    tuple of torch.Tensor
        complex64, the same shape; accurate to 1e-3 where kr is at least 0.5 (H1) or 0.2 (H0).

    Examples
    --------
    >>> h0, h1 = hankel01(torch.tensor([2.0]))
    >>> bool(abs(h0 - complex(hankel1(0, 2.0))) < 1e-3), bool(abs(h1 - complex(hankel1(1, 2.0))) < 1e-3)
    (True, True)
    """
    table = _pair_table(str(kr.device))
    table_position = (kr * (1 / _STEP)).clamp(SMALLEST_KR / _STEP, _LARGEST_KR / _STEP)
    index = table_position.to(torch.int64)
    part = (table_position - index)[..., None]
    pairs = torch.view_as_real(table)
    low = pairs.view(len(pairs), 4)[index]
    high = pairs.view(len(pairs), 4)[index + 1]
    values = torch.view_as_complex(torch.lerp(low, high, part).view(*kr.shape, 2, 2))
    return values[..., 0], values[..., 1]


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Distances between two sets of points, shapes (..., n, 2) and (..., m, 2), exact also where they are small."""
    y, x = a[..., :, None, 0] - b[..., None, :, 0], a[..., :, None, 1] - b[..., None, :, 1]
    return y.square_().addcmul_(x, x).sqrt_()


def t_matrix(phase_shift_rad: Tensor, loss: Tensor) -> Tensor:
    """The s-wave T matrix t = (a exp(2 i delta) - 1)/2 with a = 1 - loss.

    Parameters
    ----------
    phase_shift_rad
        delta, any shape.
    loss
        The share lost into other channels, 0 (elastic) to 1 (a black dot), the same shape.
    """
    return (torch.polar(1 - loss, 2 * phase_shift_rad) - 1) / 2


def ldos_modulation(
    yx_px: Tensor, k_rad_per_px: Tensor, t: Tensor, pixels_yx: Tensor, mean_free_path_px: float
) -> Tensor:
    """rho/rho0 - 1 at given pixels, exactly, multiple scattering included.

    Parameters
    ----------
    yx_px
        Positions of the scatterers, shape (scatterer, 2), inside the frame or outside.
    k_rad_per_px
        Shape (bias,).
    t
        The T matrix of each scatterer, complex, shape (bias, scatterer); 0 for one that does not scatter.
    pixels_yx
        Where to evaluate, shape (bias, pixel, 2): a drift between biases is a shift of these.
    mean_free_path_px
        l: k becomes k + i/(2l).

    Returns
    -------
    torch.Tensor
        Shape (bias, pixel), float32.

    Examples
    --------
    One impurity, far away: 2/(pi k r) sin(delta) cos(2 k r + delta).

    >>> k, r, delta = torch.tensor([0.8]), 20.0, torch.tensor([[1.2]])
    >>> pixel = torch.tensor([[[0.0, r]]])
    >>> rho = ldos_modulation(torch.zeros(1, 2), k, t_matrix(delta, torch.zeros(1, 1)), pixel, 1e9)
    >>> far_field = 2 / (torch.pi * k * r) * torch.sin(delta) * torch.cos(2 * k * r + delta)
    >>> bool(abs(rho - far_field) < 1e-3)
    True
    """
    identity = torch.eye(len(yx_px), device=yx_px.device)
    damping = 0.5 / (k_rad_per_px * mean_free_path_px)
    hop = hankel0(k_rad_per_px[:, None, None] * distances(yx_px, yx_px), damping[:, None, None])
    # (1 - t H)^-1 t equals (t^-1 - H)^-1, and is defined also where t is 0
    scattered, single = identity - t[:, :, None] * (hop * (1 - identity)), torch.diag_embed(t)
    rho = torch.empty(pixels_yx.shape[:2], device=yx_px.device)
    # one map at a time, so that the waves of all scatterers stay in the processor's cache; and since on several threads
    # torch 2.13 on the CPU cannot solve for more than one large matrix at once
    for i in range(len(rho)):
        response = torch.linalg.solve(scattered[i], single[i])
        wave = _wave(distances(pixels_yx[i], yx_px), k_rad_per_px[i], damping[i])
        rho[i] = ((wave @ response) * wave).sum(-1).real
    return rho


def _wave(distance: Tensor, k: Tensor, damping: Tensor) -> Tensor:
    """H0 at each distance, from the nearest entry of a fine table for this k."""
    step = _STEP / float(k)
    n = int(float(distance.max()) / step) + 3
    coarse = torch.view_as_real(hankel0(k * step * torch.arange(n, device=distance.device), damping))
    # from n entries to _REFINEMENT (n - 1) + 1 on straight lines between them
    table = torch.nn.functional.interpolate(
        coarse.T[None], size=_REFINEMENT * (n - 1) + 1, mode="linear", align_corners=True
    )[0].T.contiguous()
    index = (distance * (_REFINEMENT / step) + 0.5).to(torch.int32)
    return torch.view_as_complex(table.index_select(0, index.ravel()).view(*distance.shape, 2))
