"""Artefacts of the instrument and the surface in maps: noise, a blunt tip, atomic steps, the herringbone.

All functions take or return maps of shape (batch, bias, y, x), work on any device, and draw random numbers from
the generator that is passed in.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: Two stripes a period: the period itself and its first harmonic, together 1 at most; and a phase between them that
#: makes the two gaps between the stripes unequal, as the fcc regions of Au(111) are wider than the hcp ones.
_STRIPE_PAIR = (0.7, 0.3)
_STRIPE_PAIR_PHASE_RAD = 0.8


def white_noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Independent Gaussian noise of standard deviation 1 in each pixel."""
    return torch.randn(shape, generator=generator, device=generator.device)


def line_noise(shape: tuple[int, int, int, int], generator: torch.Generator) -> Tensor:
    """One Gaussian offset of standard deviation 1 for each scan line (row) of each map."""
    return white_noise((*shape[:3], 1), generator).expand(shape)


def correlated_noise(shape: tuple[int, int, int, int], exponent: Tensor, generator: torch.Generator) -> Tensor:
    """Noise whose power falls as 1/q^exponent in the plane, standard deviation 1, each map its own.

    Parameters
    ----------
    shape
        (batch, bias, y, x).
    exponent
        Shape (batch,): 0 is white, 2 is close to drifting patches.
    """
    spectrum = torch.fft.rfft2(white_noise(shape, generator))
    qy = torch.fft.fftfreq(shape[2], device=generator.device)[:, None]
    qx = torch.fft.rfftfreq(shape[3], device=generator.device)[None, :]
    q = torch.sqrt(qy**2 + qx**2).clamp_min(1 / max(shape[2:]))
    noise = torch.fft.irfft2(spectrum * q ** (-exponent[:, None, None, None] / 2), s=shape[2:])
    return noise / noise.std((-2, -1), keepdim=True).clamp_min(1e-12)


def blur(maps: Tensor, sigma_px: Tensor) -> Tensor:
    """A blunt tip: each map is smoothed with a Gaussian of `sigma_px`, shape (batch,)."""
    reach = max(1, math.ceil(3 * float(sigma_px.max())))
    at = torch.arange(-reach, reach + 1, device=maps.device, dtype=maps.dtype)
    kernel = torch.exp(-0.5 * (at / sigma_px[:, None].clamp_min(1e-3)) ** 2)
    kernel = kernel / kernel.sum(1, keepdim=True)
    batch, bias, height, width = maps.shape
    stacked = maps.reshape(1, batch * bias, height, width)
    rows = kernel.repeat_interleave(bias, 0)
    padded = torch.nn.functional.pad(stacked, (reach, reach, reach, reach), mode="replicate")
    smooth = torch.nn.functional.conv2d(padded, rows[:, None, :, None], groups=batch * bias)
    smooth = torch.nn.functional.conv2d(smooth, rows[:, None, None, :], groups=batch * bias)
    return smooth.reshape(batch, bias, height, width)


def pixel_grid(height_px: int, width_px: int, device: torch.device) -> Tensor:
    """The (y, x) of each pixel, shape (height * width, 2)."""
    y, x = torch.meshgrid(
        torch.arange(height_px, device=device, dtype=torch.float32),
        torch.arange(width_px, device=device, dtype=torch.float32),
        indexing="ij",
    )
    return torch.stack([y.ravel(), x.ravel()], -1)


def along(angle_rad: Tensor, height_px: int, width_px: int) -> Tensor:
    """The coordinate of each pixel along a direction through the frame's centre, shape (batch, y, x)."""
    grid = pixel_grid(height_px, width_px, angle_rad.device)
    grid = grid - grid.mean(0)
    direction = torch.stack([torch.sin(angle_rad), torch.cos(angle_rad)], -1)
    return (grid @ direction.T).T.reshape(len(angle_rad), height_px, width_px)


def herringbone(angle_rad: Tensor, period_px: Tensor, phase_rad: Tensor, height_px: int, width_px: int) -> Tensor:
    """The stripe pairs of the Au(111) reconstruction, amplitude about 1, shape (batch, y, x)."""
    phase = 2 * math.pi * along(angle_rad, height_px, width_px) / period_px[:, None, None] + phase_rad[:, None, None]
    fundamental, harmonic = _STRIPE_PAIR
    return fundamental * torch.cos(phase) + harmonic * torch.cos(2 * phase + _STRIPE_PAIR_PHASE_RAD)


def atomic_step(
    angle_rad: Tensor, offset_px: Tensor, width_px: Tensor, k_rad_per_px: Tensor, height_px: int, side_px: int
) -> tuple[Tensor, Tensor]:
    """An atomic step: the jump in height, and the standing wave J0(2 k x) that it reflects.

    Parameters
    ----------
    angle_rad, offset_px, width_px
        Direction across the step, its distance from the centre, and how blunt it is, shape (batch,).
    k_rad_per_px
        Shape (batch, bias).

    Returns
    -------
    jump, wave
        Shape (batch, 1, y, x), from -0.5 to 0.5; and (batch, bias, y, x), 1 at the step.

    References
    ----------
    Crommie, Lutz, Eigler, Nature 363, 524 (1993): 1 - J0(2 k x) at a straight step.
    """
    across = along(angle_rad, height_px, side_px) - offset_px[:, None, None]
    jump = 0.5 * torch.tanh(across / width_px[:, None, None])[:, None]
    wave = torch.special.bessel_j0(2 * k_rad_per_px[:, :, None, None] * across.abs()[:, None])
    return jump, wave
