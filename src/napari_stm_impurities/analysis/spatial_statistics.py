"""Spatial statistics of points: density, nearest neighbours, pair correlation with edge correction, clustering.

Everything is compared with random placement: as many points in the same observation window, placed many times, with
the same edge effects.

References
----------
B. D. Ripley, J. Appl. Prob. 13, 255 (1976) and J. R. Stat. Soc. B 39, 172 (1977): second-order statistics of points.
J. Ohser, Math. Operationsforsch. Statist. Ser. Statist. 14, 63 (1983): the translation edge correction.
P. J. Diggle, Statistical Analysis of Spatial Point Patterns, 2nd ed. (2003): simulated envelopes; r up to a quarter of
the side.
J. Illian, A. Penttinen, H. Stoyan, D. Stoyan, Statistical Analysis and Modelling of Spatial Point Patterns (2008): the
estimate of g(r), and how wide its steps should be.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial import cKDTree

from ..core.arguments import seed_of
from ..core.errors import StmError
from ..core.files import written_whole
from ..core.progress import Progress, ShouldStop, Stopped, never, silent
from ..core.rows import Row
from ..data.observation_window import ObservationWindow
from ..data.points import positions_nm

#: The number of random placements, and how many of these are left out at each end of the band: of 199
#: the 5 lowest and the 5 highest leave 95 per cent, for each distance on its own (Diggle 2003).
N_RANDOM, LEFT_OUT = 199, 5
#: One step of g(r), in mean spacings of the points (Illian et al. 2008 advise 0.1 to 0.2), and the fewest steps.
_STEP_SPACINGS, _FEWEST_STEPS = 0.15, 10
#: The largest distance of g(r) is a quarter of the shorter side, but at most this number of mean spacings.
_FARTHEST_SPACINGS = 5.0
#: With no point at all, the density that would still give one with a probability of 84 per cent (Gehrels 1986).
_UPPER_LIMIT_OF_ZERO = 1.841


@dataclass(frozen=True, eq=False)
class SurfaceStatistics:
    """The result of :func:`surface_statistics`."""

    n_points: int
    """Number of points on the measured area; only these count."""
    n_outside: int
    """Number of points outside of it."""
    area_nm2: float
    """The area of all measured pixels, in nm^2."""
    density_per_nm2: float
    """Points in one nm^2."""
    density_error_per_nm2: float
    """Its standard deviation by Poisson statistics: the root of the number over the area."""
    nearest_nm: np.ndarray
    """The distance of each point that counts to the nearest other one, in nm."""
    nearest_mean_nm: float
    """Its mean; NaN with fewer than two points."""
    random_nearest_nm: float
    """The mean to expect of random placement in the same area."""
    random_nearest_band_nm: tuple[float, float]
    """The interval that holds that mean in 95 per cent of random placements."""
    nearest: pd.DataFrame
    """The distances as a histogram: `from_nm`, `to_nm`, `points`, and of random placement `random`, `low`, `high`."""
    pair_correlation: pd.DataFrame
    """`r_nm`, `g`, and of random placement `low`, `high` (95 per cent at each distance) and `random`, the mean."""
    seed: int
    """The seed of the random placements."""

    @property
    def clustering(self) -> str:
        """The clustering of the points, from the mean distance to the nearest neighbour.

        ``closer than at random``, ``farther apart than at random`` or ``as at random``; ``not known`` with fewer than
        two points.
        """
        low, high = self.random_nearest_band_nm
        if math.isnan(self.nearest_mean_nm):
            return "not known"
        if low <= self.nearest_mean_nm <= high:
            return "as at random"
        return "closer than at random" if self.nearest_mean_nm < low else "farther apart than at random"

    def to_dict(self) -> dict[str, Any]:
        """Every number and both tables, as plain values; NaN becomes None, so that it is valid JSON."""
        names = ("n_points", "n_outside", "area_nm2", "density_per_nm2", "density_error_per_nm2")
        numbers = {name: getattr(self, name) for name in (*names, "nearest_mean_nm", "random_nearest_nm", "seed")}
        return {
            **{name: _or_none(value) for name, value in numbers.items()},
            "random_nearest_band_nm": [_or_none(edge) for edge in self.random_nearest_band_nm],
            "nearest_nm": self.nearest_nm.tolist(),
            "nearest": self.nearest.to_dict(orient="records"),
            "pair_correlation": self.pair_correlation.to_dict(orient="records"),
        }

    def to_json(self, path: str | os.PathLike[str]) -> Path:
        """Write :meth:`to_dict` as JSON (complete or not at all) and return the path."""
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
        return Path(path)

    def summary_rows(self) -> list[Row]:
        """The figures as labelled rows, with those of random placement."""
        outside = f", {self.n_outside} more lie outside it" if self.n_outside else ""
        rows = [
            Row("points", str(self.n_points), f"on the measured area{outside}"),
            Row("measured area", f"{self.area_nm2:.5g} nm²", "missing pixels are left out"),
            Row(
                "density",
                f"{self.density_per_nm2:.4g} ± {self.density_error_per_nm2:.2g} per nm²",
                "the error is that of counting (Poisson)",
            ),
        ]
        if self.n_points < 2:
            return rows
        low, high = self.random_nearest_band_nm
        rows += [
            Row("nearest neighbour", f"{self.nearest_mean_nm:.3g} nm", f"in the mean: {self.clustering}"),
            Row("... at random", f"{self.random_nearest_nm:.3g} nm", f"95 % between {low:.3g} and {high:.3g} nm"),
        ]
        g = self.pair_correlation
        for sign, outlying in (("above", g["g"] > g["high"]), ("below", g["g"] < g["low"])):
            where = ", ".join(f"{r:.2g}" for r in g["r_nm"][outlying])
            note = "1 distance in 20 is by chance"
            rows.append(Row(f"g(r) {sign} the band", f"{where} nm" if where else "nowhere", note))
        return rows

    def __str__(self) -> str:
        density = f"{self.density_per_nm2:.4g} +- {self.density_error_per_nm2:.2g} per nm^2 ({self.n_points} points)"
        if math.isnan(self.nearest_mean_nm):
            return density
        return (
            f"{density}; nearest neighbour {self.nearest_mean_nm:.3g} nm,"
            f" {self.clustering} ({self.random_nearest_nm:.3g} nm)"
        )


def surface_statistics(
    points: pd.DataFrame,
    frame: xr.DataArray | Sequence[float] | ObservationWindow,
    *,
    seed: int = 0,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> SurfaceStatistics:
    """The spatial statistics of points: density, nearest neighbours, pair correlation.

    Parameters
    ----------
    points
        A table of points.
    frame
        The stack or the map in which they were found, whose observation window is the set of pixels with a value at one
        bias at least; or (y from, y to, x from, x to) in nm; or the observation window.
    seed
        Of the random placements.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    SurfaceStatistics
        With fewer than two points the distances are NaN and the tables are empty.

    Raises
    ------
    StmError
        If nothing was measured, or the frame has no area.
    Stopped
        If `should_stop` returned true.

    Notes
    -----
    The pair correlation is g(r) = sum over ordered pairs of 1 / (overlap of the area with itself, moved by the pair's
    difference), over pi (r2^2 - r1^2) n (n - 1) / area^2, in steps from r1 to r2. This translation edge correction
    (Ohser 1983) makes its expectation exactly 1 for random placement, at every distance, for every shape of the area.

    Nearest neighbours of points near the edge may lie outside the frame, so their distances are too long. They have no
    edge correction: the random placements, with which they are compared, have the same edge.

    Examples
    --------
    >>> from napari_stm_impurities.data.points import make_points
    >>> corners = make_points([[5, 5], [5, 15], [15, 5], [15, 15]], (1.0, 1.0), source="manual")
    >>> statistics = surface_statistics(corners, (0.0, 20.0, 0.0, 20.0))
    >>> statistics.density_per_nm2, statistics.density_error_per_nm2, statistics.nearest_mean_nm
    (0.01, 0.005, 10.0)
    """
    area = frame if isinstance(frame, ObservationWindow) else ObservationWindow.of(frame)
    positions = positions_nm(points)
    if not np.isfinite(positions).all():
        raise StmError("a point has a position that is not a finite number")
    inside = positions[area.contains(positions)]
    estimate = _DistanceEstimator(area, len(inside))
    observed = estimate(inside)
    rng = np.random.default_rng(seed_of(seed))
    placements = []
    for number in range(N_RANDOM):
        if should_stop():
            raise Stopped
        progress(number / N_RANDOM, "placing points at random")
        placements.append(estimate(area.random_positions(len(inside), rng)))
    mean = _random([np.array([_mean(placement.nearest)]) for placement in placements]).iloc[0]
    progress(1.0, "done")
    return SurfaceStatistics(
        n_points=len(inside),
        n_outside=len(positions) - len(inside),
        area_nm2=area.area_nm2,
        density_per_nm2=len(inside) / area.area_nm2,
        density_error_per_nm2=(math.sqrt(len(inside)) or _UPPER_LIMIT_OF_ZERO) / area.area_nm2,
        nearest_nm=observed.nearest,
        nearest_mean_nm=_mean(observed.nearest),
        random_nearest_nm=float(mean["random"]),
        random_nearest_band_nm=(float(mean["low"]), float(mean["high"])),
        nearest=_nearest_table(observed, placements, estimate.step_nm),
        pair_correlation=estimate.table(observed).join(_random([placement.g for placement in placements])),
        seed=seed,
    )


@dataclass(frozen=True, eq=False)
class _DistanceStatistics:
    """The distance statistics of one set of positions: nearest distances, shape (n,), and g, one number a step."""

    nearest: np.ndarray
    g: np.ndarray


class _DistanceEstimator:
    """Distance statistics of sets of `n` positions in one area, all in the same steps; empty with fewer than two."""

    def __init__(self, area: ObservationWindow, n: int) -> None:
        spacing = math.sqrt(area.area_nm2 / max(n, 1))
        farthest = min(area.shorter_side_nm / 4, _FARTHEST_SPACINGS * spacing)
        n_steps = max(_FEWEST_STEPS, round(farthest / (_STEP_SPACINGS * spacing))) if n > 1 else 0
        self.step_nm = _STEP_SPACINGS * spacing
        self.edges_nm = np.linspace(0.0, farthest, n_steps + 1)
        self.area = area
        # each pair stands for two ordered ones
        self.scale = 2 * area.area_nm2**2 / (np.pi * np.diff(self.edges_nm**2) * n * (n - 1))

    def __call__(self, positions: np.ndarray) -> _DistanceStatistics:
        if len(positions) < 2:
            return _DistanceStatistics(np.zeros(0), self.scale)
        tree = cKDTree(positions)
        distance, _ = tree.query(positions, k=2)
        pairs = tree.query_pairs(self.edges_nm[-1], output_type="ndarray")
        apart = positions[pairs[:, 0]] - positions[pairs[:, 1]]
        weight = 1 / self.area.overlap_nm2(apart)
        counted, _ = np.histogram(np.hypot(*apart.T), bins=self.edges_nm, weights=weight)
        return _DistanceStatistics(distance[:, 1], counted * self.scale)

    def table(self, observed: _DistanceStatistics) -> pd.DataFrame:
        """The table of g(r), with the middle of each step."""
        return pd.DataFrame({"r_nm": (self.edges_nm[1:] + self.edges_nm[:-1]) / 2, "g": observed.g})


def _nearest_table(
    observed: _DistanceStatistics, placements: Sequence[_DistanceStatistics], step_nm: float
) -> pd.DataFrame:
    # the median, so that a few random placements with an isolated point do not set the range of the histogram
    farthest = max(
        observed.nearest.max(initial=0.0), np.median([statistics.nearest.max(initial=0.0) for statistics in placements])
    )
    edges = step_nm * np.arange(math.ceil(farthest / step_nm) + 1)
    counts = [
        np.histogram(statistics.nearest, bins=edges)[0] if len(edges) > 1 else np.zeros(0)
        for statistics in (observed, *placements)
    ]
    table = pd.DataFrame({"from_nm": edges[:-1], "to_nm": edges[1:], "points": counts[0]})
    return table.join(_random(counts[1:]))


def _random(placed: Sequence[np.ndarray]) -> pd.DataFrame:
    """The mean of random placements, `random`, and the band `low` to `high` that holds 95 per cent, row by row."""
    ordered = np.sort(np.stack(placed), axis=0)
    columns = {"random": ordered.mean(axis=0), "low": ordered[LEFT_OUT - 1], "high": ordered[-LEFT_OUT]}
    return pd.DataFrame(columns, dtype=np.float64)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
