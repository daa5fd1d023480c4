"""Getting the same points again from a provenance file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..analysis.comparison import match
from ..analysis.edits import apply_edits
from ..core.errors import ReadError
from ..core.files import places_near
from ..core.hashing import sha256_of_file
from ..core.progress import Progress, ShouldStop, never, silent
from ..data.points import make_points, positions_nm
from .families import family_of
from .provenance import Provenance, versions_now

#: Points at most this far apart are the same: another number of threads may differ in the last digits.
SAME_NM = 1e-3


@dataclass(frozen=True)
class Rerun:
    """What came of doing it again."""

    points: pd.DataFrame
    """The table of points, the edits made."""
    same: bool
    """Whether these are the points that were recorded."""
    said: str
    """One line on that; where they differ, in what, and what else is different now."""


def rerun(
    path: str | os.PathLike[str],
    *,
    strict: bool = False,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Rerun:
    """Read the same files, find with the same model and the same numbers, and make the same edits.

    Parameters
    ----------
    path
        A provenance file. The files that it names are looked for where they were, and beside it.
    strict
        Refuse to assume what the files do not state, as in :func:`~napari_stm_impurities.read_stack`.
    progress, should_stop
        See :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    Rerun
        The points, and whether they are the recorded ones. Where no model was run there is nothing to do again but
        the table, and the line says so.

    Raises
    ------
    ReadError
        If a file is not there any more, or is not the one that was read.
    ModelError
        If the model is not there any more, or is not the one that was run.
    Stopped
        If `should_stop` said so.
    """
    told = Provenance.load(path)
    folder = Path(path).absolute().parent
    if told.run is None:
        points = apply_edits(make_points([], (1.0, 1.0), source="manual"), told.edits)
        return Rerun(points, True, f"no model was run: these are the {len(points)} points of the table, as they were")
    files = []
    for file in told.inputs.files:
        progress(0.0, f"checking {Path(file.path).name}")
        files.append(_there(file.path, folder))
        now = sha256_of_file(files[-1], should_stop=should_stop)
        if now != file.sha256:
            raise ReadError(
                files[-1], f"the file has changed: SHA-256 {file.sha256[:12]}... was recorded, it is {now[:12]}... now"
            )
    method = family_of(told.run.kind).repeat(told.run, folder)
    stack = told.inputs.read(files, strict=strict, should_stop=should_stop)
    result = method.run(stack, progress=progress, should_stop=should_stop)
    points = apply_edits(result.points, told.edits)
    said = _difference(told, points)
    if not said:
        return Rerun(points, True, f"the same {len(points)} points as recorded")
    return Rerun(points, False, "; ".join([said, *_changed(told, result.device)]))


def _there(path: str, folder: Path) -> Path:
    """The file where it was, or beside the provenance file, or beside its folder."""
    for place in places_near(path, folder):
        if place.exists():
            return place
    raise ReadError(path, f"no such file, and none of that name beside {folder}; put it there")


def _difference(told: Provenance, points: pd.DataFrame) -> str:
    """What is different in the points, in a few words; nothing where they are the recorded ones."""
    recorded = np.asarray(told.points_nm, dtype=np.float64).reshape(-1, 2)
    here, _, _ = match(positions_nm(points), recorded, SAME_NM)
    if len(here) == len(points) == len(recorded):
        return ""
    return (
        f"not the same points: {len(recorded)} were recorded, {len(points)} are found now,"
        f" and {len(here)} of them are the same within {SAME_NM:g} nm"
    )


def _changed(told: Provenance, device: str) -> list[str]:
    """What else is different now: versions, and the device."""
    now = versions_now()
    changed = [
        f"{name} was {then} and is {now[name]}"
        for name, then in told.versions.items()
        if name in now and now[name] != then
    ]
    if told.run is not None and told.run.device != device:
        changed.append(f"it was computed on {told.run.device} and now on {device}")
    return changed
