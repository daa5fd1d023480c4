"""One bias in the T-matrix fit: its pixels, its normal equations, and its step.

All linear algebra is on what row offsets and a smooth background cannot explain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .nuisance import Nuisance
from .scatterers import Scatterers

Floats = NDArray[np.float64]

#: The prior of t: a scatterer of which nothing is seen gets 0. |t| is at most 1, of a usual impurity about 0.5.
PRIOR_T = 0.5
#: The prior of the imaginary part of k, as a share of k: a mean free path of ten wavelengths or more.
_PRIOR_DAMPING_SHARE = 0.01
#: The prior of k about where it started, as a share: what a ring of weak scatterers is off by (5 %).
_PRIOR_K_SHARE = 0.05
#: The largest step of k in one iteration, as a share: less than a radian at the edge of a kernel of four ripples.
_LARGEST_STEP_SHARE = 0.02


@dataclass
class BinData:
    """The pixels of one bias that are fitted.

    Attributes
    ----------
    pixels_yx
        In square pixels, shape (pixel, 2).
    values
        rho/rho0 - 1 without nuisance, shape (pixel,).
    nuisance
        The projection.
    block
        The number of the block of neighbouring pixels, shape (pixel,): residuals are independent between blocks.
    """

    pixels_yx: Tensor
    values: Tensor
    nuisance: Nuisance
    block: NDArray[np.int_]

    def projected(self, columns: Tensor) -> Tensor:
        """Columns (pixel, n) without what the nuisance explains."""
        return self.nuisance.remove_tensor(columns)


@dataclass
class BinState:
    """What is known of one bias.

    Attributes
    ----------
    t
        complex, shape (scatterer,).
    k, damping
        In rad/px.
    k_start
        The centre of the prior of k.
    variance
        Of the residual of one pixel.
    """

    t: NDArray[np.complex128]
    k: float
    k_start: float
    damping: float = 0.0
    variance: float = 1.0

    def scatterers(self, yx: Floats) -> Scatterers:
        """The scatterers as tensors."""
        return Scatterers(
            torch.as_tensor(yx, dtype=torch.float32),
            torch.as_tensor(self.t, dtype=torch.complex64),
            float(self.k),
            float(self.damping),
        )


@dataclass
class Normal:
    """The normal equations of one bias: unknowns are Re t, Im t, k, Im k, and the positions where wanted."""

    matrix: Floats
    right: Floats
    columns: Tensor
    residual: Tensor
    n_local: int

    @classmethod
    def of(cls, data: BinData, state: BinState, yx: Floats, *, positions: bool) -> Normal:
        """The equations at the present state."""
        found = state.scatterers(yx).linearised(data.pixels_yx, positions=positions)
        parts = [found.by_t, found.by_k, *([found.by_position] if found.by_position is not None else [])]
        columns = data.projected(torch.cat(parts, dim=1))
        residual = data.values - data.projected(found.rho[:, None])[:, 0]
        matrix = (columns.T @ columns).numpy().astype(np.float64)
        right = (columns.T @ residual).numpy().astype(np.float64)
        return cls(matrix, right, columns, residual, found.by_t.shape[1] + 2)

    @property
    def misfit(self) -> float:
        """The mean square of the residual."""
        return float(self.residual.square().mean())

    def prior(self, state: BinState, *, free_k: bool) -> tuple[Floats, Floats]:
        """The precisions of the local unknowns in units of 1/variance, and their pull; both of shape (local,)."""
        n = len(state.t)
        k = state.k_start
        widths = np.concatenate([np.full(2 * n, PRIOR_T), [_PRIOR_K_SHARE * k, _PRIOR_DAMPING_SHARE * k]])
        precision = state.variance / widths**2
        now = np.concatenate([state.t.real, state.t.imag, [state.k - k, state.damping]])
        pull = -precision * now
        if not free_k:
            precision[-2:], pull[-2:] = np.inf, 0.0
        return precision, pull

    def local(self, state: BinState, *, free_k: bool) -> tuple[NDArray[np.intp], Floats, Floats]:
        """The free local unknowns, their matrix with the prior, and their right-hand side."""
        precision, pull = self.prior(state, free_k=free_k)
        free = np.flatnonzero(np.isfinite(precision))
        matrix = self.matrix[np.ix_(free, free)] + np.diag(precision[free])
        return free, matrix, self.right[free] + pull[free]

    def effective_unknowns(self, state: BinState, *, free_k: bool) -> float:
        """How many unknowns the data determine, at most the number of unknowns."""
        free, matrix, _ = self.local(state, free_k=free_k)
        return float(np.trace(np.linalg.solve(matrix, self.matrix[np.ix_(free, free)])))


def moved(state: BinState, free: NDArray[np.intp], step: Floats) -> BinState:
    """The state after a step of the local unknowns, held to what is physical."""
    n = len(state.t)
    whole = np.zeros(2 * n + 2)
    whole[free] = step
    t = state.t + whole[:n] + 1j * whole[n : 2 * n]
    # an s-wave scatters at most |t| = 1; beyond that the sum over multiple scattering has no meaning
    t = np.asarray(t / np.maximum(1.0, np.abs(t)), dtype=np.complex128)
    largest = _LARGEST_STEP_SHARE * state.k_start
    k = state.k + float(np.clip(whole[2 * n], -largest, largest))
    damping = float(np.clip(state.damping + whole[2 * n + 1], 0.0, None))
    return BinState(t, k, state.k_start, damping, state.variance)


def updated_variance(normal: Normal, data: BinData, state: BinState, *, free_k: bool) -> float:
    """The variance of the residual of one pixel, the fitted unknowns counted."""
    n = len(normal.residual)
    if n == 0:  # every pixel is missing, or lies in the core of a point
        return state.variance
    unknowns = normal.effective_unknowns(state, free_k=free_k) + data.nuisance.n_unknowns
    return float(normal.residual.square().sum()) / max(n - unknowns, 0.1 * n)
