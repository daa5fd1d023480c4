"""The coverage of pixels by structure, from the distance to its line."""

from __future__ import annotations

import math

from torch import Tensor

#: Structure reaches an eighth of the electrons' wavelength 2 pi / k to each side: a quarter of a ripple from crest to
#: crest, within which the ripples do not resolve what scatters.
_WAVELENGTH_SHARE = 1 / 8
#: And at least a pixel, so that it is visible as a line.
_SMALLEST_RADIUS_PX = 1.0


def line_radius_px(k_rad_per_px: Tensor) -> Tensor:
    """The half width of structure around its line in pixels, an eighth of the electrons' wavelength; the same shape."""
    return (_WAVELENGTH_SHARE * 2 * math.pi / k_rad_per_px).clamp_min(_SMALLEST_RADIUS_PX)


def covered(distance_px: Tensor, radius_px: Tensor | float) -> Tensor:
    """1 within the radius, falling to 0 over the pixel that lies across it, the same shape as the distance."""
    return (radius_px - distance_px + 0.5).clamp(0, 1)
