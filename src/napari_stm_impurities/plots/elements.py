"""Common elements of plots: colours, labels with units, a legend, bars and a vertical mark."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

#: Colours of detections and of the surface, after Okabe and Ito (2008), whose colours can be distinguished by
#: colour-blind readers: their vermilion, and a blue between their two, both visible on white and on dark background.
FOUND_COLOUR, SURFACE_COLOUR = "#d55e00", "#2a8ccb"
#: Colour of random placement and of marks, behind the curves.
NEUTRAL_COLOUR = "#808080"
#: Opacity of a band of spread.
BAND_ALPHA = 0.3
#: Powers of ten outside this range are written once at the end of an axis, so that its numbers stay short.
_UNSCALED_POWERS = (-3, 4)
#: Between the numbers of an axis and its name, in points.
_LABEL_PAD = 2


def with_unit(name: str, unit: str) -> str:
    """A name with its unit, as on an axis and above a column.

    Examples
    --------
    >>> with_unit("dI/dV", "nS"), with_unit("score", "")
    ('dI/dV (nS)', 'score')
    """
    return f"{name} ({unit})" if unit else name


def label_axes(axes: Axes, x_label: str, y_label: str, *, y_colour: str | None = None) -> None:
    """Name both axes, and keep their numbers few and short."""
    axes.set_xlabel(x_label, labelpad=_LABEL_PAD)
    axes.set_ylabel(y_label, labelpad=_LABEL_PAD)
    if y_colour is not None:
        axes.yaxis.label.set_color(y_colour)
    axes.ticklabel_format(axis="y", scilimits=_UNSCALED_POWERS)
    axes.yaxis.set_major_locator(round_ticks())


def round_ticks(most: int = 5, *, whole: bool = False) -> MaxNLocator:
    """Ticks at multiples of 1, 2 or 5 times a power of ten, or at whole numbers only."""
    return MaxNLocator(most, steps=[1, 2, 5, 10], integer=whole)


def legend_above(axes: Axes) -> None:
    """Name the curves in one line above the axes, where no curve is hidden by it."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles,
            labels,
            # the powers of ten of a left and a right axis are at the two ends
            loc="lower center",
            bbox_to_anchor=(0.5, 1),
            ncols=len(labels),
            frameon=False,
            fontsize="small",
            borderaxespad=0.1,
            handlelength=1.2,
            columnspacing=1.0,
        )


def bars(axes: Axes, values: ArrayLike, edges: np.ndarray) -> None:
    """Draw a histogram: the number of values between each two edges."""
    axes.stairs(count(values, edges), edges, fill=True, color=SURFACE_COLOUR)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(round_ticks(whole=True))


def count(values: ArrayLike, edges: np.ndarray) -> np.ndarray:
    """The number of values between each two edges; NaN and values outside are left out.

    Examples
    --------
    >>> count([0.6, 0.7, float("nan"), 5.0], np.array([0.0, 0.5, 1.0])).tolist()
    [0, 2]
    """
    finite_or_not = np.asarray(values, dtype=np.float64).ravel()
    counts, _ = np.histogram(finite_or_not[np.isfinite(finite_or_not)], bins=edges)
    return counts


def vertical_mark(
    axes: Axes, x: float, colour: str, style: Literal["-", "--"], width: float, label: str = ""
) -> Line2D:
    """A line over the whole height of the axes at `x`; it changes no limits, and a legend names it by its label."""
    line = Line2D([x, x], [0, 1], color=colour, linestyle=style, linewidth=width, label=label)
    line.set_transform(axes.get_xaxis_transform())
    axes.add_artist(line)
    return line


def mark_bias(axes: Axes, bias_mv: float) -> list[Artist]:
    """A dashed line at a bias; none where it lies outside the axes."""
    low, high = axes.get_xlim()
    if not low <= bias_mv <= high:
        return []
    return [vertical_mark(axes, bias_mv, NEUTRAL_COLOUR, "--", 1.0, f"bias {bias_mv:.4g} mV")]
