"""The ring of scattering in the Fourier transform of a map, and the parabola E(q) over all maps.

A band with wave number k scatters with q = 2k, which is a circle in the transform of each map.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from ..physics.dispersion import Dispersion
from ..qpi.fourier_maps import FourierMaps
from .elements import FOUND_COLOUR, label_axes, round_ticks

#: Both plots reach this many times as far as the largest ring, so that the background beyond it is visible.
_REACH = 1.6
#: The shares of the values that are black and white: most of a transform is noise, and its few peaks are far brighter.
_BLACK, _WHITE = 0.3, 0.998
_PARABOLA_POINTS = 60
#: Half the width of a cell without neighbours, such as the one row of E(q) of a single map.
_LONE_HALF = 0.5
_MOST_TICKS = 4


def reach_per_nm(picture: FourierMaps, band: Dispersion | None) -> float:
    """The largest q of both plots, in rad/nm."""
    farthest = float(min(picture.q_y_per_nm.max(), picture.q_x_per_nm.max()))
    if band is None:
        return farthest
    largest = 2 * float(band.k_per_nm(picture.bias_mv).max())
    return min(farthest, _REACH * largest) if largest > 0 else farthest


def nearest_map(picture: FourierMaps, bias_mv: float) -> int:
    """The number of the map whose bias is nearest."""
    return int(np.abs(picture.bias_mv - bias_mv).argmin())


def ring_radius_per_nm(picture: FourierMaps, band: Dispersion | None, bias_mv: float) -> float | None:
    """The radius 2k of the ring in the map whose bias is nearest, in rad/nm; None where there is no ring."""
    if band is None:
        return None
    radius = 2 * float(band.k_per_nm(picture.bias_mv[nearest_map(picture, bias_mv)]))
    return radius if radius > 0 else None


def plot_transform_axes(axes: Axes, picture: FourierMaps, band: Dispersion | None) -> None:
    """Draw the axes that all maps share; :func:`plot_transform` adds one map."""
    reach = reach_per_nm(picture, band)
    axes.set_xlim(-reach, reach)
    # y downwards, as in the map itself
    axes.set_ylim(reach, -reach)
    axes.set_aspect("equal")
    label_axes(axes, "$q_x$ (nm$^{-1}$)", "$q_y$ (nm$^{-1}$)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(round_ticks(_MOST_TICKS))


def plot_transform(axes: Axes, picture: FourierMaps, band: Dispersion | None, bias_mv: float) -> list[Artist]:
    """Draw the Fourier transform of the map whose bias is nearest, and the circle of radius 2k.

    Parameters
    ----------
    axes
        As :func:`plot_transform_axes` leaves them; their limits are not changed.
    picture, band
        The transforms, and the band where one is known.
    bias_mv
        In mV.

    Returns
    -------
    list of matplotlib.artist.Artist
        All that was drawn.
    """
    power, q_y, q_x = _within_reach(picture, band, bias_mv)
    # each pixel covers its own step in q
    (top, bottom), (left, right) = (_edges(q)[[0, -1]] for q in (q_y, q_x))
    low, high = _grey_limits(power)
    drawn: list[Artist] = [
        axes.imshow(power, cmap="gray", vmin=low, vmax=high, origin="upper", extent=(left, right, bottom, top))
    ]
    radius = ring_radius_per_nm(picture, band, bias_mv)
    if radius is not None:
        drawn.append(axes.add_artist(Circle((0, 0), radius, fill=False, edgecolor=FOUND_COLOUR, linewidth=1.5)))
    drawn_mv = float(picture.bias_mv[nearest_map(picture, bias_mv)])
    label = axes.text(0.5, 1.02, f"{drawn_mv:.4g} mV", transform=axes.transAxes, ha="center", va="bottom")
    return [*drawn, label]


def transform_table(picture: FourierMaps, band: Dispersion | None, bias_mv: float) -> pd.DataFrame:
    """The drawn map, a row a pixel: `bias_mv`, `q_y_per_nm`, `q_x_per_nm`, `log_power`, and the radius of the ring."""
    power, q_y, q_x = _within_reach(picture, band, bias_mv)
    radius = ring_radius_per_nm(picture, band, bias_mv)
    return pd.DataFrame(
        {
            "bias_mv": float(picture.bias_mv[nearest_map(picture, bias_mv)]),
            "q_y_per_nm": np.repeat(q_y, len(q_x)),
            "q_x_per_nm": np.tile(q_x, len(q_y)),
            "log_power": power.ravel(),
            "ring_radius_per_nm": np.nan if radius is None else radius,
        }
    )


def plot_energy(axes: Axes, picture: FourierMaps, band: Dispersion | None) -> None:
    """Draw E(q), the mean of each transform over all directions, with the parabola of the band.

    Each map has the median over q taken from it, since the power falls from map to map.
    """
    power, q = _radial(picture, band)
    low, high = _grey_limits(power)
    bias_edges = _edges(picture.bias_mv)
    # as pixels also in a vector file: it would hold each of some thousand rectangles, with gaps at their edges
    axes.pcolormesh(_edges(q), bias_edges, power, cmap="gray", vmin=low, vmax=high, rasterized=True)
    axes.set_xlim(0, reach_per_nm(picture, band))
    axes.set_ylim(bias_edges[0], bias_edges[-1])
    if band is not None:
        energies_mv = np.linspace(bias_edges[0], bias_edges[-1], _PARABOLA_POINTS)
        ring = 2 * band.k_per_nm(energies_mv)
        axes.plot(np.where(ring > 0, ring, np.nan), energies_mv, color=FOUND_COLOUR, linewidth=1.5)
    label_axes(axes, "$q$ (nm$^{-1}$)", "bias (mV)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(round_ticks(_MOST_TICKS))


def energy_table(picture: FourierMaps, band: Dispersion | None) -> pd.DataFrame:
    """The drawn E(q), a row a bias and a radius: `bias_mv`, `q_per_nm`, `log_power`, and 2k as `ring_radius_per_nm`."""
    power, q = _radial(picture, band)
    ring = np.full(len(picture.bias_mv), np.nan) if band is None else 2 * band.k_per_nm(picture.bias_mv)
    return pd.DataFrame(
        {
            "bias_mv": np.repeat(picture.bias_mv, len(q)),
            "q_per_nm": np.tile(q, len(power)),
            "log_power": power.ravel(),
            "ring_radius_per_nm": np.repeat(np.where(ring > 0, ring, np.nan), len(q)),
        }
    )


def _within_reach(
    picture: FourierMaps, band: Dispersion | None, bias_mv: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The part of one transform that is drawn, with its q_y and its q_x."""
    reach = reach_per_nm(picture, band)
    rows, columns = (np.flatnonzero(np.abs(q) <= reach) for q in (picture.q_y_per_nm, picture.q_x_per_nm))
    power = picture.log_power[nearest_map(picture, bias_mv)][np.ix_(rows, columns)]
    return power, picture.q_y_per_nm[rows], picture.q_x_per_nm[columns]


def _radial(picture: FourierMaps, band: Dispersion | None) -> tuple[np.ndarray, np.ndarray]:
    """The part of E(q) that is drawn, shape (map, q), and its radii."""
    inside = picture.q_per_nm <= reach_per_nm(picture, band)
    levelled = picture.radial - np.median(picture.radial, axis=1, keepdims=True)
    return levelled[:, inside], picture.q_per_nm[inside]


def _edges(centres: np.ndarray) -> np.ndarray:
    """The edges of cells around ascending centres, shape (n + 1,)."""
    if len(centres) == 1:
        return centres[0] + np.array([-_LONE_HALF, _LONE_HALF])
    between = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - between[0]], between, [2 * centres[-1] - between[-1]]])


def _grey_limits(values: np.ndarray) -> tuple[float, float]:
    """The values that are black and white."""
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, (_BLACK, _WHITE)) if finite.size else (0.0, 1.0)
    return float(low), float(high) if high > low else float(low) + 1.0
