"""Catastrophic forgetting of a fine-tuned model, as its F1 on six small simulated surfaces, always the same."""

from __future__ import annotations

from functools import cache

import numpy as np

from ...analysis.comparison import compare
from ...core.progress import Progress, ShouldStop, Stopped, never, silent
from ...simulation.surface import Surface, SurfaceConfig, simulate_surface
from ..detect import find
from ..model import Model

#: Seeds that no training, calibration or study uses.
_FIRST_SEED = 730_000
_MATERIAL = "Au(111)"

_SMALL = {"side_px": 64, "frame_nm": 30.0, "n_biases": 8}
#: What a surface may have: little noise, an erased or a random near field, much noise, a step, many impurities.
_KINDS = tuple(
    SurfaceConfig.of(**{**_SMALL, **values})
    for values in (
        {"noise_share": 0.1, "line_noise_share": 0.0},
        {"near_field_value": 0.0, "near_field_nm": 0.6},
        {"near_field_spread": 0.4, "drift_px": 1.0},
        {"noise_share": 1.5, "line_noise_share": 0.4, "correlated_noise_share": 0.5},
        {"step_share": 3.0, "herringbone_share": 0.8},
        {"density_per_nm2": 0.1, "n_biases": 3},
    )
)


def forgetting_f1(model: Model, *, progress: Progress = silent, should_stop: ShouldStop = never) -> float:
    """The mean F1 within one of the paper's pixels, with the model's own threshold, in a few seconds.

    Raises
    ------
    Stopped
        If `should_stop` said so.
    """
    f1 = []
    for number in range(len(_KINDS)):
        if should_stop():
            raise Stopped
        progress(number / len(_KINDS), "looking what it does on simulated surfaces")
        surface = _surface(number)
        found = find(surface.stack, model, _MATERIAL).points
        f1.append(compare(found, surface.points, frame=surface.stack).f1)
    return float(np.mean(f1))


@cache
def _surface(number: int) -> Surface:
    return simulate_surface(_MATERIAL, _FIRST_SEED + number, config=_KINDS[number])
