"""The interface of a family of methods for report, rerun, batch and the viewer: method, result and record.

A new family is a value of :class:`Family`, whose method takes an image and returns a result of points, maps and notes.
Nothing else of a family is used outside of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import xarray as xr

from ..core.configuration import Configuration
from ..core.progress import Progress, ShouldStop, never, silent
from ..core.rows import Row


class RunRecord(Configuration):
    """The record of a run on an image, with every setting; each family adds its own settings."""

    kind: str
    """The family of the method."""
    threshold: float = 0.0
    """The lowest confidence of a point that counts."""
    device: str = "cpu"
    """The device that computed it."""
    notes: tuple[str, ...] = ()
    """Limits and assumptions of the result, for the user."""

    def summary_rows(self) -> list[Row]:
        """The settings and the notes as rows."""
        return [
            Row("lowest confidence", f"{self.threshold:.3g}"),
            Row("device", self.device),
            *(Row("note", note) for note in self.notes),
        ]


class Result(Protocol):
    """The result of a run."""

    @property
    def kind(self) -> str:
        """The family of the method."""

    @property
    def points(self) -> pd.DataFrame:
        """The table of points at or above the threshold."""

    @property
    def maps(self) -> Mapping[str, xr.DataArray]:
        """Maps (y, x) that are shown with the image, by their names; the first one is the score."""

    @property
    def threshold(self) -> float:
        """The lowest confidence of a point that counts."""

    @property
    def default_threshold(self) -> float:
        """The lowest confidence of a point that counts, as recommended by the method."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Limits and assumptions of this result, one sentence each."""

    @property
    def device(self) -> str:
        """The device that computed it."""

    @property
    def confidence_basis(self) -> Any:
        """The basis of the confidence: a threshold applies to all results with an equal basis."""

    def recorded(self, folder: Path, threshold: float) -> RunRecord:
        """The record of the run; a model that is not shipped with the package is saved in the folder."""


class Method(Protocol):
    """A method with its settings."""

    def run(self, image: xr.DataArray, *, progress: Progress = silent, should_stop: ShouldStop = never) -> Result:
        """The result of the method on an image."""

    def fingerprint(self) -> str:
        """The SHA-256 of all settings and weights that determine the result for an image."""


@dataclass(frozen=True)
class Family:
    """A family of methods.

    Attributes
    ----------
    kind
        Its name in records, such as ``impurities``.
    noun
        What it finds, in the plural, for messages.
    record
        The record of its runs.
    repeat
        The method of a record, with a model file that is searched in the folder; raises ModelError where the
        model is absent or another one.
    """

    kind: str
    noun: str
    record: type[RunRecord]
    repeat: Callable[[Any, Path], Method]
