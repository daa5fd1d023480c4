"""The provenance of a table of points: everything that is needed to compute the same points again.

The files by their SHA-256, how they were read and prepared, the model, all settings of the run, all edits of the user,
and the points themselves, for comparison with a later run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from pydantic import SerializeAsAny, ValidationError, field_validator

from ..analysis.edits import Edit
from ..core.arguments import path_of
from ..core.configuration import Configuration, one_line
from ..core.errors import ReadError
from ..core.files import written_whole
from ..core.hashing import sha256_of_file
from ..core.progress import Progress, ShouldStop, never, silent
from ..data.method import RunRecord
from ..data.points import positions_nm
from ..io.replay import replay
from .families import DEFAULT_KIND, family_of

#: The packages whose versions may change a result.
_PACKAGES = ("napari-stm-impurities", "numpy", "scipy", "torch", "xarray")


class InputFile(Configuration):
    """A file that was read, or a folder that is one (Zarr)."""

    path: str
    """Its path: absolute, or relative to the folder of the provenance file."""
    sha256: str
    """Of its bytes."""


class Inputs(Configuration):
    """The maps: the files, and their preparation."""

    files: tuple[InputFile, ...]
    """One file, or a series with one bias a file."""
    channel: str | None = None
    """The channel that was read."""
    pixel_size_nm: tuple[float, float] | None = None
    """(y, x) as entered by the user, for files that do not state it."""
    bias_mv: tuple[float, ...] | None = None
    """As entered by the user, one number a map, for files that do not state it."""
    recipe: tuple[dict[str, Any], ...] = ()
    """The steps of the preparation that were done after reading."""
    history: tuple[str, ...] = ()
    """The history of the maps, in words."""
    came_from: tuple[InputFile, ...] = ()
    """The original files of maps that were saved in the folder, where the files alone do not reproduce them."""

    @classmethod
    def of_files(
        cls,
        paths: Sequence[str | os.PathLike[str]],
        *,
        channel: str | None = None,
        pixel_size_nm: float | Sequence[float] | None = None,
        bias_mv: ArrayLike | None = None,
        progress: Progress = silent,
        should_stop: ShouldStop = never,
    ) -> Inputs:
        """The inputs for files, with their SHA-256, and how they are read; parameters as of ``read_stack``.

        Raises
        ------
        ReadError
            If a file cannot be read.
        Stopped
            If `should_stop` returned true.
        """
        files = []
        for number, path in enumerate(paths):
            progress(number / len(paths), f"reading {Path(path).name}")
            files.append(
                InputFile(path=str(Path(path).absolute()), sha256=sha256_of_file(path, should_stop=should_stop))
            )
        biases = None if bias_mv is None else tuple(np.atleast_1d(np.asarray(bias_mv, dtype=np.float64)).tolist())
        size = None if pixel_size_nm is None else tuple(np.broadcast_to(pixel_size_nm, (2,)).tolist())
        return cls.of(files=tuple(files), channel=channel, pixel_size_nm=size, bias_mv=biases)

    def read(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        strict: bool = False,
        progress: Progress = silent,
        should_stop: ShouldStop = never,
    ) -> xr.DataArray:
        """The stack: read from `paths`, and prepared as it was.

        Raises
        ------
        StmError
            If the files cannot be read, `strict` refuses an assumption, or a step of the preparation cannot be done.
        """
        metadata = {"pixel_size_nm": self.pixel_size_nm, "bias_mv": self.bias_mv}
        path = paths[0] if len(paths) == 1 else paths
        return replay(
            path, self.recipe, self.channel, strict=strict, progress=progress, should_stop=should_stop, **metadata
        )


class Provenance(Configuration):
    """The provenance of a table of points.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "provenance.json"
    >>> made = Provenance(date="2026-01-31", inputs=Inputs(files=()), run=None, edits=(), points_nm=(), versions={})
    >>> Provenance.load(made.save(path)) == made
    True
    """

    format: Literal["napari-stm-impurities provenance 1"] = "napari-stm-impurities provenance 1"
    """The kind of file, with its version."""
    date: str
    """Date of writing of the points, ISO 8601."""
    inputs: Inputs
    """The maps."""
    run: SerializeAsAny[RunRecord] | None
    """The record of the run; None where all points were set by hand or come from another program."""
    method_sha256: str | None = None
    """Of the method and its settings; a batch skips a file whose record has the same one."""
    edits: tuple[Edit, ...]
    """The edits of the user after the run."""
    points_nm: tuple[tuple[float, float], ...]
    """The final positions (y, x) in nm, rounded to 1e-6 nm."""
    seed: int | None = None
    """The seed of the random placements of the statistics."""
    versions: dict[str, str]
    """Of Python and of the packages that a result may depend on."""

    @field_validator("run", mode="before")
    @classmethod
    def _parse_run(cls, run: Any) -> Any:
        # a record of the first release has no kind
        return family_of(run.get("kind", DEFAULT_KIND)).record.model_validate(run) if isinstance(run, dict) else run

    @property
    def n_points(self) -> int:
        """The final number of points."""
        return len(self.points_nm)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the provenance as JSON (complete or not at all) and return the path."""
        with written_whole(path) as temporary:
            temporary.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Provenance:
        """The provenance in a file written by :meth:`save`.

        Raises
        ------
        ReadError
            If the file is missing, is damaged, or is another kind of file.
        """
        expected = "expected the provenance of a table of points (JSON, as a report holds it)"
        path = path_of(path, "a provenance file")
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ReadError(path, f"{error.strerror or 'cannot be read'}; {expected}") from None
        except ValidationError as error:
            raise ReadError(path, f"{expected}, but {one_line('it does not fit', error)[:300]}") from None


def rounded_positions(points: pd.DataFrame) -> tuple[tuple[float, float], ...]:
    """The positions (y, x) of a table of points in nm, rounded to 1e-6 nm, as a provenance keeps them."""
    return tuple((y, x) for y, x in positions_nm(points).round(6).tolist())


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
