"""Graphs of what was found: spectra on and off the impurities, and the statistics of their distances.

They need no display and change no global state.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from ..analysis.spatial_statistics import SurfaceStatistics
from ..analysis.spectra import spectrum_at, surface_spectrum
from ..core.errors import StmError
from ..data.observation_window import ObservationWindow
from ..data.points import positions_nm
from .maps import empty_figure, save_figure

#: Told apart by a colour-blind eye too (Okabe and Ito); the band of random placement is grey.
_ON, _OFF, _RANDOM = "#d55e00", "#0072b2", "0.82"
_HEIGHT = 4.2


def draw_spectra(stack: xr.DataArray, points: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Draw the mean spectrum on the impurities and that of the surface away from them, each with its spread.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x), with two biases at least.
    points
        A table of points; those outside the measured area are left out.
    path
        Where the picture goes; the suffix (``.png``, ``.pdf``, ``.svg``) says which kind.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    StmError
        If there is one bias only or no point on the measured area, the kind of picture is not known, or it cannot be
        written there.

    References
    ----------
    Wang et al. 2020, Fig. 5a.
    """
    positions = positions_nm(points)
    inside = positions[ObservationWindow.of(stack).contains(positions)]
    if stack.sizes["bias"] < 2 or not len(inside):
        raise StmError("spectra need two biases at least, and one point on the measured area")
    on = np.stack([spectrum_at(stack, y, x).values for y, x in inside])
    surface = surface_spectrum(stack, inside)
    figure, axes = empty_figure(_HEIGHT)
    bias = stack.bias.values
    for mean, spread, colour, name in (
        (np.nanmean(on, axis=0), np.nanstd(on, axis=0), _ON, f"on the impurities ({len(inside)})"),
        (surface.mean.values, surface.std.values, _OFF, "surface away from them"),
    ):
        axes.fill_between(bias, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
        axes.plot(bias, mean, color=colour, label=name)
    unit = stack.attrs.get("units")
    axes.set_xlabel("bias (mV)")
    axes.set_ylabel(f"{stack.name} ({unit})" if unit else str(stack.name))
    axes.set_title("Mean spectra; the bands are one standard deviation wide to each side", fontsize="medium")
    # below the graph, since the bands leave no room in it
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
    return save_figure(figure, path)


def draw_pair_correlation(statistics: SurfaceStatistics, path: str | os.PathLike[str]) -> Path:
    """Draw g(r) with the band of random placement.

    Raises
    ------
    StmError
        If there were fewer than two points, the kind of picture is not known, or it cannot be written there.
    """
    table = statistics.pair_correlation
    if table.empty:
        raise StmError("the pair correlation needs two points at least")
    figure, axes = empty_figure(_HEIGHT)
    axes.fill_between(table["r_nm"], table["low"], table["high"], color=_RANDOM, label="95 % of random placements")
    axes.axhline(1.0, color="0.5", linewidth=0.8)
    axes.plot(table["r_nm"], table["g"], "o-", color=_ON, markersize=4, label=f"{statistics.n_points} points")
    axes.set_xlim(0, None)
    axes.set_ylim(0, None)
    axes.set_xlabel("distance r (nm)")
    axes.set_ylabel("pair correlation g(r)")
    axes.set_title("g = 1: as many pairs at this distance as random placement gives", fontsize="medium")
    axes.legend(frameon=False)
    return save_figure(figure, path)


def draw_nearest_neighbours(statistics: SurfaceStatistics, path: str | os.PathLike[str]) -> Path:
    """Draw the histogram of the nearest-neighbour distances with the band of random placement.

    Raises
    ------
    StmError
        If there were fewer than two points, the kind of picture is not known, or it cannot be written there.
    """
    table = statistics.nearest
    if table.empty:
        raise StmError("nearest neighbours need two points at least")
    figure, axes = empty_figure(_HEIGHT)
    edges = [*table["from_nm"], table["to_nm"].iloc[-1]]
    axes.stairs(
        table["high"], edges, baseline=table["low"], fill=True, color=_RANDOM, label="95 % of random placements"
    )
    axes.stairs(table["random"], edges, color="0.5", linewidth=0.8)
    axes.stairs(table["points"], edges, color=_ON, linewidth=1.6, label=f"{statistics.n_points} points")
    for value, colour, name in (
        (statistics.nearest_mean_nm, _ON, "their mean"),
        (statistics.random_nearest_nm, "0.35", "mean of random placements"),
    ):
        axes.axvline(value, color=colour, linestyle="--", linewidth=1, label=f"{name}, {value:.3g} nm")
    axes.set_xlim(0, None)
    axes.set_ylim(0, None)
    axes.set_xlabel("distance to the nearest neighbour (nm)")
    axes.set_ylabel("points")
    axes.set_title(f"Nearest neighbours: {statistics.verdict}", fontsize="medium")
    axes.legend(frameon=False, fontsize="small")
    return save_figure(figure, path)
