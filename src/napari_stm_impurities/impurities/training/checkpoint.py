"""The checkpoint of a training on impurities: its configuration, its reports, and the tensors to go on with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ...core.configuration import Configuration, one_line
from ...core.errors import ModelError, StmError
from ...nn.checkpoint import TensorGroups, checkpoint_path, load_checkpoint
from .config import TrainingConfig
from .fine_tune_config import Lineage


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


class Header(Configuration):
    """What a checkpoint keeps besides the tensors."""

    training: TrainingConfig
    """The whole configuration."""
    reports: tuple[EpochReport, ...]
    """Of the epochs that are done."""
    origin: Lineage | None = None
    """Of a fine-tuning: the model and the data that it began with."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a training stands between two epochs."""

    header: Header
    tensors: TensorGroups
    path: Path

    @classmethod
    def of_model(cls, model_path: Path | None) -> Checkpoint:
        """The checkpoint next to a model file.

        Raises
        ------
        StmError
            If no path was given.
        ModelError
            If there is none, or it is damaged.
        """
        if model_path is None:
            raise StmError("to resume a training, give the path of its model file; the checkpoint lies next to it")
        return cls.load(checkpoint_path(model_path))

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """The checkpoint in a file.

        Raises
        ------
        ModelError
            If it is missing, damaged or not a checkpoint of ours.
        """
        text, tensors = load_checkpoint(path)
        try:
            header = Header.model_validate_json(text)
        except ValidationError as error:
            raise ModelError(f"{path}: {one_line('not a checkpoint of this version', error)}") from None
        return cls(header, tensors, path)
