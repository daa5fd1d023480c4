"""The reference points of a bound-state map, as a table of points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from ..core.arguments import instance, number, path_like, real_array, value_text
from ..core.errors import StmError
from ..core.progress import Progress, ShouldStop, never, silent
from ..data.images import MIN_SIDE_PX, check_stack, make_stack
from ..data.images import pixel_size_nm as pixel_size_of
from ..data.points import make_points
from ..data.schemas import IMAGE, STACK
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
    """The impurities in a map of their bound states, found by expectation-maximisation.

    Parameters
    ----------
    bound_map
        The map, (y, x), or a stack with one bias, or a plain array of shape (y, x); NaN where nothing was measured.
        Any unit, any background.
    pixel_size_nm
        One number or (y, x) in nm; needed for a plain array, else taken from the coordinates.
    config
        Settings of the search; the defaults when not given.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    pandas.DataFrame
        A table of points, the strongest first: `source` is ``"reference"``, `score` the height of the spot in the map's
        unit (positive for dark spots too), `confidence` its posterior probability. Its ``attrs`` hold ``sign``
        (``"bright"`` or ``"dark"``), ``noise_std`` (the map's unit) and ``fwhm_px`` of the spots. Empty
        where the map holds noise alone.

    Raises
    ------
    StmError
        If the map has several biases, is smaller than 8 x 8 pixels, constant, or NaN throughout.
    Stopped
        If `should_stop` returned true.

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
    settings = ReferenceConfig() if config is None else instance(config, ReferenceConfig, "the config")
    stack = check_stack(as_map(bound_map, pixel_size_nm))
    step = pixel_size_of(stack)
    values, joined = join_pixels(stack.values[0].astype(np.float64), step)
    if min(values.shape) < MIN_SIDE_PX:
        raise StmError(
            f"{stack.attrs.get('source', 'the map')}: on pixels as long as they are wide, the frame has"
            f" {values.shape[0]} x {values.shape[1]} of them; at least {MIN_SIDE_PX} x {MIN_SIDE_PX} are needed"
        )
    size = np.multiply(step, joined)
    aspect = np.sqrt([size[0] / size[1], size[1] / size[0]])
    found = search(density_of(values, settings.sign), aspect, settings, progress, should_stop)
    order = np.argsort(-found.mixture.height, kind="stable")
    mixture = found.mixture.only(order)
    yx = (mixture.yx + 0.5) * joined - 0.5
    table = make_points(yx, step, source="reference", score=mixture.height, confidence=found.confidence[order])
    # a map that was cropped from a larger one keeps its coordinates
    table["y_nm"] += float(stack["y"].values[0])
    table["x_nm"] += float(stack["x"].values[0])
    table.attrs.update(sign=found.sign, noise_std=found.noise_std, fwhm_px=mixture.profile.fwhm_px)
    return table


def join_pixels(values: np.ndarray, step: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """The map on nearly square pixels, and the number of its own (y, x) that were averaged into each.

    Spots are round in nm, and along the finer side of an oblong pixel they would reach beyond their windows. Incomplete
    blocks at the far edge are dropped; a missing pixel does not count.

    Examples
    --------
    >>> joined, n_joined = join_pixels(np.array([[1.0, 3.0, 5.0]]), (1.0, 0.5))
    >>> joined.tolist(), n_joined.tolist()
    ([[2.0]], [1, 2])
    """
    ratio = [max(step) / size for size in step]
    joined = np.array([max(1, round(min(size, n))) for size, n in zip(ratio, values.shape, strict=True)])
    if (joined == 1).all():
        return values, joined
    height, width = values.shape // joined
    blocks = values[: height * joined[0], : width * joined[1]].reshape(height, joined[0], width, joined[1])
    measured = np.isfinite(blocks)
    total = np.where(measured, blocks, 0.0).sum(axis=(1, 3))
    count = measured.sum(axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan), joined


def as_map(bound_map: xr.DataArray | ArrayLike, pixel_size_nm: float | Sequence[float] | None) -> xr.DataArray:
    """One map as a stack with one bias.

    Raises
    ------
    StmError
        If there are several biases, or a plain array comes without its pixel size or is no map.
    """
    if not isinstance(bound_map, xr.DataArray):
        if path_like(bound_map):
            raise StmError(
                f"expected a map or an array, got {value_text(bound_map)}; read a file with read_stack first"
            )
        if pixel_size_nm is None:
            raise StmError("a plain array needs pixel_size_nm, the pixel size in nm, one number or (y, x)")
        values = real_array(bound_map, "a bound-state map")
        if values.ndim == 3 and len(values) == 1:
            values = values[0]
        if values.ndim != 2:
            raise StmError(f"a bound-state map has the shape (y, x), got an array of shape {values.shape}")
        return make_stack(values, 0.0, pixel_size_nm)
    if bound_map.dims == ("y", "x"):
        if not {"y", "x"} <= set(bound_map.coords):
            return as_map(bound_map.values, pixel_size_nm)
        IMAGE.validate(bound_map)
        bias = number(bound_map["bias"].values, "the bias", "mV") if "bias" in bound_map.coords else 0.0
        return bound_map.drop_vars("bias", errors="ignore").expand_dims(bias=[bias])
    STACK.validate(bound_map)
    if bound_map.sizes["bias"] != 1:
        biases = bound_map["bias"].values
        raise StmError(
            f"a bound-state map has one bias, got {len(biases)} from {biases[0]:g} to {biases[-1]:g} mV;"
            " choose one with map_at"
        )
    return bound_map
