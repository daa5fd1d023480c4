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
    """What is reported of one epoch."""

    @property
    def seconds(self) -> float:
        """Time since the training began, over all sittings."""


R = TypeVar("R", bound=Report)


class TrainingTask(Protocol[R]):
    """What a family brings to the loop."""

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
        """What a checkpoint keeps besides the tensors, as JSON."""


def run_epochs(
    task: TrainingTask[R],
    model_path: Path | None,
    reports: Sequence[R],
    on_epoch: Callable[[R], None] | None,
    progress: Progress,
    should_stop: ShouldStop,
) -> tuple[tuple[R, ...], bool]:
    """The reports of all epochs that are done, and whether the training was stopped.

    Parameters
    ----------
    task
        What is trained; where `reports` are given, restored to the checkpoint that holds them.
    model_path
        The model's file, next to which a checkpoint is written after each epoch; None writes none.
    reports
        Of the epochs that are done already.
    on_epoch
        Called with each report.
    progress, should_stop
        See :mod:`napari_stm_impurities.core.progress`.

    Raises
    ------
    StmError
        If the loss is no longer a number.
    """
    done = list(reports)
    if model_path and not done:
        # from the first moment on there is something to resume, and no older training's checkpoint next to the model
        save_checkpoint(checkpoint_path(model_path), task.header(done), task.trainer.tensors())
    begun = time.monotonic() - (done[-1].seconds if done else 0.0)
    for epoch in range(len(done), task.plan.epochs):
        try:
            losses = task.epoch(epoch, progress, should_stop)
        except Stopped:
            return tuple(done), True
        if not all(math.isfinite(value) for value in losses.values()):
            raise StmError(
                f"the loss is no longer a number in epoch {epoch + 1}; lower the learning rate, and take the training"
                " up again from the last checkpoint, or begin anew"
            )
        report = task.report(epoch + 1, losses, time.monotonic() - begun)
        done.append(report)
        if model_path:
            save_checkpoint(checkpoint_path(model_path), task.header(done), task.trainer.tensors())
        if on_epoch:
            on_epoch(report)
    return tuple(done), False
