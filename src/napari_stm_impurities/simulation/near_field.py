"""The unknown short range of scatterers in training windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..physics.scattering import distances
from .detectability import FAR_FIELD_PER_K
from .windows import bernoulli, uniform

if TYPE_CHECKING:
    from .config import ScatteringConfig

#: How steep the erased short range ends: from a tenth to nine tenths of the ripples within 3/4 of its radius.
_EDGE = 6.0
#: How far the heights of the arbitrary short range differ within a window: by up to a factor of three.
_HEIGHT_FACTOR = (0.5, 1.5)
#: How far they change from the lowest bias to the highest: at most by this share, so that none turns its sign.
_LARGEST_TREND = 0.8
#: The short range is a Gaussian that has fallen to exp(-2), a seventh, at its radius.
_BUMP_FALL = 2.0


@dataclass(frozen=True)
class NearField:
    """What stands in place of the ripples around the scatterers of one window.

    Attributes
    ----------
    radius_px
        How far it reaches; from there on the ripples are as calculated.
    erases
        Whether the ripples within the radius are erased.
    height
        Height of a bump on each scatterer at each bias, in standard deviations of the clean ripples, shape (bias,
        scatterer).
    """

    radius_px: float
    erases: bool
    height: Tensor

    def put_into(self, wave: Tensor, pixels_yx: Tensor, yx_px: Tensor) -> Tensor:
        """The maps with the near field, shape (bias, pixel)."""
        if not self.erases:
            return wave
        to_nearest, nearest = zip(*(distances(of_bias, yx_px).min(-1) for of_bias in pixels_yx), strict=True)
        distance = torch.stack(to_nearest)
        known = torch.sigmoid(_EDGE * (distance - self.radius_px) / max(self.radius_px, 1.0))
        bump = self.height.gather(1, torch.stack(nearest)) * torch.exp(-_BUMP_FALL * (distance / self.radius_px) ** 2)
        return known * wave + bump


def draw_near_field(
    config: ScatteringConfig, k_top: float, n_biases: int, strength: Tensor, generator: torch.Generator
) -> NearField:
    """The short range as the formula has it, erased, or a bump or dip of arbitrary height.

    Parameters
    ----------
    config
        What to simulate.
    k_top
        k of the highest bias, in radians a pixel.
    n_biases
        The number of maps.
    strength
        Of each scatterer, shape (scatterer,): a bump is as much lower as its ripples are weaker, and 0 gives none.
    generator
        Where the random numbers come from, and the device.
    """
    none = strength.new_zeros(n_biases, len(strength))
    draw = float(uniform(0, 1, (1,), generator))
    if draw >= config.near_field_erased_share + config.near_field_random_share:
        return NearField(FAR_FIELD_PER_K / k_top, False, none)
    radius = float(uniform(*config.near_field_radius_per_k, (1,), generator)) / k_top
    if draw < config.near_field_erased_share:
        return NearField(radius, True, none)
    sign = 1 - 2 * bernoulli(0.5, 1, generator).float()
    height = sign * uniform(*config.near_field_strength, (1,), generator) * strength
    height = height * uniform(*_HEIGHT_FACTOR, (len(strength),), generator)
    trend = 1 + uniform(-_LARGEST_TREND, _LARGEST_TREND, (1,), generator) * torch.linspace(
        0, 1, n_biases, device=strength.device
    )
    return NearField(radius, True, trend[:, None] * height)
