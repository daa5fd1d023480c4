"""Messages of ``train`` and ``adapt`` on epochs and on the model."""

from __future__ import annotations

from pathlib import Path

from ..impurities.model import Model
from ..impurities.training import EpochReport
from .console import out


def print_epoch(report: EpochReport) -> None:
    """Print the report of one epoch in one line."""
    labelled = "" if report.labelled_loss is None else f", on the points {report.labelled_loss:.4f}"
    entropy = "" if report.entropy is None else f", entropy {report.entropy:.4f}"
    ratio = "" if report.ratio is None else f", ratio {report.ratio:.3f}"
    f1 = "" if report.f1 is None else f", held-out F1 {report.f1:.3f}"
    out().print(f"epoch {report.epoch}: loss {report.loss:.4f}{labelled}{entropy}{ratio}{f1}, {report.seconds:.1f} s")


def print_model(path: Path, model: Model, stopped: bool) -> None:
    """Print what was written, and how to resume a stopped training."""
    written = (
        f"model {model.config.name}" if model.config.training["epochs_done"] else "no model before the first epoch"
    )
    more = "; the same command with --resume continues" if stopped else ""
    out().print(f"{path}: {written}{more}", markup=False)
