"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .arguments import path_of
from .errors import StmError

#: How the name of a table ends in which points are kept while they are edited; it is nobody's data.
AUTOSAVE_SUFFIX = ".stm-autosave.csv"
#: How often, and after what pause, the removal of a folder is tried that others still write into: a second in all.
_TRIES, _WAIT_S = 20, 0.05


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`, and rename it to `path` once the block has succeeded.

    Parameters
    ----------
    path
        Where the file shall stand. An older file there is replaced in one step.

    Yields
    ------
    pathlib.Path
        The path to write to. It has the same suffix, and is removed when the block raises.

    Raises
    ------
    StmError
        If the folder does not exist or cannot be written to, a folder has that name, or the disk is full.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with written_whole(folder / "a.txt") as beside:
    ...     _ = beside.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'
    """
    path = path_of(path, "a file to write")
    check_file_place(path)
    with _told_as_not_written(path):
        device = path.exists() and not path.is_file()
        # the file that a link points to is written, and the link stays
        place = Path(tempfile.gettempdir(), path.name) if device else Path(os.path.realpath(path))
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=place.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            if device:
                # /dev/stdout, or a pipe: there is no file that could be replaced
                with temporary.open("rb") as whole, path.open("wb") as stream:
                    shutil.copyfileobj(whole, stream)
                return
            # mkstemp makes a file that only its owner may read; the result gets the usual permissions
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            os.replace(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)


def check_file_place(path: Path) -> None:
    """See, before any work is done, that a file can be written at `path`.

    Raises
    ------
    StmError
        If the folder does not exist or cannot be written to, or a folder has that name.
    """
    with _told_as_not_written(path):
        if path.exists() and not (path.is_file() or path.is_dir()):
            return  # a device or a pipe: no file is made in its folder
        _check_folder_above(path)
        if path.is_dir():
            raise StmError(f"{path}: cannot be written (it is a folder); give the name of a file")


def _check_folder_above(path: Path) -> None:
    if not path.parent.is_dir():
        raise StmError(f"{path}: the folder {path.parent} does not exist; make it first")
    if not os.access(path.parent, os.W_OK):
        raise StmError(f"{path}: cannot be written (the folder {path.parent} is read-only)")


class NotWrittenError(StmError):
    """A file that the system does not let us write."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: cannot be written ({reason})")
        self.reason = reason


@contextmanager
def _told_as_not_written(path: Path) -> Iterator[None]:
    """Turn what the system says of a file that is being written (a full disk, say) into one line."""
    try:
        yield
    except NotWrittenError as error:
        # of a file inside the temporary folder, whose name means nothing to a person
        raise NotWrittenError(path, error.reason) from error
    except OSError as error:
        raise NotWrittenError(path, _reason(error)) from error


def _reason(error: OSError) -> str:
    """The text of the operating system; HDF5 and safetensors hide its number in a long text of their own."""
    if error.errno:
        return os.strerror(error.errno)
    text = " ".join(str(error).split())
    number = re.search(r"(?:errno = |os error )(\d+)", text)
    return os.strerror(int(number[1])) if number else text or type(error).__name__


def check_place(path: Path, what: str, is_older: Callable[[Path], bool]) -> bool:
    """Whether there is an older folder at `path`, which may be replaced.

    Raises
    ------
    StmError
        If the folder above does not exist, or something else stands there.
    """
    with _told_as_not_written(path):
        _check_folder_above(path)
        older = path.exists()
        if older and not (path.is_dir() and is_older(path)):
            raise StmError(f"{path}: stands there already and is no {what}; give another name")
        return older


@contextmanager
def folder_written_whole(path: str | os.PathLike[str], what: str, is_older: Callable[[Path], bool]) -> Iterator[Path]:
    """Give a temporary folder beside `path`, and rename it to `path` once the block has succeeded.

    Parameters
    ----------
    path
        Where the folder shall stand.
    what
        What it is, in two or three words: ``"Zarr store"``.
    is_older
        Whether the folder that stands at `path` is an older one of that kind, which alone is replaced.

    Yields
    ------
    pathlib.Path
        The folder to write into; it is removed when the block raises.

    Raises
    ------
    StmError
        If the folder above does not exist, cannot be written to, something else stands at `path`, or the disk is full.
    """
    path = path_of(path, "a folder to write")
    older = check_place(path, what, is_older)
    with _told_as_not_written(path):
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", dir=path.parent))
        try:
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o777 & ~umask)
            aside = temporary.with_name(f"{temporary.name}-older")
            if older:
                # moved away as a whole: removing it file by file could stop half-way, at one that is open elsewhere
                os.replace(path, aside)
            os.replace(temporary, path)
            shutil.rmtree(aside, ignore_errors=True)
        finally:
            _remove(temporary)


def _remove(folder: Path) -> None:
    """Remove a folder into which threads of Zarr may still be writing, after one of them has failed."""
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_WAIT_S)


def places_near(path: str, folder: Path) -> Iterator[Path]:
    """Where a file that a record names may be: at its path, in the folder of the record, and in the folder above."""
    yield folder / path  # which is the path itself where it is absolute
    name = Path(path.replace("\\", "/")).name
    yield folder / name
    yield folder.parent / name
