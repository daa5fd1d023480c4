"""Reading k(V) off the data: the ring of radius 2k in the Fourier transform of each map.

Scattering off point defects fills the transform up to 2k, brightest just inside, and leaves nothing
beyond. So at 2k the radial spectrum has a ridge and then falls; this shape is looked for in all maps at
once, along one parabola in the bias.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.optimize import minimize

from ..errors import StmError
from ..stacks import check_stack
from .dispersion import HBAR2_OVER_2ME_MEV_NM2, Dispersion
from .spectrum import RadialSpectrum, radial_spectrum

#: A ring must stand out of the spectrum by this many standard deviations of what is there without one.
LEAST_QUALITY = 5.0
#: No ring is looked for beyond this k: ripples shorter than 0.4 nm cannot be told from the atomic lattice.
_LARGEST_K_PER_NM = 8.0
#: What is assumed of the mass where a single map, or a narrow range of biases, cannot tell it.
_USUAL_MASS = 0.4
#: Fewest frequencies between the centre and the ring, in widths of the finest feature: three crests in the frame.
_FEWEST_WIDTHS = 3.0
#: Twice k lies this far below the frequency of most contrast, in widths of the finest feature; measured on
#: simulated surfaces with phase shifts from 0.5 to 2.6 (it grows with the phase shift).
_EDGE_BEYOND = 0.35
#: What the unknown phase shift leaves uncertain of k, as a share.
_EDGE_UNCERTAINTY_SHARE = 0.012
#: Variance of the logarithm of one independent value of a noise spectrum, near its median.
_LOG_MEDIAN_VARIANCE = 2.1
#: Smallest change of k^2 between two biases, m* = 0.02; a pattern that stays put is no electron wave.
_SHALLOWEST = 0.02 / HBAR2_OVER_2ME_MEV_NM2
#: Largest change of k^2 between two biases that a band can have: m* = 2, in 1/(nm^2 mV).
_STEEPEST = 2.0 / HBAR2_OVER_2ME_MEV_NM2


class NoRing(StmError):
    """No ring stands out, so the scale of the ripples cannot be read off the data."""


def ring_contrast(spectrum: RadialSpectrum) -> np.ndarray:
    """How much the spectrum looks like a ring's edge at each frequency, in each map.

    Twice the mean of log power just inside, less that just outside and that farther inside, so that a
    steady slope counts for nothing.

    Returns
    -------
    numpy.ndarray
        Shape (map, q), in standard deviations of what noise alone gives; 0 where the frame cannot tell.
    """
    q, step, resolution = spectrum.q_per_nm, spectrum.q_per_nm[0], spectrum.resolution_per_nm
    width = np.maximum(1.3 * resolution, 0.1 * q)
    edges = np.concatenate([[q[0] - step / 2], q + step / 2])
    total = np.concatenate([np.zeros((len(spectrum.log_power), 1)), np.cumsum(spectrum.log_power, axis=1)], axis=1)

    def mean(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        low, high = (np.clip(at, edges[0], edges[-1]) for at in (low, high))
        rows = [np.interp(high, edges, row) - np.interp(low, edges, row) for row in total]
        return np.stack(rows) * step / np.maximum(high - low, step / 4)

    bands = ((q - width, q, 2.0), (q + 0.3 * width, q + 1.3 * width, -1.0), (q - 2.5 * width, q - width, -1.0))
    contrast = sum(weight * mean(low, high) for low, high, weight in bands)
    variance = sum(
        weight**2
        * _LOG_MEDIAN_VARIANCE
        / np.maximum(np.pi / 2 * (high**2 - np.maximum(low, 0) ** 2) / resolution**2, 1)
        for low, high, weight in bands
    )
    known = (q > _FEWEST_WIDTHS * resolution) & (q + width < edges[-1])
    return np.where(known, contrast / np.sqrt(variance), 0.0)


def fit_dispersion(stack: xr.DataArray) -> Dispersion:
    """Read the surface band off the data.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x). One map alone gives its k; the mass is then assumed to be 0.4.

    Returns
    -------
    Dispersion
        Band bottom and effective mass with their standard deviations, that of k, and the quality: how far the
        ring stands out, in standard deviations of what noise alone gives.

    Raises
    ------
    NoRing
        If no ring stands out.
    StmError
        If `stack` is not a stack, or nothing was measured.

    Examples
    --------
    >>> from napari_stm_impurities.simulation.surface import simulate_surface
    >>> band = fit_dispersion(simulate_surface("Au(111)", seed=2).stack)
    >>> bool(abs(band.k_per_nm(0.0) / Dispersion.of_material("Au(111)").k_per_nm(0.0) - 1) < 0.05)
    True
    """
    check_stack(stack)
    spectrum = radial_spectrum(stack)
    contrast = ring_contrast(spectrum)
    k_squared, quality = _best_parabola(spectrum, contrast)
    if not quality >= LEAST_QUALITY:
        raise NoRing(
            f"{stack.attrs.get('source', 'the stack')}: no ring of ripples stands out of the Fourier transforms"
            f" ({quality:.1f} standard deviations, {LEAST_QUALITY:g} are needed); give a material, or the"
            " wavelength of the ripples in nm, if you see them"
        )
    return _dispersion(spectrum, contrast, k_squared, quality)


def _along(spectrum: RadialSpectrum, contrast: np.ndarray, k_squared: np.ndarray) -> np.ndarray:
    """The contrast of each map at its place on parabolas, shape (parabola, map); `k_squared` likewise."""
    q = 2 * np.sqrt(np.maximum(k_squared, 0)) + _EDGE_BEYOND * spectrum.resolution_per_nm
    columns = [np.interp(q[:, i], spectrum.q_per_nm, row, left=0, right=0) for i, row in enumerate(contrast)]
    return np.stack(columns, axis=1)


def _best_parabola(spectrum: RadialSpectrum, contrast: np.ndarray) -> tuple[np.ndarray, float]:
    """k^2 of each map, in 1/nm^2, on the parabola with the most contrast, and its quality."""
    last = min(spectrum.q_per_nm[-1], 2 * _LARGEST_K_PER_NM)
    top = np.arange(spectrum.q_per_nm[0], last, spectrum.resolution_per_nm / 8) / 2
    place = _place(spectrum)
    span_mv = float(np.ptp(spectrum.bias_mv))
    fall = np.linspace(0, 0.97, 98) if span_mv else np.zeros(1)
    k_top, share = (grid.ravel() for grid in np.meshgrid(top, fall, indexing="ij"))
    possible = k_top**2 * share <= _STEEPEST * span_mv
    # a band that does not move at all with the bias is a pattern of the surface, unless the range is narrow
    possible &= k_top**2 * share >= span_mv * _SHALLOWEST
    if not possible.any():
        return np.full(len(contrast), np.nan), 0.0
    parabolas = (k_top**2)[possible, None] * (1 - share[possible, None] * (1 - place))
    scores = _along(spectrum, contrast, parabolas).sum(1)
    first = parabolas[scores.argmax()]

    def miss(ends: np.ndarray) -> float:
        return -float(_along(spectrum, contrast, _between(ends, place)[None]).sum())

    start = np.array([first[0], first[-1]]) if span_mv else first[:1]
    found = minimize(miss, start, method="Nelder-Mead", options={"initial_simplex": _simplex(start)})
    k_squared = _between(found.x, place)
    return k_squared, -float(found.fun) / len(contrast) * np.sqrt(_independent_maps(spectrum, k_squared))


def _independent_maps(spectrum: RadialSpectrum, k_squared: np.ndarray) -> float:
    """How many maps bear witness on their own: where the ring does not move, a fixed pattern looks the same in all."""
    moved = 2 * float(np.ptp(np.sqrt(np.maximum(k_squared, 0)))) / spectrum.resolution_per_nm
    return min(float(len(k_squared)), 1.0 + moved)


def _place(spectrum: RadialSpectrum) -> np.ndarray:
    """0 at the lowest bias, 1 at the highest."""
    bias = spectrum.bias_mv
    return (bias - bias[0]) / np.ptp(bias) if len(bias) > 1 else np.ones(1)


def _between(ends: np.ndarray, place: np.ndarray) -> np.ndarray:
    return ends[0] + (ends[-1] - ends[0]) * place


def _simplex(start: np.ndarray) -> np.ndarray:
    return np.vstack([start, start + 0.03 * start.max() * np.eye(len(start))])


def _dispersion(spectrum: RadialSpectrum, contrast: np.ndarray, k_squared: np.ndarray, quality: float) -> Dispersion:
    bias = spectrum.bias_mv
    by_noise = spectrum.resolution_per_nm / (4 * np.sqrt(k_squared.mean()) * np.sqrt(quality))
    k_share = float(np.hypot(by_noise, _EDGE_UNCERTAINTY_SHARE))
    if len(bias) == 1 or k_squared[-1] <= k_squared[0]:
        bottom = float(bias[-1]) - HBAR2_OVER_2ME_MEV_NM2 * float(k_squared[-1]) / _USUAL_MASS
        return Dispersion(
            band_bottom_mv=bottom,
            effective_mass=_USUAL_MASS,
            k_uncertainty_share=k_share,
            quality=quality,
            source="k from the ring in one map; the mass is assumed",
        )
    slope = (k_squared[-1] - k_squared[0]) / (bias[-1] - bias[0])
    mass = slope * HBAR2_OVER_2ME_MEV_NM2
    bottom = bias[0] - k_squared[0] / slope
    # the phase shift moves both ends of the parabola together, noise each on its own
    k2_std = 2 * max(by_noise, 0.3 * _EDGE_UNCERTAINTY_SHARE) * k_squared
    slope_share = float(np.hypot(k2_std[0], k2_std[-1]) / (k_squared[-1] - k_squared[0]))
    return Dispersion(
        band_bottom_mv=float(bottom),
        effective_mass=float(mass),
        k_uncertainty_share=k_share,
        effective_mass_uncertainty=float(mass) * slope_share,
        band_bottom_uncertainty_mv=float(np.hypot(k2_std[0] / slope, (bias[0] - bottom) * slope_share)),
        quality=quality,
        source=f"ring in the Fourier transforms of {len(bias)} maps",
    )
