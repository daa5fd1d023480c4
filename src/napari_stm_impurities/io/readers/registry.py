"""The registry of formats, and the format of a file: by its first bytes, then by its suffix."""

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
    # last, since text has no signature
    text.FORMAT,
)

_HEAD_BYTES = 65536


def suffixes() -> tuple[str, ...]:
    """Every suffix that some format has, in small letters with the dot."""
    return tuple(suffix for format_ in FORMATS for suffix in format_.suffixes)


def find_format(path: Path) -> Format:
    """The format of a file, by its first bytes, else by its suffix.

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
    by_suffix = [format_ for format_ in FORMATS if path.name.lower().endswith(format_.suffixes)]
    # the format of the suffix is tried first: two formats may begin with the same bytes
    for format_ in (*by_suffix, *FORMATS):
        if format_.recognises(head):
            return format_
    if by_suffix:
        return by_suffix[0]
    raise ReadError(
        path, f"the format is not known; these can be read: {', '.join(format_.name for format_ in FORMATS)}"
    )


def is_readable(path: Path) -> bool:
    """Whether a file (or a Zarr store, which is a folder) has a name that some format has."""
    name = path.name.lower()
    return is_store(path) or (name.endswith(suffixes()) and not name.endswith(AUTOSAVE_SUFFIX) and path.is_file())


def open_file(path: Path, user: UserMetadata) -> Recording:
    """The recording of one file, in its own format."""
    return with_numerical(find_format(path).open(path, user))
