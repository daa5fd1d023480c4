"""Points that explain the maps where all are of one kind: the empirical kernel with its core is the judge.

Ripples alone find a missing impurity less well, since the highest peak of the residual may be a side maximum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .basis import Floats, KernelBasis
from .bins import Bins
from .empirical import Amplitudes, shared_kernel
from .linear import Maps

#: Two candidates nearer than this share of the kernel's radius are one: a quarter of a ripple.
_SAME_SHARE = 0.0625


class Explained(NamedTuple):
    """What each point explains, and where one is missing.

    Attributes
    ----------
    of_points
        Amplitudes of the points.
    missing_px
        On the stack's pixels, the most significant first, shape (proposed, 2).
    of_missing
        Their amplitudes.
    """

    of_points: Amplitudes
    missing_px: Floats
    of_missing: Amplitudes


def explained_by_one_kernel(
    bins: Bins,
    positions_px: Floats,
    candidates_px: Floats,
    radius_nm: float,
    least_sigma: float,
    least_amplitude: float,
) -> Explained | None:
    """Amplitudes with the kernel that all points have in common; None where the frame is too small for one.

    Parameters
    ----------
    bins
        The maps.
    positions_px, candidates_px
        Points, and positions where one may be missing, on the stack's pixels, shape (n, 2).
    radius_nm
        Of the kernel.
    least_sigma, least_amplitude
        From where on a candidate is proposed.
    """
    basis = KernelBasis(radius_nm, bins.pixel_nm)
    maps = Maps.of(bins.values, basis)
    if not maps.groups:
        return None
    points, candidates = (_coarse(at, bins.coarser) for at in (positions_px, candidates_px))
    kernel = shared_kernel(maps, basis, points)
    peaks = kernel.residual_peaks(points, min_sigma=least_sigma, min_amplitude=least_amplitude).yx_px
    more = [one for one in candidates if _nearest(one, np.concatenate([points, peaks]), bins) > _SAME_SHARE * radius_nm]
    every = np.concatenate([points, peaks, np.array(more).reshape(-1, 2)])
    found = kernel.amplitudes(every)
    n = len(points)
    value, sigma = found.value[n:], found.sigma[n:]
    kept = np.flatnonzero((value >= least_amplitude) & (value >= least_sigma * sigma))
    kept = kept[np.argsort(-value[kept] / sigma[kept], kind="stable")]
    missing: NDArray[np.float64] = every[n:][kept] * bins.coarser + (bins.coarser - 1) / 2
    return Explained(kernel.amplitudes(points), missing, Amplitudes(value[kept], sigma[kept]))


def _coarse(at: Floats, coarser: int) -> Floats:
    return (at - (coarser - 1) / 2) / coarser


def _nearest(one: Floats, others: Floats, bins: Bins) -> float:
    """The distance to the nearest of the others, in nm."""
    return float(np.hypot(*((others - one) * np.array(bins.pixel_nm)).T).min())
