"""Atomic writing of files and folders: a file is complete or absent, also after an interruption."""

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

#: The ending of the tables in which points are saved automatically during editing; they are no data files.
AUTOSAVE_SUFFIX = ".stm-autosave.csv"
#: Attempts to remove a folder that threads still write into, and the pause between them: a second in all.
_TRIES, _WAIT_S = 20, 0.05


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, and rename it to `path` once the block has succeeded.

    Parameters
    ----------
    path
        The file to write. An existing file is replaced in one step.

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
    >>> with written_whole(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'
    """
    path = path_of(path, "a file to write")
    check_file_place(path)
    with _raise_not_written(path):
        device = path.exists() and not path.is_file()
        # the file that a link points to is written, and the link stays
        target = Path(tempfile.gettempdir(), path.name) if device else Path(os.path.realpath(path))
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            if device:
                # /dev/stdout, or a pipe: there is no file that could be replaced
                with temporary.open("rb") as source, path.open("wb") as stream:
                    shutil.copyfileobj(source, stream)
                return
            # mkstemp makes a file that only its owner may read; the result gets the usual permissions
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def check_file_place(path: Path) -> None:
    """Check, before any work is done, that a file can be written at `path`.

    Raises
    ------
    StmError
        If the folder does not exist or cannot be written to, or a folder has that name.
    """
    with _raise_not_written(path):
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
def _raise_not_written(path: Path) -> Iterator[None]:
    """Raise system errors of writing (such as a full disk) as :class:`NotWrittenError` for `path`."""
    try:
        yield
    except NotWrittenError as error:
        # the error names a file in the temporary folder, which the user does not know
        raise NotWrittenError(path, error.reason) from error
    except OSError as error:
        raise NotWrittenError(path, _reason(error)) from error


def _reason(error: OSError) -> str:
    """The message of the operating system; HDF5 and safetensors put its error number into a longer text."""
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
        If the folder above does not exist, or `path` exists and is something else.
    """
    with _raise_not_written(path):
        _check_folder_above(path)
        older = path.exists()
        if older and not (path.is_dir() and is_older(path)):
            raise StmError(f"{path}: exists already and is no {what}; give another name")
        return older


@contextmanager
def folder_written_whole(path: str | os.PathLike[str], what: str, is_older: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield a temporary folder next to `path`, and rename it to `path` once the block has succeeded.

    Parameters
    ----------
    path
        The folder to write.
    what
        What it is, in two or three words: ``"Zarr store"``.
    is_older
        Whether the existing folder at `path` is of that kind; only such a folder is replaced.

    Yields
    ------
    pathlib.Path
        The folder to write into; it is removed when the block raises.

    Raises
    ------
    StmError
        If the folder above does not exist or cannot be written to, `path` is something else, or the disk is full.
    """
    path = path_of(path, "a folder to write")
    older = check_place(path, what, is_older)
    with _raise_not_written(path):
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
    """The possible paths of a file named in a record: its own path, then the folder of the record and the one above."""
    yield folder / path  # which is the path itself where it is absolute
    name = Path(path.replace("\\", "/")).name
    yield folder / name
    yield folder.parent / name
