"""What is done to a stack before anything is looked for in it: levelling, bad values, another grid.

Every function takes a stack and returns another one, with a line more in its ``history``. A missing
pixel (NaN) stays missing unless :func:`fill_missing` is called, one bias is as good as many, and the
frame may be oblong. The work goes map by map, so that beside the result no second stack is held.
"""

from __future__ import annotations

from .grid import average_biases, crop, resample
from .levelling import level_lines, level_planes
from .missing import fill_missing, missing_mask
from .saturation import clip_saturated

__all__ = [
    "average_biases",
    "clip_saturated",
    "crop",
    "fill_missing",
    "level_lines",
    "level_planes",
    "missing_mask",
    "resample",
]
