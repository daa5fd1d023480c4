"""Reading k(V) off the data: the ring of radius 2k in the Fourier transform of each map.

Each map says how likely its ring lies at each frequency; all maps together, along the parabolas that a band can have,
give the most likely band, and how sure of it one may be.
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
#: No ring is looked for beyond this k: ripples shorter than 0.4 nm cannot be told from the atomic lattice.
_LARGEST_K_PER_NM = 8.0
#: What is assumed of the mass where a single map, or a narrow range of biases, cannot tell it.
_USUAL_MASS = 0.4
#: The probability that something else has spoilt a map's spectrum, which then tells nothing.
_OUTLIER_PROBABILITY = 0.01
#: Of the maps that the odds were learnt from, those with a ring against those without.
_RINGS_LEARNT = 3.0
#: Places between two of the odds, so that a peak between them is found.
_FINER = 4
#: Half the range around the best band in which its uncertainty is looked at: of log q, and of the fall of k^2.
_NEAR_LOG_Q, _NEAR_FALL = 0.1, 0.2
#: Bands along each side of that range: 0.005 in log q and 0.01 in the fall apart, finer than what the shape of
#: a ring leaves uncertain.
_NEAR_BANDS = 41
#: The rough search takes every third place of log q, 0.019 apart, and so many falls of k^2, 0.02 apart; the range
#: around the best band spans five such places and more to each side, so no maximum between two of them is lost.
_SEARCH_EVERY, _SEARCH_FALLS = 3, 48
#: The largest fall of k^2 in the rough search, and around the best band: at 1 the lowest bias would be the band bottom,
#: where there are no ripples. 0.97 is a k of 17 % of that of the highest bias, 0.985 of 12 %.
_SEARCH_FALL, _LARGEST_FALL = 0.97, 0.985
#: What the scatterers leave uncertain of k, as a share, however clear the ring is: the shape that their phase shift
#: and near field give it, which is the same in all maps. And how much wider than the odds say the errors are. Both
#: from simulated surfaces.
_SHAPE_UNCERTAINTY_SHARE, _WIDER = 0.015, 1.3
#: How far off a given band may be, as a share of k, when its ring is looked for.
_GIVEN_WITHIN = 0.1
#: Bands tried within that range, 1 % of k apart: finer than the shape of a ring leaves k uncertain.
_GIVEN_BANDS = 21
#: Smallest change of k^2 between two biases, m* = 0.02; a pattern that stays put is no electron wave.
_SHALLOWEST = 0.02 / HBAR2_OVER_2ME_MEV_NM2
#: Largest change of k^2 between two biases that a band can have: m* = 2, in 1/(nm^2 mV).
_STEEPEST = 2.0 / HBAR2_OVER_2ME_MEV_NM2


class NoRing(StmError):
    """No ring stands out, so the scale of the ripples cannot be read off the data."""


class _Bands(NamedTuple):
    """Parabolas: log q at the highest bias, the share by which k^2 falls to the lowest, the log odds; shape (band,)."""

    log_q: np.ndarray
    fall: np.ndarray
    log_odds: np.ndarray

    def at(self, index: int) -> _Bands:
        """One of them, without a shape."""
        return _Bands(*(values[index] for values in self))


def fit_dispersion(stack: xr.DataArray) -> Dispersion:
    """Read the surface band off the data.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x). One map alone gives its k; the mass is then assumed to be 0.4.

    Returns
    -------
    Dispersion
        Band bottom and effective mass with their standard deviations, that of k, and the quality: the standard
        deviations that the odds of a ring amount to.

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
    if not can_show_ring(spectrum):
        size = pixel_size_nm(stack)
        frame = np.multiply(size, stack.shape[1:])
        raise NoRing(
            f"{stack.attrs.get('source', 'the stack')}: a frame of {frame[0]:.4g} x {frame[1]:.4g} nm in pixels of"
            f" {size[0]:.4g} x {size[1]:.4g} nm cannot show a ring of ripples, so the scale cannot be read off;"
            " give a material, or the wavelength of the ripples in nm"
        )
    witness = _BandLikelihood(spectrum)
    best, significance_sigma = witness.best()
    if significance_sigma < MIN_SIGNIFICANCE_SIGMA:
        raise NoRing(
            f"{stack.attrs.get('source', 'the stack')}: no ring of ripples stands out of the Fourier transforms"
            f" ({significance_sigma:.1f} standard deviations, {MIN_SIGNIFICANCE_SIGMA:g} are needed); give a material,"
            " or the wavelength of the ripples in nm, if you see them"
        )
    return _dispersion(witness, best, significance_sigma)


def ring_significance(stack: xr.DataArray, band: Dispersion) -> float:
    """How far the ring of a given band stands out, in the standard deviations that its odds amount to.

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
    witness = _BandLikelihood(spectrum)
    k = band.k_per_nm(witness.bias_mv)
    off = np.log1p(np.linspace(-_GIVEN_WITHIN, _GIVEN_WITHIN, _GIVEN_BANDS))
    bands = witness.bands(np.log(2 * k[-1]) + off, np.full(len(off), 1 - (k[0] / k[-1]) ** 2))
    return _quality(bands.log_odds * witness.share(bands.at(len(off) // 2)))


class _BandLikelihood:
    """What all maps of a stack together say of a band."""

    def __init__(self, spectrum: RadialSpectrum) -> None:
        self.bias_mv = spectrum.bias_mv
        self.resolution_per_nm = spectrum.resolution_per_nm
        odds = ring_log_odds(spectrum)
        self._first, self._step = odds.log_q[0], STEP / _FINER
        self._finer = _log_evidence_of_each_map(odds)

    @property
    def place(self) -> np.ndarray:
        """0 at the lowest bias, 1 at the highest."""
        bias = self.bias_mv
        return (bias - bias[0]) / np.ptp(bias) if len(bias) > 1 else np.ones(1)

    def k_squared(self, bands: _Bands) -> np.ndarray:
        """k^2 in 1/nm^2, shape (band, map)."""
        return np.exp(2 * bands.log_q)[:, None] / 4 * (1 - bands.fall[:, None] * (1 - self.place))

    def bands(self, log_q: np.ndarray, fall: np.ndarray) -> _Bands:
        """Parabolas, and what all maps say of each."""
        at = log_q[:, None] + 0.5 * np.log(1 - fall[:, None] * (1 - self.place))
        index = np.rint((at - self._first) / self._step).astype(int)
        n_maps, n = self._finer.shape
        seen = (index >= 0) & (index < n)
        each = self._finer[np.arange(n_maps), index.clip(0, n - 1)]
        return _Bands(log_q, fall, np.where(seen, each, np.log(_OUTLIER_PROBABILITY)).sum(1))

    def independent(self, band: _Bands) -> float:
        """How many maps bear witness on their own: where the ring does not move, all see the same interference."""
        k_top = np.exp(band.log_q) / 2
        moved = 2 * k_top * (1 - np.sqrt(1 - band.fall)) / self.resolution_per_nm
        return min(float(len(self.bias_mv)), 1.0 + float(moved))

    def share(self, band: _Bands) -> float:
        """The share of what the maps say together that is not said twice."""
        return self.independent(band) / len(self.bias_mv)

    def best(self) -> tuple[_Bands, float]:
        """The most likely band, and the quality of there being any."""
        last = np.log(2 * _LARGEST_K_PER_NM)
        top = self._first + self._step * np.arange(0, self._finer.shape[1], _SEARCH_EVERY)
        span_mv = float(np.ptp(self.bias_mv))
        falls = np.linspace(0, _SEARCH_FALL, _SEARCH_FALLS) if span_mv else np.zeros(1)
        log_q, fall = (grid.ravel() for grid in np.meshgrid(top[top < last], falls, indexing="ij"))
        fallen = np.exp(2 * log_q) / 4 * fall
        possible = (fallen <= _STEEPEST * span_mv) & (fallen >= _SHALLOWEST * span_mv)
        if not possible.any():
            return _Bands(*np.full(3, np.nan)), 0.0
        bands = self.bands(log_q[possible], fall[possible])
        roughly = bands.at(int(bands.log_odds.argmax()))
        near, _ = self.around(roughly)
        return near.at(int(near.log_odds.argmax())), _quality(bands.log_odds * self.share(roughly))

    def around(self, best: _Bands) -> tuple[_Bands, np.ndarray]:
        """Bands near the best one, and the probability of each."""
        falls = np.linspace(-_NEAR_FALL, _NEAR_FALL, _NEAR_BANDS) if np.ptp(self.bias_mv) else np.zeros(1)
        log_q, fall = np.meshgrid(
            best.log_q + np.linspace(-_NEAR_LOG_Q, _NEAR_LOG_Q, _NEAR_BANDS),
            np.clip(best.fall + falls, 0, _LARGEST_FALL),
            indexing="ij",
        )
        bands = self.bands(log_q.ravel(), fall.ravel())
        weight = np.exp((bands.log_odds - bands.log_odds.max()) * self.share(best))
        return bands, weight / weight.sum()


def _quality(log_odds: np.ndarray) -> float:
    """The standard deviations that the odds of one of several bands, all as likely beforehand, amount to."""
    of_any = float(np.logaddexp.reduce(log_odds)) - np.log(len(log_odds))
    return float(np.sqrt(2 * max(of_any, 0.0)))


def _log_evidence_of_each_map(odds: RingLogOdds) -> np.ndarray:
    """Of a ring here against none, in a map that may be spoilt, between the frequencies too; shape (map, q).

    The odds hold how common rings were where they were learnt; the evidence is what is left without.
    """
    seen = odds.log_odds > odds.log_odds.min()
    before = np.log(_RINGS_LEARNT / max(int(seen[0].sum()), 1))
    each = np.logaddexp(odds.log_odds - before + np.log1p(-_OUTLIER_PROBABILITY), np.log(_OUTLIER_PROBABILITY))
    finer = np.arange(0, len(odds.log_q) - 1 + 1e-9, 1 / _FINER)
    spline: np.ndarray = CubicSpline(np.arange(len(odds.log_q)), each, axis=1)(finer)
    return spline


def _dispersion(witness: _BandLikelihood, best: _Bands, significance_sigma: float) -> Dispersion:
    bands, weight = witness.around(best)
    bias = witness.bias_mv
    k_squared = witness.k_squared(bands)

    def mean_and_std(values: np.ndarray) -> tuple[float, float]:
        mean = float(weight @ values)
        return mean, _WIDER * float(np.sqrt(weight @ (values - mean) ** 2))

    log_k, log_k_std = mean_and_std(0.5 * np.log(k_squared.mean(1)))
    told = {"k_uncertainty_share": float(np.hypot(log_k_std, _SHAPE_UNCERTAINTY_SHARE)), "quality": significance_sigma}
    if len(bias) == 1:
        bottom = float(bias[0]) - HBAR2_OVER_2ME_MEV_NM2 * float(np.exp(2 * log_k)) / _USUAL_MASS
        source = "k from the ring in one map; the mass is assumed"
        return Dispersion(band_bottom_mv=bottom, effective_mass=_USUAL_MASS, source=source, **told)
    middle = 0.5 * (bias[0] + bias[-1])
    slope, slope_std = mean_and_std((k_squared[:, -1] - k_squared[:, 0]) / (bias[-1] - bias[0]))
    k2_middle, k2_std = mean_and_std(0.5 * (k_squared[:, -1] + k_squared[:, 0]))
    # the shape of the ring is read wrongly by the same share at all biases
    slope_share = float(np.hypot(slope_std / slope, 2 * _SHAPE_UNCERTAINTY_SHARE))
    above = k2_middle / slope
    return Dispersion(
        band_bottom_mv=float(middle - above),
        effective_mass=slope * HBAR2_OVER_2ME_MEV_NM2,
        effective_mass_uncertainty=slope * HBAR2_OVER_2ME_MEV_NM2 * slope_share,
        band_bottom_uncertainty_mv=float(above * np.hypot(k2_std / k2_middle, slope_std / slope)),
        source=f"ring in the Fourier transforms of {len(bias)} maps",
        **told,
    )
