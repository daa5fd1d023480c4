"""Fig. 4 of Wang et al. 2020: whether noise in the simulation and the confidence loss help.

    python studies/fig4.py --work studies/work

Four trainings of the preset wang2020 (L_0 or L_0 + alpha L_reg, eta = 0 or 0.8), ten runs each, on one simulated
experiment (exact scattering, unknown near field, noise). Reference: expectation-maximisation on the bound-state map, as
in the paper. After each epoch all local maxima of S are held against it: the paper's ratio, what as many random points
would reach, and, one to one, the precision of all peaks and the F1 at the best threshold. The four trainings of a
run share their seed, so they begin with the same weights and see the same impurities. Every finished run is kept in
the work folder; the same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import study

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.data.images import pixel_size_nm
from napari_stm_impurities.impurities.model import Model, ModelConfig, load_model
from napari_stm_impurities.impurities.training import train
from napari_stm_impurities.impurities.training.checkpoint import Checkpoint, EpochReport
from napari_stm_impurities.impurities.training.config import TrainingConfig
from napari_stm_impurities.nn.checkpoint import checkpoint_path
from napari_stm_impurities.nn.schedule import averaged
from napari_stm_impurities.qpi.dispersion_fit import fit_dispersion
from napari_stm_impurities.simulation.surface import Surface
from napari_stm_impurities.spots import find_reference

#: Name, alpha, eta, colour in the paper's figure.
TRAININGS = {
    "L0": (0.0, 0.0, "tab:blue"),
    "L0, noise": (0.0, 0.8, "tab:purple"),
    "L0 + Lreg": (0.03, 0.0, "goldenrod"),
    "L0 + Lreg, noise": (0.03, 0.8, "tab:green"),
}
#: How far dI/dV on an impurity must lie from that of the bare surface, as a share of it, to count as bright or dark.
NEAR_FIELD = 0.3
METRICS = ("ratio", "chance", "precision", "best_f1")


def main() -> None:
    """Train what is not there yet, and draw."""
    parser = study.options(__doc__, "fig4")
    study.add_work(parser)
    study.add_experiment(parser)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=40, help="steps in an epoch")
    parser.add_argument("--batch", type=int, default=8, help="windows in a step")
    wanted = parser.parse_args()
    study.one_thread()
    begun = time.process_time()
    surface = study.experiment(wanted)
    reference = find_reference(surface.bound_state_map)
    judge = _Judge(surface.stack, reference)
    folder = wanted.work / "fig4"
    folder.mkdir(parents=True, exist_ok=True)
    against_truth = compare(reference, surface.points, study.RADIUS_NM)
    # what the runs so far have cost, so that a resumed study tells the whole time
    before = sum(study.read_json(path)["cpu_seconds"] for path in folder.glob("*.json"))

    def facts() -> dict[str, Any]:
        return study.run_facts(time.process_time() - begun + before, surface=wanted.surface_seed, first_run=0)

    runs: dict[str, list[list[dict[str, float]]]] = {name: [] for name in TRAININGS}
    for run in range(wanted.runs):
        for name, (alpha, eta, _) in TRAININGS.items():
            kept = kept_at(folder, name, run)
            if not kept.is_file():
                plan = _plan(wanted, run, alpha, eta)
                _run(plan, judge, kept)
            runs[name].append(study.read_json(kept)["epochs"])
        result = {
            **facts(),
            "reference_points": len(reference),
            "reference_against_truth": {"recall": against_truth.recall, "precision": against_truth.precision},
            "curves": _curves(runs),
            "end": _end(runs),
            # the spread of one run is not known
            "gains": _gains(runs) if run else {},
        }
        study.write_json(wanted.json, result)
        print(f"{run + 1} runs of each: {result['end']}", flush=True)
    result["found_by_near_field"] = _by_near_field(surface, len(reference), folder, wanted.runs)
    study.write_json(wanted.json, result | facts())
    print(result["found_by_near_field"])
    draw(runs, wanted.figure)


def kept_at(folder: Path, name: str, run: int) -> Path:
    """Where the numbers of a run stay; its model lies beside them."""
    return folder / f"{name.replace(', ', '-').replace(' + ', '-')}-{run}.json"


def _by_near_field(surface: Surface, n_points: int, folder: Path, n_runs: int) -> dict[str, Any]:
    """The share of impurities found, by what the maps show on them: dark, hardly anything, or bright.

    Of each model's peaks as many of the highest count as the reference has points.
    """
    row, column = (surface.points[name].round().astype(int) for name in ("y_px", "x_px"))
    shown = surface.stack.values.mean(0)[row, column] - 1
    groups = {"dark": shown < -NEAR_FIELD, "faint": abs(shown) <= NEAR_FIELD, "bright": shown > NEAR_FIELD}
    models = {
        name: [Model.load(kept_at(folder, name, run).with_suffix(".safetensors")) for run in range(n_runs)]
        for name in TRAININGS
    }
    shares: dict[str, Any] = {"impurities": {group: int(inside.sum()) for group, inside in groups.items()}}
    for name, some in {**models, "shipped": [load_model("default")]}.items():
        hit = np.zeros((len(some), len(surface.points)))
        for index, model in enumerate(some):
            points = study.all_points(surface.stack, model).head(n_points)
            hit[index, compare(points, surface.points, study.RADIUS_NM).pairs["reference"]] = 1
        shares[name] = {
            group: round(float(hit[:, inside].mean()), 3) for group, inside in groups.items() if inside.any()
        }
    return shares


def _plan(wanted: argparse.Namespace, run: int, alpha: float, eta: float) -> TrainingConfig:
    paper = TrainingConfig.preset("wang2020")
    told = {
        "windows": paper.windows.model_copy(update={"noise_std": eta}),
        "confidence_weight": alpha,
        "epochs": wanted.epochs,
        "steps_per_epoch": wanted.steps,
        "batch_size": wanted.batch,
        # twice as many steps in the time, and the weights stay float32
        "precision": "bfloat16",
        "seed": run,
    }
    return paper.model_copy(update=told)


class _Judge:
    """Holds a model's peaks in the experiment against the reference."""

    def __init__(self, stack: Any, reference: Any) -> None:
        self.stack, self.reference = stack, reference
        self.band = fit_dispersion(stack)

    def __call__(self, model: Model) -> dict[str, float]:
        points = study.all_points(self.stack, model, self.band)
        pixel = pixel_size_nm(self.stack)
        report = compare(points, self.reference, study.RADIUS_NM, pixel_size_nm=pixel, frame=self.stack)
        return {
            "peaks": len(points),
            "ratio": report.reference_ratio,
            "chance": report.chance_ratio,
            "precision": report.precision,
            "best_f1": study.best_f1(study.ranked(points, self.reference)),
        }


def _run(plan: TrainingConfig, judge: _Judge, kept: Path) -> None:
    """One training; its model and its numbers stay in the work folder."""
    path = kept.with_suffix(".safetensors")
    begun = time.process_time()
    epochs: list[dict[str, float]] = []

    def note(report: EpochReport) -> None:
        so_far = Checkpoint.load(checkpoint_path(path))
        model = Model(ModelConfig(network=plan.network, inputs=plan.inputs))
        average = averaged(model.network, plan.average_over_steps)
        average.load_state_dict(so_far.tensors["average"])
        model.network.load_state_dict(average.module.state_dict())
        entropy = {} if report.entropy is None else {"entropy": report.entropy}
        epochs.append({"loss": report.loss, **entropy, **judge(model)})

    train(config=plan, experiment=judge.stack, dispersion=judge.band, path=path, device="cpu", on_epoch=note)
    checkpoint_path(path).unlink()
    study.write_json(kept, {"cpu_seconds": time.process_time() - begun, "epochs": epochs})


def _of(runs: dict[str, list[list[dict[str, float]]]], name: str, metric: str) -> np.ndarray:
    """Shape (run, epoch)."""
    return np.array([[epoch[metric] for epoch in run] for run in runs[name]])


def _curves(runs: dict[str, list[list[dict[str, float]]]]) -> dict[str, dict[str, list[float]]]:
    """Mean over the runs after each epoch."""
    return {
        name: {metric: _of(runs, name, metric).mean(0).round(4).tolist() for metric in ("loss", "entropy", *METRICS)}
        for name in runs
    }


def _end(runs: dict[str, list[list[dict[str, float]]]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation over the runs after the last epoch."""
    rows = {}
    for name in runs:
        last = {metric: _of(runs, name, metric)[:, -1] for metric in ("peaks", *METRICS)}
        rows[name] = {metric: round(float(values.mean()), 3) for metric, values in last.items()} | {
            f"{metric}_std": round(float(values.std(ddof=1)), 3)
            for metric, values in last.items()
            if metric in ("ratio", "best_f1") and len(values) > 1
        }
    return rows


def _gains(runs: dict[str, list[list[dict[str, float]]]]) -> dict[str, dict[str, list[float]]]:
    """What each remedy adds after the last epoch: mean and standard error of the difference, run by run."""
    pairs = {
        "noise, without Lreg": ("L0, noise", "L0"),
        "noise, with Lreg": ("L0 + Lreg, noise", "L0 + Lreg"),
        "Lreg, without noise": ("L0 + Lreg", "L0"),
        "Lreg, with noise": ("L0 + Lreg, noise", "L0, noise"),
    }
    return {
        pair: {
            metric: [
                round(number, 3)
                for number in study.mean_and_error(_of(runs, new, metric)[:, -1] - _of(runs, old, metric)[:, -1])
            ]
            for metric in ("ratio", "best_f1")
        }
        for pair, (new, old) in pairs.items()
    }


def draw(runs: dict[str, list[list[dict[str, float]]]], path: Path) -> None:
    """The ratio, as in the paper, beside the one-to-one F1."""
    figure = study.new_figure(10, 4.2)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, metric in ((left, "ratio"), (right, "best_f1")):
        for name, (_, _, colour) in TRAININGS.items():
            values = _of(runs, name, metric)
            epoch = np.arange(1, values.shape[1] + 1)
            mean, spread = values.mean(0), values.std(0)
            axes.plot(epoch, mean, "o-", ms=3, color=colour, label=name)
            axes.fill_between(epoch, mean - spread, mean + spread, color=colour, alpha=0.15, lw=0)
            if metric == "ratio":
                axes.plot(epoch, _of(runs, name, "chance").mean(0), ":", color=colour)
        axes.set_xlabel("epoch")
    left.plot([], [], ":", color="0.4", label="by chance, as many points")
    left.set(ylabel="share", title="ratio of the paper (all peaks)", ylim=(0, 1))
    right.set_title("one-to-one F1 at the best threshold")
    left.legend(loc="center right", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
