"""The coverage of pixels by a line of scatterers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...physics.scattering import distances
from ..coverage import covered, line_radius_px
from .base import Scale


def covered_by_line(yx_px: Tensor, spacing_px: float, scale: Scale) -> Callable[[Tensor], Tensor]:
    """A function for the covered share of pixels by a line of scatterers, the gaps between neighbours included.

    Parameters
    ----------
    yx_px
        The scatterers, shape (scatterer, 2).
    spacing_px
        The distance of neighbours.
    scale
        Of the window.
    """
    radius = max(float(line_radius_px(torch.tensor(scale.k_rad_per_px))), spacing_px / 2)

    def of_pixels(pixels_yx: Tensor) -> Tensor:
        if len(yx_px) == 0:
            return pixels_yx.new_zeros(len(pixels_yx))
        return covered(distances(pixels_yx, yx_px).amin(-1), radius)

    return of_pixels
