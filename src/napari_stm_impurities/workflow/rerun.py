"""Reproduction of the points of a provenance file."""

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
    """The result of a repeated run."""

    points: pd.DataFrame
    """The table of points, with the edits applied."""
    same: bool
    """Whether these are the points that were recorded."""
    said: str
    """The outcome in one line: where the points differ, the differences in points, versions and device."""


def rerun(
    path: str | os.PathLike[str],
    *,
    strict: bool = False,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Rerun:
    """The result of the same run again: the same files, model, settings and edits.

    Parameters
    ----------
    path
        A provenance file. Its files are searched at their recorded paths, in its folder and in the folder above.
    strict
        Refuse to assume what the files do not state, as in :func:`~napari_stm_impurities.read_stack`.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    Rerun
        The points, and whether they are the recorded ones. Where no model was run only the table is
        reproduced, as the line states.

    Raises
    ------
    ReadError
        If a file is missing, or is not the one that was read.
    ModelError
        If the model is missing, or is not the one that was run.
    Stopped
        If `should_stop` returned true.
    """
    record = Provenance.load(path)
    folder = Path(path).absolute().parent
    if record.run is None:
        points = apply_edits(make_points([], (1.0, 1.0), source="manual"), record.edits)
        return Rerun(points, True, f"no model was run: these are the {len(points)} points of the table, as they were")
    files = []
    for file in record.inputs.files:
        progress(0.0, f"checking {Path(file.path).name}")
        files.append(_find_file(file.path, folder))
        now = sha256_of_file(files[-1], should_stop=should_stop)
        if now != file.sha256:
            raise ReadError(
                files[-1], f"the file has changed: SHA-256 {file.sha256[:12]}... was recorded, it is {now[:12]}... now"
            )
    method = family_of(record.run.kind).repeat(record.run, folder)
    stack = record.inputs.read(files, strict=strict, should_stop=should_stop)
    result = method.run(stack, progress=progress, should_stop=should_stop)
    points = apply_edits(result.points, record.edits)
    difference = _difference(record, points)
    if not difference:
        return Rerun(points, True, f"the same {len(points)} points as recorded")
    return Rerun(points, False, "; ".join([difference, *_changes(record, result.device)]))


def _find_file(path: str, folder: Path) -> Path:
    """The path of an input file: as recorded, or in the folder of the provenance file, or in the folder above."""
    for candidate in places_near(path, folder):
        if candidate.exists():
            return candidate
    raise ReadError(path, f"no such file, and none of that name in {folder}; put it there")


def _difference(record: Provenance, points: pd.DataFrame) -> str:
    """The difference in the points as text; empty where they are the recorded ones."""
    recorded = np.asarray(record.points_nm, dtype=np.float64).reshape(-1, 2)
    matched, _, _ = match(positions_nm(points), recorded, SAME_NM)
    if len(matched) == len(points) == len(recorded):
        return ""
    return (
        f"not the same points: {len(recorded)} were recorded, {len(points)} are found now,"
        f" and {len(matched)} of them are the same within {SAME_NM:g} nm"
    )


def _changes(record: Provenance, device: str) -> list[str]:
    """Further differences to the recorded run: versions, and the device."""
    now = versions_now()
    changed = [
        f"{name} was {then} and is {now[name]}"
        for name, then in record.versions.items()
        if name in now and now[name] != then
    ]
    if record.run is not None and record.run.device != device:
        changed.append(f"it was computed on {record.run.device} and now on {device}")
    return changed
