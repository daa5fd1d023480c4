r"""Which impurities can be seen at all: the Cramer-Rao bound for an impurity's amplitude, against the noise.

Let the maps be :math:`s f_b(r)` plus noise of power :math:`S_b`, where :math:`f_b` is the signal of the impurity at
strength 1 and bias b. The bound for the amplitude s, everything else being known, is
:math:`\sigma_s^2 \geq 1 / \sum_b E_b / S_b` with the energy :math:`E_b = \sum_r f_b(r)^2`. The signal to noise ratio
that the best (matched) filter reaches is therefore at most

.. math:: d = s / \sigma_s = \left( \sum_b s^2 E_b / S_b \right)^{1/2}.

Noise alone makes that filter as large as :math:`\sqrt{2 \ln N}` somewhere among N pixels. An impurity with
:math:`d < \sqrt{2 \ln N}` cannot be told from noise by any method, and is not labelled.

The energy has a closed form, since the ripples of one s-wave scatterer are
:math:`f = |t| (2 / \pi k r) e^{-r/l} \cos(2 k r + \phi)` in units of the bare density of states:

.. math:: E = \frac{4 |t|^2}{\pi k^2} \left[ E_1(2 r_0 / l) - E_1(2 R / l) \right]

from the near field, :math:`r_0`, to :math:`R`, half the side of the frame; :math:`E_1` is the exponential integral. A
near field of height h with the form :math:`h \exp(-2 r^2 / r_0^2)` adds :math:`\pi h^2 r_0^2 / 4`.

References
----------
Kay, Fundamentals of Statistical Signal Processing I (1993), chapter 3, for the bound; II (1998), chapter 4, for the
matched filter.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.special import exp1
from torch import Tensor

#: Where the ripples begin, in 1/k, if no near field is given: the theory of the far field holds from there on.
FAR_FIELD_PER_K = 1.0
#: The ring in which the noise is measured: wave vectors that differ from the ripples' 2k by this share at most.
_RING = 0.25
#: And by two steps of the frame's Fourier transform at least, so that the ring holds some tens of them.
_RING_STEPS = 2.0
#: The median of a periodogram, whose values are exponentially distributed, over their mean.
_MEDIAN_OVER_MEAN = math.log(2)
#: Against a division by 0 in maps without noise.
_SMALLEST_POWER = 1e-12


def ripple_energy(t: Tensor, k_rad_per_px: Tensor, mean_free_path_px: float, nearest_px: float, side_px: int) -> Tensor:
    """E, the energy of the ripples of each impurity at each bias, shape (bias, impurity), as if it stood alone.

    Parameters
    ----------
    t
        The T matrix of each impurity, shape (bias, impurity).
    k_rad_per_px
        Shape (bias,).
    mean_free_path_px
        l in pixels.
    nearest_px
        r_0, where the ripples begin.
    side_px
        The side of the frame, twice R.
    """
    from_px, to_px = 2 * nearest_px / mean_free_path_px, 2 * max(side_px / 2, nearest_px) / mean_free_path_px
    decades = float(exp1(np.float64(from_px)) - exp1(np.float64(to_px)))
    return 4 * decades / (math.pi * k_rad_per_px[:, None] ** 2) * t.abs() ** 2


def near_field_energy(height: Tensor, radius_px: float) -> Tensor:
    """The energy of a near field of these heights, the same shape."""
    return math.pi / 4 * radius_px**2 * height**2


def noise_power(noise: Tensor, k_rad_per_px: Tensor) -> Tensor:
    """S, the power of the noise at the ripples' wave vector 2k, shape (batch, bias); s^2 for white noise of spread s.

    The median over a ring of wave vectors, so that single lines of the spectrum, which a filter removes, do not count.

    Parameters
    ----------
    noise
        The noise alone, shape (batch, bias, y, x); NaN counts as 0.
    k_rad_per_px
        Shape (batch, bias).
    """
    height, width = noise.shape[-2:]
    periodogram = torch.fft.rfft2(noise.nan_to_num()).abs() ** 2 / (height * width)
    qy = 2 * math.pi * torch.fft.fftfreq(height, device=noise.device)[:, None]
    qx = 2 * math.pi * torch.fft.rfftfreq(width, device=noise.device)
    q = torch.hypot(qy, qx)
    ripples = 2 * k_rad_per_px[..., None, None]
    reach = (_RING * ripples).clamp_min(_RING_STEPS * 2 * math.pi / max(height, width))
    in_ring = (q - ripples).abs() <= reach
    return periodogram.masked_fill(~in_ring, torch.nan).flatten(2).nanmedian(-1).values / _MEDIAN_OVER_MEAN


def detectable(energy: Tensor, power: Tensor, n_pixels: int) -> Tensor:
    """Which impurities reach the limit, d^2 >= 2 ln N, bool.

    Parameters
    ----------
    energy
        Of each impurity at each bias, shape (..., bias, impurity).
    power
        Of the noise at each bias, shape (..., bias).
    n_pixels
        N, the pixels of a map.

    Returns
    -------
    torch.Tensor
        Shape (..., impurity).
    """
    ratio = (energy / power.clamp_min(_SMALLEST_POWER)[..., None]).sum(-2)
    return ratio >= 2 * math.log(n_pixels)
