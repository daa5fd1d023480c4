"""Generalisation: what a model finds in windows of a kind that its training never had.

    python studies/left_out.py --work studies/work

The simulated training windows are a set of families: what impurities do (multiple scattering, an unknown near field,
different strengths), structure that is no impurity, and artefacts of four origins. For each family the default network
is trained for a short time without it, and judged on held-out windows that all have it; so is an equally long training
with every family. F1 is over all windows together, one to one within a pixel, at the model's own threshold (from
windows like those of its training) and at the best one. The standard error of the difference is from resampling the
windows.

Without multiple scattering the maps are a sum over impurities of the same waves, each scattered once; everything else
stays. A family of several members (such as eight artefacts) is judged on as many windows of each, in which that member
is always there and the others are as in training.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import study
import torch
from torch import Tensor

from napari_stm_impurities.core.files import written_whole
from napari_stm_impurities.impurities.model import Model
from napari_stm_impurities.impurities.training import TrainingConfig, train
from napari_stm_impurities.impurities.training.calibration import RankedPeaks, held_out_peaks
from napari_stm_impurities.nn.checkpoint import checkpoint_path
from napari_stm_impurities.physics.scattering import distances, hankel0, ldos_modulation
from napari_stm_impurities.simulation import scattering_windows
from napari_stm_impurities.simulation.config import ScatteringConfig

#: The training with every family.
FULL = "full"
#: The seed of the windows that the models are judged on; trainings and their calibrations use that of --seed.
JUDGED_SEED = 920_000
#: Thresholds on the confidence, among which the best is looked for.
THRESHOLDS = np.linspace(0.02, 0.98, 97)
#: Resamplings of the windows for a standard error: it is then right to about 3 %.
RESAMPLINGS = 500
#: The kinds of artefacts of each origin. White noise, a blunt tip, a tilt and the set point are in every window, and
#: stay; so do missing pixels, which hide and do not mislead.
ARTEFACTS = {
    "coloured noise": ("bias_noise", "line_noise", "correlated_noise", "flicker_noise", "mains_pickup"),
    "tip and feedback loop": ("creep", "tip_change", "feedback_ringing", "scars"),
    "surface patterns": ("atomic_step", "herringbone", "lattice", "texture"),
    "recording": ("spikes", "clipping", "quantisation", "bad_lines", "inverted_contrast"),
}
_HEADER = [
    "family left out",
    "F1 without it",
    "F1 with it",
    "difference",
    "best F1 without it",
    "best F1 with it",
]


@dataclass(frozen=True)
class Family:
    """Windows without a family, windows for each of its members that all have it, and how waves scatter without it."""

    without: ScatteringConfig
    held_out: tuple[ScatteringConfig, ...]
    multiple_scattering: bool = True


class Counts(NamedTuple):
    """Right points, points and impurities, of each window: shapes (window, threshold), the same, and (window, 1)."""

    right: np.ndarray
    found: np.ndarray
    true: np.ndarray

    def f1(self, windows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """F1 over all those windows together, at each threshold."""
        total = self.found[windows].sum(0) + self.true[windows].sum(0)
        return 2 * self.right[windows].sum(0) / np.maximum(total, 1)


def families() -> dict[str, Family]:
    """Every family by its name."""
    default = ScatteringConfig()

    def changed(**values: Any) -> ScatteringConfig:
        return ScatteringConfig.of(**{**dict(default), **values})

    dense = changed(density_per_k2=(default.density_per_k2[1] / 2, default.density_per_k2[1]), empty_share=0.0)
    named = {
        "multiple scattering": Family(default, (default, dense), multiple_scattering=False),
        "unknown near field": Family(
            changed(near_field_erased_share=0.0, near_field_random_share=0.0),
            (
                changed(near_field_erased_share=1.0, near_field_random_share=0.0),
                changed(near_field_erased_share=0.0, near_field_random_share=1.0),
            ),
        ),
        "strengths": Family(
            changed(strength_share=0.0, weak_share=0.0), (changed(strength_share=1.0), changed(weak_share=1.0))
        ),
        "structure": Family(
            changed(structures=()),
            tuple(changed(structures=_always(default.structures, one.kind)) for one in default.structures),
        ),
    }
    for origin, kinds in ARTEFACTS.items():
        named[origin] = Family(
            changed(artefacts=tuple(one for one in default.artefacts if one.kind not in kinds)),
            tuple(changed(artefacts=_always(default.artefacts, kind)) for kind in kinds),
        )
    return named


def _always(parts: Sequence[Any], kind: str) -> tuple[Any, ...]:
    """The same artefacts or structures, with one of them in every window."""
    return tuple(one.model_copy(update={"share": 1.0}) if one.kind == kind else one for one in parts)


@contextmanager
def scattering(*, multiple: bool) -> Iterator[None]:
    """Simulate windows with multiple scattering, or as a sum over impurities."""
    used = ldos_modulation if multiple else single_scattering
    with mock.patch.object(scattering_windows, "ldos_modulation", used):
        yield


def single_scattering(
    yx_px: Tensor, k_rad_per_px: Tensor, t: Tensor, pixels_yx: Tensor, mean_free_path_px: float
) -> Tensor:
    """rho/rho0 - 1 = Re sum_n t_n H0(k|r-r_n|)^2; parameters and shape as of ldos_modulation."""
    damping = 0.5 / (k_rad_per_px * mean_free_path_px)
    maps = [
        (hankel0(k * distances(pixels, yx_px), damp).square() @ t_of_bias).real
        for k, damp, t_of_bias, pixels in zip(k_rad_per_px, damping, t, pixels_yx, strict=True)
    ]
    return torch.stack(maps)


def main() -> None:
    """Train, judge, write, draw."""
    parser = study.options(__doc__, "left_out")
    study.add_work(parser)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=50, help="steps in an epoch")
    parser.add_argument("--batch", type=int, default=8, help="windows in a step")
    parser.add_argument("--seed", type=int, default=0, help="seed of the trainings")
    parser.add_argument("--windows", type=int, default=160, help="windows that each family is judged on")
    parser.add_argument("--families", nargs="+", choices=list(families()), help="only these families")
    wanted = parser.parse_args()
    study.one_thread()
    every = {name: one for name, one in families().items() if not wanted.families or name in wanted.families}
    full, minutes = trained(FULL, ScatteringConfig(), wanted)
    rows: dict[str, dict[str, Any]] = {}
    judged = time.process_time()
    trainings = {FULL: minutes}
    for name, family in every.items():
        began = time.process_time()
        model, trainings[name] = trained(name, family.without, wanted, multiple=family.multiple_scattering)
        judged += time.process_time() - began
        rows[name] = judge(model, full, family, wanted.windows)
        print(name, rows[name], flush=True)
        seconds = time.process_time() - judged + 60 * sum(trainings.values())
        facts = study.run_facts(seconds, training=wanted.seed, windows=JUDGED_SEED)
        study.write_json(wanted.json, {**facts, "training_minutes": trainings, "families": rows})
    write_table(rows, wanted.json.with_suffix(".csv"))
    draw(rows, wanted.figure)


def trained(
    name: str, windows: ScatteringConfig, wanted: argparse.Namespace, *, multiple: bool = True
) -> tuple[Model, float]:
    """A model and the processor minutes of its training; what the work folder holds is not trained again."""
    folder = wanted.work / "left_out"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name.replace(' ', '-')}.safetensors"
    minutes = path.with_suffix(".json")
    if not minutes.is_file():
        plan = TrainingConfig.of(
            windows=windows,
            epochs=wanted.epochs,
            steps_per_epoch=wanted.steps,
            batch_size=wanted.batch,
            seed=wanted.seed,
        )
        began = time.process_time()
        with scattering(multiple=multiple):
            train(config=plan, path=path, device="cpu", on_epoch=lambda report: print(report, flush=True))
        checkpoint_path(path).unlink()
        study.write_json(minutes, round((time.process_time() - began) / 60, 2))
    return Model.load(path), study.read_json(minutes)


def judge(model: Model, full: Model, family: Family, n_windows: int) -> dict[str, Any]:
    """F1 of the model that lacks a family and of the full one, on the same windows of all members of the family."""
    n_each = -(-n_windows // len(family.held_out))
    without, with_it = (
        [
            peaks
            for number, windows in enumerate(family.held_out)
            for peaks in held_out_peaks(one, windows, JUDGED_SEED + number, n_each)
        ]
        for one in (model, full)
    )
    own = [_counts(model, without, own=True), _counts(full, with_it, own=True)]
    difference, error = _difference(*own)
    return {
        "windows": len(without),
        "impurities": sum(peaks.n_truth for peaks in without),
        "without": _figures(model, own[0], without),
        "with": _figures(full, own[1], with_it),
        "difference": round(difference, 4),
        "standard_error": round(error, 4),
    }


def _counts(model: Model, peaks: Sequence[RankedPeaks], *, own: bool) -> Counts:
    """The counts of each window at the model's own threshold, or at all of :data:`THRESHOLDS`."""
    calibration = model.config.calibration
    thresholds = np.array([calibration.threshold]) if own else THRESHOLDS
    counted = [calibration.confidence(one.score)[None] >= thresholds[:, None] for one in peaks]
    return Counts(
        np.array([(shown & one.right).sum(1) for shown, one in zip(counted, peaks, strict=True)]),
        np.array([shown.sum(1) for shown in counted]),
        np.array([[one.n_truth] for one in peaks]),
    )


def _figures(model: Model, own: Counts, peaks: Sequence[RankedPeaks]) -> dict[str, float]:
    return {
        "f1": round(float(own.f1()[0]), 4),
        "best_f1": round(float(_counts(model, peaks, own=False).f1().max()), 4),
        "threshold": model.config.calibration.threshold,
    }


def _difference(without: Counts, with_it: Counts) -> tuple[float, float]:
    """How much lower F1 is without the family, negative where it is lower, and its standard error."""
    n = len(without.true)
    drawn = np.random.default_rng(JUDGED_SEED).integers(n, size=(RESAMPLINGS, n))
    again = [float((without.f1(windows) - with_it.f1(windows))[0]) for windows in drawn]
    return float((without.f1() - with_it.f1())[0]), float(np.std(again, ddof=1))


def write_table(rows: dict[str, dict[str, Any]], path: Path) -> None:
    """The table of docs/studies.md."""
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_HEADER)
        for name, row in rows.items():
            f1 = [f"{row[key]['f1']:.3f}" for key in ("without", "with")]
            best = [f"{row[key]['best_f1']:.3f}" for key in ("without", "with")]
            table.writerow([name, *f1, f"{row['difference']:+.3f} ± {row['standard_error']:.3f}", *best])


def draw(rows: dict[str, dict[str, Any]], path: Path) -> None:
    """One row a family: F1 without it and with it, filled at the own threshold, open at the best one."""
    figure = study.new_figure(8, 0.9 + 0.4 * len(rows))
    axes = figure.subplots()
    place = np.arange(len(rows))
    for key, colour, words in (("without", "tab:red", "trained without it"), ("with", "black", "trained with it")):
        axes.plot([row[key]["f1"] for row in rows.values()], place - 0.12, "o", color=colour, label=words)
        best = [row[key]["best_f1"] for row in rows.values()]
        axes.plot(best, place + 0.12, "o", color=colour, mfc="none", label=f"{words}, best threshold")
    axes.set_yticks(place, list(rows))
    axes.invert_yaxis()
    axes.grid(axis="y", alpha=0.3)
    axes.set_xlabel("F1 within one pixel, on windows that all have the family")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
