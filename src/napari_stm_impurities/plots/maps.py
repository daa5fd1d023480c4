"""Maps with points on them: detections, and the overlay of the paper's Fig. 3."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnchoredText
from matplotlib.patheffects import withStroke

from ..data.images import DIMS, map_at, pixel_size_nm
from ..data.points import positions_nm
from ..data.schemas import SCHEMAS
from .elements import with_unit
from .figures import empty_figure, save_figure

if TYPE_CHECKING:
    from ..analysis.comparison import Comparison

#: The share of the values at either end that is ignored for the contrast, such as spikes.
_OUTLIERS = 0.005
#: Of a square map with its colour bar, 6 inches wide.
_HEIGHT_INCHES = 5.4


def draw_points(
    stack: xr.DataArray, points: pd.DataFrame, path: str | os.PathLike[str], *, bias_mv: float = 0.0
) -> Path:
    """Draw points on one map of a stack.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    points
        A table of points; the colour of a ring is the point's confidence, where it has one.
    path
        The picture file; its suffix (``.png``, ``.pdf``, ``.svg``) sets the format.
    bias_mv
        The map whose bias is nearest is drawn: by default nearest to the Fermi level, where ripples show best.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    StmError
        If the kind of picture is not known, or it cannot be written there.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from napari_stm_impurities import make_stack
    >>> from napari_stm_impurities.data.points import make_points
    >>> stack = make_stack(np.random.default_rng(0).normal(size=(2, 16, 16)), [-10, 0], 0.5)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "points.png"
    >>> draw_points(stack, make_points([[3, 4]], (0.5, 0.5), source="manual"), path).name
    'points.png'
    """
    map_ = map_at(stack, bias_mv)
    figure, axes, image = _map_figure(map_, "gray")
    axes.set_title(f"{_title(map_)}, {len(points)} points")
    yx, confidence = positions_nm(points), points["confidence"].to_numpy(dtype=float)
    has_confidence = np.isfinite(confidence)
    scale = ScalarMappable(Normalize(0, 1), colormaps["plasma"])
    colours = np.where(
        has_confidence[:, None], scale.to_rgba(np.where(has_confidence, confidence, 0)), to_rgba("tab:red")
    )
    axes.scatter(yx[:, 1], yx[:, 0], s=80, facecolors="none", edgecolors=colours.tolist(), linewidths=1.5)
    if has_confidence.any():
        figure.colorbar(scale, ax=axes, label="confidence", shrink=0.8)
    else:
        figure.colorbar(image, ax=axes, label=_unit(map_), shrink=0.8)
    return save_figure(figure, path)


def draw_overlay(
    bound_state_map: xr.DataArray,
    points: pd.DataFrame,
    reference: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    comparison: Comparison | None = None,
) -> Path:
    """Draw the prediction over the reference on the map of the bound states, and save it.

    Parameters
    ----------
    bound_state_map, points, reference, comparison
        See :func:`overlay`.
    path
        The picture file; its suffix (``.png``, ``.pdf``, ``.svg``) sets the format.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    StmError
        If the kind of picture is not known, or it cannot be written there.
    """
    return save_figure(overlay(bound_state_map, points, reference, comparison=comparison), path)


def overlay(
    bound_state_map: xr.DataArray,
    points: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    comparison: Comparison | None = None,
) -> Figure:
    """The paper's Fig. 3: the prediction over the reference on the map of the bound states.

    Parameters
    ----------
    bound_state_map
        A stack with one bias, or a map (y, x).
    points
        The detected points: open red squares.
    reference
        The reference: black dots.
    comparison
        The result of :func:`~napari_stm_impurities.analysis.comparison.compare` for these two tables. With it the
        missed reference points are ringed in white, the extra points crossed, and the figures of merit are printed.

    Returns
    -------
    matplotlib.figure.Figure
        With the Agg canvas.

    References
    ----------
    Wang et al. 2020, Fig. 3.
    """
    map_ = map_at(bound_state_map, float(bound_state_map.bias[0])) if bound_state_map.dims == DIMS else bound_state_map
    figure, axes, image = _map_figure(map_, "viridis")
    figure.colorbar(image, ax=axes, label=_unit(map_), shrink=0.8)
    found, truth = positions_nm(points), positions_nm(reference)
    axes.plot(truth[:, 1], truth[:, 0], "o", mfc="black", mec="white", ms=5, mew=0.6, label=f"reference ({len(truth)})")
    axes.plot(found[:, 1], found[:, 0], "s", mfc="none", mec="red", ms=9, mew=1.5, label=f"prediction ({len(found)})")
    if comparison is not None:
        missed, extra = comparison.missed, comparison.extra
        ring, cross = f"missed ({len(missed)})", f"extra ({len(extra)})"
        axes.plot(missed["x_nm"], missed["y_nm"], "o", mfc="none", mec="white", ms=12, mew=1.2, label=ring)
        axes.plot(extra["x_nm"], extra["y_nm"], "x", mec="red", ms=6, mew=1.2, label=cross)
        figure.supxlabel(_merit(comparison), fontsize="small")
    legend = axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=4, frameon=False, fontsize="small")
    for handle in legend.legend_handles:
        # the white ring has to show on the white page too
        if isinstance(handle, Line2D) and handle.get_markeredgecolor() == "white" and handle.get_markersize() > 5:
            handle.set_markeredgecolor("0.6")
    axes.set_title(_title(map_))
    return figure


def _merit(comparison: Comparison) -> str:
    return (
        f"within {comparison.tolerance_nm:g} nm: recall {comparison.recall:.2f}, precision {comparison.precision:.2f},"
        f" F1 {comparison.f1:.2f}; reference ratio {comparison.reference_ratio:.2f},"
        f" by chance {comparison.chance_ratio:.2f}"
    )


def plot_map(axes: Axes, map_: xr.DataArray, colours: str = "gray") -> AxesImage:
    """Draw one map (y, x) in nm with a scale bar, its contrast set by all but the outliers.

    Parameters
    ----------
    axes
        Where to draw.
    map_
        Dimensions (y, x).
    colours
        The name of a colour map of matplotlib.

    Returns
    -------
    matplotlib.image.AxesImage
        The picture, for a colour bar.
    """
    size_y, size_x = pixel_size_nm(map_)
    y, x = map_["y"].values, map_["x"].values
    finite = map_.values[np.isfinite(map_.values)]
    low, high = np.quantile(finite, [_OUTLIERS, 1 - _OUTLIERS]) if finite.size else (0.0, 1.0)
    image = axes.imshow(
        map_.values,
        # the first line on top, as in the viewer and in the microscope's own program
        origin="upper",
        extent=(x[0] - size_x / 2, x[-1] + size_x / 2, y[-1] + size_y / 2, y[0] - size_y / 2),
        vmin=low,
        vmax=high,
        cmap=colours,
    )
    axes.set_xlabel("x (nm)")
    axes.set_ylabel("y (nm)")
    _scale_bar(axes, float(x[-1] - x[0] + size_x))
    return image


def map_table(map_: xr.DataArray) -> pd.DataFrame:
    """The pixels of one map (y, x), a row each: `y_nm`, `x_nm`, and the value with its unit.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> map_table(make_stack(np.ones((1, 8, 8)), 0.0, 0.5, units="nS")[0]).iloc[-1].to_dict()
    {'y_nm': 3.5, 'x_nm': 3.5, 'dI/dV (nS)': 1.0}
    """
    y, x = map_["y"].values, map_["x"].values
    return pd.DataFrame(
        {
            "y_nm": np.repeat(y, len(x)),
            "x_nm": np.tile(x, len(y)),
            with_unit(str(map_.name), _unit(map_)): map_.values.ravel(),
        }
    )


def _map_figure(map_: xr.DataArray, colours: str) -> tuple[Figure, Axes, AxesImage]:
    figure, axes = empty_figure(_HEIGHT_INCHES)
    return figure, axes, plot_map(axes, map_, colours)


def _scale_bar(axes: Axes, width_nm: float) -> None:
    """A bar of a round length near a fifth of the width, in the lower right corner."""
    step = 10.0 ** np.floor(np.log10(width_nm / 4))
    length = max(step * factor for factor in (1, 2, 5) if step * factor <= width_nm / 4)
    outline = [withStroke(linewidth=4, foreground="black")]
    left = 0.95 - length / width_nm
    axes.plot([left, 0.95], [0.05, 0.05], "-", color="white", lw=2.5, transform=axes.transAxes, path_effects=outline)
    label = AnchoredText(
        f"{length:g} nm",
        loc="lower center",
        bbox_to_anchor=(left + length / width_nm / 2, 0.06),
        bbox_transform=axes.transAxes,
        frameon=False,
        pad=0,
        borderpad=0.1,
        prop={"color": "white", "size": "small", "path_effects": [withStroke(linewidth=2, foreground="black")]},
    )
    axes.add_artist(label)


def _unit(map_: xr.DataArray) -> str:
    return str(map_.attrs.get("units", ""))


def _title(map_: xr.DataArray) -> str:
    """The channel of a map (y, x), with its bias or time where it has one."""
    coordinates = (
        f"{float(map_[schema.axis]):g} {schema.axis_unit}" for schema in SCHEMAS if schema.axis in map_.coords
    )
    return " at ".join([str(map_.name), *coordinates])
