"""Recordings of plain arrays, whose bias and pixel size may come from the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import ReadError
from .bias_names import bias_in_name
from .recording import Assumption, Channel, Frame, MissingMetadataError, Recording, UserMetadata
from .sweep import merge

#: The channel of an array whose file states none.
ARRAY = Channel("dI/dV", "", "array", is_didv=True)


def plain_recording(
    path: Path,
    format_name: str,
    shape: Sequence[int],
    load: Callable[[Channel], np.ndarray],
    *,
    bias_mv: Sequence[float] | None,
    pixel_size_nm: tuple[float, float] | None,
    user: UserMetadata,
    channels: Sequence[Channel] = (ARRAY,),
    default: Channel = ARRAY,
    why: str = "it is the only array in the file",
    assumptions: Sequence[Assumption] = (),
    metadata: dict[str, Any] | None = None,
) -> Recording:
    """The recording of an array, or of several of one shape.

    Parameters
    ----------
    path, format_name
        The file and what it is.
    shape
        (bias, y, x), or (y, x) for one map.
    load
        Returns the array of a channel.
    bias_mv, pixel_size_nm
        Values in the file; those from the user take precedence.
    user
        The metadata from the user.
    channels, default, why
        The channels of the arrays, the default one, and the reason as half a sentence.
    assumptions
        What was assumed about `bias_mv` and `pixel_size_nm`; not needed for values from the user.
    metadata
        Further metadata of the file.

    Raises
    ------
    ReadError
        If the array has another shape, or its bias or pixel size is not known or does not fit.
    """
    if len(shape) not in (2, 3) or 0 in shape:
        raise ReadError(path, f"expected an array of shape (bias, y, x), or (y, x) for one map, got {tuple(shape)}")
    n_maps = shape[0] if len(shape) == 3 else 1
    bias = user.bias_mv if user.bias_mv is not None else bias_mv
    assumed = list(assumptions)
    if bias is None and n_maps == 1:
        named = bias_in_name(path.stem)
        if named is not None:
            bias = [named]
            assumed.append(Assumption("bias", "taken from the name of the file", "give bias_mv"))
    pixel_size = user.pixel_size_nm or pixel_size_nm
    if bias is None or pixel_size is None:
        raise MissingMetadataError(
            path, n_maps, ("bias_mv",) * (bias is None) + ("pixel_size_nm",) * (pixel_size is None)
        )
    axis = np.asarray(bias, dtype=np.float64).ravel()
    if len(axis) != n_maps:
        raise ReadError(path, f"{n_maps} maps need {n_maps} biases (mV), got {len(axis)}")
    if not np.isfinite(axis).all():
        raise ReadError(path, "the bias axis holds values that are not finite numbers")
    unique_biases, counts = np.unique(axis, return_counts=True)
    if len(unique_biases) < n_maps:
        raise ReadError(path, f"the bias {unique_biases[counts > 1][0]:g} mV occurs more than once")
    if not (np.isfinite(pixel_size).all() and min(pixel_size) > 0):
        raise ReadError(path, f"the pixel size must be positive, in nm, got {pixel_size[0]:g} x {pixel_size[1]:g}")

    def sorted_maps(channel: Channel) -> np.ndarray:
        return merge(load(channel).reshape(n_maps, *shape[-2:]), axis)

    return Recording(
        paths=(path,),
        format=format_name,
        channels=tuple(channels),
        default=default.name,
        why=f"{default.name} is taken because {why}.",
        bias_mv=tuple(float(v) for v in unique_biases),
        frame=Frame((shape[-2], shape[-1]), pixel_size),
        load=sorted_maps,
        assumptions=tuple(assumed),
        metadata=metadata or {},
    )
