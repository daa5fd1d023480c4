"""What is done to a stack before anything is looked for in it: levelling, bad values, drift, another grid.

Every function takes a stack and returns another one, with a line more in its ``history`` and a step more in its
``recipe``, by which :func:`~napari_stm_impurities.io.replay.replay` does the same again. A missing
pixel (NaN) stays missing unless :func:`fill_missing` is called, one bias is as good as many, and the
frame may be oblong. The work goes map by map, so that beside the result no second stack is held.
"""

from __future__ import annotations

from .directions import join_directions
from .drift import correct_drift, measure_drift
from .grid import average_biases, crop, resample
from .levelling import level_lines, level_planes
from .limits import choose_biases, clip_extremes
from .missing import fill_missing, missing_mask
from .normalise import normalise_by_conductance, normalise_by_mean
from .recipe import STEPS, apply, recipe_of
from .saturation import clip_saturated

__all__ = [
    "STEPS",
    "apply",
    "average_biases",
    "choose_biases",
    "clip_extremes",
    "clip_saturated",
    "correct_drift",
    "crop",
    "fill_missing",
    "join_directions",
    "level_lines",
    "level_planes",
    "measure_drift",
    "missing_mask",
    "normalise_by_conductance",
    "normalise_by_mean",
    "recipe_of",
    "resample",
]
