"""Calibrate a model on held-out surfaces, and draw the reliability diagram.

    python studies/calibration.py MODEL.safetensors [--surfaces 80] [--write] [--figure FILE.png] [--json FILE]

Surfaces of many kinds are simulated with seeds that nothing else uses, and searched with the whole way of
`find`: scale read off the data, biases averaged, all peaks kept. Three in four surfaces fit the curve and the
threshold; the others show how far the confidence is off (expected calibration error, ten bins). Between the two the
second pass is fitted to simulated windows with every artefact, and then to the same surfaces.
With --write the calibration goes into the model file.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from napari_stm_impurities.data.points import positions_nm
from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.impurities.model import Calibration, Model, load_model
from napari_stm_impurities.impurities.second_pass import SecondPass
from napari_stm_impurities.impurities.training.calibration import RankedPeaks, fit_calibration, matched_by_rank
from napari_stm_impurities.impurities.training.second_pass_fit import fit_second_pass
from napari_stm_impurities.simulation.config import ScatteringConfig
from napari_stm_impurities.simulation.surface import Surface, SurfaceConfig, simulate_surface

FIRST_SEED = 500_000
#: One pixel of the paper's grid.
RADIUS_NM = 0.47
N_BINS = 10


def main() -> None:
    """Simulate, search, fit, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--surfaces", type=int, default=80)
    parser.add_argument(
        "--windows", type=int, default=240, help="windows that the second pass is fitted to; 0 for none"
    )
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = load_model(options.model)
    surfaces = [surface_of(FIRST_SEED + index) for index in range(options.surfaces)]
    first = [search(model, surface, second_pass=False) for surface in surfaces]
    calibration = fit_calibration(fitting(first))
    result = {"first_pass": held_out(first, calibration)}
    model = with_calibration(model, calibration)
    second_pass = fit_second_pass(model, ScatteringConfig(), FIRST_SEED, options.windows) if options.windows else None
    if second_pass is not None:
        model = with_calibration(model, calibration.model_copy(update={"second_pass": second_pass}))
        second = [search(model, surface, second_pass=True) for surface in surfaces]
        calibration = recalibrated(model.config.calibration, second_pass, fitting(second))
        model = with_calibration(model, calibration)
        # the confident points, of which the common pattern is made, follow the new threshold
        second = [search(model, surface, second_pass=True) for surface in surfaces]
        result["second_pass"] = held_out(second, Calibration(threshold=calibration.threshold))
    result["calibration"] = calibration.model_dump()
    of_use = result.get("second_pass", result["first_pass"])
    for name, numbers in result.items():
        print(name, {key: value for key, value in numbers.items() if key != "bins"})
    if options.json:
        options.json.write_text(json.dumps({**result, **of_use}, indent=2))
    if options.figure:
        draw(of_use["bins"], of_use["expected_calibration_error"], options.figure)
    if options.write:
        model.save(options.model)


def with_calibration(model: Model, calibration: Calibration) -> Model:
    """The same network with another calibration."""
    return Model(model.config.model_copy(update={"calibration": calibration}), model.network)


def fitting(peaks: list[RankedPeaks]) -> list[RankedPeaks]:
    """Three surfaces in four, which curve and threshold are fitted to."""
    return [of_surface for index, of_surface in enumerate(peaks) if index % 4]


def recalibrated(first: Calibration, second_pass: SecondPass, peaks: list[RankedPeaks]) -> Calibration:
    """The calibration whose second pass gives the share of right points on the surfaces, with the best threshold.

    The scores of `peaks` are the log odds after the second pass. The curve through them is linear in the log odds, so
    it goes into the weights.
    """
    curve = fit_calibration(peaks)
    weights = tuple(curve.slope * weight for weight in second_pass.weights)
    intercept = curve.slope * second_pass.intercept + curve.intercept
    update = {
        "second_pass": SecondPass(weights=weights, intercept=intercept),
        "threshold": curve.threshold,
        "f1": curve.f1,
    }
    return first.model_copy(update=update)


def held_out(peaks: list[RankedPeaks], calibration: Calibration) -> dict[str, Any]:
    """How well a calibration does on the surfaces that it was not fitted to."""
    others = peaks[::4]
    confidence = np.concatenate([calibration.confidence(of_surface.score) for of_surface in others])
    right = np.concatenate([of_surface.right for of_surface in others])
    error, bins = expected_calibration_error(confidence, right)
    thresholds = np.array([calibration.threshold])
    f1 = [of_surface.f1(calibration.confidence(of_surface.score), thresholds)[0] for of_surface in others]
    return {"expected_calibration_error": error, "f1": float(np.mean(f1)), "surfaces": len(others), "bins": bins}


def random_surface(seed: int) -> tuple[str, SurfaceConfig]:
    """A kind of surface as a laboratory might have it."""
    draw = np.random.default_rng(seed)

    def sometimes(share: float, low: float, high: float) -> float:
        return float(draw.uniform(low, high)) if draw.random() < share else 0.0

    material, frame_nm, start, stop = [
        ("Au(111)", 37.5, -230.0, 20.0),
        ("Cu(111)", 30.0, -200.0, 50.0),
        ("Ag(111)", 75.0, -30.0, 120.0),
    ][draw.choice(3, p=[0.6, 0.2, 0.2])]
    length = frame_nm / 37.5
    n_biases = int(draw.choice([1, 3, 8, 24, 48], p=[0.1, 0.1, 0.2, 0.4, 0.2]))
    return material, SurfaceConfig(
        side_px=int(draw.choice([80, 96, 128, 160])),
        frame_nm=frame_nm,
        bias_start_mv=start if n_biases > 1 else stop - 10,
        bias_stop_mv=stop,
        n_biases=n_biases,
        density_per_nm2=float(np.exp(draw.uniform(np.log(0.008), np.log(0.13)))) / length**2,
        least_distance_nm=0.7 * length,
        phase_shift_rad=(0.6, 2.4),
        strength=(0.25, 1.0) if draw.random() < 0.5 else (1.0, 1.0),
        near_field_nm=float(draw.uniform(0, 0.9)) * length,
        near_field_value=float(draw.choice([0.0, -0.3, 0.3])),
        near_field_spread=sometimes(0.4, 0.1, 0.5),
        noise_share=float(np.exp(draw.uniform(np.log(0.05), np.log(0.4 * np.sqrt(n_biases) + 0.3)))),
        line_noise_share=sometimes(0.4, 0.1, 0.6),
        correlated_noise_share=sometimes(0.4, 0.1, 0.6),
        herringbone_share=sometimes(0.2, 0.3, 1.5),
        step_share=sometimes(0.2, 1.0, 6.0),
        drift_px=sometimes(0.4, 0.3, 1.8),
    )


def surface_of(seed: int) -> Surface:
    """The surface of a seed."""
    material, config = random_surface(seed)
    return simulate_surface(material, seed, config=config)


def search(model: Model, surface: Surface, *, second_pass: bool) -> RankedPeaks:
    """All peaks of one surface by the network's score, or by the log odds after the second pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points = find(surface.stack, model, threshold=0.0, second_pass=second_pass).points
    right = matched_by_rank(positions_nm(points), positions_nm(surface.points), RADIUS_NM)
    if second_pass:
        confidence = points["confidence"].to_numpy().clip(1e-9, 1 - 1e-9)
        return RankedPeaks(np.log(confidence / (1 - confidence)), right, len(surface.points))
    return RankedPeaks(points["score"].to_numpy(), right, len(surface.points))


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray) -> tuple[float, list[dict[str, float]]]:
    """The mean difference between confidence and share of right points, over the points at 0.05 and above."""
    counted = confidence >= 0.05
    confidence, right = confidence[counted], right[counted]
    which = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    bins = [
        {"n": int(of_bin.sum()), "confidence": float(confidence[of_bin].mean()), "right": float(right[of_bin].mean())}
        for of_bin in (which == index for index in range(N_BINS))
        if of_bin.any()
    ]
    error = sum(one["n"] * abs(one["confidence"] - one["right"]) for one in bins) / max(len(confidence), 1)
    return float(error), bins


def draw(bins: list[dict[str, float]], error: float, path: Path) -> None:
    """The reliability diagram."""
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7")
    axes.plot([one["confidence"] for one in bins], [one["right"] for one in bins], "o-")
    for one in bins:
        axes.annotate(str(one["n"]), (one["confidence"], one["right"]), textcoords="offset points", xytext=(6, -10))
    axes.set(xlabel="confidence", ylabel="share of points that are impurities", xlim=(0, 1), ylim=(0, 1))
    axes.set_title(f"expected calibration error {error:.3f}")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
