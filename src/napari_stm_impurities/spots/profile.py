"""The shape that all spots of a map share: concentric Gaussians."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

#: Full width at half maximum of a Gaussian over its standard deviation.
FWHM_PER_STD = float(2 * np.sqrt(2 * np.log(2)))

#: The narrowest spot, full width at half maximum in pixels; a narrower one cannot be distinguished from a noisy pixel.
NARROWEST_FWHM_PX = 1.2

#: Windows reach this many standard deviations of the widest Gaussian.
REACH = 3.3


@dataclass(frozen=True)
class Profile:
    """Concentric Gaussians, so that a spot can be peaked or have wings; its volume is 1."""

    std: np.ndarray
    """Shape (j,), standard deviations in pixels."""
    share: np.ndarray
    """Shape (j,), share of the volume in each; they add up to 1."""

    @classmethod
    def gaussian(cls, fwhm_px: float) -> Profile:
        """One Gaussian.

        Examples
        --------
        >>> round(Profile.gaussian(3.0).fwhm_px, 2)
        3.0
        """
        return cls(np.array([fwhm_px / FWHM_PER_STD]), np.ones(1))

    def with_core_and_wings(self) -> Profile:
        """The profile with a narrower and a wider Gaussian added to each, as the start of a fit."""
        return Profile(np.outer([0.6, 1.0, 1.8], self.std).ravel(), np.outer([0.1, 0.6, 0.3], self.share).ravel())

    @cached_property
    def reach_px(self) -> int:
        """Half the side of a window, in pixels."""
        return int(np.ceil(REACH * self.std.max())) + 1

    @cached_property
    def fwhm_px(self) -> float:
        """Full width at half maximum, in pixels."""
        radius = np.linspace(0, REACH * self.std.max(), 2000)
        height = self.at(radius**2)
        return float(2 * radius[np.argmax(height < height[0] / 2)])

    @cached_property
    def width_bounds(self) -> tuple[float, float]:
        """Bounds of the width of one spot over that of this profile."""
        return max(0.75, min(1.0, NARROWEST_FWHM_PX / self.fwhm_px)), 1.4

    @cached_property
    def height(self) -> float:
        """The value at the centre, per square pixel."""
        return float((self.share / (2 * np.pi * self.std**2)).sum())

    def at(self, squared: np.ndarray) -> np.ndarray:
        """The value at a squared distance (square pixels) from the centre, per square pixel."""
        out = np.zeros_like(squared)
        for std, share in zip(self.std, self.share, strict=True):
            out += share / (2 * np.pi * std**2) * np.exp(squared * (-0.5 / std**2))
        return out

    def with_slopes(self, squared: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The value, and a and b of its derivatives at d: the gradient is a d, the Hessian a 1 + b d d^T."""
        value, first, second = np.zeros_like(squared), np.zeros_like(squared), np.zeros_like(squared)
        for std, share in zip(self.std, self.share, strict=True):
            term = share / (2 * np.pi * std**2) * np.exp(squared * (-0.5 / std**2))
            value += term
            first -= term / std**2
            second += term / std**4
        return value, first, second
