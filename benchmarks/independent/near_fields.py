"""What stands on an impurity, where the wave alone does not say it: dots, rings, bright centres, lobes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

SHAPES = ("dot", "ring", "bright centre", "lobes")
#: Beyond so many radii nothing of a near field is left: exp(-2.2^4) is 7e-11.
_REACH = 2.2


@dataclass(frozen=True)
class NearField:
    """A near field: its shape, radius in nm, height, direction, and how the height changes over the biases."""

    shape: str
    radius_nm: float
    height: float
    slope: float
    angle_rad: float

    def weight(self, distance_nm: Reals) -> Reals:
        """How much of the wave is replaced, 0 to 1, at each distance."""
        return np.exp(-((distance_nm / self.radius_nm) ** 4))

    def value(self, offset_nm: Reals, course: float) -> Reals:
        """What stands there instead, at offsets of shape (..., 2); `course` runs from -0.5 to 0.5 over the biases."""
        height = self.height * (1 + self.slope * course)
        u = np.linalg.norm(offset_nm, axis=-1) / self.radius_nm
        if self.shape == "dot":
            return height * np.exp(-(u**2))
        if self.shape == "ring":
            return height * np.exp(-(((u - 0.6) / 0.25) ** 2))
        if self.shape == "bright centre":
            return height * (2 * np.exp(-((u / 0.35) ** 2)) - np.exp(-(u**2)))
        if self.shape == "lobes":
            along = (offset_nm[..., 0] * np.sin(self.angle_rad) + offset_nm[..., 1] * np.cos(self.angle_rad)) / (
                self.radius_nm
            )
            # one lobe is twice as high as the other
            return height * np.exp(-(u**2)) * (0.5 + 1.5 * along)
        if self.shape == "erased":
            return np.zeros_like(u)
        raise ValueError(f"no near field {self.shape!r}; there are {', '.join(SHAPES)} and erased")


def draw_near_fields(n: int, radius_nm: float, height: float, rng: np.random.Generator) -> list[NearField]:
    """A near field for each kind, each of another shape as far as there are shapes."""
    return [
        NearField(
            str(shape),
            radius_nm * rng.uniform(0.8, 1.2),
            height * rng.uniform(0.5, 1.3) * rng.choice([-1, 1]),
            rng.uniform(-0.8, 0.8),
            rng.uniform(0, 2 * np.pi),
        )
        for shape in rng.permutation(SHAPES)[np.arange(n) % len(SHAPES)]
    ]


def with_near_fields(
    waves: Reals, pixels_nm: Reals, places_nm: Reals, fields: Sequence[NearField], strength: Reals, course: float
) -> Reals:
    """The waves of one map with the near field of every impurity put in, shape (pixel,)."""
    kept, added = np.ones(len(waves)), np.zeros(len(waves))
    for place, field, factor in zip(places_nm, fields, strength, strict=True):
        offset = pixels_nm - place
        near = np.flatnonzero((np.abs(offset) < _REACH * field.radius_nm).all(axis=1))
        weight = field.weight(np.linalg.norm(offset[near], axis=1))
        kept[near] *= 1 - weight
        added[near] += factor * weight * field.value(offset[near], course)
    return waves * kept + added
