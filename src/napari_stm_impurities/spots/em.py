"""Expectation-maximisation of a mixture of spots on a uniform background.

The map plus a pedestal is taken as a density: each pixel weighs as much as its value, and the pedestal is the uniform
component (Bishop 2006, chapter 9; Wang et al. 2020 use it for their reference points). A component is an
impurity: a round spot with a centre, a mass and a width of its own and a profile that all share.

Three things are not in the book's plain form:

* A pixel that was not measured, or lies beyond the edge, weighs what the mixture expects there (EM for missing
  data), so a spot cut by the edge or by a missing row is not drawn away from it.
* The profile is a mixture in its turn, of concentric Gaussians; its M step pools all spots.
* Each spot's own width has a prior around the shared one (an inverse gamma, its conjugate), so a weak spot takes the
  width of the others and a strong one its own.

The pedestal fixes how much the pixels count. Weights are counts times c, and counts on a pedestal of p c have the
variance p c^2; setting this to the measured noise gives c = noise^2 / pedestal, and with it the effective number of
counts behind each spot, mass / c.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..core.progress import ShouldStop, Stopped, never
from .mixture import LocalPatches, Mixture, PaddedFrame, gaussians
from .profile import Profile

#: The pedestal in units of the noise. EM's likelihood is that of counts; it weighs a residual under a spot of h noises
#: as if the noise were sqrt(1 + h / PEDESTAL) larger. More would be closer to Gaussian noise, and slower.
PEDESTAL = 10.0

#: The standard deviation of the logarithm of a spot's width over that of the others.
WIDTH_SPREAD = 0.07


def expectation_maximisation(
    mixture: Mixture,
    values: np.ndarray,
    observed: np.ndarray,
    noise_std: float,
    *,
    iterations: int,
    std_bounds: tuple[np.ndarray, np.ndarray] | None,
    smallest_step_px: float = 1e-3,
    should_stop: ShouldStop = never,
) -> Mixture:
    """The mixture with fitted centres, masses, widths and shared profile.

    Parameters
    ----------
    mixture
        Where to start.
    values
        Shape (y, x), level and upright, in the map's unit.
    observed
        Shape (y, x), True where something was measured.
    noise_std
        The noise of one pixel, in the map's unit.
    iterations
        The largest number of iterations; the fit stops earlier once no centre moves by `smallest_step_px` or more.
    should_stop
        Cancellation check, called before each iteration.
    std_bounds
        Bounds of the standard deviation of each Gaussian of the profile, in pixels; None keeps the profile.

    Returns
    -------
    Mixture
        After the last M step.

    Raises
    ------
    Stopped
        If `should_stop` returned true.
    """
    if not len(mixture):
        return mixture
    pedestal = PEDESTAL * noise_std
    counts_per_mass = pedestal / noise_std**2
    weights = np.maximum(values + pedestal, 0.0)
    pedestal_level = pedestal
    frame: PaddedFrame | None = None
    padded_weights = padded_observed = np.zeros(0)
    for _ in range(iterations):
        if should_stop():
            raise Stopped
        reach = mixture.profile.reach_px
        if frame is None or not 0.75 * frame.margin < reach <= frame.margin:
            frame = PaddedFrame(values.shape, reach)
            padded_weights, padded_observed = frame.pad(weights, 0.0), frame.pad(observed, False)
        windows = frame.windows(mixture.yx, mixture.aspect)
        spots = gaussians(mixture, windows)
        expected = pedestal_level + frame.add_up(windows, spots.sum(axis=0))
        # E step: the share of a component in a pixel's weight is its own value times weight / expected
        ratio = np.where(padded_observed, padded_weights / expected, 1.0)
        spots *= ratio[windows.flat]
        pedestal_level *= float(ratio[padded_observed].mean())
        moved = _maximise(mixture, windows, spots, std_bounds, counts_per_mass)
        step = np.abs(moved.yx - mixture.yx).max()
        mixture = moved
        if step < smallest_step_px:
            break
    return mixture


def _maximise(
    mixture: Mixture,
    windows: LocalPatches,
    spots: np.ndarray,
    std_bounds: tuple[np.ndarray, np.ndarray] | None,
    counts_per_mass: float,
) -> Mixture:
    """The M step, from the responsibilities times the weights; shape (j, k, n, n)."""
    along_y, along_x = spots.sum(axis=3), spots.sum(axis=2)
    part = np.maximum(along_y.sum(axis=2), 1e-300)
    mass = part.sum(axis=0)
    precision = 1 / mixture.profile.std[:, None] ** 2
    pull = (precision * part).sum(axis=0)
    shift_y = (precision * np.einsum("jkn,kn->jk", along_y, windows.dy)).sum(axis=0) / pull
    shift_x = (precision * np.einsum("jkn,kn->jk", along_x, windows.dx)).sum(axis=0) / pull
    yx = mixture.yx + np.column_stack([shift_y, shift_x]) / mixture.aspect

    spread = np.einsum("jkn,kn->jk", along_y, (windows.dy - shift_y[:, None]) ** 2)
    spread += np.einsum("jkn,kn->jk", along_x, (windows.dx - shift_x[:, None]) ** 2)
    prior = 1 / (4 * WIDTH_SPREAD**2)
    stretched = (precision * spread).sum(axis=0) * counts_per_mass / 2
    width = np.sqrt((stretched + prior) / (mass * counts_per_mass + prior)).clip(*mixture.profile.width_bounds)
    profile = mixture.profile
    if std_bounds is not None:
        total = part.sum(axis=1)
        std = np.clip(np.sqrt((spread / width**2).sum(axis=1) / (2 * total)), *std_bounds)
        profile = Profile(std, total / total.sum())
    return replace(mixture, yx=yx, mass=mass, width=width, profile=profile)
