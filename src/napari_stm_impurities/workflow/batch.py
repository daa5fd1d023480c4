"""Many files, one stack each: a table of points for each, a summary of all, and no failure that stops the rest."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from ..core.errors import StmError
from ..core.files import written_whole
from ..core.progress import Progress, ShouldStop, Stopped, never, silent
from ..impurities.detect import find
from ..impurities.model import Model, load_model
from ..io.readers import files_in, read_stack, suffixes
from ..io.tables import save_points
from ..physics.dispersion import Dispersion

#: The name of the summary table; no table of points can have it, since those keep their file's suffix.
SUMMARY = "summary.csv"

#: Its columns: the file, what was found in it, the name of its table, and what a person should know.
COLUMNS = ["file", "points", "maps", "seconds", "table", "notes", "error"]
_NOTHING = {"points": 0, "maps": 0, "seconds": 0.0, "table": "", "notes": "", "error": ""}


@dataclass(frozen=True)
class Batch:
    """What came of a batch."""

    summary: pd.DataFrame
    """One row a file, with the columns of :data:`COLUMNS`; `error` is empty where all went well."""
    path: Path
    """Where the summary stands."""

    @property
    def failed(self) -> pd.DataFrame:
        """The rows of the files that could not be searched."""
        return self.summary[self.summary["error"] != ""]


def files_of(pattern: str | os.PathLike[str]) -> list[Path]:
    """The files that a folder or a pattern means, sorted by name.

    Parameters
    ----------
    pattern
        A folder, of which every file with a suffix that some reader knows is taken; or a pattern such
        as ``maps/*.3ds`` (``**`` stands for any depth).

    Raises
    ------
    StmError
        If there is no such file.
    """
    if os.path.isdir(pattern):
        found = files_in(Path(pattern))
        if not found:
            raise StmError(f"{pattern}: no file in this folder can be read; known are {', '.join(suffixes())}")
    else:
        found = [Path(name) for name in glob.glob(os.fspath(pattern), recursive=True) if os.path.isfile(name)]
        if not found:
            raise StmError(f"{pattern}: no file fits this pattern")
    return sorted(found)


def find_in_files(
    files: Sequence[Path],
    folder: str | os.PathLike[str],
    model: str | os.PathLike[str] | Model = "default",
    dispersion: Dispersion | str | None = None,
    threshold: float | None = None,
    *,
    channel: str | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
    bias_mv: ArrayLike | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Batch:
    """Find the impurities in each file, and write a table of points for each and a summary of all.

    Parameters
    ----------
    files
        One stack each.
    folder
        Where the tables go: ``grid.3ds.csv`` for ``grid.3ds``, and ``summary.csv``. It is made if need be.
    model, dispersion, threshold
        As :func:`~napari_stm_impurities.find_impurities` takes them; the same for each file.
    channel, pixel_size_nm, bias_mv
        As :func:`~napari_stm_impurities.read_stack` takes them; the same for each file.
    progress, should_stop
        See :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    Batch
        Also what failed, and why.

    Raises
    ------
    StmError
        If two files have the same name, or the folder or the model cannot be used.
    Stopped
        If `should_stop` said so; the tables written before stay, and so does the summary of them.
    """
    folder = Path(folder)
    names = [path.name for path in files]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise StmError(
            f"two of the files are called {twice}, so their tables would be one; search their folders one by one"
        )
    loaded = load_model(model)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StmError(f"{folder}: cannot be made ({error.strerror}); name a folder for the tables") from None
    rows: list[dict[str, Any]] = []
    stopped = False
    for number, path in enumerate(files):

        def within(share: float, what: str, number: int = number, path: Path = path) -> None:
            progress((number + share) / len(files), f"{path.name}: {what}")

        began = time.perf_counter()
        within(0.0, "reading")
        try:
            stack = read_stack(path, channel, pixel_size_nm=pixel_size_nm, bias_mv=bias_mv)
            finding = find(stack, loaded, dispersion, threshold, progress=within, should_stop=should_stop)
            table = save_points(finding.points, folder / f"{path.name}.csv")
        except StmError as error:
            rows.append({**_NOTHING, "file": str(path), "error": str(error)})
            continue
        except Stopped:
            stopped = True
            break
        rows.append(
            {
                **_NOTHING,
                "file": str(path),
                "points": len(finding.points),
                "maps": stack.sizes["bias"],
                "seconds": round(time.perf_counter() - began, 2),
                "table": table.name,
                "notes": "; ".join(finding.notes),
            }
        )
    summary = pd.DataFrame(rows, columns=COLUMNS)
    with written_whole(folder / SUMMARY) as beside:
        summary.to_csv(beside, index=False)
    if stopped:
        raise Stopped
    return Batch(summary, folder / SUMMARY)
