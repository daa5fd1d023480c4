"""Recipes: the steps of a preparation in their order, read from a stack and applied again to a raw file.

The attribute ``recipe`` of a stack lists the steps that were applied to it and is saved with it, so that the
preparation can be repeated on the same file or on another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import xarray as xr

from ..core.errors import StmError
from ..core.progress import Progress, ShouldStop, Stopped, never, silent
from .directions import join_directions
from .drift import correct_drift
from .grid import average_biases, crop, resample
from .levelling import level_lines, level_planes
from .limits import choose_biases, clip_extremes
from .missing import fill_missing
from .normalise import normalise_by_conductance, normalise_by_mean
from .record import RECIPE
from .saturation import clip_saturated

#: Every step, by the name that a recipe has for it.
STEPS: dict[str, Callable[..., xr.DataArray]] = {
    step.__name__: step
    for step in (
        choose_biases,
        join_directions,
        clip_saturated,
        clip_extremes,
        normalise_by_mean,
        normalise_by_conductance,
        level_planes,
        level_lines,
        correct_drift,
        fill_missing,
        crop,
        resample,
        average_biases,
    )
}
#: The parameter of a step that is another channel of the same file.
OTHER_CHANNEL = {"join_directions": "backward", "normalise_by_conductance": "current"}

#: One step: ``{"step": "resample", "pixel_size_nm": 0.5}``.
Step = Mapping[str, Any]
#: Returns another channel of the same file, by its name.
Channels = Callable[[str], xr.DataArray]


def recipe_of(stack: xr.DataArray) -> list[dict[str, Any]]:
    """The steps that were done to a stack, in their order.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities import make_stack
    >>> recipe_of(resample(make_stack(np.zeros((1, 20, 20)), 0, 0.5), 1.0))
    [{'step': 'resample', 'pixel_size_nm': 1.0}]
    """
    return [dict(step) for step in stack.attrs.get(RECIPE, [])]


def apply(
    stack: xr.DataArray,
    recipe: Sequence[Step],
    *,
    channels: Channels | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> xr.DataArray:
    """The stack after the steps of a recipe, applied one after the other.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    recipe
        Each step with its name and parameters; those not named keep their defaults.
    channels
        Returns another channel of the same file by its name, for the steps that need one. The recipe of that channel
        is applied to it; where only its name is recorded, the earlier steps of the stack.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

    Raises
    ------
    StmError
        If a step is not known, has other parameters, or cannot be done.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities import make_stack
    >>> stack = make_stack(np.random.default_rng(0).normal(size=(3, 20, 20)), [0, 1, 2], 0.5)
    >>> out = apply(stack, [{"step": "level_planes"}, {"step": "choose_biases", "low_mv": 1}])
    >>> out.shape, len(recipe_of(out))
    ((2, 20, 20), 2)
    """
    applied: list[Step] = []
    for number, step in enumerate(recipe):
        if should_stop():
            raise Stopped
        parameters = dict(step)
        name = str(parameters.pop("step", ""))
        progress(number / len(recipe), name.replace("_", " "))
        if name not in STEPS:
            raise StmError(f"the step {name!r} is not known; there are {', '.join(STEPS)}")
        parameter = OTHER_CHANNEL.get(name)
        channel = parameters.get(parameter) if parameter is not None else None
        if parameter is not None and isinstance(channel, str | Mapping):
            before = [earlier for earlier in applied if earlier["step"] not in OTHER_CHANNEL]
            parameters[parameter] = _other_channel(name, channel, before, channels)
        try:
            stack = STEPS[name](stack, **parameters)
        except TypeError as error:
            raise StmError(f"the step {name} cannot be done with {parameters}: {error}") from None
        applied.append(step)
    progress(1.0, "done")
    return stack


def _other_channel(step: str, channel: str | Mapping[str, Any], before: list[Step], channels: Channels | None) -> Any:
    """The other channel of a step, prepared with its own recipe or, where only its name is known, the stack's."""
    name, recipe = (
        (channel, before) if isinstance(channel, str) else (str(channel.get("channel")), channel.get(RECIPE, []))
    )
    if channels is None:
        raise StmError(f"{step} needs the channel {name!r}; apply the recipe to the file itself")
    return apply(channels(name), recipe, channels=channels)
