"""Masks of pixels that the user excludes: walls, step edges, bright objects, a damaged part of the frame."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from ..core.errors import StmError
from .images import with_history


def excluded_pixels(mask: ArrayLike | xr.DataArray, shape: tuple[int, int]) -> np.ndarray:
    """The pixels that a mask excludes, shape (y, x), bool.

    Parameters
    ----------
    mask
        Shape (y, x): labels, where every number but 0 excludes its pixel, or true and false.
    shape
        (y, x) of the image that it belongs to.

    Raises
    ------
    StmError
        If the mask has another shape, holds text, complex numbers or NaN, or excludes every pixel.

    Examples
    --------
    >>> excluded_pixels([[0, 3], [0, 0]], (2, 2)).tolist()
    [[False, True], [False, False]]
    """
    try:
        values = np.asarray(mask)
    except ValueError:
        raise StmError(
            "expected a mask of labels or of true and false, shape (y, x); its rows differ in length"
        ) from None
    if values.shape != tuple(shape):
        raise StmError(
            f"expected a mask of {shape[0]} x {shape[1]} pixels (y, x), as the image has, got the shape {values.shape}"
        )
    if values.dtype.kind not in "biuf":
        raise StmError(f"expected a mask of labels or of true and false, got values of the type {values.dtype}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise StmError("expected a mask of labels, got values that are not finite; use 0 where a pixel is to be kept")
    excluded = values != 0
    if excluded.all():
        raise StmError("the mask excludes every pixel; 0 keeps a pixel, every other label excludes it")
    return excluded


def exclude(image: xr.DataArray, mask: ArrayLike | xr.DataArray) -> xr.DataArray:
    """The image without the pixels that a mask excludes: they are missing (NaN) in every map.

    Parameters
    ----------
    image
        A stack (bias, y, x), a movie (time, y, x) or an image (y, x).
    mask
        See :func:`excluded_pixels`.

    Raises
    ------
    StmError
        If the mask does not fit the image, or excludes every pixel.

    Examples
    --------
    >>> from napari_stm_impurities import make_stack
    >>> stack = make_stack(np.ones((1, 2, 3)), 0.0, 0.5)
    >>> exclude(stack, [[1, 0, 0], [0, 0, 0]]).values[0].tolist()
    [[nan, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    excluded = excluded_pixels(mask, (image.sizes["y"], image.sizes["x"]))
    values = np.where(excluded, np.nan, image.values)
    return with_history(image, values.astype(image.dtype), f"{int(excluded.sum())} pixels excluded by a mask")
