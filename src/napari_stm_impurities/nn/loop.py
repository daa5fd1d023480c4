"""The training loop of every family: epoch after epoch, a report and a checkpoint after each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ..core.errors import StmError
from ..core.progress import Progress, ShouldStop, Stopped
from .checkpoint import checkpoint_path, save_checkpoint
from .trainer import Trainer, TrainingPlan


class Report(Protocol):
    """The report of one epoch."""

    @property
    def seconds(self) -> float:
        """Duration of the training up to this epoch, in s, over all resumed parts."""


R = TypeVar("R", bound=Report)


class TrainingTask(Protocol[R]):
    """The part of a training that each family defines."""

    @property
    def plan(self) -> TrainingPlan:
        """The configuration of the training."""

    @property
    def trainer(self) -> Trainer[Any]:
        """The network under training."""

    def epoch(self, epoch: int, progress: Progress, should_stop: ShouldStop) -> dict[str, float]:
        """The mean losses of one epoch; raises Stopped where `should_stop` returned true."""

    def report(self, epoch: int, losses: Mapping[str, float], seconds: float) -> R:
        """The report of one epoch, counted from 1."""

    def header(self, reports: Sequence[R]) -> str:
        """The data of a checkpoint besides the tensors, as JSON."""


def run_epochs(
    task: TrainingTask[R],
    model_path: Path | None,
    reports: Sequence[R],
    on_epoch: Callable[[R], None] | None,
    progress: Progress,
    should_stop: ShouldStop,
) -> tuple[tuple[R, ...], bool]:
    """The reports of all completed epochs, and whether the training was stopped.

    Parameters
    ----------
    task
        What is trained; where `reports` are given, restored to the checkpoint that holds them.
    model_path
        The model's file, next to which a checkpoint is written after each epoch; None writes none.
    reports
        Of the epochs that are completed already.
    on_epoch
        Called with each report.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

    Raises
    ------
    StmError
        If the loss is no longer a number.
    """
    completed = list(reports)
    if model_path and not completed:
        # written before the first epoch, so that it replaces the checkpoint of an older training
        save_checkpoint(checkpoint_path(model_path), task.header(completed), task.trainer.tensors())
    start_s = time.monotonic() - (completed[-1].seconds if completed else 0.0)
    for epoch in range(len(completed), task.plan.epochs):
        try:
            losses = task.epoch(epoch, progress, should_stop)
        except Stopped:
            return tuple(completed), True
        if not all(math.isfinite(value) for value in losses.values()):
            raise StmError(
                f"the loss is no longer a number in epoch {epoch + 1}; lower the learning rate, and resume the"
                " training from the last checkpoint, or start a new one"
            )
        report = task.report(epoch + 1, losses, time.monotonic() - start_s)
        completed.append(report)
        if model_path:
            save_checkpoint(checkpoint_path(model_path), task.header(completed), task.trainer.tensors())
        if on_epoch:
            on_epoch(report)
    return tuple(completed), False
