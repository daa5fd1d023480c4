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
from kinds import FIRST_SEED, KINDS, TOLERANCE_NM, surface_of

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.data.images import pixel_size_nm
from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.impurities.model import Model, load_model


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
    for kind in KINDS:
        rows[kind] = row = _row(model, kind, wanted.seeds)
        print(f"{kind:24} " + " ".join(f"{row[name]:7.3f}" for name in row), flush=True)
    mean = float(np.mean([row["f1"] for row in rows.values()]))
    print(f"mean F1 {mean:.3f}, least {min(row['f1'] for row in rows.values()):.3f}")
    if wanted.json:
        wanted.json.write_text(json.dumps({"model": wanted.model, "mean_f1": mean, "kinds": rows}, indent=2))


def _row(model: Model, kind: str, n_seeds: int) -> dict[str, float]:
    reports, best, seconds = [], [], []
    for seed in range(FIRST_SEED, FIRST_SEED + n_seeds):
        surface = surface_of(kind, seed)
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
    pixel_nm = max(pixel_size_nm(surface.stack))
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
