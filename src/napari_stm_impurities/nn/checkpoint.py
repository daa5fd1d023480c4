"""Checkpoints: everything that is needed to resume a training, in one safetensors file next to the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..core.errors import ModelError
from .model_file import read_tensors, write_tensors

#: Named groups of tensors: the network, its running mean, the optimizer.
TensorGroups = dict[str, dict[str, torch.Tensor]]


def checkpoint_path(model_path: Path) -> Path:
    """The path of the checkpoint of a model: next to it, ``name.checkpoint.safetensors``."""
    return model_path.with_name(f"{model_path.stem}.checkpoint.safetensors")


def save_checkpoint(path: Path, header: str, groups: TensorGroups) -> None:
    """Write a checkpoint; an interruption leaves the older one.

    Parameters
    ----------
    path
        See :func:`checkpoint_path`.
    header
        The data of a family besides the tensors, as JSON.
    groups
        The tensors; no group's name has a slash.
    """
    tensors = {f"{group}/{name}": value for group, values in groups.items() for name, value in values.items()}
    write_tensors(path, tensors, header)


def load_checkpoint(path: Path) -> tuple[str, TensorGroups]:
    """The header and the tensors of a checkpoint.

    Raises
    ------
    ModelError
        If it is missing, damaged or not a checkpoint of this package.
    """
    header, tensors = read_tensors(path, "a training checkpoint")
    groups: TensorGroups = {}
    for name, value in tensors.items():
        group, _, tensor_name = name.partition("/")
        groups.setdefault(group, {})[tensor_name] = value
    return header, groups


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The running means of an optimizer, by parameter number and name."""
    return {
        f"{index}/{name}": torch.as_tensor(value)
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Put the running means back into an optimizer."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition("/")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def restore_network(network: nn.Module, weights: dict[str, torch.Tensor], path: Path) -> None:
    """Put the weights back into a network.

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
