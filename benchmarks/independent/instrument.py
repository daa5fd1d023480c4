"""What the instrument does to the density of states: tip, lock-in, feedback."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.signal import lfilter, lfiltic
from scipy.special import j1

Reals = NDArray[np.float64]


def through_tip(maps: Reals, pixel_nm: float, radius_nm: float) -> Reals:
    """The maps as a flat round tip sees them: the mean over a disc, in Fourier space 2 J1(q R) / (q R)."""
    if radius_nm == 0:
        return maps
    edge = int(np.ceil(2 * radius_nm / pixel_nm)) + 1
    padded = np.pad(maps, [(0, 0), (edge, edge), (edge, edge)], mode="reflect")
    height, width = padded.shape[1:]
    q = 2 * np.pi / pixel_nm * np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    x = np.where(q == 0, 1e-9, q * radius_nm)
    seen = np.fft.irfft2(np.fft.rfft2(padded) * 2 * j1(x) / x, s=(height, width))
    return seen[:, edge:-edge, edge:-edge]


def through_lock_in(maps: Reals, bias_mv: Reals, amplitude_mv: float, delay_px: float) -> Reals:
    """The maps as a lock-in measures them.

    Parameters
    ----------
    amplitude_mv
        Peak of the modulation: dI/dV is a mean over sqrt(1 - (dV / amplitude)^2). Where the biases lie further apart
        than this the mean would take off under 2 % of the ripples of Au(111) within 20 nm, and is left out.
    delay_px
        Time constant in pixels; whatever is seen comes later by it along the line.
    """
    n = len(maps)
    weights = (
        np.sqrt(np.maximum(1 - ((bias_mv[:, None] - bias_mv) / amplitude_mv) ** 2, 0)) if amplitude_mv else np.eye(n)
    )
    out = np.tensordot(weights / weights.sum(axis=1, keepdims=True), maps, axes=1)
    if delay_px == 0:
        return out
    # one pole whose delay at low frequencies is p / (1 - p) pixels
    pole = delay_px / (1 + delay_px)
    start = np.apply_along_axis(lambda first: lfiltic([1 - pole], [1, -pole], first), -1, out[..., :1])
    return lfilter([1 - pole], [1, -pole], out, axis=-1, zi=start)[0]


def at_set_point(maps: Reals, current: Reals, moved_px: Reals) -> Reals:
    """dI/dV at constant current: each map over the map of the current that the feedback saw.

    Parameters
    ----------
    current
        The current at the set point over that on the bare surface, shape (y, x).
    moved_px
        How far the sample was moved at each bias and line, shape (bias, line, 2) in pixels.
    """
    grid = np.stack(np.mgrid[: current.shape[0], : current.shape[1]], axis=-1)
    if not moved_px.any():
        return maps / current
    return np.stack(
        [
            one / map_coordinates(current, np.moveaxis(grid - moved[:, None], -1, 0), mode="nearest")
            for one, moved in zip(maps, moved_px, strict=True)
        ]
    )
