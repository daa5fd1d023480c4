"""What scatters or shows, and is no impurity: rows of scatterers (steps, walls, corrals) and the herringbone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

#: Between neighbouring scatterers of a row in nm: well under half a wave, so that the row reflects like an edge.
ROW_SPACING_NM = 0.45
#: Pixels nearer than this to a row, in nm, are structure.
ROW_HALF_WIDTH_NM = 0.6
#: A step edge meanders by so much (standard deviation, nm) over such a length (nm), as kinks make it.
_MEANDER_NM, _MEANDER_LENGTH_NM = 0.15, 6.0
#: Half of the width of the rise from one terrace to the next, in nm: a tip of ordinary sharpness.
_RISE_NM = 0.3
#: Of the herringbone of Au(111): period, half of the distance of the two ridges of a pair, width of a ridge and
#: length between two bends, in nm (Barth et al., Phys. Rev. B 42, 9307 (1990)).
_PERIOD_NM, _HALF_PAIR_NM, _RIDGE_NM, _BEND_NM = 6.3, 1.25, 0.5, 14.0
#: The ridges turn by 60 degrees to either side at a bend, so they run 30 degrees off the mean direction.
_ZIGZAG_RAD = np.pi / 6


@dataclass(frozen=True)
class Step:
    """A step edge through the frame: the places of its scatterers, a point on it, and its normal (y, x)."""

    places_nm: Reals
    through_nm: Reals
    normal: Reals

    def side(self, yx_nm: Reals) -> Reals:
        """How far places of shape (..., 2) lie on the upper side, in nm."""
        return (yx_nm - self.through_nm) @ self.normal

    def terrace(self, yx_nm: Reals) -> Reals:
        """0 on the lower terrace, 1 on the upper one."""
        return 0.5 * (1 + np.tanh(self.side(yx_nm) / _RISE_NM))


def draw_step(frame_nm: float, margin_nm: float, rng: np.random.Generator) -> Step:
    """A step of any direction through the middle half of the frame."""
    angle = rng.uniform(0, np.pi)
    along, normal = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
    through = frame_nm / 2 + rng.uniform(-0.25, 0.25) * frame_nm * normal
    half = frame_nm / np.sqrt(2) + margin_nm
    s = np.arange(-half, half, ROW_SPACING_NM)
    kinks = rng.normal(size=len(s))
    kernel = np.exp(-0.5 * (np.arange(-20, 21) * ROW_SPACING_NM / (_MEANDER_LENGTH_NM / 2)) ** 2)
    off = np.convolve(kinks, kernel / np.sqrt((kernel**2).sum()), mode="same") * _MEANDER_NM
    return Step(through + s[:, None] * along + off[:, None] * normal, through, normal)


def circle(centre_nm: tuple[float, float], radius_nm: float, n: int) -> Reals:
    """The places of a corral of n scatterers, shape (n, 2)."""
    angle = 2 * np.pi * np.arange(n) / n
    return np.array(centre_nm) + radius_nm * np.stack([np.sin(angle), np.cos(angle)], axis=1)


def near_row(yx_nm: Reals, places_nm: Reals, within_nm: float = ROW_HALF_WIDTH_NM) -> NDArray[np.bool_]:
    """Whether places of shape (..., 2) lie near a row."""
    flat = yx_nm.reshape(-1, 2)
    near = np.zeros(len(flat), dtype=bool)
    for place in places_nm:
        near |= ((flat - place) ** 2).sum(axis=1) < within_nm**2
    return near.reshape(yx_nm.shape[:-1])


def herringbone(yx_nm: Reals, rng: np.random.Generator) -> Reals:
    """The ridges of the reconstruction of Au(111) at places of shape (..., 2), mean 0 and standard deviation 1."""
    angle = rng.uniform(0, np.pi)
    along = yx_nm @ np.array([np.sin(angle), np.cos(angle)])
    across = yx_nm @ np.array([np.cos(angle), -np.sin(angle)])
    run = (along + rng.uniform(0, 2 * _BEND_NM)) % (2 * _BEND_NM)
    zigzag = np.tan(_ZIGZAG_RAD) * np.minimum(run, 2 * _BEND_NM - run)
    place = (across - zigzag + rng.uniform(0, _PERIOD_NM)) % _PERIOD_NM - _PERIOD_NM / 2
    ridges = np.exp(-(((np.abs(place) - _HALF_PAIR_NM) / _RIDGE_NM) ** 2))
    return (ridges - ridges.mean()) / ridges.std()
