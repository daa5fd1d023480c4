"""Impurities as a family of methods: the search with its settings, and the search that a record describes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from ..core.errors import ModelError
from ..core.hashing import sha256_of_settings
from ..core.progress import Progress, ShouldStop, never, silent
from ..data.method import Family
from ..physics.dispersion import Dispersion
from .record import ImpurityRun, device_of, found_model_file, model_sha256

if TYPE_CHECKING:  # torch is imported when a method runs, not when a record is read
    from .detect import Finding
    from .model import Model


@dataclass(frozen=True)
class Impurities:
    """The search for impurities with one model and its settings; the parameters are those of ``find_impurities``."""

    model: Model
    dispersion: Dispersion | str | None = None
    threshold: float | None = None
    tile_px: int | None = None
    second_pass: bool = True

    def run(self, image: xr.DataArray, *, progress: Progress = silent, should_stop: ShouldStop = never) -> Finding:
        """The finding in a stack."""
        from .detect import find

        return find(
            image,
            self.model,
            self.dispersion,
            self.threshold,
            tile_px=self.tile_px,
            second_pass=self.second_pass,
            progress=progress,
            should_stop=should_stop,
        )

    def fingerprint(self) -> str:
        """The SHA-256 of the model and the settings."""
        band = self.dispersion.model_dump(mode="json") if isinstance(self.dispersion, Dispersion) else self.dispersion
        return sha256_of_settings([model_sha256(self.model), band, self.threshold, self.tile_px, self.second_pass])


def repeat(run: ImpurityRun, folder: Path) -> Impurities:
    """The method of a record, with its model.

    Raises
    ------
    ModelError
        If the model is absent, or is not the one that was run.
    """
    from .model import load_model, shipped_models

    named = run.model_file if run.model_file in shipped_models() else found_model_file(run.model_file, folder)
    model = load_model(named, device_of(run))
    now = model_sha256(model)
    if now != run.model_sha256:
        raise ModelError(
            f"{run.model_file}: the model has changed: SHA-256 {run.model_sha256[:12]}... was recorded,"
            f" it is {now[:12]}... now"
        )
    return Impurities(model, run.dispersion, run.threshold, run.tile_px, run.second_pass)


FAMILY = Family(kind="impurities", noun="impurities", record=ImpurityRun, repeat=repeat)
