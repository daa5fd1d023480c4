"""The loop, the trainer and the checkpoint take a family of which they know nothing: here one that fits a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch

from napari_stm_impurities.core.configuration import Configuration
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.nn.checkpoint import checkpoint_path, load_checkpoint
from napari_stm_impurities.nn.loop import run_epochs
from napari_stm_impurities.nn.trainer import StepLoss, Trainer


class LinePlan(Configuration):
    """The configuration of the family."""

    epochs: int = 4
    steps_per_epoch: int = 60
    learning_rate: float = 0.05
    weight_decay: float = 0.0
    average_over_steps: int = 0


class LineReport(Configuration):
    """What it reports."""

    epoch: int
    loss: float
    seconds: float


class LineTask:
    """Fits y = 3 x - 1."""

    def __init__(self, plan: LinePlan) -> None:
        torch.manual_seed(0)
        self.plan = plan
        self.trainer = Trainer(torch.nn.Linear(1, 1), plan, torch.device("cpu"))

    def epoch(self, epoch, progress, should_stop) -> dict[str, float]:
        x = torch.linspace(-1, 1, 16)[:, None]

        def step() -> StepLoss:
            loss = (self.trainer.network(x) - (3 * x - 1)).square().mean()
            return StepLoss(loss, {"loss": loss})

        return self.trainer.epoch(epoch, step, progress, should_stop)

    def report(self, epoch: int, losses: Mapping[str, float], seconds: float) -> LineReport:
        return LineReport(epoch=epoch, loss=losses["loss"], seconds=seconds)

    def header(self, reports: Sequence[LineReport]) -> str:
        return f"[{', '.join(report.model_dump_json() for report in reports)}]"


def run(task: LineTask, path: Path | None = None, done=(), on_epoch=None, stop=lambda: False):
    return run_epochs(task, path, done, on_epoch, lambda *_: None, stop)


def test_it_learns():
    task = LineTask(LinePlan())
    reports, stopped = run(task)
    assert not stopped
    assert [report.epoch for report in reports] == [1, 2, 3, 4]
    assert reports[-1].loss < 0.02 * reports[0].loss
    weight, bias = task.trainer.averaged_network().parameters()
    assert (weight.item(), bias.item()) == (pytest.approx(3, abs=0.1), pytest.approx(-1, abs=0.1))


def test_it_is_stopped_and_goes_on_as_if_it_had_not_been(tmp_path):
    straight = LineTask(LinePlan())
    run(straight)
    path, seen = tmp_path / "line.safetensors", []
    _, stopped = run(LineTask(LinePlan()), path, on_epoch=seen.append, stop=lambda: len(seen) >= 2)
    assert stopped
    header, tensors = load_checkpoint(checkpoint_path(path))
    assert '"epoch":2' in header
    again = LineTask(LinePlan())
    again.trainer.restore(tensors, checkpoint_path(path))
    reports, _ = run(again, path, seen)
    assert [report.epoch for report in reports] == [1, 2, 3, 4]
    for one, other in zip(again.trainer.network.parameters(), straight.trainer.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_loss_that_is_no_number_is_one_line():
    with pytest.raises(StmError, match="no longer a number in epoch 1") as caught:
        run(LineTask(LinePlan(learning_rate=1e30)))
    assert "\n" not in str(caught.value)
