"""Short trainings of the default network that differ in one thing, and a fair way to judge them beside each other.

All have the same number of steps, windows and seed. Every model is calibrated on the same held-out surfaces (those of
calibration.py), which sets its threshold, and is then judged on the ten kinds of surface of the benchmark.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import calibration
import numpy as np
import study

from napari_stm_impurities.impurities.model import Model, load_model
from napari_stm_impurities.impurities.training import train
from napari_stm_impurities.impurities.training.calibration import RankedPeaks, fit_calibration
from napari_stm_impurities.impurities.training.config import TrainingConfig
from napari_stm_impurities.nn.checkpoint import checkpoint_path
from napari_stm_impurities.simulation.config import FriedelConfig, ScatteringConfig
from napari_stm_impurities.simulation.surface import simulate_surface

#: The default training; what the others are held against.
DEFAULT = "local attention, exact"


def plan_of(name: str) -> TrainingConfig:
    """The default training, changed in the one thing that the name says."""
    default = TrainingConfig()
    match name:
        case "attention off" | "global attention":
            kind = "off" if name == "attention off" else "global"
            return default.model_copy(update={"network": default.network.model_copy(update={"attention": kind})})
        case "Eq. 3":
            # the paper's density (1 to 6 on 20 x 20 pixels) and noise in windows of the default's size; since they have
            # one scale, data are brought to it as the paper's preset does
            windows = FriedelConfig(side_px=default.windows.side_px, impurities=(10, 60))
            inputs = default.inputs.model_copy(update={"k_rad_per_px": (0.5, 1.0)})
            return default.model_copy(update={"windows": windows, "inputs": inputs})
        case "exact, near field as in the formula":
            formula = ScatteringConfig(near_field_erased_share=0.0, near_field_random_share=0.0)
            return default.model_copy(update={"windows": formula})
        case _:
            return default


def add_options(parser: argparse.ArgumentParser) -> None:
    """How long to train, and on how many surfaces to judge."""
    study.add_work(parser)
    parser.add_argument("--epochs", type=int, default=11)
    parser.add_argument("--steps", type=int, default=50, help="steps in an epoch")
    parser.add_argument("--batch", type=int, default=8, help="windows in a step")
    parser.add_argument("--seed", type=int, default=0, help="seed of the trainings")
    parser.add_argument("--surfaces", type=int, default=24, help="held-out surfaces for the threshold")
    parser.add_argument("--seeds", type=int, default=2, help="surfaces a kind")
    parser.add_argument("--kinds", nargs="+", help="only these kinds of surface")


def trained(names: Iterable[str], wanted: argparse.Namespace) -> dict[str, tuple[Model, float]]:
    """The models and the processor minutes of their trainings; what the work folder holds is not trained again."""
    folder = wanted.work / "trainings"
    folder.mkdir(parents=True, exist_ok=True)
    models = {}
    for name in names:
        path = folder / f"{name.replace(', ', '-').replace(' ', '-').lower()}.safetensors"
        minutes = path.with_suffix(".json")
        if not minutes.is_file():
            told = {"epochs": wanted.epochs, "steps_per_epoch": wanted.steps, "batch_size": wanted.batch}
            plan = plan_of(name).model_copy(update={**told, "seed": wanted.seed})
            begun = time.process_time()
            train(config=plan, path=path, device="cpu", on_epoch=lambda report: print(report, flush=True))
            checkpoint_path(path).unlink()
            study.write_json(minutes, round((time.process_time() - begun) / 60, 2))
        models[name] = (Model.load(path), study.read_json(minutes))
    return models


def benchmark() -> ModuleType:
    """The module with the benchmark's kinds of surface."""
    folder = str(Path(__file__).resolve().parents[1] / "benchmarks")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module("kinds")


def judge(models: dict[str, Model], wanted: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Threshold from the same held-out surfaces for each, then F1 on each kind of surface.

    Each surface is simulated once and searched by all models.
    """
    held_out: dict[str, list[RankedPeaks]] = {name: [] for name in models}
    for seed in range(calibration.FIRST_SEED, calibration.FIRST_SEED + wanted.surfaces):
        material, config = calibration.random_surface(seed)
        surface = simulate_surface(material, seed, config=config)
        for name, model in models.items():
            held_out[name].append(study.ranked(study.all_points(surface.stack, model), surface.points))
    fitted = {name: fit_calibration(peaks) for name, peaks in held_out.items()}
    rows: dict[str, dict[str, Any]] = {name: {"threshold": fitted[name].threshold, "kinds": {}} for name in models}
    kinds = benchmark()
    for kind in kinds.KINDS:
        if wanted.kinds and kind not in wanted.kinds:
            continue
        results: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
        for seed in range(kinds.FIRST_SEED, kinds.FIRST_SEED + wanted.seeds):
            surface = kinds.surface_of(kind, seed)
            for name, model in models.items():
                peaks = study.ranked(study.all_points(surface.stack, model), surface.points)
                confidence = fitted[name].confidence(peaks.score)
                f1 = float(peaks.f1(confidence, np.array([fitted[name].threshold]))[0])
                results[name].append((f1, study.best_f1(peaks)))
        for name, pairs in results.items():
            f1, best = np.mean(pairs, axis=0).round(4).tolist()
            rows[name]["kinds"][kind] = {"f1": f1, "best_f1": best}
        print(kind, {name: row["kinds"][kind]["f1"] for name, row in rows.items()}, flush=True)
    for row in rows.values():
        for metric in ("f1", "best_f1"):
            row[f"mean_{metric}"] = round(float(np.mean([one[metric] for one in row["kinds"].values()])), 4)
    return rows


def run(doc: str, study_name: str, names: list[str]) -> None:
    """A whole study: train, judge, write, draw. The shipped model stands beside them, for scale."""
    parser = study.options(doc, study_name)
    add_options(parser)
    wanted = parser.parse_args()
    study.one_thread()
    models = trained(names, wanted)
    judged = time.process_time()
    rows = judge({**{name: model for name, (model, _) in models.items()}, "shipped": load_model("default")}, wanted)
    for name, (_, minutes) in models.items():
        rows[name]["training_minutes"] = minutes
    seconds = time.process_time() - judged + 60 * sum(minutes for _, minutes in models.values())
    seeds = {"training": wanted.seed, "threshold": calibration.FIRST_SEED, "surfaces": benchmark().FIRST_SEED}
    study.write_json(wanted.json, {**study.run_facts(seconds, **seeds), "models": rows})
    draw(rows, wanted.figure)


def draw(rows: dict[str, dict[str, Any]], path: Path) -> None:
    """One row a kind of surface, one dot a model."""
    figure = study.new_figure(8, 4.6)
    axes = figure.subplots()
    names = list(next(iter(rows.values()))["kinds"])
    for index, (name, row) in enumerate(rows.items()):
        shift = (index - (len(rows) - 1) / 2) * 0.16
        values = [row["kinds"][kind]["f1"] for kind in names]
        mark: dict[str, Any] = (
            {"marker": "|", "color": "0.5", "ms": 10} if name == "shipped" else {"marker": "o", "ms": 5}
        )
        axes.plot(values, np.arange(len(names)) + shift, ls="", label=f"{name}: mean {row['mean_f1']:.3f}", **mark)
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="y", alpha=0.3)
    axes.set_xlabel("F1 within 0.47 nm, at the threshold from held-out surfaces")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
