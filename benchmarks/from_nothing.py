"""How near a model that was trained from nothing comes to the shipped one, with the minutes that it took.

    python benchmarks/train_rivals.py ours --minutes 15 -o ours.safetensors
    python benchmarks/from_nothing.py ours.safetensors [--seeds 2] [--json docs/results/from_nothing.json]

Both search the ten kinds of surface with the threshold that each carries.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from kinds import FIRST_SEED, KINDS, surface_of
from methods.ours import Network
from methods.view import Seen
from rivals import true_band
from scoring import f1_at


def main() -> None:
    """Search with both, and print and keep the mean F1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    f1: dict[str, dict[str, float]] = {"from_nothing": {}, "shipped": {}}
    methods = {"from_nothing": Network(wanted.model), "shipped": Network("default")}
    for kind in KINDS:
        surfaces = [surface_of(kind, FIRST_SEED + seed) for seed in range(wanted.seeds)]
        seen, truths = [Seen(one.stack, true_band(kind)) for one in surfaces], [one.points for one in surfaces]
        for name, method in methods.items():
            searches = [method.search(one) for one in seen]
            f1[name][kind] = float(f1_at(searches, truths, method.model.threshold).mean())
        print(f"{kind:24} {f1['from_nothing'][kind]:.3f} (shipped {f1['shipped'][kind]:.3f})", flush=True)
    mean = {name: float(np.mean(list(of_kind.values()))) for name, of_kind in f1.items()}
    training = json.loads(wanted.model.with_suffix(".json").read_text())
    reached = f"mean {mean['from_nothing']:.3f} after {training['cpu_minutes']:.1f} CPU minutes"
    print(f"{reached}; shipped {mean['shipped']:.3f}")
    if wanted.json:
        facts = {"training": training, "first_seed": FIRST_SEED, "surfaces_a_kind": wanted.seeds}
        wanted.json.write_text(json.dumps({**facts, "mean_f1": mean, "f1": f1}, indent=2) + "\n")


if __name__ == "__main__":
    main()
