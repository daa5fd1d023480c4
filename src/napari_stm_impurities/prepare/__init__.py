"""Preprocessing of a stack before detection: levelling, bad values, drift correction, resampling.

Every function takes a stack and returns a new one, with one more line in its ``history`` and one more step in its
``recipe``, from which :func:`~napari_stm_impurities.io.replay.replay` repeats the preparation. A missing
pixel (NaN) stays missing unless :func:`fill_missing` is called, a stack may have a single bias, and the
frame may be oblong. Maps are processed one by one, so that besides the result no second stack is held in memory.
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
