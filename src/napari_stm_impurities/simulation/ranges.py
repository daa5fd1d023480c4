"""Ranges of parameters, a fixed number or from low to high, and random draws from them."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from torch import Generator, Tensor, full

from .windows import log_uniform, uniform


def _pair(value: Any) -> Any:
    """A lone number is the range from itself to itself."""
    return (value, value) if isinstance(value, int | float) else value


def _ascending(bounds: tuple[float, float]) -> tuple[float, float]:
    if not -math.inf < bounds[0] <= bounds[1] < math.inf:
        raise ValueError(f"a range runs from low to high, got {bounds[0]:g} to {bounds[1]:g}")
    return bounds


_FIXED_OR_FROM_LOW_TO_HIGH = (BeforeValidator(_pair), AfterValidator(_ascending))

#: One fixed number, or from low to high, both included.
Range = Annotated[tuple[float, float], *_FIXED_OR_FROM_LOW_TO_HIGH]
_ZeroOrMore = Annotated[float, Field(ge=0)]
PositiveRange = Annotated[tuple[_ZeroOrMore, _ZeroOrMore], *_FIXED_OR_FROM_LOW_TO_HIGH]
_AboveZero = Annotated[float, Field(gt=0)]
#: For what is drawn on a logarithmic scale, or divided by.
AboveZeroRange = Annotated[tuple[_AboveZero, _AboveZero], *_FIXED_OR_FROM_LOW_TO_HIGH]
_BelowOne = Annotated[float, Field(ge=0, lt=1)]
BelowOneRange = Annotated[tuple[_BelowOne, _BelowOne], *_FIXED_OR_FROM_LOW_TO_HIGH]
_Count = Annotated[int, Field(ge=0)]
CountRange = Annotated[tuple[_Count, _Count], *_FIXED_OR_FROM_LOW_TO_HIGH]
_OneOrMore = Annotated[int, Field(ge=1)]
OneOrMoreRange = Annotated[tuple[_OneOrMore, _OneOrMore], *_FIXED_OR_FROM_LOW_TO_HIGH]
Share = Annotated[float, Field(ge=0, le=1)]
ShareRange = Annotated[tuple[Share, Share], *_FIXED_OR_FROM_LOW_TO_HIGH]


def draw(bounds: tuple[float, float], n: int, generator: Generator, *, logarithmic: bool = False) -> Tensor:
    """Numbers from a range, shape (n,); a fixed value takes no random number.

    Parameters
    ----------
    bounds
        From low to high.
    n
        The number of draws.
    generator
        Source of the random numbers, which also sets the device.
    logarithmic
        Whether they are uniform on a logarithmic scale.

    Examples
    --------
    >>> import torch
    >>> draw((2.0, 2.0), 3, torch.Generator()).tolist()
    [2.0, 2.0, 2.0]
    """
    low, high = bounds
    if low == high:
        return full((n,), float(low), device=generator.device)
    return (log_uniform if logarithmic else uniform)(low, high, (n,), generator)
