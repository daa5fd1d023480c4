"""The whole T-matrix fit of one frame: t and k, scatterers that nobody listed, positions that may say no."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.progress import Progress, ShouldStop
from ..physics.dispersion import Dispersion
from .bin_fit import Normal
from .bins import Bins
from .k_errors import KScores, fitted_band, k_scores
from .t_matrix_fit import TMatrixFit
from .unlisted import gain_peaks, scatterer_gain

Floats = NDArray[np.float64]

#: A peak of the gain is a scatterer from so many robust spreads on.
_LEAST_GAIN_SIGMA = 5.0
#: Unlisted scatterers lie at least half a ripple apart, and a quarter of one from a point.
_APART_RIPPLES, _FROM_POINT_RIPPLES = 0.5, 0.25
#: At most so many unlisted scatterers for each listed one that their area would hold on average.
_MOST_PER_EXPECTED = 1.5
#: Refined positions are taken where the held-out biases' misfit falls at least by this share.
_LEAST_FALL = 1e-3
#: Fewer biases leave none to hold out.
LEAST_BIASES_TO_REFINE = 4
#: Where the maps have no mean, t is scaled so that nine of ten impurities have at most this |t|.
_USUAL_LARGEST_T = 0.7


class SurfaceFit(NamedTuple):
    """What the fit of one frame gave.

    Attributes
    ----------
    fit
        Its state, k on the band.
    band
        The parabola through k.
    k
        k at each bias, free, with its scores.
    t, t_sigma
        Of each scatterer at each bias, shape (bias, scatterer); the error is that of the real and of the imaginary
        part.
    position_sigma_px
        Of each point, shape (point,); NaN where positions were not refined.
    refined
        Whether refined positions were taken.
    scale
        The factor by which the values were divided because their unit was not known, else 1.
    """

    fit: TMatrixFit
    band: Dispersion
    k: KScores
    t: NDArray[np.complex128]
    t_sigma: Floats
    position_sigma_px: Floats
    refined: bool
    scale: float


def fit_surface(
    bins: Bins,
    positions_px: Floats,
    band: Dispersion,
    *,
    core_share: float,
    radius_nm: float,
    margin_nm: float | None,
    refine: bool,
    progress: Progress,
    should_stop: ShouldStop,
) -> SurfaceFit:
    """The T-matrix fit of one frame.

    Parameters
    ----------
    bins
        The maps.
    positions_px
        Of the points on the stack's pixels, shape (point, 2).
    band
        Where k starts.
    core_share
        Of the wavelength 2 pi / k, left out around each point.
    radius_nm, margin_nm
        Of a kernel, and around the frame; no margin takes two ripples.
    refine
        Whether positions are refined.
    """
    pixel = bins.pixel_nm[1]
    aspect = bins.pixel_nm[0] / pixel
    k0 = band.k_per_nm(bins.bias_mv) * pixel
    middle = float(np.mean(k0))
    core = core_share * 2 * np.pi / middle
    values, scale = bins.values, 1.0
    yx = bins.position(positions_px)

    def start(of: Floats, k: Floats) -> TMatrixFit:
        return TMatrixFit.start(of, aspect, k, yx, core, radius_nm / pixel)

    fit = start(values, k0)
    every = np.arange(len(fit.data))
    fit.iterate(times=1, free_k=False, should_stop=should_stop)
    if not bins.unit_known:
        scale = float(np.quantile(np.abs([state.t for state in fit.states]), 0.9)) / _USUAL_LARGEST_T
        values = values / scale
        fit = start(values, k0)
    progress(0.1, "T matrix")
    fit.iterate(times=3, should_stop=should_stop)
    progress(0.35, "scatterers outside the frame")
    margin_px = round((2 * np.pi / middle) if margin_nm is None else margin_nm / pixel)
    for _ in range(2):
        _add_unlisted(fit, values, aspect, core, margin_px)
        fit.iterate(times=2, should_stop=should_stop)
    progress(0.6, "positions")
    refined, position_sigma = False, np.full(len(yx), np.nan)
    if refine and len(every) >= LEAST_BIASES_TO_REFINE and len(yx):
        refined = _refine(fit, should_stop)
        if refined:
            variance = np.diag(np.linalg.inv(fit.position_precision)).reshape(2, -1)[:, : len(yx)]
            position_sigma = np.sqrt(variance.mean(0))
        fit.iterate(times=2, should_stop=should_stop)
    progress(0.85, "k(V)")
    found, widen = k_scores(fit)
    new_band = fitted_band(found, bins.bias_mv, pixel, band)
    for state, k in zip(fit.states, new_band.k_per_nm(bins.bias_mv) * pixel, strict=True):
        state.k = state.k_start = float(k) if k > 0 else state.k
    fit.iterate(free_k=False, times=2, should_stop=should_stop)
    t = np.array([state.t for state in fit.states])
    sigma = np.array([_t_sigma(fit, i) for i in range(len(fit.data))]) * widen[:, None]
    position_sigma *= float(np.median(widen))
    progress(1.0, "done")
    return SurfaceFit(fit, new_band, found, t, sigma, position_sigma, refined, scale)


def _add_unlisted(fit: TMatrixFit, values: Floats, aspect: float, core: float, margin_px: int) -> None:
    """Add scatterers where the residual says that one more would explain it."""
    shape = values.shape[1:]
    residuals = np.full((len(values), shape[0] * shape[1]), np.nan)
    for i, data in enumerate(fit.data):
        residuals[i, data.nuisance.pixels] = fit.residual(i)
    variance = np.array([state.variance for state in fit.states])
    k = np.array([state.k for state in fit.states])
    gain = scatterer_gain(residuals.reshape(values.shape), variance, k, core, margin_px, aspect)
    peaks, _ = gain_peaks(gain, _APART_RIPPLES * fit.ripple_px, _LEAST_GAIN_SIGMA)
    new = (peaks - margin_px) * np.array([aspect, 1.0])
    if len(new) and len(fit.yx):
        apart = np.hypot(*np.moveaxis(new[:, None] - fit.yx, -1, 0)).min(1)
        new = new[apart > _FROM_POINT_RIPPLES * fit.ripple_px]
    area = gain.size / (shape[0] * shape[1])
    most = int(_MOST_PER_EXPECTED * max(fit.n_points, 4) * max(area - 1, 0.2)) - (len(fit.yx) - fit.n_points)
    fit.with_more(new[: max(most, 0)])


def _refine(fit: TMatrixFit, should_stop: ShouldStop) -> bool:
    """Refine positions on half of the biases, and keep them where the other half fits better; then refine on all."""
    every = np.arange(len(fit.data))
    used, held = every[::2], every[1::2]
    before_yx, before_states = fit.yx.copy(), list(fit.states)
    fit.iterate(which=held, times=1, should_stop=should_stop)
    before = fit.misfit(held)
    fit.refine(used, should_stop=should_stop)
    fit.iterate(which=held, times=2, should_stop=should_stop)
    if fit.misfit(held) > before * (1 - _LEAST_FALL):
        fit.yx, fit.states, fit.shift = before_yx, before_states, np.zeros_like(before_yx)
        return False
    fit.refine(every, should_stop=should_stop)
    return True


def _t_sigma(fit: TMatrixFit, i: int) -> Floats:
    """The standard deviation of t of each scatterer for white residuals, shape (scatterer,)."""
    normal = Normal.of(fit.data[i], fit.states[i], fit.yx, positions=False)
    _, matrix, _ = normal.local(fit.states[i], free_k=False)
    variance = fit.states[i].variance * np.diag(np.linalg.inv(matrix))
    sigma: Floats = np.sqrt(variance.reshape(2, -1).mean(0))
    return sigma
