"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import StmError


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
        If the folder does not exist or cannot be written to.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with written_whole(folder / "a.txt") as beside:
    ...     _ = beside.write_text("whole")
    >>> (folder / "a.txt").read_text()
    'whole'
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise StmError(f"{path}: the folder {path.parent} does not exist; make it first")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise StmError(f"{path}: cannot be written ({error.strerror})") from error
    beside = Path(name)
    try:
        yield beside
        # mkstemp makes a file that only its owner may read; the result gets the usual permissions
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o666 & ~umask)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary folder beside `path`, and rename it to `path` once the block has succeeded.

    Parameters
    ----------
    path
        Where the folder shall stand. An older one is replaced only when it is a Zarr store, which is such a folder.

    Yields
    ------
    pathlib.Path
        The folder to write into; it is removed when the block raises.

    Raises
    ------
    StmError
        If the folder above does not exist, cannot be written to, or something else stands at `path`.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise StmError(f"{path}: the folder {path.parent} does not exist; make it first")
    older = path.exists()
    if older and not any((path / mark).is_file() for mark in ("zarr.json", ".zgroup")):
        raise StmError(f"{path}: stands there already and is no Zarr store; give another name")
    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", dir=path.parent))
    except OSError as error:
        raise StmError(f"{path}: cannot be written ({error.strerror})") from error
    try:
        yield beside
        if older:
            shutil.rmtree(path)
        umask = os.umask(0)
        os.umask(umask)
        beside.chmod(0o777 & ~umask)
        os.replace(beside, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
