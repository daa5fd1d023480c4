"""How long a training step, its windows, a score map and a whole search take, and how much memory a large stack needs.

    python benchmarks/speed.py [--threads 2] [--repeats 7] [--json docs/results/speed.json]

Seconds are the median and the least of several runs. What else the machine did is told by its load; the processor's own
seconds, of all threads together, hardly depend on it. Memory is the peak beyond what the process held before, input and
model included, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.impurities.detect import find, score_map
from napari_stm_impurities.impurities.model import load_model
from napari_stm_impurities.impurities.training.config import TrainingConfig
from napari_stm_impurities.impurities.training.task import ImpurityTask
from napari_stm_impurities.qpi.dispersion_fit import fit_dispersion
from napari_stm_impurities.simulation.stream import window_stream
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface

#: What is to be reached.
REACH = {
    "windows_share": 1 / 3,
    "score_map_126x80x80_s": 0.15,
    "find_100x512x512_s": 10.0,
    "find_100x512x512_gb": 2.0,
}


def seconds(call: Callable[[], object], repeats: int) -> dict[str, float]:
    """The median and the least of the seconds that a call takes, once warm, and the least of the processor's."""
    call()
    taken, busy = [], []
    for _ in range(repeats):
        begun, begun_busy = time.perf_counter(), time.process_time()
        call()
        taken.append(time.perf_counter() - begun)
        busy.append(time.process_time() - begun_busy)
    return {"median_s": float(np.median(taken)), "least_s": min(taken), "processor_s": min(busy)}


def training_step(preset: str, steps: int) -> dict[str, float]:
    """One step of a training, and its windows alone: the mean over the same steps, windows of all sizes among them."""
    plan = TrainingConfig.preset(preset).model_copy(update={"steps_per_epoch": steps, "epochs": 100})
    task = ImpurityTask(plan, torch.device("cpu"))
    # the first epoch warms up, the second counts
    for epoch in (0, 1):
        begun, begun_busy = time.perf_counter(), time.process_time()
        task.epoch(epoch, lambda share, told: None, lambda: False)
        whole, whole_busy = (time.perf_counter() - begun) / steps, (time.process_time() - begun_busy) / steps
    stream = window_stream(plan.windows, plan.batch_size, plan.seed, 1)
    begun, begun_busy = time.perf_counter(), time.process_time()
    for _ in range(steps):
        next(stream)
    windows, windows_busy = (time.perf_counter() - begun) / steps, (time.process_time() - begun_busy) / steps
    return {
        "step_s": whole,
        "windows_s": windows,
        "windows_share": windows / whole,
        "step_processor_s": whole_busy,
        "windows_processor_s": windows_busy,
    }


def large_stack() -> xr.DataArray:
    """100 maps of 512 x 512 pixels: a simulated surface of 128 x 128, laid side by side."""
    config = SurfaceConfig.of(side_px=128, frame_nm=60.0, n_biases=100, density_per_nm2=0.012, margin_nm=4.0)
    small = simulate_surface("Au(111)", 0, config=config).stack
    whole = np.empty((100, 512, 512), np.float32)
    for one, to in zip(small.values, whole, strict=True):
        to[:] = np.tile(one, (4, 4))
    return make_stack(whole, small.bias.values, 60.0 / 128)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def large(repeats: int) -> dict[str, float]:
    """Seconds and memory of a whole search of the large stack."""
    stack, model = large_stack(), load_model("default", "cpu")
    # what a first run loads for good is no need of this stack
    find(stack.isel(y=slice(64), x=slice(64)), model)
    before = _resident_bytes()
    taken = seconds(lambda: find(stack, model), repeats)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {**taken, "peak_gb_beyond_input": (peak - before) / 1e9, "input_gb": stack.nbytes / 1e9}


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=12, help="training steps that are timed")
    parser.add_argument("--large-only", action="store_true", help="the large stack alone, in this process")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    torch.set_num_threads(wanted.threads)
    warnings.simplefilter("ignore")
    if wanted.large_only:
        print(json.dumps(large(max(1, wanted.repeats // 3))))
        return
    result: dict[str, object] = {
        "threads": wanted.threads,
        "cores": os.cpu_count(),
        "processor": _processor(),
        "load_before": os.getloadavg()[0],
    }
    stack, model = simulate_surface("Au(111)", 0).stack, load_model("default", "cpu")
    result["126x80x80"] = {
        "fit_dispersion": seconds(lambda: fit_dispersion(stack), wanted.repeats),
        "score_map": seconds(lambda: score_map(stack, model), wanted.repeats),
        "find": seconds(lambda: find(stack, model), wanted.repeats),
    }
    again = [sys.executable, __file__, "--large-only", "--threads", str(wanted.threads)]
    again += ["--repeats", str(wanted.repeats)]
    told = subprocess.run(again, capture_output=True, text=True, check=True).stdout
    result["100x512x512"] = json.loads(told.splitlines()[-1])
    result["training"] = {name: training_step(name, wanted.steps) for name in ("default", "wang2020")}
    result["load_after"] = os.getloadavg()[0]
    result["reach"] = REACH
    print(json.dumps(result, indent=2))
    if wanted.json:
        wanted.json.write_text(json.dumps(result, indent=2) + "\n")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
