"""Where a table of points comes from: everything that is needed to get the same points again.

The files by their SHA-256, how they were read and prepared, the model, every number that the run was given, every edit
that the person made, and the points themselves, to hold a later run against.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from pydantic import ValidationError, field_serializer

from ..analysis.edits import Edit
from ..core.configuration import Configuration, one_line
from ..core.errors import ReadError
from ..core.files import written_whole
from ..core.progress import Progress, ShouldStop, Stopped, never, silent
from ..data.points import positions_nm
from ..io.replay import replay
from ..physics.dispersion import Dispersion

if TYPE_CHECKING:
    from ..impurities.detect import Finding
    from ..impurities.model import Model

#: The packages whose versions may change a result.
_PACKAGES = ("napari-stm-impurities", "numpy", "scipy", "torch", "xarray")
_PIECE_BYTES = 2**22


class InputFile(Configuration):
    """A file that was read, or a folder that is one (Zarr)."""

    path: str
    """Where it was: absolute, or beside the provenance file."""
    sha256: str
    """Of its bytes."""


class Inputs(Configuration):
    """The maps: the files, and what was done to them."""

    files: tuple[InputFile, ...]
    """One file, or a series with one bias a file."""
    channel: str | None = None
    """The channel that was read."""
    pixel_size_nm: tuple[float, float] | None = None
    """(y, x) as the person told it, for files that do not tell it."""
    bias_mv: tuple[float, ...] | None = None
    """As the person told it, one number a map, for files that do not tell it."""
    recipe: tuple[dict[str, Any], ...] = ()
    """The steps of the preparation that were done after reading."""
    history: tuple[str, ...] = ()
    """What was done to the maps, in words."""
    came_from: tuple[InputFile, ...] = ()
    """Where the maps come from that were saved for this, because the files do not give them again."""

    @classmethod
    def of_files(
        cls,
        paths: Sequence[str | os.PathLike[str]],
        *,
        channel: str | None = None,
        pixel_size_nm: tuple[float, float] | None = None,
        bias_mv: ArrayLike | None = None,
        progress: Progress = silent,
        should_stop: ShouldStop = never,
    ) -> Inputs:
        """Take down the files with their SHA-256, and how they are read; parameters as of ``read_stack``.

        Raises
        ------
        ReadError
            If a file cannot be read.
        Stopped
            If `should_stop` said so.
        """
        files = []
        for number, path in enumerate(paths):
            progress(number / len(paths), f"reading {Path(path).name}")
            files.append(InputFile(path=str(Path(path).absolute()), sha256=sha256_of(path, should_stop=should_stop)))
        told = None if bias_mv is None else tuple(np.atleast_1d(np.asarray(bias_mv, dtype=np.float64)).tolist())
        return cls.of(files=tuple(files), channel=channel, pixel_size_nm=pixel_size_nm, bias_mv=told)

    def read(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        progress: Progress = silent,
        should_stop: ShouldStop = never,
    ) -> xr.DataArray:
        """The stack: read from `paths`, and prepared as it was.

        Raises
        ------
        StmError
            If the files cannot be read, or a step of the preparation cannot be done.
        """
        given = {"pixel_size_nm": self.pixel_size_nm, "bias_mv": self.bias_mv}
        path = paths[0] if len(paths) == 1 else paths
        return replay(path, self.recipe, self.channel, progress=progress, should_stop=should_stop, **given)


class Run(Configuration):
    """How the model looked for impurities."""

    model: str
    """The name of the model."""
    model_file: str
    """Where it is: the name of a shipped model, or a file."""
    model_sha256: str
    """Of its weights and of all that decides what it finds; see :func:`model_sha256`."""
    dispersion: Dispersion | None
    """The band that set the scale, given or read off the maps; None where none stood out."""
    threshold: float
    """The least confidence of a point."""
    tile_px: int | None
    """Side of the tiles; None where it was the model's own."""
    device: str
    """What it was computed on."""
    notes: tuple[str, ...] = ()
    """What the run said that a person should know."""

    @classmethod
    def of_finding(cls, finding: Finding, model_file: str, *, threshold: float) -> Run:
        """Take down a run, whose points were counted from `threshold` on in the end."""
        return cls.of(
            model=finding.model.config.name,
            model_file=model_file,
            model_sha256=model_sha256(finding.model),
            dispersion=finding.dispersion,
            threshold=threshold,
            tile_px=finding.tile_px,
            device=str(finding.model.device),
            notes=finding.notes,
        )

    @field_serializer("dispersion")
    def _only_finite(self, band: Dispersion | None) -> dict[str, Any] | None:
        # JSON has no infinity; the quality of a preset is infinite, which is the default
        return None if band is None else {name: value for name, value in band if value != math.inf}


class Provenance(Configuration):
    """Where a table of points comes from.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "provenance.json"
    >>> made = Provenance(date="2026-01-31", inputs=Inputs(files=()), run=None, edits=(), points_nm=(), versions={})
    >>> Provenance.load(made.save(path)) == made
    True
    """

    format: Literal["napari-stm-impurities provenance 1"] = "napari-stm-impurities provenance 1"
    """What kind of file this is."""
    date: str
    """When the points were written, ISO 8601."""
    inputs: Inputs
    """The maps."""
    run: Run | None
    """How the model looked for impurities; None where all points were set by hand or came from elsewhere."""
    edits: tuple[Edit, ...]
    """What the person changed after that."""
    points_nm: tuple[tuple[float, float], ...]
    """The positions (y, x) in the end, in nm, rounded to 1e-6 nm."""
    seed: int | None = None
    """What the random placements of the statistics began with."""
    versions: dict[str, str]
    """Of Python and of the packages that a result may depend on."""

    @property
    def n_points(self) -> int:
        """How many points there are in the end."""
        return len(self.points_nm)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as JSON; the file is whole or not there."""
        with written_whole(path) as beside:
            beside.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Provenance:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ReadError
            If the file is missing, is damaged, or is another kind of file.
        """
        expected = "expected the provenance of a table of points (JSON, as a report holds it)"
        try:
            return cls.model_validate_json(Path(path).read_bytes())
        except OSError as error:
            raise ReadError(path, f"{error.strerror or 'cannot be read'}; {expected}") from None
        except ValidationError as error:
            raise ReadError(path, f"{expected}, but {one_line('it does not fit', error)[:300]}") from None


def rounded_positions(points: pd.DataFrame) -> tuple[tuple[float, float], ...]:
    """The positions (y, x) of a table of points in nm, rounded to 1e-6 nm, as a provenance keeps them."""
    return tuple((y, x) for y, x in positions_nm(points).round(6).tolist())


def sha256_of(path: str | os.PathLike[str], *, should_stop: ShouldStop = never) -> str:
    """The SHA-256 of a file, read piece by piece; of a folder, that of the names and contents of all files in it.

    Raises
    ------
    ReadError
        If it cannot be read.
    Stopped
        If `should_stop` said so.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "abc"
    >>> _ = path.write_text("abc")
    >>> sha256_of(path)[:16]
    'ba7816bf8f01cfea'
    """
    path = Path(path)
    digest = hashlib.sha256()
    inside = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    try:
        for one in inside:
            if one != path:
                digest.update(one.relative_to(path).as_posix().encode() + b"\0")
            with one.open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    if should_stop():
                        raise Stopped
                    digest.update(piece)
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror})") from None
    return digest.hexdigest()


def model_sha256(model: Model) -> str:
    """The SHA-256 of a model: its weights, its make, what it is shown, and what its scores mean; not its name."""
    parts = {"network", "inputs", "calibration"}
    decisive = model.config.model_dump_json(include=parts, exclude_defaults=True)
    return hashlib.sha256(f"{model.sha256()} {decisive}".encode()).hexdigest()


def versions_now() -> dict[str, str]:
    """The versions of Python, of the packages that a result may depend on, and of napari where it is running."""
    names = (*_PACKAGES, "napari") if "napari" in sys.modules else _PACKAGES
    versions = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions
