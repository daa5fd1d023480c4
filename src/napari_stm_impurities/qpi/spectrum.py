"""The radial power spectrum of each map of a stack."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy import fft

from ..core.robust import mad_std
from ..data.images import MIN_SIDE_PX, pixel_size_nm
from ..prepare import average_biases, clip_saturated, fill_missing, level_planes

#: Neighbouring biases are averaged to at most this many maps; the ring moves by less than its width within each.
_MOST_MAPS = 32
#: Frequencies are sampled this many times finer than the frame resolves, so that a peak has a shape.
_PADDING = 2
_CLIP = 4.0
#: A line counts as measured when this share of it was.
_MEASURED_SHARE = 0.5


class RadialSpectrum(NamedTuple):
    """The azimuthal median of the power spectrum of each map.

    Attributes
    ----------
    q_per_nm
        Spatial frequency in rad/nm, shape (q,), evenly spaced.
    log_power
        Natural logarithm, shape (map, q); nothing where the frame is so narrow that no circle fits.
    bias_mv
        Shape (map,).
    resolution_per_nm
        The width of the finest feature that the frame can show, in rad/nm.
    """

    q_per_nm: np.ndarray
    log_power: np.ndarray
    bias_mv: np.ndarray
    resolution_per_nm: float


def radial_spectrum(stack: xr.DataArray) -> RadialSpectrum:
    """The radial spectrum of each map, neighbouring biases averaged to at most 32 maps.

    The median around each circle is taken, not the mean: the spots of a lattice or the stripes of a
    herringbone lie in few directions, a ring in all.
    """
    averaged = fill_missing(level_planes(average_biases(clip_saturated(_measured_part(stack)), _MOST_MAPS)))
    size = np.array(pixel_size_nm(averaged))
    height, width = averaged.shape[1:]
    window = (np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[None, 1:-1]).astype(np.float32)
    shape = [fft.next_fast_len(_PADDING * n, real=True) for n in (height, width)]
    q = np.hypot(2 * np.pi * fft.fftfreq(shape[0], size[0])[:, None], 2 * np.pi * fft.rfftfreq(shape[1], size[1])[None])
    resolution = 2 * np.pi / float(min(height * size[0], width * size[1]))
    step = resolution / _PADDING
    # beyond the limit of the longer side of a pixel only arcs of each circle exist, which are sufficient
    n_rings = int(np.pi / float(size.min()) / step)
    if n_rings < 2:
        return RadialSpectrum(np.zeros(0), np.zeros((len(averaged), 0)), averaged.bias.values, resolution)
    ring = np.rint(q / step).astype(int).ravel()
    by_ring = np.argsort(ring, kind="stable")
    edges = np.searchsorted(ring[by_ring], np.arange(1, n_rings + 1))
    inside = by_ring[edges[0] : edges[-1]]
    power = np.empty((len(averaged), len(inside)), np.float32)
    # one map at a time, so that a large stack needs no memory for all the transforms at once
    for map_, map_power in zip(averaged.values, power, strict=True):
        wave = fft.rfft2(_weighted(map_, window), s=shape).ravel()
        level = max(float(np.vdot(wave, wave).real) / wave.size, float(np.finfo(np.float32).tiny))
        wave = wave[inside]
        map_power[:] = (wave.real**2 + wave.imag**2) / level
    ring_power = np.split(power, edges[1:-1] - edges[0], axis=1)
    log_power = np.log(
        np.stack([np.median(values, axis=1) for values in ring_power], axis=1).astype(np.float64) + 1e-12
    )
    return RadialSpectrum(step * np.arange(1, n_rings), log_power, averaged.bias.values, resolution)


def _weighted(map_: np.ndarray, window: np.ndarray) -> np.ndarray:
    """A map about zero and of spread one, without outliers, fading out towards the frame's edges."""
    centred = map_ - map_.mean(dtype=np.float64)
    spread = mad_std(centred, 0.0) or centred.std()
    clipped = np.clip(centred / (spread or 1.0), -_CLIP, _CLIP).astype(np.float32)
    weighted: np.ndarray = (clipped - (clipped * window).sum() / window.sum()) * window
    return weighted


def _measured_part(stack: xr.DataArray) -> xr.DataArray:
    """The rectangle around the measured lines, so that the edge of an aborted scan is no feature of the spectrum."""
    measured = np.isfinite(stack.values).any(0)
    rows = np.flatnonzero(measured.mean(1) > _MEASURED_SHARE)
    columns = np.flatnonzero(measured.mean(0) > _MEASURED_SHARE * len(rows) / len(measured))
    if len(rows) < MIN_SIDE_PX or len(columns) < MIN_SIDE_PX:
        return stack
    return stack.isel(y=slice(rows[0], rows[-1] + 1), x=slice(columns[0], columns[-1] + 1))
