"""Batch processing of files, one image each: tables of points, provenances, and a summary updated after each file.

A failure of one file, of any kind, does not stop the others. A second run skips files that are done already, by the
hash of the file, of the method and of all settings.
"""

from __future__ import annotations

import glob
import os
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from ..core.errors import StmError
from ..core.files import written_whole
from ..core.hashing import sha256_of_file, sha256_of_settings
from ..core.progress import Progress, ShouldStop, Stopped, never, silent
from ..data.method import Method
from ..io.readers import files_in, open_recording, suffixes
from ..io.tables import save_points
from .provenance import Inputs, Provenance, rounded_positions, versions_now

#: The name of the summary table; no table of points can have it, since those keep their file's suffix.
SUMMARY = "summary.csv"
#: The folder with the traceback of every file that failed by an unexpected error.
ERRORS = "errors"

#: The columns of the summary: the file; ``done``, ``unchanged`` or ``failed``; what was found; the name of its table;
#: warnings, assumptions and notes; and the error.
COLUMNS = ["file", "status", "points", "maps", "seconds", "table", "notes", "error"]


@dataclass(frozen=True)
class Batch:
    """The outcome of a batch."""

    summary: pd.DataFrame
    """One row a file, with the columns of :data:`COLUMNS`; `error` is empty without a failure."""
    path: Path
    """The file of the summary."""

    @property
    def failed(self) -> pd.DataFrame:
        """The rows of the files that could not be searched."""
        return self.summary[self.summary["error"] != ""]


@dataclass(frozen=True)
class Shard:
    """One of several parts of a batch, for processing in separate processes.

    Attributes
    ----------
    number
        From 1.
    of
        How many parts there are.
    """

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The part that a text such as ``3/16`` names.

        Raises
        ------
        StmError
            If it does not name one.

        Examples
        --------
        >>> Shard.parse("3/16")
        Shard(number=3, of=16)
        """
        number, _, of = text.partition("/")
        if not (number.strip().isdecimal() and of.strip().isdecimal() and 1 <= int(number) <= int(of)):
            raise StmError(f"a shard is written as NUMBER/TOTAL, such as 3/16, got {text!r}")
        return cls(int(number), int(of))

    @property
    def summary(self) -> str:
        """The name of the summary of this part."""
        return SUMMARY if self.of == 1 else f"summary-{self.number}-of-{self.of}.csv"


def files_of(pattern: str | os.PathLike[str]) -> list[Path]:
    """The files of a folder or a pattern, sorted by name.

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
    method: Method,
    *,
    channel: str | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
    bias_mv: ArrayLike | None = None,
    strict: bool = False,
    shard: Shard | None = None,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> Batch:
    """The outcome of a search of each file: a table of points and a provenance a file, and a summary of all.

    Parameters
    ----------
    files
        One image each.
    folder
        Where the tables go: ``grid.3ds.csv`` and ``grid.3ds.provenance.json`` for ``grid.3ds``, and ``summary.csv``.
        It is created when missing. A file whose table exists already, by the same method from the same content, is not
        searched again.
    method
        A method of any family with its settings.
    channel, pixel_size_nm, bias_mv, strict
        As :func:`~napari_stm_impurities.read_stack` takes them; the same for each file.
    shard
        The part of the files to search, such as ``Shard(3, 16)``: every sixteenth file from the third one on.
    progress, should_stop
        Progress callback and cancellation check; see :mod:`napari_stm_impurities.core.progress`.

    Returns
    -------
    Batch
        With the error of each file that failed; tracebacks of unexpected errors are in ``errors/``.

    Raises
    ------
    StmError
        If two files have the same name, or the folder cannot be used.
    Stopped
        If `should_stop` returned true; the tables written before stay, and so does the summary of them.
    """
    folder = Path(folder)
    _check_names_unique(files)
    part = shard or Shard()
    files = list(files)[part.number - 1 :: part.of]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StmError(f"{folder}: cannot be made ({error.strerror}); name a folder for the tables") from None
    read_options = {"channel": channel, "pixel_size_nm": pixel_size_nm, "bias_mv": bias_mv, "strict": strict}
    search = _Search(folder, method, read_options)
    rows: list[dict[str, Any]] = []
    for number, path in enumerate(files):

        def within(share: float, what: str, number: int = number, path: Path = path) -> None:
            progress((number + share) / len(files), f"{path.name}: {what}")

        rows.append(search.row(path, within, should_stop))
        # the rows of an earlier run stay in the summary until this run reaches their file
        remaining = [search.earlier[str(path)] for path in files[number + 1 :] if str(path) in search.earlier]
        _write_summary([*rows, *remaining], folder / part.summary)
    if not rows:
        _write_summary(rows, folder / part.summary)
    return Batch(pd.DataFrame(rows, columns=COLUMNS), folder / part.summary)


class _Search:
    """The search of one file after the other, with the results of an earlier run."""

    def __init__(self, folder: Path, method: Method, read_options: dict[str, Any]) -> None:
        self.folder = folder
        self.method = method
        self.read_options = read_options
        settings = {
            name: value if isinstance(value, str | bool | None) else str(value) for name, value in read_options.items()
        }
        self.fingerprint = sha256_of_settings([method.fingerprint(), settings, version("napari-stm-impurities")])
        self.earlier = _earlier_rows(folder)

    def row(self, path: Path, progress: Progress, should_stop: ShouldStop) -> dict[str, Any]:
        """The row of one file in the summary."""
        began = time.perf_counter()
        progress(0.0, "reading")
        failure = self.folder / ERRORS / f"{path.name}.txt"
        try:
            row = self._unchanged(path, should_stop) or self._searched(path, progress, should_stop)
        except Stopped:
            raise
        except StmError as error:
            return _row(path, status="failed", error=str(error))
        except Exception as error:  # an error of a library at one file must not stop the batch
            with written_whole(_with_folder(failure)) as temporary:
                temporary.write_text(traceback.format_exc(), encoding="utf-8")
            first_line = next(iter(str(error).strip().splitlines()), "")
            return _row(
                path,
                status="failed",
                error=f"{path}: {type(error).__name__}: {first_line[:200]} (traceback in {ERRORS}/{failure.name})",
            )
        failure.unlink(missing_ok=True)
        return {**row, "seconds": row["seconds"] or round(time.perf_counter() - began, 2)}

    def _unchanged(self, path: Path, should_stop: ShouldStop) -> dict[str, Any] | None:
        """The row of an earlier run, if its file, method and settings are the same."""
        earlier = self.earlier.get(str(path))
        if earlier is None or not (self.folder / f"{path.name}.csv").is_file():
            return None
        try:
            record = Provenance.load(self._provenance(path))
        except StmError:
            return None
        unchanged = record.method_sha256 == self.fingerprint
        unchanged = unchanged and record.inputs.files[0].sha256 == sha256_of_file(path, should_stop=should_stop)
        return {**earlier, "status": "unchanged"} if unchanged else None

    def _searched(self, path: Path, progress: Progress, should_stop: ShouldStop) -> dict[str, Any]:
        """Search a file, write its table and provenance, and return its row."""
        metadata = {"pixel_size_nm": self.read_options["pixel_size_nm"], "bias_mv": self.read_options["bias_mv"]}
        recording = open_recording(path, **metadata)
        image = recording.image(self.read_options["channel"], strict=self.read_options["strict"])
        result = self.method.run(image, progress=progress, should_stop=should_stop)
        inputs = Inputs.of_files([path], channel=str(image.attrs["channel"]), **metadata, should_stop=should_stop)
        table = save_points(result.points, self.folder / f"{path.name}.csv")
        Provenance(
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            inputs=inputs,
            run=result.recorded(self.folder, result.threshold),
            edits=(),
            points_nm=rounded_positions(result.points),
            versions=versions_now(),
            method_sha256=self.fingerprint,
        ).save(self._provenance(path))
        return _row(
            path,
            status="done",
            points=len(result.points),
            maps=image.sizes[image.dims[0]] if image.ndim > 2 else 1,
            table=table.name,
            notes="; ".join((*recording.warnings, *result.notes)),
        )

    def _provenance(self, path: Path) -> Path:
        return self.folder / f"{path.name}.provenance.json"


def _row(path: Path, **values: Any) -> dict[str, Any]:
    defaults = {"status": "", "points": 0, "maps": 0, "seconds": 0.0, "table": "", "notes": "", "error": ""}
    return {"file": str(path), **defaults, **values}


def _with_folder(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    return path


def _write_summary(rows: list[dict[str, Any]], path: Path) -> None:
    with written_whole(path) as temporary:
        pd.DataFrame(rows, columns=COLUMNS).to_csv(temporary, index=False)


def _earlier_rows(folder: Path) -> dict[str, dict[str, Any]]:
    """The rows of all summaries in a folder, by their file, of the files that were searched without an error."""
    rows: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("summary*.csv")):
        try:
            table = pd.read_csv(path, keep_default_na=False)
        except (OSError, ValueError):  # damaged: those files are searched again
            continue
        if list(table.columns) == COLUMNS:
            rows |= {
                str(row["file"]): {str(name): value for name, value in row.items()}
                for row in table.to_dict("records")
                if not row["error"]
            }
    return rows


def _check_names_unique(files: Sequence[Path]) -> None:
    names = [path.name for path in files]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise StmError(
            f"two of the files are called {twice}, so their tables would be one; search their folders one by one"
        )
