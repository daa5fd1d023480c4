"""The state of a training between two steps: weights, their running mean, the optimizer; and one epoch of steps."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ...core.progress import Progress, ShouldStop, Stopped
from ...simulation.stream import window_stream
from ...simulation.windows import PatchBatch, label_map
from ..inputs import input_channels, network_input
from ..model import Calibration, Model, ModelConfig
from ..network import ImpurityNetwork, Scores
from .checkpoint import Checkpoint, EpochReport, optimizer_tensors, restore_network, restore_optimizer
from .config import TrainingConfig
from .fine_tune_config import Origin
from .labelled_windows import Labels
from .losses import cross_entropy, detection_loss, prediction_entropy
from .schedule import averaged, learning_rate
from .unlabelled_tiles import Experiment
from .window_inputs import shown

#: Between the random numbers of two seeds: a prime above any number of epochs, so that no seed's epoch is another's.
_SEED_STRIDE = 1_000_003
#: The longest gradient of a step, all parameters together; a longer one is shortened to this. About the usual length in
#: the default training (median 6 over its first 50 steps, and up to 54), so that no step counts for many; the paper's
#: stays below it.
_LARGEST_GRADIENT = 5.0


class EpochLosses(NamedTuple):
    """The means over the steps of one epoch; None for what the training does not have.

    Attributes
    ----------
    simulated
        L_0 on simulated windows.
    entropy
        Of the prediction on the experiment's unlabelled tiles (Eq. 4).
    labelled
        The loss on the experiment's labelled windows.
    """

    simulated: float
    entropy: float | None
    labelled: float | None


class Training:
    """A training under way.

    Parameters
    ----------
    plan
        What is trained, and how.
    device
        Where.
    experiment
        The measured stack, for unlabelled tiles and the paper's ratio.
    labels
        Known points in a part of it, to learn from and to be judged by.
    start
        A model to begin with, in place of random weights.
    keep_statistics
        Leave the statistics of the batch normalisation as they are. A model that is fine-tuned on windows of two
        origins needs it: their mean would fit neither.
    """

    def __init__(
        self,
        plan: TrainingConfig,
        device: torch.device,
        experiment: Experiment | None = None,
        labels: Labels | None = None,
        start: Model | None = None,
        *,
        keep_statistics: bool = False,
    ) -> None:
        self.plan = plan
        self.device = device
        self.experiment = experiment
        self.labels = labels
        self.keep_statistics = keep_statistics
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            self.network = ImpurityNetwork(plan.network, input_channels(plan.inputs))
        if start is not None:
            self.network.load_state_dict(start.network.state_dict())
        self.network.to(device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
        )
        self.average = averaged(self.network, plan.average_over_steps)
        self._calibration = Calibration() if start is None else start.config.calibration

    def epoch(self, epoch: int, progress: Progress, should_stop: ShouldStop) -> EpochLosses:
        """Run one epoch.

        Raises
        ------
        Stopped
            If `should_stop` said so; the state is then that of the middle of an epoch, which no checkpoint holds.
        """
        plan = self.plan
        stream = window_stream(plan.windows, plan.batch_size, plan.seed, epoch)
        draw = torch.Generator().manual_seed(plan.seed * _SEED_STRIDE + epoch)
        n_steps = plan.epochs * plan.steps_per_epoch
        losses: list[float] = []
        entropies: list[float] = []
        labelled: list[float] = []
        self._learn(True)
        for step in range(plan.steps_per_epoch):
            if should_stop():
                raise Stopped
            done = epoch * plan.steps_per_epoch + step
            progress(done / n_steps, f"epoch {epoch + 1} of {plan.epochs}")
            for group in self.optimizer.param_groups:
                group["lr"] = plan.learning_rate * learning_rate(done / n_steps)
            loss = self._simulated_loss(next(stream).to(self.device))
            total = loss
            if self.experiment is not None and self.experiment.n_tiles:
                entropy = self._entropy(self.experiment, draw, track=plan.confidence_weight > 0)
                entropies.append(float(entropy.detach()))
                total = total + plan.confidence_weight * entropy
            if self.labels is not None:
                known = self._labelled_loss(self.labels, draw)
                labelled.append(float(known.detach()))
                total = total + self.labels.weight * known
            self.optimizer.zero_grad(set_to_none=True)
            total.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
            self.optimizer.step()
            self.average.update_parameters(self.network)
            losses.append(float(loss.detach()))
        return EpochLosses(sum(losses) / len(losses), _mean(entropies), _mean(labelled))

    def _learn(self, learn: bool) -> None:
        """Whether the batch normalisation takes its statistics from the windows at hand, and remembers them."""
        self.network.train(learn and not self.keep_statistics)

    def _simulated_loss(self, windows: PatchBatch) -> Tensor:
        return self._loss(self._answer(shown(windows, self.plan.windows, self.plan.inputs)), windows)

    def _labelled_loss(self, labels: Labels, draw: torch.Generator) -> Tensor:
        windows, known = labels.windows(draw)
        windows = windows.to(self.device)
        return self._loss(self._answer(network_input(windows.maps, self.plan.inputs)), windows, known.to(self.device))

    def _loss(self, answer: Scores, windows: PatchBatch, known: Tensor | None = None) -> Tensor:
        if self.plan.loss == "cross_entropy":
            return cross_entropy(answer.score, label_map(windows), known)
        assert answer.offsets_px is not None
        return detection_loss(answer.score, answer.offsets_px, windows, known)

    def _entropy(self, experiment: Experiment, draw: torch.Generator, *, track: bool) -> Tensor:
        # where the entropy is only looked at, the experiment leaves no trace in the batch normalisation either
        self._learn(track)
        with torch.set_grad_enabled(track):
            answer = self._answer(network_input(experiment.tiles(draw).to(self.device), self.plan.inputs))
        self._learn(True)
        return prediction_entropy(answer.score)

    def _answer(self, maps: Tensor) -> Scores:
        half = self.plan.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            answer: Scores = self.network(maps)
        offsets = None if answer.offsets_px is None else answer.offsets_px.float()
        return Scores(answer.score.float(), offsets, answer.weights)

    def ratio(self) -> float | None:
        """The paper's ratio on the experiment, with the averaged weights."""
        return None if self.experiment is None else self.experiment.ratio(self.model("", ()))

    def f1(self) -> float | None:
        """The F1 in the part of the experiment that is held out, with the averaged weights."""
        return None if self.labels is None else self.labels.f1(self.model("", ()))

    def model(self, name: str, reports: tuple[EpochReport, ...]) -> Model:
        """The model as it stands: the averaged weights, and the calibration of the model that it began with."""
        # a copy, since fresh random weights would be drawn from the person's own generator
        network = deepcopy(self.network)
        network.load_state_dict(self.average.module.state_dict())
        facts = {
            **self.plan.model_dump(mode="json"),
            "epochs_done": len(reports),
            "seconds": reports[-1].seconds if reports else 0.0,
            "device": str(self.device),
        }
        config = ModelConfig(
            name=name,
            network=self.plan.network,
            inputs=self.plan.inputs,
            calibration=self._calibration,
            training=facts,
        )
        return Model(config, network)

    def checkpoint(self, reports: tuple[EpochReport, ...], origin: Origin | None = None) -> Checkpoint:
        """Everything that is needed to go on."""
        return Checkpoint(
            self.plan,
            reports,
            self.network.state_dict(),
            self.average.state_dict(),
            optimizer_tensors(self.optimizer),
            origin,
        )

    def restore(self, checkpoint: Checkpoint, path: Path) -> None:
        """Go back to where a checkpoint stood; `path` is for the error's line.

        Raises
        ------
        ModelError
            If the weights are of another network.
        """
        restore_network(self.network, checkpoint.network, path)
        restore_optimizer(self.optimizer, checkpoint.optimizer)
        restore_network(self.average, checkpoint.average, path)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
