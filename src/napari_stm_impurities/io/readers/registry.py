"""All formats, and how a file finds its own: by its first bytes, then by its suffix."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import ReadError
from ...core.files import AUTOSAVE_SUFFIX
from . import (
    arrays,
    createc,
    gwyddion,
    igor,
    matlab,
    matrix,
    nanonis_grid,
    nanonis_scan,
    netcdf,
    rhk,
    text,
    tiff,
    zarr_store,
)
from .derivative import with_numerical
from .formats import Format
from .packed import refuse_packed
from .recording import Recording, UserMetadata, as_read_error
from .zarr_store import is_store

#: A new format is a new module with one FORMAT, and one line here.
FORMATS: tuple[Format, ...] = (
    nanonis_grid.FORMAT,
    nanonis_scan.FORMAT,
    rhk.FORMAT,
    igor.FORMAT,
    matrix.FORMAT,
    createc.FORMAT,
    gwyddion.FORMAT,
    matlab.FORMAT,
    arrays.NPZ,
    arrays.NPY,
    netcdf.FORMAT,
    tiff.FORMAT,
    zarr_store.FORMAT,
    # last, for nothing marks a text
    text.FORMAT,
)

_HEAD_BYTES = 65536


def suffixes() -> tuple[str, ...]:
    """Every suffix that some format has, in small letters with the dot."""
    return tuple(suffix for one in FORMATS for suffix in one.suffixes)


def find_format(path: Path) -> Format:
    """The format of a file: what its first bytes say, else what its suffix says.

    Raises
    ------
    ReadError
        If there is no such file, it is empty or packed, or it is of no format known here.
    """
    if is_store(path):
        return zarr_store.FORMAT
    with as_read_error(path), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise ReadError(path, "the file is empty")
    refuse_packed(path, head)
    by_suffix = [one for one in FORMATS if path.name.lower().endswith(one.suffixes)]
    # the suffix's own format is asked first: two formats may begin with the same bytes
    for one in (*by_suffix, *FORMATS):
        if one.recognises(head):
            return one
    if by_suffix:
        return by_suffix[0]
    raise ReadError(path, f"the format is not known; these can be read: {', '.join(one.name for one in FORMATS)}")


def is_readable(path: Path) -> bool:
    """Whether a file (or a Zarr store, which is a folder) has a name that some format has."""
    name = path.name.lower()
    return is_store(path) or (name.endswith(suffixes()) and not name.endswith(AUTOSAVE_SUFFIX) and path.is_file())


def open_file(path: Path, given: UserMetadata) -> Recording:
    """Open one file with the format that it has."""
    return with_numerical(find_format(path).open(path, given))
