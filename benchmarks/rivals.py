"""What people find spots with, beside the package: F1 on ten kinds of surface, seconds and memory, in one table.

    python benchmarks/rivals.py [--seeds 2] [--trained FOLDER] [--json docs/results/rivals.json]

The folder holds what train_rivals.py made; a method whose file or library is not there is left out, and named below
the table. The sizes of the classical methods were chosen by tune_rivals.py. Each method has the one threshold that
gives it the best mean F1 over all these surfaces; the shipped model has a second row with the threshold that it is
shipped with.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import xarray as xr
from kinds import FIRST_SEED, KINDS, TOLERANCE_NM, surface_of
from methods.ours import Network
from methods.spotiflow import Spotiflow
from methods.unet import UNet
from methods.view import Seen
from scoring import Method, best_threshold, f1_at
from tune_rivals import TUNING_FILE, classical

from napari_stm_impurities.io.readers import read_stack
from napari_stm_impurities.io.writers import save_stack
from napari_stm_impurities.physics.dispersion import Dispersion

SHIPPED = "ours, shipped"
#: Time and memory are those of a surface of this kind, the paper's 126 x 80 x 80 values.
_MEASURED_KIND = "near field erased"
_N_TIMES = 3
#: Files of train_rivals.py, by the method's name.
_TRAINED: dict[str, tuple[str, Callable[[Path], Method]]] = {
    "ours, from nothing": ("ours.safetensors", Network),
    "Spotiflow": ("spotiflow.pt", Spotiflow),
    "AtomAI U-Net": ("unet.pt", UNet),
    "wang2020 preset": ("wang2020.safetensors", Network),
}

#: From a method's name to how it is made; what it needs is loaded only then.
Makers = dict[str, Callable[[], Method]]


def main() -> None:
    """Search every surface with every method, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="surfaces of each kind")
    parser.add_argument("--trained", type=Path, help="the folder of what train_rivals.py made")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--memory-of", nargs=2, metavar=("METHOD", "FILE"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    makers, left_out = methods(wanted.trained)
    if wanted.memory_of:
        name, file = wanted.memory_of
        print(_memory_mb(makers[name](), read_stack(file)))
        return
    rows, without_library = measure(makers, list(KINDS), wanted.seeds)
    with tempfile.TemporaryDirectory() as folder:
        _add_costs(rows, makers, Path(folder) / "stack.nc", wanted.trained)
    _add_training(rows, wanted.trained)
    left_out |= without_library
    print(table(rows))
    for name, why in left_out.items():
        print(f"left out: {name}: {why}")
    if wanted.json:
        facts = {
            "tolerance_nm": TOLERANCE_NM,
            "first_seed": FIRST_SEED,
            "surfaces_a_kind": wanted.seeds,
            "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, one thread used",
        }
        wanted.json.write_text(json.dumps({**facts, "rows": rows, "left_out": left_out}, indent=2) + "\n")


def methods(trained: Path | None = None) -> tuple[Makers, dict[str, str]]:
    """How each method of the table is made, and why others are not there."""
    makers: Makers = {SHIPPED: partial(Network, "default")}
    left_out = {}
    for name, (file, make) in _TRAINED.items():
        if trained is not None and (trained / file).is_file():
            makers[name] = partial(make, trained / file)
        else:
            left_out[name] = f"{file} is not there; train_rivals.py makes it"
    chosen = json.loads(TUNING_FILE.read_text())["methods"]
    for name, (make, choices) in classical().items():
        makers[name] = partial(make, type(choices[0])(**chosen[name]["choice"]))
    return makers, left_out


def measure(makers: Makers, kinds: Sequence[str], n_seeds: int) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The F1 of every method on each kind of surface, and which methods lack their library."""
    labels = [kind for kind in kinds for _ in range(n_seeds)]
    surfaces = [surface_of(kind, FIRST_SEED + seed) for kind in kinds for seed in range(n_seeds)]
    truths = [one.points for one in surfaces]
    seen = [Seen(one.stack, true_band(kind)) for kind, one in zip(labels, surfaces, strict=True)]
    rows, left_out = [], {}
    for name, make in makers.items():
        try:
            method = make()
        except ImportError as error:
            left_out[name] = f"{error}; install the extra 'rivals'"
            continue
        searches = [method.search(one) for one in seen]
        thresholds = {name: best_threshold(method, searches, truths)}
        if isinstance(method, Network) and name == SHIPPED:
            thresholds = {f"{name}, its own threshold": method.model.threshold, **thresholds}
        for title, threshold in thresholds.items():
            f1 = f1_at(searches, truths, threshold).reshape(len(kinds), n_seeds).mean(1)
            of_kind = dict(zip(kinds, f1.tolist(), strict=True))
            rows.append({"method": title, "made_as": name, "mean_f1": float(f1.mean()), "f1": of_kind})
            rows[-1]["threshold"] = threshold
            print(f"{title}: {f1.mean():.3f}", file=sys.stderr, flush=True)
    return rows, left_out


def true_band(kind: str) -> Dispersion:
    """The dispersion that a kind of surface was made with."""
    return Dispersion.of_material(KINDS[kind][0])


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as one Markdown table."""
    kinds = list(rows[0]["f1"])
    lines = [["method", "learnt (min)", *kinds, "mean F1", "s", "MB"], ["---"] + ["---:"] * (len(kinds) + 4)]
    for row in rows:
        f1 = [f"{row['f1'][kind]:.2f}" for kind in kinds]
        learnt = f"{row['cpu_minutes']:.1f}" if "cpu_minutes" in row else ""
        lines.append(
            [row["method"], learnt, *f1, f"{row['mean_f1']:.3f}", f"{row['seconds']:.2f}", f"{row['memory_mb']:.0f}"]
        )
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _add_costs(rows: list[dict[str, Any]], makers: Makers, file: Path, trained: Path | None) -> None:
    """Seconds, and memory in a process of its own."""
    stack = surface_of(_MEASURED_KIND, FIRST_SEED).stack
    save_stack(stack, file)
    options = [] if trained is None else ["--trained", str(trained)]
    for name in dict.fromkeys(row["made_as"] for row in rows):
        of_method = [row for row in rows if row["made_as"] == name]
        method = makers[name]()
        command = [sys.executable, __file__, *options, "--memory-of", name, str(file)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        cost = {
            "seconds": _seconds(method, stack, of_method[-1]["threshold"]),
            "memory_mb": float(answer.splitlines()[-1]),
        }
        for row in of_method:
            row.update(cost)


def _seconds(method: Method, stack: xr.DataArray, threshold: float) -> float:
    """CPU seconds from a stack to points, the scale and the levelling included; the middle of some runs."""
    times = []
    for _ in range(_N_TIMES):
        begun = time.process_time()
        method.search(Seen(stack, true_band(_MEASURED_KIND))).above(threshold)
        times.append(time.process_time() - begun)
    return statistics.median(times)


def _memory_mb(method: Method, stack: xr.DataArray) -> float:
    """By how much one search raises the peak of this process, with method and stack loaded, in MB; Linux only."""
    # the kernel's own record of this process: what resource gives begins with the peak of the process that started it
    before = _status_kb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    method.search(Seen(stack, true_band(_MEASURED_KIND))).above(0.5)
    return (_status_kb("VmHWM") - before) / 1e3


def _status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _add_training(rows: list[dict[str, Any]], trained: Path | None) -> None:
    """How long each network learnt, from the file that train_rivals.py wrote beside its weights."""
    for row in rows:
        if trained is not None and row["made_as"] in _TRAINED:
            facts = json.loads((trained / _TRAINED[row["made_as"]][0]).with_suffix(".json").read_text())
            row.update({name: facts[name] for name in ("cpu_minutes", "steps", "batch")})


if __name__ == "__main__":
    main()
