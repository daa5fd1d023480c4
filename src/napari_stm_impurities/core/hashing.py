"""SHA-256 of files, folders, arrays and settings: the exact identity of the inputs of a result."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ReadError
from .progress import ShouldStop, Stopped, never

#: Bytes of a file that are read at once; cancellation is checked between two pieces.
_PIECE_BYTES = 2**22


def sha256_of_file(path: str | os.PathLike[str], *, should_stop: ShouldStop = never) -> str:
    """The SHA-256 of a file, read piece by piece; of a folder, that of the names and contents of all files in it.

    Raises
    ------
    ReadError
        If it cannot be read.
    Stopped
        If `should_stop` returned true.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "abc"
    >>> _ = path.write_text("abc")
    >>> sha256_of_file(path)[:16]
    'ba7816bf8f01cfea'
    """
    path = Path(path)
    digest = hashlib.sha256()
    inside = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    try:
        for file in inside:
            if file != path:
                digest.update(file.relative_to(path).as_posix().encode() + b"\0")
            with file.open("rb") as opened:
                while piece := opened.read(_PIECE_BYTES):
                    if should_stop():
                        raise Stopped
                    digest.update(piece)
    except OSError as error:
        raise ReadError(path, f"cannot be read ({error.strerror})") from None
    return digest.hexdigest()


def sha256_of_named_bytes(parts: Iterable[tuple[str, Any]]) -> str:
    """The SHA-256 of named buffers, such as the weights of a network; their order counts."""
    digest = hashlib.sha256()
    for name, buffer in parts:
        digest.update(name.encode())
        digest.update(buffer)
    return digest.hexdigest()


def sha256_of_arrays(*arrays: np.ndarray) -> str:
    """The SHA-256 of the bytes of arrays, one after the other."""
    return sha256_of_named_bytes(("", np.ascontiguousarray(array).data) for array in arrays)


def sha256_of_settings(settings: Any) -> str:
    """The SHA-256 of values that JSON can hold; the order of the names in a mapping does not count.

    Examples
    --------
    >>> sha256_of_settings({"a": 1, "b": 2}) == sha256_of_settings({"b": 2, "a": 1})
    True
    """
    return sha256_of_text(json.dumps(settings, sort_keys=True))


def sha256_of_text(text: str) -> str:
    """The SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
