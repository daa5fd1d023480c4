"""Replaying a recipe on a file: the preparation of one stack, repeated on the raw data or on another file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import xarray as xr

from ..core.progress import Progress, ShouldStop, never, silent
from ..prepare.recipe import Step, apply, recipe_of
from .readers import open_recording


def replay(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    like: xr.DataArray | Sequence[Step],
    channel: str | None = None,
    *,
    strict: bool = False,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
    **given: Any,
) -> xr.DataArray:
    """Read a file and do to it what was done to another stack.

    Parameters
    ----------
    path
        As in :func:`napari_stm_impurities.read_stack`.
    like
        A prepared stack, or a recipe.
    channel
        What to read; None takes the channel of `like`, where that is a stack. A layer that lost the name of its channel
        (another plugin made it anew) passes for the channel that is named in its own name, as in ``grid Current``.
    strict
        Refuse to assume what the file does not state.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.
    **given
        ``bias_mv`` and ``pixel_size_nm``, for files that do not tell them.

    Raises
    ------
    StmError
        If the file cannot be read, `strict` refuses an assumption, or a step cannot be done.
    """
    recording = open_recording(path, **given)
    recipe = recipe_of(like) if isinstance(like, xr.DataArray) else like
    if channel is None and isinstance(like, xr.DataArray):
        channel = str(like.attrs.get("channel") or "") or None

    def channels(name: str | None) -> xr.DataArray:
        meant = None if name is None else _meant(name, [one.name for one in recording.channels])
        return recording.image(meant, strict=strict)

    return apply(channels(channel), recipe, channels=channels, progress=progress, should_stop=should_stop)


def _meant(name: str, there: Sequence[str]) -> str:
    """The channel of that name, else the one with the longest name that stands in it as a whole."""
    if name.casefold() in (one.casefold() for one in there):
        return name
    inside = [one for one in there if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", name, flags=re.IGNORECASE)]
    return max(inside, key=len, default=name)
