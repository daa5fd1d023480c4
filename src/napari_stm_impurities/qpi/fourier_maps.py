"""Fourier maps for checking a fitted dispersion by eye: the Fourier transform of each map, and E(q).

The ring of radius 2k lies in the Fourier transform of each map; all maps together, the mean over all directions
against bias and q, show the parabola of the band. Nothing is fitted here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from ..core.errors import StmError
from ..data.images import check_stack, pixel_size_nm
from ..prepare import average_biases, clip_saturated, fill_missing, level_planes

#: Neighbouring biases are averaged to at most this many maps: the ring moves less than its width within each.
MOST_MAPS = 24
#: Nothing is shown beyond this spatial frequency, in rad/nm: no surface state ripples so finely (0.4 nm).
LARGEST_Q_PER_NM = 16.0


class FourierMaps(NamedTuple):
    """The Fourier transforms of a stack, for display.

    Attributes
    ----------
    log_power
        Natural logarithm of the power of each map, shape (map, q_y, q_x), float32, q = 0 in the middle.
    q_y_per_nm, q_x_per_nm
        Spatial frequencies in rad/nm, ascending, shapes (q_y,) and (q_x,).
    radial
        The mean of `log_power` around each circle, shape (map, q).
    q_per_nm
        The radii of those circles in rad/nm, evenly spaced, shape (q,).
    bias_mv
        Shape (map,), in mV.
    """

    log_power: np.ndarray
    q_y_per_nm: np.ndarray
    q_x_per_nm: np.ndarray
    radial: np.ndarray
    q_per_nm: np.ndarray
    bias_mv: np.ndarray


def fourier_maps(stack: xr.DataArray) -> FourierMaps:
    """The Fourier transform of each map of a stack, neighbouring biases averaged to at most 24 maps.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).

    Raises
    ------
    StmError
        If `stack` is not a stack, nothing was measured, or the frame is too narrow for any ripple.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> crests = np.sin(2.0 * 0.25 * np.arange(64)) * np.ones((1, 64, 1))  # q = 2 rad/nm along x
    >>> picture = fourier_maps(make_stack(crests, [10.0], 0.25))
    >>> at = np.unravel_index(picture.log_power[0].argmax(), picture.log_power[0].shape)
    >>> float(abs(picture.q_x_per_nm[at[1]]).round(1))
    2.0
    """
    check_stack(stack)
    averaged = fill_missing(level_planes(average_biases(clip_saturated(stack), MOST_MAPS)))
    maps = averaged.values.astype(np.float64)
    size_y, size_x = pixel_size_nm(averaged)
    height, width = maps.shape[1:]
    window = np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[None, 1:-1]
    weighted = (maps - (maps * window).sum((1, 2), keepdims=True) / window.sum()) * window
    q_y, q_x = (2 * np.pi * np.fft.fftshift(np.fft.fftfreq(n, size)) for n, size in ((height, size_y), (width, size_x)))
    rows, columns = (np.flatnonzero(np.abs(q) <= LARGEST_Q_PER_NM) for q in (q_y, q_x))
    inside = np.ix_(rows, columns)
    # one map after the other, to save memory
    log_power = np.stack(
        [np.log(np.abs(np.fft.fftshift(np.fft.fft2(map_))[inside]) ** 2 + np.finfo(float).tiny) for map_ in weighted]
    )
    q_y, q_x = q_y[rows], q_x[columns]
    step = max(2 * np.pi / (height * size_y), 2 * np.pi / (width * size_x))
    ring = np.rint(np.hypot(q_y[:, None], q_x[None]) / step).astype(int)
    n_rings = max(int(min(q_y.max(), q_x.max()) / step), 2)
    if ring.max() < n_rings - 1:
        raise StmError(
            f"{stack.attrs.get('source', 'the stack')}: in pixels of {size_y:.4g} x {size_x:.4g} nm the frame is too"
            " narrow for any ripple, so there is no Fourier transform to show"
        )
    n_pixels = np.bincount(ring.ravel())
    radial = np.stack([np.bincount(ring.ravel(), map_.ravel()) / n_pixels for map_ in log_power])[:, 1:n_rings]
    return FourierMaps(
        log_power.astype(np.float32), q_y, q_x, radial, step * np.arange(1, n_rings), np.asarray(averaged.bias.values)
    )
