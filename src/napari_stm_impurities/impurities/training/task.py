"""Training on impurities as a task of the loop: the losses of a step, the report of an epoch, the model at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from ...core.progress import Progress, ShouldStop
from ...nn.distributed import n_processes, rank
from ...nn.trainer import StepLoss, Trainer
from ...simulation.stream import window_stream
from ...simulation.windows import PatchBatch, label_map
from ..inputs import input_channels, network_input
from ..model import Calibration, Model, ModelConfig
from ..network import ImpurityNetwork, Scores, load_weights
from .checkpoint import Checkpoint, EpochReport, Header
from .config import TrainingConfig
from .fine_tune_config import Lineage
from .labelled_windows import LabelledWindows
from .losses import cross_entropy, detection_loss, prediction_entropy, structure_loss
from .unlabelled_tiles import UnlabelledStack
from .window_inputs import shown

#: Between the random numbers of two seeds: a prime above any number of epochs, so that no seed's epoch is another's.
_SEED_STRIDE = 1_000_003
#: The same between two processes that train together: a prime above any number of epochs that fits 99 processes.
_RANK_STRIDE = 10_007
#: The names of the losses: on simulated windows (L_0), the entropy on unlabelled tiles (Eq. 4), on labelled windows.
_SIMULATED, _ENTROPY, _LABELLED = "simulated", "entropy", "labelled"


class ImpurityTask:
    """A training of the network that finds impurities.

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
    origin
        Of a fine-tuning: what it began with; it is kept in the checkpoints.
    keep_statistics
        Leave the statistics of the batch normalisation as they are. A model that is fine-tuned on windows of two
        origins needs it: their mean would fit neither.
    """

    def __init__(
        self,
        plan: TrainingConfig,
        device: torch.device,
        experiment: UnlabelledStack | None = None,
        labels: LabelledWindows | None = None,
        start: Model | None = None,
        *,
        origin: Lineage | None = None,
        keep_statistics: bool = False,
    ) -> None:
        self.plan = plan
        self.device = device
        self.experiment = experiment
        self.labels = labels
        self.origin = origin
        self.keep_statistics = keep_statistics
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            network = ImpurityNetwork(plan.network, input_channels(plan.inputs))
        if start is not None:
            load_weights(network, start.network)
        self.trainer = Trainer(network, plan, device)
        self._calibration = Calibration() if start is None else start.config.calibration

    def epoch(self, epoch: int, progress: Progress, should_stop: ShouldStop) -> dict[str, float]:
        """The mean losses of one epoch.

        Raises
        ------
        Stopped
            If `should_stop` returned true.
        """
        plan = self.plan
        # each of several processes has windows of its own; the first one has those of a process that trains alone
        own = (rank(),) if rank() else ()
        stream = window_stream(plan.windows, plan.batch_size, plan.seed, epoch, *own)
        draw = torch.Generator().manual_seed(plan.seed * _SEED_STRIDE + rank() * _RANK_STRIDE + epoch)
        self._learn(True)
        return self.trainer.epoch(epoch, lambda: self._step(stream, draw), progress, should_stop)

    def _step(self, stream: Iterator[PatchBatch], draw: torch.Generator) -> StepLoss:
        total = self._simulated_loss(next(stream).to(self.device))
        parts = {_SIMULATED: total}
        if self.experiment is not None and self.experiment.n_tiles:
            weight = self.plan.confidence_weight
            parts[_ENTROPY] = self._entropy(self.experiment, draw, track=weight > 0)
            total = total + weight * parts[_ENTROPY]
        if self.labels is not None:
            parts[_LABELLED] = self._labelled_loss(self.labels, draw)
            total = total + self.labels.weight * parts[_LABELLED]
        return StepLoss(total, parts)

    def report(self, epoch: int, losses: Mapping[str, float], seconds: float) -> EpochReport:
        """The report of one epoch, counted from 1."""
        return EpochReport(
            epoch=epoch,
            loss=losses[_SIMULATED],
            entropy=losses.get(_ENTROPY),
            ratio=self.ratio(),
            labelled_loss=losses.get(_LABELLED),
            f1=self.f1(),
            seconds=seconds,
        )

    def header(self, reports: Sequence[EpochReport]) -> str:
        """The header of a checkpoint."""
        return Header(training=self.plan, reports=tuple(reports), origin=self.origin).model_dump_json()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint stood.

        Raises
        ------
        ModelError
            If the weights are of another network.
        """
        self.trainer.restore(checkpoint.tensors, checkpoint.path)

    def _learn(self, learn: bool) -> None:
        """Whether the batch normalisation takes its statistics from the windows at hand, and remembers them."""
        self.trainer.network.train(learn and not self.keep_statistics)

    def _simulated_loss(self, windows: PatchBatch) -> Tensor:
        return self._loss(self._answer(shown(windows, self.plan.windows, self.plan.inputs)), windows)

    def _labelled_loss(self, labels: LabelledWindows, draw: torch.Generator) -> Tensor:
        windows, known = labels.windows(draw)
        windows = windows.to(self.device)
        return self._loss(self._answer(network_input(windows.maps, self.plan.inputs)), windows, known.to(self.device))

    def _loss(self, answer: Scores, windows: PatchBatch, known: Tensor | None = None) -> Tensor:
        if self.plan.loss == "cross_entropy":
            return cross_entropy(answer.score, label_map(windows), known)
        assert answer.offsets_px is not None
        loss = detection_loss(answer.score, answer.offsets_px, windows, known)
        if answer.structure is not None and windows.structure is not None:
            loss = loss + self.plan.structure_weight * structure_loss(answer.structure, windows)
        return loss

    def _entropy(self, experiment: UnlabelledStack, draw: torch.Generator, *, track: bool) -> Tensor:
        # where the entropy is only looked at, the experiment leaves no trace in the batch normalisation either
        self._learn(track)
        with torch.set_grad_enabled(track):
            answer = self._answer(network_input(experiment.tiles(draw).to(self.device), self.plan.inputs))
        self._learn(True)
        return prediction_entropy(answer.score)

    def _answer(self, maps: Tensor) -> Scores:
        half = self.plan.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            answer: Scores = self.trainer.network(maps)
        offsets = None if answer.offsets_px is None else answer.offsets_px.float()
        structure = None if answer.structure is None else answer.structure.float()
        return Scores(answer.score.float(), offsets, answer.weights, structure)

    def ratio(self) -> float | None:
        """The paper's ratio on the experiment, with the averaged weights."""
        return None if self.experiment is None else self.experiment.ratio(self.model("", ()))

    def f1(self) -> float | None:
        """The F1 in the part of the experiment that is held out, with the averaged weights."""
        return None if self.labels is None else self.labels.f1(self.model("", ()))

    def model(self, name: str, reports: tuple[EpochReport, ...]) -> Model:
        """The model as it stands: the averaged weights, and the calibration of the model that it began with."""
        facts = {
            **self.plan.model_dump(mode="json"),
            "epochs_done": len(reports),
            "seconds": reports[-1].seconds if reports else 0.0,
            "device": str(self.device),
        }
        if n_processes() > 1:
            facts["processes"] = n_processes()
        config = ModelConfig(
            name=name,
            network=self.plan.network,
            inputs=self.plan.inputs,
            calibration=self._calibration,
            training=facts,
        )
        return Model(config, self.trainer.averaged_network())
