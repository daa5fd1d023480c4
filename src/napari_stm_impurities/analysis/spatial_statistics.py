"""Spatial statistics of points: density, nearest neighbours, pair correlation with edge correction, clustering.

Everything is held against random placement: as many points, in the same measured area, placed anew many times. What
the edge of the frame does to a distance, it does to those too.

References
----------
B. D. Ripley, J. Appl. Prob. 13, 255 (1976) and J. R. Stat. Soc. B 39, 172 (1977): second-order statistics of points.
J. Ohser, Math. Operationsforsch. Statist. Ser. Statist. 14, 63 (1983): the translation correction for the edge.
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

#: How often as many points are placed at random, and how many of these are left out at each end of the band: of 199
#: the 5 lowest and the 5 highest leave 95 per cent, for each distance on its own (Diggle 2003).
N_RANDOM, LEFT_OUT = 199, 5
#: One step of g(r), in mean spacings of the points (Illian et al. 2008 advise 0.1 to 0.2), and the fewest steps.
_STEP_SPACINGS, _FEWEST_STEPS = 0.15, 10
#: How far g(r) goes: a quarter of the shorter side, but at most so many mean spacings.
_FARTHEST_SPACINGS = 5.0
#: With no point at all, the density that would still give one with a probability of 84 per cent (Gehrels 1986).
_NONE_AT_ALL = 1.841


@dataclass(frozen=True, eq=False)
class SurfaceStatistics:
    """What came out of :func:`surface_statistics`."""

    n_points: int
    """How many points lie on the measured area; only these count."""
    n_outside: int
    """How many lie beside it."""
    area_nm2: float
    """The area of all measured pixels, in nm^2."""
    density_per_nm2: float
    """Points in one nm^2."""
    density_error_per_nm2: float
    """Its standard deviation, as counting has it: the root of the number over the area."""
    nearest_nm: np.ndarray
    """The distance of each point that counts to the nearest other one, in nm."""
    nearest_mean_nm: float
    """Its mean; NaN with fewer than two points."""
    random_nearest_nm: float
    """The mean to expect of random placement in the same area."""
    random_nearest_band_nm: tuple[float, float]
    """Where that mean lies in 95 per cent of random placements."""
    nearest: pd.DataFrame
    """The distances as a histogram: `from_nm`, `to_nm`, `points`, and of random placement `random`, `low`, `high`."""
    pair_correlation: pd.DataFrame
    """`r_nm`, `g`, and of random placement `low`, `high` (95 per cent at each distance) and `random`, the mean."""
    seed: int
    """What the random placements began with."""

    @property
    def clustering(self) -> str:
        """What the mean distance says: ``closer than at random``, ``farther apart than at random`` or ``as at random``.

        ``not known`` with fewer than two points.
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
        """Write :meth:`to_dict` as JSON; the file is whole or not there."""
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
        return Path(path)

    def summary_rows(self) -> list[Row]:
        """The figures as rows, those of random placement beside them."""
        outside = f", {self.n_outside} more lie outside it" if self.n_outside else ""
        rows = [
            Row("points", str(self.n_points), f"on the measured area{outside}"),
            Row("measured area", f"{self.area_nm2:.5g} nm²", "missing pixels are left out"),
            Row(
                "density",
                f"{self.density_per_nm2:.4g} ± {self.density_error_per_nm2:.2g} per nm²",
                "the error is that of counting",
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
    """Tell what points say of the surface: density, nearest neighbours, pair correlation.

    Parameters
    ----------
    points
        A table of points.
    frame
        The stack or the map in which they were found: the pixels that have a value at one bias at least count, so the
        lines that an aborted grid never measured do not. Or (y from, y to, x from, x to) in nm, or the area itself.
    seed
        Of the random placements.
    progress, should_stop
        See :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    SurfaceStatistics
        With fewer than two points the distances are NaN and the tables are empty.

    Raises
    ------
    StmError
        If nothing was measured, or the frame has no area.
    Stopped
        If `should_stop` said so.

    Notes
    -----
    The pair correlation is g(r) = sum over ordered pairs of 1 / (overlap of the area with itself, moved by the pair's
    difference), over pi (r2^2 - r1^2) n (n - 1) / area^2, in steps from r1 to r2. That translation correction (Ohser
    1983) makes its expectation exactly 1 for random placement, at every distance and for every shape of the area.

    Nearest neighbours of points near the edge may lie outside the frame, where nobody looked, so their distances are
    too long. They are not corrected: the random placements, against which they are held, have the same edge.

    Examples
    --------
    >>> from napari_stm_impurities.data.points import make_points
    >>> corners = make_points([[5, 5], [5, 15], [15, 5], [15, 15]], (1.0, 1.0), source="manual")
    >>> told = surface_statistics(corners, (0.0, 20.0, 0.0, 20.0))
    >>> told.density_per_nm2, told.density_error_per_nm2, told.nearest_mean_nm
    (0.01, 0.005, 10.0)
    """
    area = frame if isinstance(frame, ObservationWindow) else ObservationWindow.of(frame)
    positions = positions_nm(points)
    if not np.isfinite(positions).all():
        raise StmError("a point has a position that is not a finite number")
    inside = positions[area.contains(positions)]
    measure = _Measure(area, len(inside))
    seen = measure(inside)
    rng = np.random.default_rng(seed_of(seed))
    placed = []
    for number in range(N_RANDOM):
        if should_stop():
            raise Stopped
        progress(number / N_RANDOM, "placing points at random")
        placed.append(measure(area.random_positions(len(inside), rng)))
    mean = _random([np.array([_mean(one.nearest)]) for one in placed]).iloc[0]
    progress(1.0, "done")
    return SurfaceStatistics(
        n_points=len(inside),
        n_outside=len(positions) - len(inside),
        area_nm2=area.area_nm2,
        density_per_nm2=len(inside) / area.area_nm2,
        density_error_per_nm2=(math.sqrt(len(inside)) or _NONE_AT_ALL) / area.area_nm2,
        nearest_nm=seen.nearest,
        nearest_mean_nm=_mean(seen.nearest),
        random_nearest_nm=float(mean["random"]),
        random_nearest_band_nm=(float(mean["low"]), float(mean["high"])),
        nearest=_nearest_table(seen, placed, measure.step_nm),
        pair_correlation=measure.table(seen).join(_random([one.g for one in placed])),
        seed=seed,
    )


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of one set of positions: nearest distances, shape (n,), and g, one number a step."""

    nearest: np.ndarray
    g: np.ndarray


class _Measure:
    """Measures sets of `n` positions in an area, all in the same steps; with fewer than two there is nothing."""

    def __init__(self, area: ObservationWindow, n: int) -> None:
        spacing = math.sqrt(area.area_nm2 / max(n, 1))
        farthest = min(area.shorter_side_nm / 4, _FARTHEST_SPACINGS * spacing)
        n_steps = max(_FEWEST_STEPS, round(farthest / (_STEP_SPACINGS * spacing))) if n > 1 else 0
        self.step_nm = _STEP_SPACINGS * spacing
        self.edges_nm = np.linspace(0.0, farthest, n_steps + 1)
        self.area = area
        # each pair stands for two ordered ones
        self.scale = 2 * area.area_nm2**2 / (np.pi * np.diff(self.edges_nm**2) * n * (n - 1))

    def __call__(self, positions: np.ndarray) -> _Measured:
        if len(positions) < 2:
            return _Measured(np.zeros(0), self.scale)
        tree = cKDTree(positions)
        distance, _ = tree.query(positions, k=2)
        pairs = tree.query_pairs(self.edges_nm[-1], output_type="ndarray")
        apart = positions[pairs[:, 0]] - positions[pairs[:, 1]]
        weight = 1 / self.area.overlap_nm2(apart)
        counted, _ = np.histogram(np.hypot(*apart.T), bins=self.edges_nm, weights=weight)
        return _Measured(distance[:, 1], counted * self.scale)

    def table(self, seen: _Measured) -> pd.DataFrame:
        """The middle of each step, and g there."""
        return pd.DataFrame({"r_nm": (self.edges_nm[1:] + self.edges_nm[:-1]) / 2, "g": seen.g})


def _nearest_table(seen: _Measured, placed: Sequence[_Measured], step_nm: float) -> pd.DataFrame:
    # the few random placements with a very lonely point do not set how far the histogram goes
    farthest = max(seen.nearest.max(initial=0.0), np.median([one.nearest.max(initial=0.0) for one in placed]))
    edges = step_nm * np.arange(math.ceil(farthest / step_nm) + 1)
    counts = [np.histogram(one.nearest, bins=edges)[0] if len(edges) > 1 else np.zeros(0) for one in (seen, *placed)]
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
