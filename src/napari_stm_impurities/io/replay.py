"""Replay of a recipe on a file: the preparation of one stack, repeated on the raw data or on another file."""

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
    **metadata: Any,
) -> xr.DataArray:
    """The image in a file after the preparation of another stack.

    Parameters
    ----------
    path
        As in :func:`napari_stm_impurities.read_stack`.
    like
        A prepared stack, or a recipe.
    channel
        What to read; None takes the channel of `like`, where that is a stack. For a layer without the name
        of its channel (made by another plugin) it is the channel in the name of the layer, as in ``grid Current``.
    strict
        Refuse to assume what the file does not state.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.
    **metadata
        ``bias_mv`` and ``pixel_size_nm``, for files that do not state them.

    Raises
    ------
    StmError
        If the file cannot be read, `strict` refuses an assumption, or a step cannot be done.
    """
    recording = open_recording(path, **metadata)
    recipe = recipe_of(like) if isinstance(like, xr.DataArray) else like
    if channel is None and isinstance(like, xr.DataArray):
        channel = str(like.attrs.get("channel") or "") or None

    def channels(name: str | None) -> xr.DataArray:
        channel_name = (
            None if name is None else _channel_in_name(name, [channel.name for channel in recording.channels])
        )
        return recording.image(channel_name, strict=strict)

    return apply(channels(channel), recipe, channels=channels, progress=progress, should_stop=should_stop)


def _channel_in_name(name: str, channels: Sequence[str]) -> str:
    """The channel of that name, else the one with the longest name that it contains as a whole word."""
    if name.casefold() in (channel.casefold() for channel in channels):
        return name
    contained = [
        channel for channel in channels if re.search(rf"(?<!\w){re.escape(channel)}(?!\w)", name, flags=re.IGNORECASE)
    ]
    return max(contained, key=len, default=name)
