"""The record of a preparation step, its name and its parameters, in the attribute ``recipe`` of the stack."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

import numpy as np
import xarray as xr

#: The attribute of a stack that lists its steps, each a dictionary with ``step`` and the step's parameters.
RECIPE = "recipe"

P = ParamSpec("P")
Step = Callable[Concatenate[xr.DataArray, P], xr.DataArray]


def recorded(function: Step[P]) -> Step[P]:
    """The step, which also records its parameters in the stack's attribute ``recipe``.

    Another stack among the parameters (the backward scan, the current) is recorded by the name of its channel and its
    own recipe, which may differ from that of the first stack.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def step(stack: xr.DataArray, *args: P.args, **keywords: P.kwargs) -> xr.DataArray:
        out = function(stack, *args, **keywords)
        called = signature.bind(stack, *args, **keywords).arguments
        # the first parameter is the stack itself
        parameters = {name: _json_value(value) for name, value in list(called.items())[1:]}
        out.attrs[RECIPE] = [*stack.attrs.get(RECIPE, []), {"step": function.__name__, **parameters}]
        return out

    return cast(Step[P], step)


def _json_value(value: object) -> object:
    if isinstance(value, xr.DataArray):
        return {"channel": str(value.attrs.get("channel", value.name)), RECIPE: list(value.attrs.get(RECIPE, []))}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
