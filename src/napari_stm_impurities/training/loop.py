"""The training loop: simulated windows with labels, experimental tiles without, and a checkpoint an epoch."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from ..configuration import Configuration
from ..errors import StmError
from ..network.inputs import input_channels, network_input
from ..network.model import Model, ModelConfig, choose_device
from ..network.network import ImpurityNetwork, Scores
from ..physics.dispersion import Dispersion
from ..progress import Progress, ShouldStop, Stopped, never, silent
from ..simulation.stream import window_stream
from ..simulation.windows import Windows, label_map
from .calibration import calibrate
from .checkpoint import Checkpoint, EpochReport, optimizer_tensors, restore_network, restore_optimizer
from .config import TrainingConfig
from .experiment import Experiment
from .losses import cross_entropy, detection_loss, prediction_entropy
from .schedule import WeightAverage, learning_rate
from .shown import shown

#: Held-out windows for the calibration of a finished training, and of one that was stopped.
_CALIBRATION_WINDOWS = 320
_CALIBRATION_WINDOWS_STOPPED = 64


def train(
    preset: str = "default",
    experiment: xr.DataArray | None = None,
    *,
    reference: pd.DataFrame | None = None,
    dispersion: Dispersion | None = None,
    config: TrainingConfig | None = None,
    start: Model | None = None,
    path: str | os.PathLike[str] | None = None,
    resume: bool = False,
    on_epoch: Callable[[EpochReport], None] | None = None,
    device: str | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Model:
    """Train a model.

    Parameters
    ----------
    preset
        ``"default"``, or ``"wang2020"`` for the paper's method.
    experiment
        A measured stack without labels. Where `config.confidence_weight` is above 0, the entropy of the
        prediction on its tiles is added to the loss at every step (Eq. 4).
    reference
        Points known in the experiment; they are never trained on, and only serve the paper's ratio.
    dispersion
        The experiment's surface band, which sets its scale; read off its maps when not given.
    config
        The whole training; it takes the place of the preset.
    start
        A model to begin with, in place of random weights; its network and inputs take the place of the plan's.
    path
        Where the model file goes; a checkpoint is written beside it after each epoch.
    resume
        Go on from the checkpoint beside `path`, with the configuration that it holds.
    on_epoch
        Called with each epoch's report.
    device
        ``"cpu"``, ``"cuda"``, ...; the fastest there is when not given.
    progress, should_stop
        Told how far it is; asked after each step. A stopped training returns the model as it stands.

    Returns
    -------
    Model
        Calibrated on held-out windows.

    Raises
    ------
    StmError
        If the preset is unknown, the loss is no longer a number, or `config` or `experiment` is not that of the
        training to resume.
    ModelError
        If the checkpoint is damaged.

    References
    ----------
    Wang et al. 2020: L = L_0 + alpha L_reg.

    Examples
    --------
    >>> from napari_stm_impurities.training.config import TrainingConfig
    >>> tiny = TrainingConfig.preset("wang2020").model_copy(update={"epochs": 1, "steps_per_epoch": 2})
    >>> train(config=tiny, device="cpu").config.network.attention
    'global'
    """
    model_path = None if path is None else Path(path)
    checkpoint = _checkpoint_to_resume(model_path) if resume else None
    if checkpoint:
        _check_resumable(checkpoint, config, experiment)
    plan = checkpoint.training if checkpoint else config or TrainingConfig.preset(preset)
    if start is not None and checkpoint is None:
        told = {"network": start.config.network, "inputs": start.config.inputs, "started_from": start.config.name}
        plan = plan.model_copy(update=told)
    training = _Training(plan, choose_device(device), experiment, reference, dispersion)
    reports: list[EpochReport] = []
    if checkpoint and model_path:
        training.restore(checkpoint, Checkpoint.path_beside(model_path))
        reports = list(checkpoint.reports)
    elif start is not None:
        training.begin_with(start)
    if model_path and not checkpoint:
        # from the first moment on there is something to resume, and no older training's checkpoint beside the model
        training.checkpoint(()).save(Checkpoint.path_beside(model_path))
    begun = time.monotonic() - (reports[-1].seconds if reports else 0.0)
    stopped = False
    for epoch in range(len(reports), plan.epochs):
        try:
            loss, entropy = training.epoch(epoch, progress, should_stop)
        except Stopped:
            stopped = True
            break
        if not math.isfinite(loss):
            raise StmError(
                f"the loss is no longer a number in epoch {epoch + 1}; lower the learning rate, and take the training"
                " up again from the last checkpoint, or begin anew"
            )
        report = EpochReport(
            epoch=epoch + 1, loss=loss, entropy=entropy, ratio=training.ratio(), seconds=time.monotonic() - begun
        )
        reports.append(report)
        if model_path:
            training.checkpoint(tuple(reports)).save(Checkpoint.path_beside(model_path))
        if on_epoch:
            on_epoch(report)
    model = training.model(model_path.stem if model_path else "untitled", tuple(reports))
    n_windows = _CALIBRATION_WINDOWS_STOPPED if stopped else _CALIBRATION_WINDOWS
    # whoever has stopped the training still wants a calibrated model, and that is a matter of seconds
    ask = never if stopped else should_stop
    calibration = calibrate(model, plan.windows, plan.seed, n_windows, progress=progress, should_stop=ask)
    model.config = model.config.model_copy(update={"calibration": calibration})
    if model_path:
        model.save(model_path)
    return model


def _checkpoint_to_resume(model_path: Path | None) -> Checkpoint:
    if model_path is None:
        raise StmError("to resume a training, give the path of its model file; the checkpoint lies beside it")
    return Checkpoint.load(Checkpoint.path_beside(model_path))


def _check_resumable(checkpoint: Checkpoint, config: TrainingConfig | None, experiment: xr.DataArray | None) -> None:
    if config is not None and config != checkpoint.training:
        raise StmError(
            "a training that is taken up again keeps its own configuration, and the one given differs; leave it out, or"
            " begin a new training under another name"
        )
    had_experiment = any(report.entropy is not None for report in checkpoint.reports)
    if had_experiment and experiment is None:
        raise StmError("this training had an experiment's maps beside the simulated ones; give the same stack again")


class _Training:
    """The state of a training: weights, their running mean, the optimizer, and the step."""

    def __init__(
        self,
        plan: TrainingConfig,
        device: torch.device,
        experiment: xr.DataArray | None,
        reference: pd.DataFrame | None,
        dispersion: Dispersion | None,
    ) -> None:
        self.plan = plan
        self.device = device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            self.network = ImpurityNetwork(plan.network, input_channels(plan.inputs))
        self.network.to(device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
        )
        self.average = WeightAverage(self.network, plan.average_over_steps)
        self.experiment = Experiment(experiment, plan, reference, dispersion) if experiment is not None else None

    def epoch(self, epoch: int, progress: Progress, should_stop: ShouldStop) -> tuple[float, float | None]:
        """Run one epoch; the mean loss and, with an experiment, the mean entropy."""
        plan = self.plan
        stream = window_stream(plan.windows, plan.batch_size, plan.seed, epoch)
        draw = torch.Generator().manual_seed(plan.seed * 1_000_003 + epoch)
        n_steps = plan.epochs * plan.steps_per_epoch
        losses, entropies = [], []
        self.network.train()
        for step in range(plan.steps_per_epoch):
            if should_stop():
                raise Stopped
            done = epoch * plan.steps_per_epoch + step
            progress(done / n_steps, f"epoch {epoch + 1} of {plan.epochs}")
            for group in self.optimizer.param_groups:
                group["lr"] = plan.learning_rate * learning_rate(done / n_steps)
            loss = self._loss(next(stream).to(self.device))
            total = loss
            if self.experiment is not None:
                entropy = self._entropy(draw, track=plan.confidence_weight > 0)
                entropies.append(float(entropy.detach()))
                total = loss + plan.confidence_weight * entropy
            self.optimizer.zero_grad(set_to_none=True)
            total.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
            self.optimizer.step()
            self.average.update(self.network, done)
            losses.append(float(loss.detach()))
        mean_entropy = sum(entropies) / len(entropies) if entropies else None
        return sum(losses) / len(losses), mean_entropy

    def _loss(self, windows: Windows) -> Tensor:
        answer = self._answer(shown(windows, self.plan.windows, self.plan.inputs))
        if self.plan.loss == "cross_entropy":
            return cross_entropy(answer.score, label_map(windows))
        assert answer.offsets_px is not None
        return detection_loss(answer.score, answer.offsets_px, windows)

    def _entropy(self, draw: torch.Generator, *, track: bool) -> Tensor:
        assert self.experiment is not None
        # where the entropy is only looked at, the experiment leaves no trace in the batch normalisation either
        self.network.train(track)
        with torch.set_grad_enabled(track):
            tiles = network_input(self.experiment.tiles(draw).to(self.device), self.plan.inputs)
            answer = self._answer(tiles)
        self.network.train()
        return prediction_entropy(answer.score)

    def _answer(self, maps: Tensor) -> Scores:
        half = self.plan.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            answer: Scores = self.network(maps)
        offsets = None if answer.offsets_px is None else answer.offsets_px.float()
        return Scores(answer.score.float(), offsets, answer.weights)

    def ratio(self) -> float | None:
        """The paper's ratio on the experiment, with the averaged weights."""
        if self.experiment is None:
            return None
        return self.experiment.ratio(self.model("", ()))

    def model(self, name: str, reports: tuple[EpochReport, ...]) -> Model:
        """The model as it stands."""
        # a copy, since fresh random weights would be drawn from the person's own generator
        network = deepcopy(self.network)
        network.load_state_dict(self.average.weights)
        facts = {
            **_plain(self.plan),
            "epochs_done": len(reports),
            "seconds": reports[-1].seconds if reports else 0.0,
            "device": str(self.device),
        }
        config = ModelConfig(name=name, network=self.plan.network, inputs=self.plan.inputs, training=facts)
        return Model(config, network)

    def checkpoint(self, reports: tuple[EpochReport, ...]) -> Checkpoint:
        """Everything that is needed to go on."""
        return Checkpoint(
            self.plan, reports, self.network.state_dict(), self.average.weights, optimizer_tensors(self.optimizer)
        )

    def begin_with(self, start: Model) -> None:
        """Take the weights of a model that was trained before."""
        self.network.load_state_dict(start.network.state_dict())
        self.average = WeightAverage(self.network, self.plan.average_over_steps)

    def restore(self, checkpoint: Checkpoint, path: Path) -> None:
        """Go back to where a checkpoint stood."""
        restore_network(self.network, checkpoint.network, path)
        restore_optimizer(self.optimizer, checkpoint.optimizer)
        self.average.weights = {name: value.to(self.device) for name, value in checkpoint.average.items()}


def _plain(config: Configuration) -> dict[str, object]:
    return config.model_dump(mode="json")
