"""One file of the sweep (`real_files.py`): its stack, the points found in it, and the commands run on it."""

from __future__ import annotations

import contextlib
import io
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import napari_stm_impurities as stm
from napari_stm_impurities.cli import run
from napari_stm_impurities.cli.console import BAD_INPUT, PARTLY_FAILED
from napari_stm_impurities.data.images import pixel_size_nm
from napari_stm_impurities.io.readers.recording import MissingMetadataError

#: For a file that states no bias or no pixel size: these are given, as a person would have to. The numbers mean
#: nothing; they only lead the way past the reader.
GIVEN_FIRST_BIAS_MV, GIVEN_STEP_MV, GIVEN_PIXEL_NM = -100.0, 10.0, 0.1
#: Found points are many or none; where there are none, these shares of the frame stand in for them.
STAND_IN = ((0.3, 0.3), (0.6, 0.5), (0.5, 0.8))
#: On one thread of a busy machine a search of 1024 x 1024 pixels takes a minute. Of larger frames the corner of
#: so many pixels a side is searched, the frame whose search speed.py measures; all of it is read and written.
SEARCHED_PX = 512


class RealFile:
    """One file or folder, with what the calls hand on to each other in a folder of its own."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self.folder = path, folder

    @cached_property
    def given(self) -> dict[str, Any]:
        """What has to be given to read the file; nothing for most."""
        try:
            stm.open_recording(self.path)
        except MissingMetadataError as error:
            bias_mv = GIVEN_FIRST_BIAS_MV + GIVEN_STEP_MV * np.arange(error.n_maps)
            whole = {"bias_mv": bias_mv.tolist(), "pixel_size_nm": GIVEN_PIXEL_NM}
            return {name: whole[name] for name in error.lacks}
        except stm.StmError:
            pass
        return {}

    @cached_property
    def stack(self) -> xr.DataArray:
        """The stack of the default channel."""
        return stm.read_stack(self.path, **self.given)

    @cached_property
    def searched(self) -> xr.DataArray:
        """The stack, or the corner of a large one, for what takes long."""
        return self.stack.isel(y=slice(SEARCHED_PX), x=slice(SEARCHED_PX))

    @cached_property
    def searched_path(self) -> Path:
        """The file, or one that holds the corner of a large stack."""
        if self.searched.sizes == self.stack.sizes:
            return self.path
        return stm.save_stack(self.searched, self.folder / "searched.nc")

    @cached_property
    def model(self) -> stm.Model:
        """The shipped model."""
        return stm.load_model("default", "cpu")

    @property
    def points(self) -> pd.DataFrame:
        """What was found, or stand-ins where nothing was."""
        if self.table.exists():
            found = stm.load_points(self.table)
            if len(found):
                return found
        sides = np.array(self.searched.shape[1:]) - 1
        return stm.make_points(np.array(STAND_IN) * sides, pixel_size_nm(self.stack), source="manual")

    @property
    def table(self) -> Path:
        """Where the call that finds points leaves them, also for a process that goes on after it."""
        return self.folder / "points.csv"

    @property
    def lowest_map(self) -> xr.DataArray:
        """The map where bound states are looked for."""
        return self.searched.isel(bias=[0])

    def search(self, name: str, *words: object) -> str:
        """The first line of a command that searches the file, or the corner of it."""
        return self.command(name, self.searched_path, *words, given=self.searched_path == self.path)

    def command(self, *words: object, given: bool = True) -> str:
        """The first line that a command prints; its one line of an error is raised."""
        options: list[str] = []
        if given and "bias_mv" in self.given:
            options.append(f"--bias-mv={','.join(f'{one:g}' for one in self.given['bias_mv'])}")
        if given and "pixel_size_nm" in self.given:
            options.append(f"--pixel-size-nm={self.given['pixel_size_nm']}")
        said, problems = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(problems):
            status = run([*(str(word) for word in words), *options])
        errors = [line for line in problems.getvalue().splitlines() if line.startswith(("error: ", "failed: "))]
        if status in (BAD_INPUT, PARTLY_FAILED) and len(errors) == 1:
            raise stm.StmError(errors[0].partition(": ")[2])
        assert status == 0, f"exit code {status}, {errors}, {problems.getvalue()[-300:]}"
        lines = [line for line in said.getvalue().splitlines() if line.strip()]
        assert lines, "nothing was printed"
        return lines[0].replace(str(self.folder), "...")[:80]
