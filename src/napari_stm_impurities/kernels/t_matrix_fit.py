"""The T-matrix fit: t of every scatterer and k at every bias, and positions that all biases share.

Gauss-Newton with the closed-form derivatives of :mod:`napari_stm_impurities.kernels.scatterers`; four iterations
converge from t = 0. What is local to a bias (t, k, mean free path) is eliminated from the equations of the positions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.progress import ShouldStop, Stopped, never
from .bin_fit import BinData, BinState, Normal, moved, updated_variance
from .nuisance import Nuisance, cosines_for

Floats = NDArray[np.float64]

#: Iterations at one set of positions: the change of t is below its error after the third.
_ITERATIONS = 4
#: The prior of a displacement, and the largest step of one iteration, as shares of a ripple.
_PRIOR_SHIFT_SHARE, _LARGEST_SHIFT_SHARE = 0.125, 0.06
#: The side of a block of pixels between which residuals are independent, in ripples.
_BLOCK_RIPPLES = 2.0


@dataclass
class TMatrixFit:
    """The state of a fit.

    Attributes
    ----------
    data, states
        One a bias.
    yx
        Positions in square pixels, shape (scatterer, 2): the points first, then those that nobody listed.
    n_points
        How many of them are points.
    ripple_px
        The length of a ripple, pi / k.
    shift
        By how much each has been moved, shape (scatterer, 2).
    position_precision
        The inverse covariance of the positions, all y and then all x, after the last refinement.
    """

    data: list[BinData]
    states: list[BinState]
    yx: Floats
    n_points: int
    ripple_px: float
    shift: Floats = field(init=False)
    position_precision: Floats = field(init=False)

    def __post_init__(self) -> None:
        """Start without displacements."""
        self.shift = np.zeros_like(self.yx)
        self.position_precision = np.zeros((2 * len(self.yx), 2 * len(self.yx)))

    @classmethod
    def start(
        cls, values: Floats, aspect: float, k_rad_per_px: Floats, yx: Floats, core_px: float, radius_px: float
    ) -> TMatrixFit:
        """A fit with t = 0.

        Parameters
        ----------
        values
            Shape (bias, y, x); pixels are `aspect` high and 1 wide.
        aspect
            Height of a pixel over its width.
        k_rad_per_px
            Where k starts, shape (bias,).
        yx
            The points in widths of a pixel.
        core_px
            Pixels nearer to a point are left out.
        radius_px
            Of a kernel: the background has longer waves.
        """
        ripple = float(np.pi / np.mean(k_rad_per_px))
        rows, columns = np.mgrid[: values.shape[1], : values.shape[2]]
        grid = np.stack([rows * aspect, columns.astype(np.float64)], axis=-1)
        if len(yx):
            nearest = np.full(grid.shape[:2], np.inf)
            for one in yx:
                np.minimum(nearest, np.hypot(*np.moveaxis(grid - one, -1, 0)), out=nearest)
            outside_core = nearest >= core_px
        else:
            outside_core = np.ones(grid.shape[:2], dtype=bool)
        blocks = (grid // (_BLOCK_RIPPLES * ripple)).astype(int)
        block = blocks[..., 0] * (blocks[..., 1].max() + 1) + blocks[..., 1]
        cosines = cosines_for(values.shape[1:], (aspect, 1.0), radius_px)
        made: dict[bytes, Nuisance] = {}
        data = []
        for one in values:
            mask = np.isfinite(one) & outside_core
            key = mask.tobytes()
            if key not in made:
                made[key] = Nuisance(mask, cosines)
            nuisance = made[key]
            clean = nuisance.remove(one[mask].astype(np.float64))
            data.append(
                BinData(
                    torch.as_tensor(grid[mask], dtype=torch.float32),
                    torch.as_tensor(clean, dtype=torch.float32),
                    nuisance,
                    np.unique(block[mask], return_inverse=True)[1],
                )
            )
        states = [
            BinState(np.zeros(len(yx), dtype=complex), float(k), float(k), variance=float(d.values.square().mean()))
            for k, d in zip(k_rad_per_px, data, strict=True)
        ]
        return cls(data, states, np.array(yx, dtype=np.float64), len(yx), ripple)

    def iterate(
        self,
        *,
        free_k: bool = True,
        times: int = _ITERATIONS,
        which: NDArray[np.int_] | None = None,
        should_stop: ShouldStop = never,
    ) -> None:
        """Improve t, and k where it is free, at fixed positions."""
        for i in range(len(self.data)) if which is None else which:
            for _ in range(times):
                if should_stop():
                    raise Stopped
                data, state = self.data[i], self.states[i]
                normal = Normal.of(data, state, self.yx, positions=False)
                state.variance = updated_variance(normal, data, state, free_k=free_k)
                free, matrix, right = normal.local(state, free_k=free_k)
                self.states[i] = moved(state, free, np.asarray(np.linalg.solve(matrix, right), dtype=np.float64))

    def refine(self, which: NDArray[np.int_], *, times: int = 2, should_stop: ShouldStop = never) -> None:
        """Move the scatterers so that the given biases fit better, t and k along with them."""
        n = len(self.yx)
        prior = 1 / (_PRIOR_SHIFT_SHARE * self.ripple_px) ** 2
        largest = _LARGEST_SHIFT_SHARE * self.ripple_px
        for _ in range(times):
            matrix, right, backs = np.eye(2 * n) * prior, -prior * self.shift.T.ravel(), []
            for i in which:
                if should_stop():
                    raise Stopped
                state = self.states[i]
                normal = Normal.of(self.data[i], state, self.yx, positions=True)
                free, local, local_right = normal.local(state, free_k=True)
                cross = normal.matrix[np.ix_(free, np.arange(normal.n_local, len(normal.matrix)))]
                solved = np.linalg.solve(local, np.column_stack([cross, local_right]))
                own = normal.matrix[normal.n_local :, normal.n_local :]
                matrix += (own - cross.T @ solved[:, :-1]) / state.variance
                right += (normal.right[normal.n_local :] - cross.T @ solved[:, -1]) / state.variance
                backs.append((i, free, solved))
            step = np.clip(np.linalg.solve(matrix, right), -largest, largest)
            for i, free, solved in backs:
                self.states[i] = moved(self.states[i], free, solved[:, -1] - solved[:, :-1] @ step)
            by_axis = step.reshape(2, n).T
            # a common displacement of all points is not the impurities', but the frame's
            by_axis -= by_axis[: self.n_points].mean(0)
            self.yx = self.yx + by_axis
            self.shift = self.shift + by_axis
        self.position_precision = matrix

    def misfit(self, which: NDArray[np.int_]) -> float:
        """The residual in units of its variance at start, mean over the given biases."""
        total = 0.0
        for i in which:
            rho = self.states[i].scatterers(self.yx).modulation(self.data[i].pixels_yx)
            left = self.data[i].values - self.data[i].projected(rho[:, None])[:, 0]
            total += float(left.square().sum() / self.data[i].values.square().sum())
        return total / len(which)

    def with_more(self, yx: Floats) -> None:
        """Add scatterers that nobody listed, with t = 0."""
        self.yx = np.concatenate([self.yx, yx])
        self.shift = np.concatenate([self.shift, np.zeros_like(yx)])
        for state in self.states:
            state.t = np.concatenate([state.t, np.zeros(len(yx), dtype=complex)])

    def residual(self, i: int) -> Floats:
        """What is left of one bias, shape (pixel,)."""
        rho = self.states[i].scatterers(self.yx).modulation(self.data[i].pixels_yx)
        return (self.data[i].values - self.data[i].projected(rho[:, None])[:, 0]).numpy().astype(np.float64)
