"""Plots of the kernel of one impurity: its pattern and Fourier transform, k(V), and the phase of each kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from ..kernels.result import Kernels
from .elements import BAND_ALPHA, FOUND_COLOUR, NEUTRAL_COLOUR, SURFACE_COLOUR, label_axes, legend_above

#: One colour a kind, after Okabe and Ito (2008).
KIND_COLOURS = ("#d55e00", "#2a8ccb", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
#: The core is far brighter than the ripples: the colours end at this quantile of the absolute values.
_WHITE = 0.98
#: How far the transform is drawn, in radii 2k of the ring.
_REACH_RINGS = 1.8


def nearest_bias(kernels: Kernels, bias_mv: float) -> int:
    """The number of the map whose bias is nearest."""
    return int(np.abs(kernels.kernels.bias.values - bias_mv).argmin())


def plot_kernel(axes: Axes, kernels: Kernels, kind: int, bias_mv: float) -> None:
    """Draw the pattern around one impurity of a kind, at the bias that is nearest."""
    kernel = kernels.kernels[kind, nearest_bias(kernels, bias_mv)]
    limit = float(np.quantile(np.abs(kernel.values), _WHITE)) or 1.0
    y, x = kernel.y.values, kernel.x.values
    axes.imshow(
        kernel.values, cmap="RdBu_r", vmin=-limit, vmax=limit, origin="upper", extent=(x[0], x[-1], y[-1], y[0])
    )
    label_axes(axes, "x (nm)", "y (nm)")
    axes.set_title(f"kind {kind}, {float(kernel.bias):.4g} mV", fontsize="medium")


def plot_transform(axes: Axes, kernels: Kernels, kind: int, bias_mv: float, part: str = "real") -> None:
    """Draw the real or the imaginary part of a kernel's Fourier transform, and the ring of radius 2k."""
    transform = kernels.transform[kind, nearest_bias(kernels, bias_mv)]
    values = transform.values.real if part == "real" else transform.values.imag
    limit = float(np.quantile(np.abs(transform.values), _WHITE)) or 1.0
    qy, qx = transform.qy.values, transform.qx.values
    axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, origin="upper", extent=(qx[0], qx[-1], qy[-1], qy[0]))
    if kernels.dispersion is not None:
        ring = 2 * float(kernels.dispersion.k_per_nm(float(transform.bias)))
        axes.add_patch(Circle((0, 0), ring, fill=False, edgecolor=NEUTRAL_COLOUR, linewidth=1.0))
        reach = min(_REACH_RINGS * ring, float(qx[-1]), float(qy[-1]))
        axes.set_xlim(-reach, reach)
        axes.set_ylim(reach, -reach)
    label_axes(axes, "$q_x$ (nm$^{-1}$)", "$q_y$ (nm$^{-1}$)")
    axes.set_title(f"{part} part, {float(transform.bias):.4g} mV", fontsize="medium")


def plot_k(axes: Axes, kernels: Kernels) -> None:
    """Draw k(V) with bars, the band through it, and the ring's k(V)."""
    k = kernels.k
    bias = k.bias.values
    axes.plot(bias, k.k_ring_per_nm.values, "--", color=NEUTRAL_COLOUR, label="ring")
    if np.isfinite(k.k_per_nm.values).any():
        axes.errorbar(
            bias, k.k_per_nm.values, k.k_sigma_per_nm.values, fmt="o", markersize=3, color=SURFACE_COLOUR, label="fit"
        )
    if kernels.dispersion is not None:
        axes.plot(bias, kernels.dispersion.k_per_nm(bias), color=FOUND_COLOUR, label="band")
    label_axes(axes, "bias (mV)", "k (nm$^{-1}$)")
    legend_above(axes)


def k_table(kernels: Kernels) -> pd.DataFrame:
    """The numbers that :func:`plot_k` draws: ``bias_mv, k_per_nm, k_sigma_per_nm, k_ring_per_nm``."""
    return kernels.k.to_dataframe().reset_index().rename(columns={"bias": "bias_mv"})


def plot_phases(axes: Axes, kernels: Kernels) -> None:
    """Draw the phase of t of each kind against the bias: the median, and a band that holds half of the impurities."""
    t = kernels.t.t.values
    bias = kernels.t.bias.values
    member = kernels.points["kind"].to_numpy()
    for kind in kernels.kinds["kind"] if t.shape[1] else ():
        own = t[:, member == kind]
        if not own.shape[1]:
            continue
        low, middle, high = _phase_quartiles(own)
        colour = kind_colour(int(kind))
        axes.fill_between(bias, low, high, color=colour, alpha=BAND_ALPHA, linewidth=0)
        axes.plot(bias, middle, color=colour, label=f"kind {kind} ({own.shape[1]})")
    label_axes(axes, "bias (mV)", "phase of t (rad)")
    legend_above(axes)


def phases_table(kernels: Kernels) -> pd.DataFrame:
    """The numbers that :func:`plot_phases` draws: the quartiles of the phase of each kind at each bias."""
    t = kernels.t.t.values
    member = kernels.points["kind"].to_numpy()
    tables = []
    for kind in kernels.kinds["kind"] if t.shape[1] else ():
        own = t[:, member == kind]
        if own.shape[1]:
            low, middle, high = _phase_quartiles(own)
            columns = {"low_rad": low, "median_rad": middle, "high_rad": high}
            tables.append(pd.DataFrame({"kind": int(kind), "bias_mv": kernels.t.bias.values, **columns}))
    columns_of_none = ["kind", "bias_mv", "low_rad", "median_rad", "high_rad"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns_of_none)


def _phase_quartiles(t: np.ndarray) -> np.ndarray:
    """The quartiles of the phase of t (bias, impurity) at each bias, shape (3, bias), in rad."""
    centre = np.angle((t / np.abs(t).clip(1e-12)).mean(1))
    off = np.angle(t * np.exp(-1j * centre)[:, None])
    return np.asarray(np.unwrap(centre) + np.quantile(off, (0.25, 0.5, 0.75), axis=1))


def kind_colour(kind: int) -> str:
    """The colour of a kind; grey for -1, a point whose kind is not sure."""
    return KIND_COLOURS[kind % len(KIND_COLOURS)] if kind >= 0 else NEUTRAL_COLOUR


def plot_points(axes: Axes, kernels: Kernels, bias_mv: float) -> None:
    """Draw the points on the residual: coloured by kind, crosses on suspects, rings on proposed positions."""
    residual = kernels.residual.sel(bias=bias_mv, method="nearest")
    limit = float(np.nanquantile(np.abs(residual.values), _WHITE)) or 1.0
    y, x = residual.y.values, residual.x.values
    axes.imshow(
        residual.values, cmap="gray", vmin=-limit, vmax=limit, origin="upper", extent=(x[0], x[-1], y[-1], y[0])
    )
    points = kernels.points
    colours = [kind_colour(int(kind)) for kind in points["kind"]]
    axes.scatter(points["x_nm"], points["y_nm"], s=10, c=colours)
    suspect = points[points["suspect"].astype(bool)]
    axes.scatter(suspect["x_nm"], suspect["y_nm"], s=40, c="black", marker="x")
    proposed = kernels.proposed
    axes.scatter(proposed["x_nm"], proposed["y_nm"], s=50, facecolors="none", edgecolors=FOUND_COLOUR)
    label_axes(axes, "x (nm)", "y (nm)")
    axes.set_title(f"residual, {float(residual.bias):.4g} mV", fontsize="medium")
