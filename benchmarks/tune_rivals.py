"""Choose the sizes of the classical methods of rivals.py, on surfaces that rivals.py does not use.

    python benchmarks/tune_rivals.py [--json docs/results/rivals_tuning.json]

Each choice is judged by its mean F1 over one surface of each kind, at its own best threshold.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from kinds import KINDS, surface_of
from methods import blobs, particles, rings
from methods.view import MAPS, Seen
from scoring import Method, best_threshold, f1_at

from napari_stm_impurities.physics.dispersion import Dispersion

#: Neither a training nor rivals.py uses this seed.
TUNING_SEED = 70_000
TUNING_FILE = Path(__file__).parents[1] / "docs" / "results" / "rivals_tuning.json"

#: From a choice to the method.
Make = Callable[[Any], Method]


def classical() -> dict[str, tuple[Make, Sequence[Any]]]:
    """Every classical method by its name, how it is made, and what it may be made with."""
    methods: dict[str, tuple[Make, Sequence[Any]]] = {"ring matched filter": (rings.Rings, rings.CHOICES)}
    for kind in MAPS:
        methods[f"trackpy locate, {kind}"] = partial(particles.Particles, kind), particles.CHOICES
    for finder in blobs.FINDERS:
        for kind in MAPS:
            methods[f"skimage {finder}, {kind}"] = partial(blobs.Blobs, finder, kind), blobs.CHOICES
    return methods


def main() -> None:
    """Try every choice, and print and keep the best of each method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=TUNING_FILE)
    wanted = parser.parse_args()
    surfaces = [(kind, surface_of(kind, TUNING_SEED)) for kind in KINDS]
    seen = [Seen(one.stack, Dispersion.of_material(KINDS[kind][0])) for kind, one in surfaces]
    truths = [one.points for _, one in surfaces]
    chosen = {}
    for name, (make, choices) in classical().items():
        mean_f1 = []
        for choice in choices:
            method = make(choice)
            searches = [method.search(one) for one in seen]
            mean_f1.append(float(f1_at(searches, truths, best_threshold(method, searches, truths)).mean()))
        best = max(range(len(choices)), key=mean_f1.__getitem__)
        tried = [{**asdict(choice), "mean_f1": f1} for choice, f1 in zip(choices, mean_f1, strict=True)]
        chosen[name] = {"choice": asdict(choices[best]), "mean_f1": mean_f1[best], "tried": tried}
        print(f"{name:32} {mean_f1[best]:.3f} (worst {min(mean_f1):.3f}) with {choices[best]}", flush=True)
        wanted.json.write_text(json.dumps({"seed": TUNING_SEED, "methods": chosen}, indent=2) + "\n")


if __name__ == "__main__":
    main()
