"""The record of a search for impurities: every setting, and the model by its hash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..core.errors import ModelError
from ..core.files import places_near
from ..core.hashing import sha256_of_text
from ..core.rows import Row
from ..data.method import RunRecord
from ..physics.dispersion import Dispersion

if TYPE_CHECKING:  # torch is imported when a model is wanted, not when a record is read
    from .model import Model

#: The name that a model of one's own gets in the folder of a result.
MODEL_FILE = "model.safetensors"


class ImpurityRun(RunRecord):
    """How a model searched for impurities."""

    kind: Literal["impurities"] = "impurities"
    """The family; a record without it is of this one."""
    model: str
    """The name of the model."""
    model_file: str
    """The name of a shipped model, or a file."""
    model_sha256: str
    """Of its weights and of all that decides what it finds; see :func:`model_sha256`."""
    dispersion: Dispersion | None
    """The band that set the scale, given or fitted to the maps; None where none was found."""
    tile_px: int | None
    """Side of the tiles; None where it was the model's own."""
    second_pass: bool = False
    """Whether the common pattern of the points scored them once more; a record without it is from before that."""

    def summary_rows(self) -> list[Row]:
        """The model, the band, and what every record has."""
        made = [Row("model", f"{self.model} ({self.model_file})", f"SHA-256 {self.model_sha256[:16]}…")]
        if self.dispersion is not None:
            band = self.dispersion
            bottom = f"band bottom {band.band_bottom_mv:.1f} mV, effective mass {band.effective_mass:.3f}"
            made.append(Row("dispersion", bottom, band.source))
        return [*made, *super().summary_rows()]


def model_sha256(model: Model) -> str:
    """The SHA-256 of a model: its weights, its make, its inputs, and what its scores mean; not its name."""
    parts = {"network", "inputs", "calibration"}
    decisive = model.config.model_dump_json(include=parts, exclude_defaults=True)
    return sha256_of_text(f"{model.sha256()} {decisive}")


def named_or_saved(model: Model, folder: Path) -> str:
    """The name of the shipped model that this is, or of the file into which it is saved."""
    from .model import load_model, shipped_models

    own = model_sha256(model)
    for name in shipped_models():
        if model_sha256(load_model(name, "cpu")) == own:
            return name
    file = folder / MODEL_FILE
    if not file.exists() or model_sha256(load_model(file, "cpu")) != own:
        model.save(file)
    return MODEL_FILE


def found_model_file(model_file: str, folder: Path) -> Path:
    """The file of a model that a record names.

    Raises
    ------
    ModelError
        If it is nowhere near the record.
    """
    for place in places_near(model_file, folder):
        if place.is_file():
            return place
    raise ModelError(f"{model_file}: the model is not there any more, and not in {folder}; put it there")


def device_of(run: ImpurityRun) -> str | None:
    """The device of the run where this machine has it, else None for the fastest one."""
    from ..nn.device import choose_device

    try:
        return str(choose_device(run.device))
    except ModelError:
        return None
