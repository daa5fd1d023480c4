"""The reference points of a bound-state map, from what a person has to a table of points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from ..core.errors import StmError
from ..core.progress import Progress, ShouldStop, never, silent
from ..data.images import check_stack, make_stack
from ..data.images import pixel_size_nm as pixel_size_of
from ..data.points import make_points
from .config import ReferenceConfig
from .density import density_of
from .search import search


def find_reference(
    bound_map: xr.DataArray | ArrayLike,
    pixel_size_nm: float | Sequence[float] | None = None,
    *,
    config: ReferenceConfig | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> pd.DataFrame:
    """Find the impurities in a map of their bound states by expectation-maximisation.

    Parameters
    ----------
    bound_map
        The map, (y, x), or a stack with one bias, or a bare array of shape (y, x); NaN where nothing was measured.
        Any unit, any background.
    pixel_size_nm
        One number or (y, x) in nm; needed for a bare array, else taken from the coordinates.
    config
        What can be chosen; nothing need be.
    progress, should_stop
        Told of each round, and asked before it.

    Returns
    -------
    pandas.DataFrame
        A table of points, the strongest first: `source` is ``"reference"``, `score` the height of the spot in the map's
        unit (positive for dark spots too), `confidence` its posterior probability. Its ``attrs`` say ``sign``
        (``"bright"`` or ``"dark"``), ``noise_std`` (the map's unit) and ``fwhm_px`` of the spots. Empty
        where the map holds noise alone.

    Raises
    ------
    StmError
        If the map has several biases, is smaller than 8 x 8 pixels, constant, or NaN throughout.
    Stopped
        If `should_stop` says so.

    Notes
    -----
    Wang et al. 2020 take the reference points of their Fig. 3 from the map at -520 mV by expectation-maximisation
    (Bishop 2006, chapter 9). Here the map is a density with a uniform background, the number of spots follows from
    their evidence, and all spots share one shape, which is learned from them.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:24, :24]
    >>> spot = np.exp(-((y - 9.0) ** 2 + (x - 14.3) ** 2) / 3)
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal((24, 24))
    >>> table = find_reference(spot + noise, pixel_size_nm=0.5)
    >>> table[["y_nm", "x_nm"]].round(1).values.tolist()
    [[4.5, 7.2]]
    """
    stack = check_stack(as_map(bound_map, pixel_size_nm))
    step = pixel_size_of(stack)
    density = density_of(stack.values[0].astype(np.float64), (config or ReferenceConfig()).sign)
    aspect = np.sqrt([step[0] / step[1], step[1] / step[0]])
    found = search(density, aspect, config or ReferenceConfig(), progress, should_stop)
    order = np.argsort(-found.mixture.height, kind="stable")
    mixture = found.mixture.only(order)
    table = make_points(mixture.yx, step, source="reference", score=mixture.height, confidence=found.confidence[order])
    # a map that was cut out of a larger one keeps the coordinates it had there
    table["y_nm"] += float(stack["y"].values[0])
    table["x_nm"] += float(stack["x"].values[0])
    table.attrs.update(sign=density.sign, noise_std=found.noise_std, fwhm_px=mixture.profile.fwhm_px)
    return table


def as_map(bound_map: xr.DataArray | ArrayLike, pixel_size_nm: float | Sequence[float] | None) -> xr.DataArray:
    """One map as a stack with one bias.

    Raises
    ------
    StmError
        If there are several biases, or a bare array comes without its pixel size or is no map.
    """
    if not isinstance(bound_map, xr.DataArray):
        if pixel_size_nm is None:
            raise StmError("a bare array needs pixel_size_nm, the pixel size in nm, one number or (y, x)")
        values = np.asarray(bound_map)
        if values.ndim == 3 and len(values) == 1:
            values = values[0]
        if values.ndim != 2:
            raise StmError(f"a bound-state map has the shape (y, x), got an array of shape {values.shape}")
        return make_stack(values, 0.0, pixel_size_nm)
    if bound_map.dims == ("y", "x"):
        bias = float(bound_map["bias"]) if "bias" in bound_map.coords else 0.0
        if not {"y", "x"} <= set(bound_map.coords):
            return as_map(bound_map.values, pixel_size_nm)
        return bound_map.drop_vars("bias", errors="ignore").expand_dims(bias=[bias])
    if bound_map.sizes.get("bias", 1) != 1:
        biases = bound_map["bias"].values
        raise StmError(
            f"a bound-state map has one bias, got {len(biases)} from {biases[0]:g} to {biases[-1]:g} mV;"
            " choose one with map_at"
        )
    return bound_map
