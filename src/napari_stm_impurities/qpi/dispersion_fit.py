"""The fit of the dispersion k(V) to the ring of radius 2k in the Fourier transform of each map.

Each map has a likelihood of its ring at each frequency; their sum along the parabolas of possible bands gives the
most likely band, its uncertainty and its significance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.interpolate import CubicSpline

from ..core.errors import StmError
from ..data.images import check_stack, pixel_size_nm
from ..physics.dispersion import HBAR2_OVER_2ME_MEV_NM2, Dispersion
from .ring_classifier import STEP, RingLogOdds, can_show_ring, ring_log_odds
from .spectrum import RadialSpectrum, radial_spectrum

#: The odds of a ring must amount to this many standard deviations; chosen on simulated maps with and without a ring.
MIN_SIGNIFICANCE_SIGMA = 4.0
#: The largest k of the search: ripples shorter than 0.4 nm cannot be distinguished from the atomic lattice.
_LARGEST_K_PER_NM = 8.0
#: The assumed effective mass where a single map, or a narrow range of biases, does not determine it.
_USUAL_MASS = 0.4
#: The probability that a map's spectrum is an outlier, which holds no information on the ring.
_OUTLIER_PROBABILITY = 0.01
#: In the training data of the odds, the ratio of maps with a ring to those without.
_TRAINING_RING_ODDS = 3.0
#: Refinement of the frequencies of the odds, so that a peak between two of them is found.
_REFINEMENT = 4
#: Half the range around the best band for its uncertainty: of log q, and of the drop of k^2.
_NEAR_LOG_Q, _NEAR_DROP = 0.1, 0.2
#: Bands along each side of that range: 0.005 in log q and 0.01 in the drop apart, finer than what the shape of
#: a ring leaves uncertain.
_NEAR_BANDS = 41
#: The rough search takes every third value of log q, 0.019 apart, and this number of drops of k^2, 0.02 apart; the
#: range around the best band spans five such steps and more to each side, so no maximum between two of them is lost.
_SEARCH_EVERY, _SEARCH_DROPS = 3, 48
#: The largest drop of k^2 in the rough search, and around the best band: at 1 the lowest bias would be the band bottom,
#: where there are no ripples. 0.97 is a k of 17 % of that of the highest bias, 0.985 of 12 %.
_SEARCH_LARGEST_DROP, _LARGEST_DROP = 0.97, 0.985
#: The systematic uncertainty of k, as a share, from the phase shift and the near field of the scatterers, which shape
#: the ring alike in all maps; and the ratio of the true errors to those of the odds. Both from simulated surfaces.
_SHAPE_UNCERTAINTY_SHARE, _ERROR_RATIO = 0.015, 1.3
#: The largest error of a known band, as a share of k, for the search of its ring.
_KNOWN_BAND_RANGE = 0.1
#: Bands tried within that range, 1 % of k apart: finer than the shape of a ring leaves k uncertain.
_KNOWN_BAND_STEPS = 21
#: Smallest change of k^2 between two biases, m* = 0.02; a pattern without dispersion is no electron wave.
_SHALLOWEST = 0.02 / HBAR2_OVER_2ME_MEV_NM2
#: Largest change of k^2 between two biases that a band can have: m* = 2, in 1/(nm^2 mV).
_STEEPEST = 2.0 / HBAR2_OVER_2ME_MEV_NM2


class NoRing(StmError):
    """No ring is significant, so the wavelength of the ripples cannot be determined from the data."""


class _Bands(NamedTuple):
    """Parabolas: log q at the highest bias, the relative drop of k^2 to the lowest, the log odds; shape (band,)."""

    log_q: np.ndarray
    k2_drop: np.ndarray
    log_odds: np.ndarray

    def at(self, index: int) -> _Bands:
        """The parabola of that index, without an array dimension."""
        return _Bands(*(values[index] for values in self))


def fit_dispersion(stack: xr.DataArray) -> Dispersion:
    """The surface band, fitted to the ring in the data.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x). One map alone gives its k; the mass is then assumed to be 0.4.

    Returns
    -------
    Dispersion
        Band bottom and effective mass with their standard deviations, that of k, and the significance of the
        ring in standard deviations.

    Raises
    ------
    NoRing
        If no ring is significant.
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
    if not can_show_ring(spectrum):
        size = pixel_size_nm(stack)
        frame = np.multiply(size, stack.shape[1:])
        raise NoRing(
            f"{stack.attrs.get('source', 'the stack')}: a frame of {frame[0]:.4g} x {frame[1]:.4g} nm in pixels of"
            f" {size[0]:.4g} x {size[1]:.4g} nm cannot show a ring of ripples, so the dispersion cannot be fitted;"
            " give a material, or the wavelength of the ripples in nm"
        )
    likelihood = _BandLikelihood(spectrum)
    best, significance_sigma = likelihood.best()
    if significance_sigma < MIN_SIGNIFICANCE_SIGMA:
        raise NoRing(
            f"{stack.attrs.get('source', 'the stack')}: no ring of ripples is significant in the Fourier transforms"
            f" ({significance_sigma:.1f} standard deviations, {MIN_SIGNIFICANCE_SIGMA:g} are needed); give a material,"
            " or the wavelength of the ripples in nm, if you see them"
        )
    return _dispersion(likelihood, best, significance_sigma)


def ring_significance(stack: xr.DataArray, band: Dispersion) -> float:
    """The significance of the ring of a known band, in standard deviations.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x); biases below the band are left out.
    band
        The band; k may be off by a tenth.
    """
    check_stack(stack)
    spectrum = radial_spectrum(stack.isel(bias=np.flatnonzero(stack.bias.values > band.band_bottom_mv)))
    if not can_show_ring(spectrum):
        return 0.0
    likelihood = _BandLikelihood(spectrum)
    k = band.k_per_nm(likelihood.bias_mv)
    off = np.log1p(np.linspace(-_KNOWN_BAND_RANGE, _KNOWN_BAND_RANGE, _KNOWN_BAND_STEPS))
    bands = likelihood.bands(np.log(2 * k[-1]) + off, np.full(len(off), 1 - (k[0] / k[-1]) ** 2))
    return _significance_sigma(bands.log_odds * likelihood.independent_share(bands.at(len(off) // 2)))


class _BandLikelihood:
    """The likelihood of a band, from all maps of a stack."""

    def __init__(self, spectrum: RadialSpectrum) -> None:
        self.bias_mv = spectrum.bias_mv
        self.resolution_per_nm = spectrum.resolution_per_nm
        odds = ring_log_odds(spectrum)
        self._first, self._step = odds.log_q[0], STEP / _REFINEMENT
        self._log_evidence = _log_evidence_by_map(odds)

    @property
    def bias_share(self) -> np.ndarray:
        """0 at the lowest bias, 1 at the highest."""
        bias = self.bias_mv
        return (bias - bias[0]) / np.ptp(bias) if len(bias) > 1 else np.ones(1)

    def k_squared(self, bands: _Bands) -> np.ndarray:
        """k^2 in 1/nm^2, shape (band, map)."""
        return np.exp(2 * bands.log_q)[:, None] / 4 * (1 - bands.k2_drop[:, None] * (1 - self.bias_share))

    def bands(self, log_q: np.ndarray, k2_drop: np.ndarray) -> _Bands:
        """The parabolas with their log odds, summed over all maps."""
        at = log_q[:, None] + 0.5 * np.log(1 - k2_drop[:, None] * (1 - self.bias_share))
        index = np.rint((at - self._first) / self._step).astype(int)
        n_maps, n = self._log_evidence.shape
        valid = (index >= 0) & (index < n)
        by_map = self._log_evidence[np.arange(n_maps), index.clip(0, n - 1)]
        return _Bands(log_q, k2_drop, np.where(valid, by_map, np.log(_OUTLIER_PROBABILITY)).sum(1))

    def n_independent(self, band: _Bands) -> float:
        """The effective number of independent maps: where the ring does not move, all show the same interference."""
        k_top = np.exp(band.log_q) / 2
        n_resolved_shifts = 2 * k_top * (1 - np.sqrt(1 - band.k2_drop)) / self.resolution_per_nm
        return min(float(len(self.bias_mv)), 1.0 + float(n_resolved_shifts))

    def independent_share(self, band: _Bands) -> float:
        """The effective number of independent maps over the number of maps."""
        return self.n_independent(band) / len(self.bias_mv)

    def best(self) -> tuple[_Bands, float]:
        """The most likely band, and the significance of any ring."""
        last = np.log(2 * _LARGEST_K_PER_NM)
        top = self._first + self._step * np.arange(0, self._log_evidence.shape[1], _SEARCH_EVERY)
        span_mv = float(np.ptp(self.bias_mv))
        drops = np.linspace(0, _SEARCH_LARGEST_DROP, _SEARCH_DROPS) if span_mv else np.zeros(1)
        log_q, k2_drop = (grid.ravel() for grid in np.meshgrid(top[top < last], drops, indexing="ij"))
        k2_change = np.exp(2 * log_q) / 4 * k2_drop
        possible = (k2_change <= _STEEPEST * span_mv) & (k2_change >= _SHALLOWEST * span_mv)
        if not possible.any():
            return _Bands(*np.full(3, np.nan)), 0.0
        bands = self.bands(log_q[possible], k2_drop[possible])
        rough_best = bands.at(int(bands.log_odds.argmax()))
        near, _ = self.around(rough_best)
        return near.at(int(near.log_odds.argmax())), _significance_sigma(
            bands.log_odds * self.independent_share(rough_best)
        )

    def around(self, best: _Bands) -> tuple[_Bands, np.ndarray]:
        """Bands near the best one, and the probability of each."""
        drops = np.linspace(-_NEAR_DROP, _NEAR_DROP, _NEAR_BANDS) if np.ptp(self.bias_mv) else np.zeros(1)
        log_q, k2_drop = np.meshgrid(
            best.log_q + np.linspace(-_NEAR_LOG_Q, _NEAR_LOG_Q, _NEAR_BANDS),
            np.clip(best.k2_drop + drops, 0, _LARGEST_DROP),
            indexing="ij",
        )
        bands = self.bands(log_q.ravel(), k2_drop.ravel())
        weight = np.exp((bands.log_odds - bands.log_odds.max()) * self.independent_share(best))
        return bands, weight / weight.sum()


def _significance_sigma(log_odds: np.ndarray) -> float:
    """The significance of one of several bands of equal prior probability, in standard deviations."""
    log_odds_of_any = float(np.logaddexp.reduce(log_odds)) - np.log(len(log_odds))
    return float(np.sqrt(2 * max(log_odds_of_any, 0.0)))


def _log_evidence_by_map(odds: RingLogOdds) -> np.ndarray:
    """The log evidence of a ring at each frequency against none, with outliers, interpolated; shape (map, q).

    It is the log odds without the prior odds of a ring in the training data.
    """
    valid = odds.log_odds > odds.log_odds.min()
    log_prior_odds = np.log(_TRAINING_RING_ODDS / max(int(valid[0].sum()), 1))
    by_map = np.logaddexp(
        odds.log_odds - log_prior_odds + np.log1p(-_OUTLIER_PROBABILITY), np.log(_OUTLIER_PROBABILITY)
    )
    finer = np.arange(0, len(odds.log_q) - 1 + 1e-9, 1 / _REFINEMENT)
    spline: np.ndarray = CubicSpline(np.arange(len(odds.log_q)), by_map, axis=1)(finer)
    return spline


def _dispersion(likelihood: _BandLikelihood, best: _Bands, significance_sigma: float) -> Dispersion:
    bands, weight = likelihood.around(best)
    bias = likelihood.bias_mv
    k_squared = likelihood.k_squared(bands)

    def mean_and_std(values: np.ndarray) -> tuple[float, float]:
        mean = float(weight @ values)
        return mean, _ERROR_RATIO * float(np.sqrt(weight @ (values - mean) ** 2))

    log_k, log_k_std = mean_and_std(0.5 * np.log(k_squared.mean(1)))
    uncertainty = {
        "k_uncertainty_share": float(np.hypot(log_k_std, _SHAPE_UNCERTAINTY_SHARE)),
        "quality": significance_sigma,
    }
    if len(bias) == 1:
        bottom = float(bias[0]) - HBAR2_OVER_2ME_MEV_NM2 * float(np.exp(2 * log_k)) / _USUAL_MASS
        source = "k from the ring in one map; the mass is assumed"
        return Dispersion(band_bottom_mv=bottom, effective_mass=_USUAL_MASS, source=source, **uncertainty)
    middle = 0.5 * (bias[0] + bias[-1])
    slope, slope_std = mean_and_std((k_squared[:, -1] - k_squared[:, 0]) / (bias[-1] - bias[0]))
    k2_middle, k2_std = mean_and_std(0.5 * (k_squared[:, -1] + k_squared[:, 0]))
    # the systematic error of k is the same share at all biases
    slope_share = float(np.hypot(slope_std / slope, 2 * _SHAPE_UNCERTAINTY_SHARE))
    above = k2_middle / slope
    return Dispersion(
        band_bottom_mv=float(middle - above),
        effective_mass=slope * HBAR2_OVER_2ME_MEV_NM2,
        effective_mass_uncertainty=slope * HBAR2_OVER_2ME_MEV_NM2 * slope_share,
        band_bottom_uncertainty_mv=float(above * np.hypot(k2_std / k2_middle, slope_std / slope)),
        source=f"ring in the Fourier transforms of {len(bias)} maps",
        **uncertainty,
    )
