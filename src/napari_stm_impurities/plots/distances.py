"""Plots of distances: between the points of a surface, and within the pairs of a comparison."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from ..analysis.spatial_statistics import SurfaceStatistics
from ..core.errors import StmError
from .elements import (
    BAND_ALPHA,
    FOUND_COLOUR,
    NEUTRAL_COLOUR,
    bars,
    count,
    label_axes,
    legend_above,
    round_ticks,
    vertical_mark,
)
from .figures import empty_figure, save_figure

#: Of the distances of pairs, from 0 to this many times the largest distance that a pair may have.
_PAIR_BARS, _PAIR_REACH = 25, 1.25
_RANDOM_LABEL = "random placement (95 %)"


def plot_pair_correlation(axes: Axes, statistics: SurfaceStatistics) -> None:
    """Draw g(r) with the band of random placement."""
    table = statistics.pair_correlation
    axes.fill_between(
        table["r_nm"],
        table["low"],
        table["high"],
        color=NEUTRAL_COLOUR,
        alpha=BAND_ALPHA,
        linewidth=0,
        label=_RANDOM_LABEL,
    )
    axes.axhline(1.0, color=NEUTRAL_COLOUR, linewidth=0.8)
    axes.plot(table["r_nm"], table["g"], "o-", color=FOUND_COLOUR, markersize=3.5, label=_n_points(statistics))
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    label_axes(axes, "distance r (nm)", "pair correlation g(r)")
    legend_above(axes)


def pair_correlation_table(statistics: SurfaceStatistics) -> pd.DataFrame:
    """`r_nm`, `g`, and of random placement the mean `random` and the band `low` to `high`."""
    return statistics.pair_correlation


def draw_pair_correlation(statistics: SurfaceStatistics, path: str | os.PathLike[str]) -> Path:
    """Draw g(r) with the band of random placement, and save it.

    Raises
    ------
    StmError
        If there were fewer than two points, the kind of picture is not known, or it cannot be written there.
    """
    if statistics.pair_correlation.empty:
        raise StmError("the pair correlation needs two points at least")
    figure, axes = empty_figure()
    plot_pair_correlation(axes, statistics)
    figure.suptitle("g = 1: as many pairs at this distance as random placement gives", fontsize="medium")
    return save_figure(figure, path)


def plot_nearest_neighbours(axes: Axes, statistics: SurfaceStatistics) -> None:
    """Draw the histogram of the nearest-neighbour distances with the band of random placement, and both means."""
    table = statistics.nearest
    edges = [*table["from_nm"], *table["to_nm"].iloc[-1:]]
    axes.stairs(
        table["high"],
        edges,
        baseline=table["low"],
        fill=True,
        color=NEUTRAL_COLOUR,
        alpha=BAND_ALPHA,
        linewidth=0,
        label=_RANDOM_LABEL,
    )
    axes.stairs(table["random"], edges, color=NEUTRAL_COLOUR, linewidth=0.8)
    axes.stairs(table["points"], edges, color=FOUND_COLOUR, linewidth=1.6, label=_n_points(statistics))
    for mean_nm, colour in ((statistics.nearest_mean_nm, FOUND_COLOUR), (statistics.random_nearest_nm, NEUTRAL_COLOUR)):
        vertical_mark(axes, mean_nm, colour, "--", 1.0)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    label_axes(axes, "distance to the nearest neighbour (nm)", "points")
    axes.yaxis.set_major_locator(round_ticks(whole=True))
    legend_above(axes)


def nearest_neighbours_table(statistics: SurfaceStatistics) -> pd.DataFrame:
    """`from_nm`, `to_nm`, `points`, and of random placement the mean `random` and the band `low` to `high`."""
    return statistics.nearest


def draw_nearest_neighbours(statistics: SurfaceStatistics, path: str | os.PathLike[str]) -> Path:
    """Draw the histogram of the nearest-neighbour distances with the band of random placement, and save it.

    Raises
    ------
    StmError
        If there were fewer than two points, the kind of picture is not known, or it cannot be written there.
    """
    if statistics.nearest.empty:
        raise StmError("nearest neighbours need two points at least")
    figure, axes = empty_figure()
    plot_nearest_neighbours(axes, statistics)
    figure.suptitle(
        f"Nearest neighbours: {statistics.clustering}\ndashed: mean {statistics.nearest_mean_nm:.3g} nm,"
        f" at random {statistics.random_nearest_nm:.3g} nm",
        fontsize="medium",
    )
    return save_figure(figure, path)


def plot_pair_distances(axes: Axes, distances_nm: ArrayLike, tolerance_nm: float) -> None:
    """Draw the histogram of the distances within pairs, with a line at the largest distance of a pair."""
    bars(axes, distances_nm, _pair_edges(tolerance_nm))
    vertical_mark(axes, tolerance_nm, FOUND_COLOUR, "-", 2.0)
    label_axes(axes, "distance of the pairs (nm)", "pairs")


def pair_distances_table(distances_nm: ArrayLike, tolerance_nm: float) -> pd.DataFrame:
    """The histogram as `from_nm`, `to_nm` and `pairs`.

    Examples
    --------
    >>> table = pair_distances_table([0.105, 0.11], 0.4)
    >>> table[table["pairs"] > 0].round(2).to_numpy().tolist()
    [[0.1, 0.12, 2.0]]
    """
    edges = _pair_edges(tolerance_nm)
    return pd.DataFrame({"from_nm": edges[:-1], "to_nm": edges[1:], "pairs": count(distances_nm, edges)})


def _pair_edges(tolerance_nm: float) -> np.ndarray:
    return np.linspace(0.0, _PAIR_REACH * tolerance_nm, _PAIR_BARS + 1)


def _n_points(statistics: SurfaceStatistics) -> str:
    return f"{statistics.n_points} points"
