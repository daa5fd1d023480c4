"""A training that can be taken up again: everything it needs, in one safetensors file, written whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import nn

from ...core.configuration import Configuration, one_line
from ...core.errors import ModelError
from ...core.files import written_whole
from ...nn.model_file import HEADER_KEY, read_tensors
from .config import TrainingConfig
from .fine_tune_config import Origin


class EpochReport(Configuration):
    """How the training stood after one epoch."""

    epoch: int
    """Counted from 1."""
    loss: float
    """L_0, the mean over the epoch's steps."""
    entropy: float | None = None
    """The entropy of the prediction on the experiment's tiles, in nats a tile (Eq. 4); None without an experiment."""
    ratio: float | None = None
    """The paper's ratio: the share of reference points within a pixel of a predicted peak; None without a reference."""
    labelled_loss: float | None = None
    """The loss on windows of the experiment with known points; None without such points."""
    f1: float | None = None
    """The F1 in the part of the experiment that was held out, with the averaged weights; None where there is none."""
    seconds: float
    """Time since the training began, over all sittings."""


class _Header(Configuration):
    training: TrainingConfig
    reports: tuple[EpochReport, ...]
    origin: Origin | None = None


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands between two epochs."""

    training: TrainingConfig
    reports: tuple[EpochReport, ...]
    network: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    optimizer: dict[str, torch.Tensor]
    origin: Origin | None = None

    @staticmethod
    def path_beside(model_path: Path) -> Path:
        """Where the checkpoint of a model lies: beside it, ``name.checkpoint.safetensors``."""
        return model_path.with_name(f"{model_path.stem}.checkpoint.safetensors")

    def save(self, path: Path) -> None:
        """Write it whole, or leave the older one."""
        parts = {"network": self.network, "average": self.average, "optimizer": self.optimizer}
        tensors = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
        header = _Header(training=self.training, reports=self.reports, origin=self.origin)
        with written_whole(path) as beside:
            save_file(
                {name: value.detach().contiguous().cpu() for name, value in tensors.items()},
                beside,
                metadata={HEADER_KEY: header.model_dump_json()},
            )

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read it.

        Raises
        ------
        ModelError
            If it is missing, damaged or not a checkpoint of ours.
        """
        text, tensors = read_tensors(path, "a training checkpoint")
        try:
            header = _Header.model_validate_json(text)
        except ValidationError as error:
            raise ModelError(f"{path}: {one_line('not a checkpoint of this version', error)}") from None
        parts: dict[str, dict[str, torch.Tensor]] = {"network": {}, "average": {}, "optimizer": {}}
        for name, value in tensors.items():
            part, _, rest = name.partition("/")
            parts.setdefault(part, {})[rest] = value
        return cls(
            header.training, header.reports, parts["network"], parts["average"], parts["optimizer"], header.origin
        )


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The optimizer's running means, by parameter number and name."""
    return {
        f"{index}/{name}": torch.as_tensor(value)
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Give an optimizer its running means back."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition("/")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def restore_network(network: nn.Module, weights: dict[str, torch.Tensor], path: Path) -> None:
    """Give a network its weights back.

    Raises
    ------
    ModelError
        If they are of another network.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise ModelError(
            f"{path}: its weights do not fit its configuration; the file is damaged, or of an older version"
        ) from None
