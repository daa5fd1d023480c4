"""k at each bias with an honest error, and the band through all of them.

The residual of a fit is correlated: what is missing from the model is ripples too. Its errors come from the scores of
blocks of pixels (the sandwich of Huber 1967 and White 1980, with clusters; Cameron and Miller, J. Human Resources 50,
317 (2015)), which is the limit of a bootstrap over blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..physics.dispersion import HBAR2_OVER_2ME_MEV_NM2, Dispersion
from .bin_fit import Normal
from .t_matrix_fit import TMatrixFit

Floats = NDArray[np.float64]

#: What scatterers outside the frame and refined positions leave uncertain in all blocks and biases alike, as a share of
#: k, and by how much wider than its blocks say k is at one bias: both from simulated surfaces of this module's tests.
_COMMON_SHARE, _WIDER = 1e-3, 2.0


class KScores(NamedTuple):
    """What each bias says of k.

    Attributes
    ----------
    k
        In rad/px, shape (bias,).
    information
        The inverse variance of k for residuals of white noise, shape (bias,).
    scores
        The share of each block in the equation of k, in the same unit, shape (bias, block).
    """

    k: Floats
    information: Floats
    scores: Floats

    @property
    def sigma(self) -> Floats:
        """The standard deviation of k at each bias from the scatter of its blocks, shape (bias,)."""
        robust = np.sqrt((self.scores**2).sum(1)) / self.information
        return _WIDER * np.maximum(robust, 1 / np.sqrt(self.information))


def k_scores(fit: TMatrixFit) -> tuple[KScores, Floats]:
    """The scores of k at the present state, and by how much blocks widen the errors of t; shape (bias,)."""
    n_blocks = max(int(data.block.max()) + 1 for data in fit.data)
    information, scores, widen = [], np.zeros((len(fit.data), n_blocks)), []
    for i, (data, state) in enumerate(zip(fit.data, fit.states, strict=True)):
        normal = Normal.of(data, state, fit.yx, positions=False)
        n = len(state.t)
        free, matrix, _ = normal.local(state, free_k=True)
        others = free[free != 2 * n]
        keep = free != 2 * n
        cross = normal.matrix[others, 2 * n]
        solved = np.linalg.solve(matrix[np.ix_(keep, keep)], cross)
        columns = normal.columns.numpy()
        alone = columns[:, 2 * n] - columns[:, others] @ solved
        left = normal.residual.numpy()
        # the fit takes from the residual what it explains; this puts the mean square back
        lost = np.sqrt(state.variance / max(float(np.mean(left**2)), np.finfo(float).tiny))
        information.append(float(alone @ alone) / state.variance)
        scores[i, : data.block.max() + 1] = np.bincount(data.block, alone * left * lost) / state.variance
        inverse = np.linalg.inv(matrix)[: 2 * n, : 2 * n]
        of_blocks = np.zeros((data.block.max() + 1, 2 * n))
        np.add.at(of_blocks, data.block, columns[:, : 2 * n] * (left * lost)[:, None])
        robust = ((of_blocks @ inverse) ** 2).sum(0)
        white = state.variance * np.diag(inverse)
        widen.append(float(np.sqrt(max(1.0, np.median(robust / white)))))
    k = np.array([state.k for state in fit.states])
    return KScores(k, np.array(information), scores), np.array(widen)


def fitted_band(found: KScores, bias_mv: Floats, pixel_nm: float, start: Dispersion) -> Dispersion:
    """The parabola through k at all biases: k^2 is linear in V.

    Parameters
    ----------
    found
        Of the fit.
    bias_mv
        Shape (bias,).
    pixel_nm
        The unit of k.
    start
        Its mass is kept where one bias, or a range too narrow, does not tell it.
    """
    k, sigma = found.k / pixel_nm, found.sigma / pixel_nm
    weight = 1 / (2 * k * sigma) ** 2
    centre = float((weight * bias_mv).sum() / weight.sum())
    two = len(k) > 2 and float(np.ptp(bias_mv)) > 0
    columns = np.stack([np.ones_like(k), bias_mv - centre], axis=1)[:, : 2 if two else 1]
    target = k**2 if two else k**2 - start.effective_mass / HBAR2_OVER_2ME_MEV_NM2 * (bias_mv - centre)
    # one bias with a wrong minimum must not turn the parabola
    robust = np.ones_like(k)
    for _ in range(10):
        w = weight * robust
        inverse = np.linalg.inv((columns * w[:, None]).T @ columns)
        theta = inverse @ (columns.T @ (w * target))
        off = np.abs(target - columns @ theta) * np.sqrt(weight)
        scale = max(1.0, float(np.sqrt(np.median(off**2) / 0.455)))  # 0.455: the median of chi^2 with one degree
        robust = np.minimum(1.0, 2.0 * scale / np.maximum(off, 1e-12))
    # scores of k^2 of each block, summed over the biases: what one block gets wrong it gets wrong at all of them
    of_blocks = (columns * (robust * weight)[:, None]).T @ (
        found.scores / found.information[:, None] * (2 * k / pixel_nm)[:, None]
    )
    covariance = inverse @ (of_blocks @ of_blocks.T) @ inverse
    covariance = np.where(np.eye(len(theta)) > 0, np.maximum(covariance, scale**2 * inverse), covariance)
    k2, k2_sigma = float(theta[0]), float(np.sqrt(covariance[0, 0]))
    slope = float(theta[1]) if two else start.effective_mass / HBAR2_OVER_2ME_MEV_NM2
    slope_sigma = float(np.sqrt(covariance[1, 1])) if two else 0.0
    share = float(np.hypot(0.5 * k2_sigma / k2, _COMMON_SHARE))
    if not (two and slope > 0):
        slope, slope_sigma = start.effective_mass / HBAR2_OVER_2ME_MEV_NM2, 0.0
    return Dispersion(
        band_bottom_mv=centre - k2 / slope,
        effective_mass=slope * HBAR2_OVER_2ME_MEV_NM2,
        k_uncertainty_share=share,
        band_bottom_uncertainty_mv=float(k2 / slope * np.hypot(2 * share, slope_sigma / slope)),
        effective_mass_uncertainty=slope_sigma * HBAR2_OVER_2ME_MEV_NM2,
        significance_sigma=start.significance_sigma,
        source=f"T-matrix fit of {len(k)} maps, started from: {start.source}",
    )
