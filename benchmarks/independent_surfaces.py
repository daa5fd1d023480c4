"""How well surfaces are searched that the package's own simulator did not make (`benchmarks/independent`).

    python benchmarks/independent_surfaces.py [--model NAME|FILE] [--seeds 3] [--json FILE]

Ten kinds of surface, defaults only: no threshold, scale or material is given. F1, recall and precision at the model's
own threshold and at the best one of each surface, the error of the confidence, and the recall by the strength of an
impurity and by the distance to its nearest neighbour.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from independent import KINDS, IndependentSurface, surface_of
from kinds import TOLERANCE_NM

import napari_stm_impurities as stm

#: No training uses these seeds, and no study; each kind has a block of its own.
FIRST_SEED, SEEDS_OF_A_KIND = 410_000, 1000
STRENGTHS = (0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
NEAREST_NM = (0.7, 1.2, 2.0, 3.0, np.inf)
#: As in the model card: points of at least this confidence, in so many bins.
LEAST_CONFIDENCE, CONFIDENCE_BINS = 0.05, 10


@dataclass(frozen=True)
class Searched:
    """One surface, and every point that was found on it however faint, the most confident first."""

    surface: IndependentSurface
    points: pd.DataFrame
    threshold: float
    seconds: float
    refusal: str = ""

    @property
    def kept(self) -> pd.DataFrame:
        """The points at or above the model's own threshold."""
        return self.points[self.points["confidence"] >= self.threshold]

    @property
    def best(self) -> stm.Comparison:
        """The comparison at the threshold with the highest F1 on this surface."""
        truth = self.surface.points
        most = min(len(self.points), 2 * len(truth))
        return max(
            (stm.compare(self.points.head(n), truth, TOLERANCE_NM) for n in range(most + 1)), key=lambda one: one.f1
        )


def search(surface: IndependentSurface, model: stm.Model) -> Searched:
    """Search a surface with defaults; a refusal finds nothing."""
    begun = time.process_time()
    refusal = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", stm.FindingWarning)
            # a threshold of 0 keeps the faint points too; which of them count is decided after
            points = stm.find_impurities(surface.stack, model, threshold=0.0)
    except stm.StmError as error:
        refusal, points = str(error), pd.DataFrame({"y_nm": [], "x_nm": [], "confidence": []}, dtype=float)
    return Searched(surface, points, model.threshold, time.process_time() - begun, refusal)


def row_of(searched: Iterable[Searched]) -> dict[str, Any]:
    """The figures of one kind of surface, means over its surfaces."""
    some = list(searched)
    own = [stm.compare(one.kept, one.surface.points, TOLERANCE_NM) for one in some]
    best = [one.best for one in some]
    return {
        "f1": float(np.mean([one.f1 for one in own])),
        "recall": float(np.mean([one.recall for one in own])),
        "precision": float(np.mean([one.precision for one in own])),
        "best_f1": float(np.mean([one.f1 for one in best])),
        "best_recall": float(np.mean([one.recall for one in best])),
        "best_precision": float(np.mean([one.precision for one in best])),
        # without a pair there is no distance
        "rms_nm": float(np.nanmean([one.rms_distance_nm for one in own])) if any(len(o.pairs) for o in own) else None,
        "calibration_error": calibration_error(*confidences(some)),
        "on_structure": sum(_on_structure(one) for one in some),
        "seconds": float(np.median([one.seconds for one in some])),
        "refusals": [one.refusal for one in some if one.refusal],
    }


def confidences(searched: Iterable[Searched]) -> tuple[np.ndarray, np.ndarray]:
    """The confidence of every point, and whether it is an impurity (all points matched one to one)."""
    confidence, right = [np.zeros(0)], [np.zeros(0, dtype=bool)]
    for one in searched:
        points = one.points[one.points["confidence"] >= LEAST_CONFIDENCE].reset_index(drop=True)
        pairs = stm.compare(points, one.surface.points, TOLERANCE_NM).pairs["point"]
        confidence.append(points["confidence"].to_numpy())
        right.append(np.isin(np.arange(len(points)), pairs))
    return np.concatenate(confidence), np.concatenate(right)


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float | None:
    """The expected calibration error: the mean over the points of |confidence - share right| of their bin."""
    if not len(confidence):
        return None
    place = np.minimum((confidence * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
    apart = [abs((confidence - right)[place == b].sum()) for b in range(CONFIDENCE_BINS)]
    return float(sum(apart) / len(confidence))


def recall_by(searched: Iterable[Searched], column: str, edges: tuple[float, ...]) -> list[dict[str, Any]]:
    """The recall at the model's own threshold, and how many impurities there are, between neighbouring edges."""
    value, found = [np.zeros(0)], [np.zeros(0, dtype=bool)]
    for one in searched:
        truth = one.surface.points
        pairs = stm.compare(one.kept, truth, TOLERANCE_NM).pairs["reference"]
        value.append(truth[column].to_numpy())
        found.append(np.isin(np.arange(len(truth)), pairs))
    values, hits = np.concatenate(value), np.concatenate(found)
    rows = []
    for low, high in pairwise(edges):
        # the last edge belongs to the last bin
        inside = (values >= low) & ((values < high) | (high == edges[-1]))
        n = int(inside.sum())
        recall = float(hits[inside].mean()) if n else None
        rows.append({"from": low, "to": None if np.isinf(high) else high, "n": n, "recall": recall})
    return rows


def _on_structure(one: Searched) -> int:
    """How many points lie on a row of scatterers that are no impurities."""
    size = float(one.surface.stack.x[1] - one.surface.stack.x[0])
    last = len(one.surface.structure) - 1
    y, x = (np.rint(one.kept[f"{axis}_nm"] / size).astype(int).clip(0, last) for axis in "yx")
    return int(one.surface.structure[y, x].sum())


def summary(searched: dict[str, list[Searched]], model: stm.Model) -> dict[str, Any]:
    """The whole result, kind by kind and over all surfaces."""
    rows = {kind: row_of(some) for kind, some in searched.items()}
    everything = [one for some in searched.values() for one in some]
    return {
        "model": model.config.name,
        "threshold": model.threshold,
        "seeds_of_a_kind": max(len(some) for some in searched.values()),
        "tolerance_nm": TOLERANCE_NM,
        "mean_f1": float(np.mean([row["f1"] for row in rows.values()])),
        "least_f1": min(row["f1"] for row in rows.values()),
        "mean_best_f1": float(np.mean([row["best_f1"] for row in rows.values()])),
        "calibration_error": calibration_error(*confidences(everything)),
        "recall_by_strength": recall_by(everything, "strength", STRENGTHS),
        "recall_by_nearest_nm": recall_by(everything, "nearest_nm", NEAREST_NM),
        "kinds": rows,
    }


def measure(kinds: Iterable[str], n_seeds: int, model: stm.Model, path: Path | None = None) -> dict[str, Any]:
    """Search so many surfaces of each kind, print one line a kind, and write the result as it grows."""
    searched: dict[str, list[Searched]] = {}
    print(f"{'kind':24} {'F1':>6} {'recall':>7} {'precis.':>7} {'best F1':>8} {'ECE':>6} {'s':>6}")
    for kind in kinds:
        first = FIRST_SEED + SEEDS_OF_A_KIND * list(KINDS).index(kind)
        searched[kind] = [search(surface_of(kind, seed), model) for seed in range(first, first + n_seeds)]
        result = summary(searched, model)
        row = result["kinds"][kind]
        shown = [row[name] for name in ("f1", "recall", "precision", "best_f1", "calibration_error", "seconds")]
        print(f"{kind:24} " + " ".join("      -" if v is None else f"{v:7.3f}" for v in shown), flush=True)
        if path is not None:
            path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return result


def table(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    head = (
        "| surface | F1 | recall | precision | best F1 | calibration error | s |\n|---|---:|---:|---:|---:|---:|---:|"
    )
    names = ("f1", "recall", "precision", "best_f1", "calibration_error", "seconds")
    lines = [
        " | ".join([f"| {kind}", *("-" if row[name] is None else f"{row[name]:.3f}" for name in names)]) + " |"
        for kind, row in result["kinds"].items()
    ]
    means = f"| **mean** | **{result['mean_f1']:.3f}** | | | {result['mean_best_f1']:.3f} | | |"
    return "\n".join([head, *lines, means])


def main(arguments: list[str] | None = None) -> None:
    """Search all surfaces, print the figures, and write them where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args(arguments)
    result = measure(wanted.kinds, wanted.seeds, stm.load_model(wanted.model), wanted.json)
    print(f"mean F1 {result['mean_f1']:.3f}, least {result['least_f1']:.3f}, best {result['mean_best_f1']:.3f}")
    print(f"calibration error {result['calibration_error']:.3f}")
    print(table(result))
    for name in ("recall_by_strength", "recall_by_nearest_nm"):
        print(name, [(one["from"], one["n"], one["recall"]) for one in result[name]])


if __name__ == "__main__":
    main()
