"""The package's own network and the paper's, trained for so many minutes of one CPU thread."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path

from napari_stm_impurities.impurities.detect import find_impurities
from napari_stm_impurities.impurities.model import load_model
from napari_stm_impurities.impurities.training import train
from napari_stm_impurities.impurities.training.checkpoint import EpochReport
from napari_stm_impurities.impurities.training.config import TrainingConfig

from .view import Seen, Spots

#: Steps that are timed before the training, so that its learning rate ends when its minutes do.
_TRIAL_STEPS = 60


def train_preset(preset: str, minutes: float, path: Path) -> None:
    """Train a preset from nothing for about so many minutes of CPU time; only the number of epochs is chosen.

    Beside the model goes a JSON file that tells the minutes and the steps.
    """
    plan = TrainingConfig.preset(preset)
    seconds = _seconds_a_step(plan)
    epochs = max(1, round(60 * minutes / (seconds * plan.steps_per_epoch)))
    plan = plan.model_copy(update={"epochs": epochs})
    print(f"{preset}: {seconds:.3f} s a step, so {epochs} epochs of {plan.steps_per_epoch} steps", flush=True)
    begun = time.process_time()
    learnt: list[float] = []

    def tell(report: EpochReport) -> None:
        learnt.append((time.process_time() - begun) / 60)
        print(f"epoch {report.epoch}, {learnt[-1]:.2f} CPU minutes, loss {report.loss:.3f}", flush=True)

    model = train(config=plan, path=path, on_epoch=tell, device="cpu")
    facts = {
        "cpu_minutes": learnt[-1],
        "cpu_minutes_with_calibration": (time.process_time() - begun) / 60,
        "steps": epochs * plan.steps_per_epoch,
        "batch": plan.batch_size,
        "calibrated_f1": model.config.calibration.f1,
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")


def _seconds_a_step(plan: TrainingConfig) -> float:
    moments: list[float] = []

    def note(share: float, what: str) -> None:
        moments.append(time.process_time())

    # the first steps are slower, and after the last the calibration is cut short
    trial = plan.model_copy(update={"epochs": 1, "steps_per_epoch": _TRIAL_STEPS})
    train(config=trial, device="cpu", progress=note, should_stop=lambda: len(moments) >= _TRIAL_STEPS)
    return (moments[-1] - moments[4]) / (len(moments) - 5)


class Network:
    """A model of the package, run as a person would run it; the threshold is on the confidence."""

    def __init__(self, model: str | Path) -> None:
        self.model = load_model(model, "cpu")

    def search(self, seen: Seen) -> Spots:
        """Find with the package's own function, which reads the scale and prepares the stack by itself."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            points = find_impurities(seen.stack, self.model, threshold=0.0)
        return Spots(points[["y_nm", "x_nm"]].to_numpy(), points["confidence"].to_numpy())
