"""Calibrate a model on held-out surfaces, and draw the reliability diagram.

    python studies/calibration.py MODEL.safetensors [--surfaces 80] [--write] [--figure FILE.png] [--json FILE]

Surfaces of many kinds are simulated with seeds that nothing else uses, and searched with the whole way of
`find`: scale read off the data, biases averaged, all peaks kept. Three in four surfaces fit the curve and the
threshold; the others tell how far the confidence is off (expected calibration error, ten bins).
With --write the calibration goes into the model file.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from napari_stm_impurities.data.points import positions_nm
from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.impurities.model import Model, load_model
from napari_stm_impurities.impurities.training.calibration import RankedPeaks, fit_calibration, matched_by_rank
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface

FIRST_SEED = 500_000
#: One pixel of the paper's grid.
RADIUS_NM = 0.47
N_BINS = 10


def main() -> None:
    """Simulate, search, fit, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--surfaces", type=int, default=80)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    model = load_model(wanted.model)
    peaks = [search(model, FIRST_SEED + index) for index in range(wanted.surfaces)]
    fitted_on, told_on = [one for i, one in enumerate(peaks) if i % 4], peaks[::4]
    calibration = fit_calibration(fitted_on)
    confidence = np.concatenate([calibration.confidence(one.score) for one in told_on])
    right = np.concatenate([one.right for one in told_on])
    error, bins = expected_calibration_error(confidence, right)
    f1 = float(
        np.mean([one.f1(calibration.confidence(one.score), np.array([calibration.threshold]))[0] for one in told_on])
    )
    print(
        f"{calibration}\nheld out: expected calibration error {error:.3f}, mean F1 {f1:.3f} on {len(told_on)} surfaces"
    )
    if wanted.json:
        result = {"calibration": calibration.model_dump(), "expected_calibration_error": error, "f1": f1, "bins": bins}
        wanted.json.write_text(json.dumps(result, indent=2))
    if wanted.figure:
        draw(bins, error, wanted.figure)
    if wanted.write:
        Model(model.config.model_copy(update={"calibration": calibration}), model.network).save(wanted.model)


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


def search(model: Model, seed: int) -> RankedPeaks:
    """All peaks of one surface."""
    material, config = random_surface(seed)
    surface = simulate_surface(material, seed, config=config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points = find(surface.stack, model, threshold=0.0).points
    right = matched_by_rank(positions_nm(points), positions_nm(surface.points), RADIUS_NM)
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
