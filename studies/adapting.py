"""What adapting to one stack gains there, and what it costs elsewhere.

    python studies/adapting.py

Two simulated surfaces that the model was not trained for. On one, a fine texture that is the same at every bias is
taken for impurities; on the other, every impurity has a wide and deep near field, and many are missed. A person has
corrected the points in the left half (here: knows the truth there), and the model is adapted with the default settings.
The F1 is measured in the right half, which no training saw with labels. On the first surface the same is done with the
confidence loss alone, without points. The expected calibration error, before and after, is that of other simulated
surfaces, of the kinds of `studies/calibration.py`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import study
from calibration import expected_calibration_error, search
from scipy.ndimage import gaussian_filter

from napari_stm_impurities.analysis.comparison import Comparison, compare
from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.impurities.model import Model, load_model
from napari_stm_impurities.impurities.training import AdaptConfig, EpochReport, adapt, adaptation_of
from napari_stm_impurities.simulation.surface import Surface, SurfaceConfig, simulate_surface

MATERIAL = "Au(111)"
FIRST_SEED = 900_001
SIDE_NM = 60.0
#: The left half, which the person has corrected.
LEFT_NM = (-1.0, SIDE_NM, -1.0, SIDE_NM / 2)
#: Surfaces for the calibration error.
CALIBRATION_SEED = 910_000


def main() -> None:
    """Adapt, measure, and write."""
    parser = study.options(__doc__, "adapting", figure=False)
    parser.add_argument("--epochs", type=int, default=AdaptConfig().epochs)
    parser.add_argument("--steps", type=int, default=AdaptConfig().steps_per_epoch, help="steps in an epoch")
    parser.add_argument("--surfaces", type=int, default=12, help="for the calibration error")
    wanted = parser.parse_args()
    study.one_thread()
    begun = time.process_time()
    default = load_model("default", "cpu")
    settings = AdaptConfig(epochs=wanted.epochs, steps_per_epoch=wanted.steps)
    texture, near_field = with_texture(surface(FIRST_SEED)), surface(FIRST_SEED + 1, wide_near_field=True)
    cases = {
        "texture, left half corrected": (texture, True),
        "wide near field, left half corrected": (near_field, True),
        "texture, no points": (texture, False),
    }
    result: dict[str, Any] = {
        "cases": {},
        "calibration_error": {"default": calibration_error(default, wanted.surfaces)},
    }
    for name, (made, labelled) in cases.items():
        case, adapted = run(default, made, labelled, settings)
        result["cases"][name] = case
        result["calibration_error"][name] = calibration_error(adapted, wanted.surfaces)
        print(name, case, flush=True)
        result["run"] = study.run_facts(time.process_time() - begun, surface=FIRST_SEED, calibration=CALIBRATION_SEED)
        study.write_json(Path(wanted.json), result)


def surface(seed: int, *, wide_near_field: bool = False) -> Surface:
    """A surface of 60 nm, 128 x 128 pixels, eight biases."""
    near = {"near_field_nm": 1.2, "near_field_value": -1.0, "near_field_spread": 0.5} if wide_near_field else {}
    config = SurfaceConfig(side_px=128, frame_nm=SIDE_NM, n_biases=8, **near)
    return simulate_surface(MATERIAL, seed, config=config)


def with_texture(made: Surface) -> Surface:
    """The same with a smooth random pattern, 0.47 nm fine and twice as strong as everything else, at every bias."""
    pattern = gaussian_filter(np.random.default_rng(FIRST_SEED).normal(size=made.stack.shape[1:]), 1.0)
    strength = 2 * float(made.stack.std()) / pattern.std()
    maps = made.stack.values + (strength * pattern).astype(np.float32)
    return Surface(made.stack.copy(data=maps), made.points, made.bound_state_map)


def run(parent: Model, made: Surface, labelled: bool, settings: AdaptConfig) -> tuple[dict[str, Any], Model]:
    """One adaptation, and the F1 in the right half before and after."""
    reports: list[EpochReport] = []
    begun = time.process_time()
    points, region = (made.points, LEFT_NM) if labelled else (None, None)
    adapted = adapt(
        parent, made.stack, points, region, dispersion=MATERIAL, config=settings, on_epoch=reports.append, device="cpu"
    )
    seconds = time.process_time() - begun
    told = adaptation_of(adapted)
    assert told is not None
    before, after = (right_half(model, made) for model in (parent, adapted))
    return {
        "right_half": {"before": figures(before), "after": figures(after)},
        "held_out_f1": told.held_out_f1,
        "held_out_points": told.origin.n_held_out,
        "simulated_f1": told.simulated_f1,
        "learnt_from_points": (told.origin.n_points or 0) - (told.origin.n_held_out or 0),
        "held_out_f1_by_epoch": [report.f1 for report in reports],
        "cpu_seconds": round(seconds),
    }, adapted


def right_half(model: Model, made: Surface) -> Comparison:
    """What the model finds in the right half, against the truth there."""

    def right(points: pd.DataFrame) -> pd.DataFrame:
        return points[points["x_nm"] > SIDE_NM / 2]

    return compare(right(find(made.stack, model, MATERIAL).points), right(made.points), study.RADIUS_NM)


def figures(comparison: Comparison) -> dict[str, float]:
    """The three numbers."""
    return {name: round(getattr(comparison, name), 3) for name in ("f1", "recall", "precision")}


def calibration_error(model: Model, n_surfaces: int) -> float:
    """The expected calibration error on surfaces of many kinds."""
    peaks = [search(model, CALIBRATION_SEED + number) for number in range(n_surfaces)]
    confidence = model.config.calibration.confidence(np.concatenate([one.score for one in peaks]))
    return round(expected_calibration_error(confidence, np.concatenate([one.right for one in peaks]))[0], 4)


if __name__ == "__main__":
    main()
