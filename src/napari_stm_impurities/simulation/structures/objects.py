"""Bright and dark objects: adsorbates, bubbles, clusters of the second layer."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from ...physics.scattering import distances
from ..coverage import covered
from ..ranges import AboveZeroRange, OneOrMoreRange, Share, draw
from ..windows import bernoulli, randint, uniform
from .base import MOST_SCATTERERS, BaseStructure, Part, Scale, in_or_near, signed

#: An object smaller than this, in 1/k, cannot be distinguished from an impurity by its size, but only by its height.
_SIZE_OF_IMPURITY_PER_K = 2.5
_HEIGHT_OF_SMALL = (10.0, 40.0)
#: Distance of the scatterers on the rim of an object in 1/k, as on that of an island.
_SPACING_PER_K = 0.9
#: A flat object rises within this share of its radius.
_SOFT_RIM = 0.15
#: The largest radius as a share of the window's side, so that part of the surface stays free of objects.
_LARGEST_PER_SIDE = 0.25


class Objects(BaseStructure):
    """Objects: bright or dark spots of any size and height that are no impurities of the surface state.

    Objects of the size of an impurity are much higher than impurities. Some scatter, such as particles on the surface;
    others do not, such as bubbles.
    """

    kind: Literal["objects"] = "objects"
    """The name in files."""
    share: Share = 0.1
    """The share of windows with objects. Reason: adsorbates are seen in many frames, but a frame is chosen around
    them."""
    count: OneOrMoreRange = (1, 4)
    """Number of objects of a window. Reason: with more a frame is not kept."""
    radius_per_k: AboveZeroRange = (0.6, 9.0)
    """Radius in 1/k, drawn on a logarithmic scale. Reason: 0.3 to 4.5 nm on Cu(111), from a single large molecule to a
    cluster."""
    height: AboveZeroRange = (1.0, 40.0)
    """Height in standard deviations of the clean ripples, drawn on a logarithmic scale, up or down. Reason: from one
    among the ripples to an adsorbate many times higher than anything else. Small objects: 10 to 40."""
    scattering_share: Share = 0.6
    """The share of objects that scatter. Reason: both occur, and what touches the surface scatters."""
    flat_share: Share = 0.4
    """The share of objects with a flat top; the others are Gaussian. Reason: islands and bubbles, or adsorbates."""

    def build(self, scale: Scale, generator: torch.Generator) -> Part:
        """Some objects in the window."""
        n = randint(*self.count, generator)
        yx = uniform(0, scale.side_px, (n, 2), generator) - 0.5
        radius_per_k = draw(self.radius_per_k, n, generator, logarithmic=True)
        radius_per_k = radius_per_k.clamp_max(_LARGEST_PER_SIDE * scale.side_px * scale.k_rad_per_px)
        small = radius_per_k < _SIZE_OF_IMPURITY_PER_K
        size = torch.where(
            small,
            draw(_HEIGHT_OF_SMALL, n, generator, logarithmic=True),
            draw(self.height, n, generator, logarithmic=True),
        )
        height = signed(size, generator)
        radius = radius_per_k / scale.k_rad_per_px
        has_flat_top = bernoulli(self.flat_share, n, generator)
        scatters = bernoulli(self.scattering_share, n, generator)
        rims = [_rim(yx[i], float(radius_per_k[i]), scale) for i in range(n) if scatters[i]]
        scatterers = torch.cat([yx.new_zeros(0, 2), *rims])[:MOST_SCATTERERS]

        def spots(pixels_yx: Tensor) -> Tensor:
            distance = distances(pixels_yx, yx)
            # a Gaussian of two standard deviations' radius, or a flat top
            round_top = torch.exp(-2 * (distance / radius) ** 2)
            flat_top = torch.sigmoid((radius - distance) / (_SOFT_RIM * radius))
            return (height * torch.where(has_flat_top, flat_top, round_top)).sum(-1)

        def covered_by_objects(pixels_yx: Tensor) -> Tensor:
            return covered(distances(pixels_yx, yx), radius.clamp_min(1.0)).amax(-1)

        return Part(in_or_near(scatterers, scale), False, covered_by_objects, spots)


def _rim(centre: Tensor, radius_per_k: float, scale: Scale) -> Tensor:
    """The scatterers of an object: one in its middle, or a ring on its rim."""
    n = round(2 * math.pi * radius_per_k / _SPACING_PER_K)
    if radius_per_k < _SIZE_OF_IMPURITY_PER_K / 2:
        return centre[None]
    angle = 2 * math.pi * torch.arange(n, device=centre.device) / n
    return centre + radius_per_k / scale.k_rad_per_px * torch.stack([angle.sin(), angle.cos()], -1)
