"""Plots of dI/dV spectra, each with its spread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from ..analysis.spectra import spectrum_at, surface_spectrum
from ..core.errors import StmError
from ..data.observation_window import ObservationWindow
from ..data.points import positions_nm
from .elements import BAND_ALPHA, FOUND_COLOUR, SURFACE_COLOUR, label_axes, legend_above, with_unit
from .figures import empty_figure, save_figure

#: Of the first spectrum, which lies on top, and of the second.
_COLOURS = (FOUND_COLOUR, SURFACE_COLOUR)
#: Up to this number of biases each is marked by a dot.
MARKED_BIASES = 16


class Spectrum(NamedTuple):
    """A curve over the bias.

    Attributes
    ----------
    name
        In the legend, and above its column in the table.
    mean
        Shape (bias,); NaN where nothing was measured.
    std
        Shape (bias,): a band of `mean` plus and minus this is drawn; None for a curve without a band.
    """

    name: str
    mean: np.ndarray
    std: np.ndarray | None = None


def plot_spectra(axes: Axes, bias_mv: np.ndarray, spectra: Sequence[Spectrum], quantity: str, unit: str) -> None:
    """Draw up to two spectra with their spread; a curve is broken where nothing was measured.

    Parameters
    ----------
    axes
        Where to draw.
    bias_mv
        Shape (bias,), in mV; need not be evenly spaced.
    spectra
        The first one lies on top.
    quantity, unit
        Of the values: ``"dI/dV"``, ``"nS"``.
    """
    marker = "o" if len(bias_mv) <= MARKED_BIASES else None
    for above, (spectrum, colour) in enumerate(zip(spectra, _COLOURS, strict=False)):
        name, mean, std = spectrum
        if std is not None:
            axes.fill_between(
                bias_mv, mean - std, mean + std, color=colour, alpha=BAND_ALPHA, linewidth=0, zorder=1.9 - above
            )
        axes.plot(bias_mv, mean, color=colour, marker=marker, markersize=3.5, label=name, zorder=3 - above / 2)
    if len(bias_mv) > 1:
        axes.set_xlim(bias_mv.min(), bias_mv.max())
    label_axes(axes, "bias (mV)", with_unit(quantity, unit))
    legend_above(axes)


def spectra_table(bias_mv: np.ndarray, spectra: Sequence[Spectrum], quantity: str, unit: str) -> pd.DataFrame:
    """`bias_mv`, and for each spectrum its mean and, where it has one, its standard deviation.

    Examples
    --------
    >>> spectrum = Spectrum("here", np.array([1.0, 2.0]), np.array([0.1, 0.2]))
    >>> spectra_table(np.array([-5.0, 5.0]), [spectrum], "dI/dV", "nS").columns.tolist()
    ['bias_mv', 'here: dI/dV (nS)', 'here: standard deviation (nS)']
    """
    columns: dict[str, np.ndarray] = {"bias_mv": bias_mv}
    for name, mean, std in spectra:
        columns[with_unit(f"{name}: {quantity}", unit)] = mean
        if std is not None:
            columns[with_unit(f"{name}: standard deviation", unit)] = std
    return pd.DataFrame(columns)


def draw_spectra(stack: xr.DataArray, points: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Draw the mean spectrum on the impurities and that of the surface away from them, each with its spread.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x), with two biases at least.
    points
        A table of points; those outside the measured area are left out.
    path
        The picture file; its suffix (``.png``, ``.pdf``, ``.svg``) sets the format.

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
    impurity_spectra = np.stack([spectrum_at(stack, y, x).values for y, x in inside])
    surface = surface_spectrum(stack, inside)
    spectra = [
        Spectrum(
            f"on the impurities ({len(inside)})",
            np.nanmean(impurity_spectra, axis=0),
            np.nanstd(impurity_spectra, axis=0),
        ),
        Spectrum("surface away from them", surface.mean.values, surface.std.values),
    ]
    figure, axes = empty_figure()
    plot_spectra(axes, stack.bias.values, spectra, str(stack.name), str(stack.attrs.get("units", "")))
    figure.suptitle("Mean spectra; the bands are one standard deviation wide to each side", fontsize="medium")
    return save_figure(figure, path)
