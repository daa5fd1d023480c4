"""Ten kinds of simulated surface, and how well each is searched: recall, precision, F1, position error.

    python benchmarks/surfaces.py [--model NAME|FILE] [--seeds 3] [--json FILE]

The surfaces are made by the package's own simulator with seeds that no training uses. Defaults only:
no threshold, scale or material is given.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np

from napari_stm_impurities.comparison import compare
from napari_stm_impurities.find.find import find
from napari_stm_impurities.network.model import load_model
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface

#: One pixel of the paper's grid.
TOLERANCE_NM = 0.47
FIRST_SEED = 90_000

KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "clean": ("Au(111)", {"noise_share": 0.02, "line_noise_share": 0.0, "near_field_nm": 0.0}),
    "near field erased": ("Au(111)", {"near_field_nm": 0.9, "near_field_value": 0.0}),
    "random near field": ("Au(111)", {"near_field_nm": 0.7, "near_field_value": 0.0, "near_field_spread": 0.5}),
    "noise 2.5 x signal": (
        "Au(111)",
        {"noise_share": 2.5, "line_noise_share": 0.7, "correlated_noise_share": 0.7},
    ),
    "dense (3 in 100 px)": ("Au(111)", {"density_per_nm2": 0.1365, "least_distance_nm": 0.9}),
    "step and herringbone": ("Au(111)", {"step_share": 5.0, "herringbone_share": 1.0}),
    "drift 1.5 px": ("Au(111)", {"drift_px": 1.5}),
    "three biases": ("Au(111)", {"n_biases": 3}),
    "240 x 240": ("Au(111)", {"side_px": 240, "n_biases": 24}),
    "Ag(111), 75 nm": (
        "Ag(111)",
        {"frame_nm": 75.0, "bias_start_mv": -30.0, "bias_stop_mv": 100.0, "density_per_nm2": 0.008}
        | {"near_field_nm": 0.8, "least_distance_nm": 1.5, "margin_nm": 15.0, "mean_free_path_nm": 80.0},
    ),
}


def main() -> None:
    """Search each kind of surface and print one line a kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    model = load_model(wanted.model)
    rows = {}
    print(f"{'kind':24} {'F1':>6} {'recall':>7} {'precis.':>7} {'rms px':>7} {'best F1':>8} {'s':>6}")
    for kind, (material, values) in KINDS.items():
        rows[kind] = row = _row(model, material, SurfaceConfig(**values), wanted.seeds)
        print(f"{kind:24} " + " ".join(f"{row[name]:7.3f}" for name in row), flush=True)
    mean = float(np.mean([row["f1"] for row in rows.values()]))
    print(f"mean F1 {mean:.3f}, least {min(row['f1'] for row in rows.values()):.3f}")
    if wanted.json:
        wanted.json.write_text(json.dumps({"model": wanted.model, "mean_f1": mean, "kinds": rows}, indent=2))


def _row(model: object, material: str, config: SurfaceConfig, n_seeds: int) -> dict[str, float]:
    reports, best, seconds = [], [], []
    for seed in range(FIRST_SEED, FIRST_SEED + n_seeds):
        surface = simulate_surface(material, seed, config=config)
        begun = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            finding = find(surface.stack, model, threshold=0.0)
        seconds.append(time.perf_counter() - begun)
        points = finding.points
        reports.append(compare(points[points["confidence"] >= model.threshold], surface.points, TOLERANCE_NM))
        best.append(
            max(compare(points.head(n), surface.points, TOLERANCE_NM).f1 for n in range(1, 2 * len(surface.points)))
        )
    pixel_nm = config.frame_nm / config.side_px
    return {
        "f1": float(np.mean([report.f1 for report in reports])),
        "recall": float(np.mean([report.recall for report in reports])),
        "precision": float(np.mean([report.precision for report in reports])),
        "rms_px": float(np.mean([report.rms_distance_nm for report in reports])) / pixel_nm,
        "best_f1": float(np.mean(best)),
        "seconds": float(np.median(seconds)),
    }


if __name__ == "__main__":
    main()
