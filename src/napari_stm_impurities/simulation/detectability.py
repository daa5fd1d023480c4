r"""The detection limit of impurities: the Cramer-Rao bound for an impurity's amplitude in the noise.

Let the maps be :math:`s f_b(r)` plus noise of power :math:`S_b`, where :math:`f_b` is the signal of the impurity at
strength 1 and bias b. The bound for the amplitude s, everything else being known, is
:math:`\sigma_s^2 \geq 1 / \sum_b E_b / S_b` with the energy :math:`E_b = \sum_r f_b(r)^2`. The signal to noise ratio
that the best (matched) filter reaches is therefore at most

.. math:: d = s / \sigma_s = \left( \sum_b s^2 E_b / S_b \right)^{1/2}.

Noise alone makes that filter as large as :math:`\sqrt{2 \ln N}` somewhere among N pixels. An impurity with
:math:`d < \sqrt{2 \ln N}` cannot be distinguished from noise by any method, and is not labelled.

The energy of one s-wave scatterer alone, in units of the bare density of states, follows from
:math:`f = \mathrm{Re}\, t H_0^2(k r) e^{-r/l}`, with one half for the mean over the phase, and with
:math:`|H_0|^2 \to 2 / \pi k r` from :math:`r_1 = 1 / k` on:

.. math::

    E = \frac{\pi |t|^2}{k^2} \int_{k r_0}^{1} x |H_0(x)|^4 dx
        + \frac{4 |t|^2}{\pi k^2} \left[ E_1(2 r_1 / l) - E_1(2 R / l) \right]

It counts from :math:`r_0`, within which the ripples are erased, to :math:`R`, half the side of the frame; where
:math:`r_0 > 1 / k` the first term is 0 and :math:`r_1 = r_0`. :math:`E_1` is the exponential integral. A near field of
height h with the form :math:`h \exp(-2 r^2 / r_0^2)` adds :math:`\pi h^2 r_0^2 / 4`.

References
----------
Kay, Fundamentals of Statistical Signal Processing I (1993), chapter 3, for the bound; II (1998), chapter 4, for the
matched filter.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.integrate import trapezoid
from scipy.special import exp1, hankel1
from torch import Tensor

from ..physics.scattering import SMALLEST_KR

#: Where the far field begins, in 1/k: there |H0|^2 is 2 / (pi k r) to 6 %.
_FAR_FIELD_PER_K = 1.0
#: Points of the integral over the field nearer than that: accurate to 1 %.
_POINTS = 64
#: The ring in which the noise is measured: wave vectors that differ from the ripples' 2k by this share at most.
_RING = 0.25
#: And by two steps of the frame's Fourier transform at least, so that the ring holds some tens of them.
_RING_STEPS = 2.0
#: The median of a periodogram, whose values are exponentially distributed, over their mean.
_MEDIAN_OVER_MEAN = math.log(2)
#: Against a division by 0 in maps without noise.
_SMALLEST_POWER = 1e-12


def ripple_energy(t: Tensor, k_rad_per_px: Tensor, mean_free_path_px: float, nearest_px: float, side_px: int) -> Tensor:
    """E, the energy of the ripples of each isolated impurity at each bias, shape (bias, impurity).

    Parameters
    ----------
    t
        The T matrix of each impurity, shape (bias, impurity).
    k_rad_per_px
        Shape (bias,).
    mean_free_path_px
        l in pixels.
    nearest_px
        r_0, within which the ripples are erased; 0 where they are as calculated.
    side_px
        The side of the frame, twice R.
    """
    k = k_rad_per_px.double().cpu().numpy()
    first = np.maximum(nearest_px, _FAR_FIELD_PER_K / k)
    last = np.maximum(side_px / 2, first)
    far = 4 / np.pi * (exp1(2 * first / mean_free_path_px) - exp1(2 * last / mean_free_path_px))
    x = np.linspace((k * nearest_px).clip(SMALLEST_KR, _FAR_FIELD_PER_K), _FAR_FIELD_PER_K, _POINTS)
    near = np.pi * trapezoid(x * np.abs(hankel1(0, x)) ** 4, x, axis=0)
    factor = torch.from_numpy((near + far) / k**2).to(t.device, torch.float32)
    return factor[:, None] * t.abs() ** 2


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
    """The mask of the impurities above the detection limit, d^2 >= 2 ln N.

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
