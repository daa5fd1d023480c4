"""The near field of scatterers in training windows, which is not known from theory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..physics.scattering import distances
from .windows import bernoulli, uniform

if TYPE_CHECKING:
    from .config import ScatteringConfig

#: Steepness of the end of the erased short range: from a tenth to nine tenths of the ripples within 3/4 of its radius.
_EDGE = 6.0
#: Range of the heights of the arbitrary short range within a window: up to a factor of three.
_HEIGHT_FACTOR = (0.5, 1.5)
#: Their largest relative change from the lowest bias to the highest, so that none changes its sign.
_LARGEST_TREND = 0.8
#: The short range is a Gaussian that has fallen to exp(-2), a seventh, at its radius.
_BUMP_EXPONENT = 2.0


@dataclass(frozen=True)
class NearField:
    """The near field that replaces the ripples around the scatterers of one window.

    Attributes
    ----------
    radius_px
        Its radius, beyond which the ripples are as calculated; 0 without a near field.
    height
        Height of a bump on each scatterer at each bias, in standard deviations of the clean ripples, shape (bias,
        scatterer).
    """

    radius_px: float
    height: Tensor

    def put_into(self, wave: Tensor, pixels_yx: Tensor, yx_px: Tensor) -> Tensor:
        """The maps with the near field, shape (bias, pixel)."""
        if self.radius_px == 0:
            return wave
        to_nearest, nearest = zip(*(distances(bias_pixels, yx_px).min(-1) for bias_pixels in pixels_yx), strict=True)
        distance = torch.stack(to_nearest)
        ripple_weight = torch.sigmoid(_EDGE * (distance - self.radius_px) / max(self.radius_px, 1.0))
        bump = self.height.gather(1, torch.stack(nearest)) * torch.exp(
            -_BUMP_EXPONENT * (distance / self.radius_px) ** 2
        )
        return ripple_weight * wave + bump


def draw_near_field(
    config: ScatteringConfig, k_top: float, n_biases: int, strength: Tensor, generator: torch.Generator
) -> NearField:
    """The near field of one window: as calculated, erased, or a bump or dip of arbitrary height.

    Parameters
    ----------
    config
        The settings of the simulation.
    k_top
        k of the highest bias, in radians a pixel.
    n_biases
        The number of maps.
    strength
        Of each scatterer, shape (scatterer,): the factor of the height of its bump.
    generator
        Source of the random numbers, which also sets the device.
    """
    zero_height = strength.new_zeros(n_biases, len(strength))
    draw = float(uniform(0, 1, (1,), generator))
    if draw >= config.near_field_erased_share + config.near_field_random_share:
        return NearField(0.0, zero_height)
    radius = float(uniform(*config.near_field_radius_per_k, (1,), generator)) / k_top
    if draw < config.near_field_erased_share:
        return NearField(radius, zero_height)
    sign = 1 - 2 * bernoulli(0.5, 1, generator).float()
    height = sign * uniform(*config.near_field_strength, (1,), generator) * strength
    height = height * uniform(*_HEIGHT_FACTOR, (len(strength),), generator)
    trend = 1 + uniform(-_LARGEST_TREND, _LARGEST_TREND, (1,), generator) * torch.linspace(
        0, 1, n_biases, device=strength.device
    )
    return NearField(radius, trend[:, None] * height)
