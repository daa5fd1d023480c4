"""One network under training: its optimizer, the running mean of its weights, and one epoch of steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from ..core.progress import Progress, ShouldStop, Stopped
from .checkpoint import TensorGroups, optimizer_tensors, restore_network, restore_optimizer
from .distributed import mean_over_processes, with_averaged_gradients
from .schedule import averaged, learning_rate

#: The largest norm of a gradient; a longer one is shortened to it, so that one unusual batch cannot undo many steps.
LARGEST_GRADIENT = 5.0

Network = TypeVar("Network", bound=nn.Module)


class TrainingPlan(Protocol):
    """The settings of the optimizer in a training configuration."""

    @property
    def epochs(self) -> int:
        """The number of epochs."""

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one epoch."""

    @property
    def learning_rate(self) -> float:
        """The highest learning rate."""

    @property
    def weight_decay(self) -> float:
        """Weight decay of AdamW (regularisation)."""

    @property
    def average_over_steps(self) -> int:
        """The length of the running mean of the weights; 0 keeps the last ones."""


class StepLoss(NamedTuple):
    """The loss of one step.

    Attributes
    ----------
    total
        The loss that is minimised.
    parts
        Named losses, whose means over an epoch are reported.
    """

    total: Tensor
    parts: dict[str, Tensor]


class Trainer(Generic[Network]):
    """A network under training, of any family.

    Parameters
    ----------
    network
        With its first weights; it is trained in place.
    plan
        Learning rate, number of steps, length of the mean.
    device
        Where it is trained.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> plan = SimpleNamespace(
    ...     epochs=1, steps_per_epoch=2, learning_rate=0.1, weight_decay=0.0, average_over_steps=0
    ... )
    >>> trainer = Trainer(nn.Linear(1, 1), plan, torch.device("cpu"))
    >>> def step() -> StepLoss:
    ...     loss = trainer.network(torch.ones(1, 1)).square().sum()
    ...     return StepLoss(loss, {"loss": loss})
    >>> sorted(trainer.epoch(0, step, lambda *_: None, lambda: False))
    ['loss']
    """

    def __init__(self, network: Network, plan: TrainingPlan, device: torch.device) -> None:
        self.plan = plan
        self.device = device
        self.network = network.to(device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay
        )
        self.average = averaged(self.network, plan.average_over_steps)
        self._loss_of = with_averaged_gradients(self.network)

    def epoch(
        self, epoch: int, step: Callable[[], StepLoss], progress: Progress, should_stop: ShouldStop
    ) -> dict[str, float]:
        """The means of the named losses over one epoch, and over all processes that train together.

        Parameters
        ----------
        epoch
            Counted from 0.
        step
            The loss of the next step.
        progress, should_stop
            Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

        Raises
        ------
        Stopped
            If `should_stop` returned true; the state is then that of the middle of an epoch, which no checkpoint holds.
        """
        plan = self.plan
        n_steps = plan.epochs * plan.steps_per_epoch
        values: defaultdict[str, list[float]] = defaultdict(list)
        for step_number in range(plan.steps_per_epoch):
            if should_stop():
                raise Stopped
            n_done = epoch * plan.steps_per_epoch + step_number
            progress(n_done / n_steps, f"epoch {epoch + 1} of {plan.epochs}")
            for group in self.optimizer.param_groups:
                group["lr"] = plan.learning_rate * learning_rate(n_done / n_steps)
            loss = self._loss_of(step)
            self.optimizer.zero_grad(set_to_none=True)
            loss.total.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
            self.optimizer.step()
            self.average.update_parameters(self.network)
            for name, part in loss.parts.items():
                values[name].append(float(part.detach()))
        means = {name: sum(losses) / len(losses) for name, losses in values.items()}
        return mean_over_processes(means, self.device)

    def averaged_network(self) -> Network:
        """A copy of the network with the averaged weights."""
        # a copy, since fresh random weights would be drawn from the generator of the calling program
        network = deepcopy(self.network)
        network.load_state_dict(self.average.module.state_dict())
        return network

    def tensors(self) -> TensorGroups:
        """The tensors of a checkpoint: network, running mean and optimizer."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": optimizer_tensors(self.optimizer),
        }

    def restore(self, tensors: TensorGroups, path: Path) -> None:
        """Restore the state of a checkpoint; `path` names its file in an error.

        Raises
        ------
        ModelError
            If the weights are of another network.
        """
        restore_network(self.network, tensors.get("network", {}), path)
        restore_optimizer(self.optimizer, tensors.get("optimizer", {}))
        restore_network(self.average, tensors.get("average", {}), path)
