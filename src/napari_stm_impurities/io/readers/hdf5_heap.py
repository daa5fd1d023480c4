"""A check against HDF5 files with a damaged heap, on which the HDF5 library never returns.

Texts and references of changing length are stored in "global heaps", blocks that begin with ``GCOL`` and list their
objects with their sizes. Where damage has made such a size zero, the library never reaches the end of the block.

References
----------
The HDF Group, HDF5 File Format Specification, III.E, "Disk Format: Level 1E - Global Heap".
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from ...core.errors import ReadError
from .binary_reader import mapped

_SIGNATURE = b"GCOL\1\0\0\0"
_HEAD = 16
#: The size of the beginning and of the end of a file that are searched for heaps; the numbers of maps lie between.
_SEARCHED = 64 * 2**20


def refuse_endless_heaps(path: Path) -> None:
    """Raise an error for a file with a heap on which the HDF5 library would never return.

    Raises
    ------
    ReadError
        With the damaged position.
    """
    with mapped(path) as data:
        for start, stop in ((0, _SEARCHED), (max(_SEARCHED, len(data) - _SEARCHED), len(data))):
            at = data.find(_SIGNATURE, start, stop)
            while at >= 0:
                if _is_endless(data, at):
                    raise ReadError(path, f"the HDF5 heap at byte {at} is damaged; copy the file again")
                at = data.find(_SIGNATURE, at + 1, stop)


def _is_endless(data: mmap.mmap, at: int) -> bool:
    if at + _HEAD > len(data):
        return False
    (size,) = struct.unpack_from("<Q", data, at + 8)
    end = min(at + size, len(data))
    at += _HEAD
    # fewer bytes than an object's head are left unused
    while at + _HEAD <= end:
        index, _, _, length = struct.unpack_from("<HHIQ", data, at)
        # what is free counts its own head, what is used does not
        step = length if index == 0 else _HEAD + (length + 7) // 8 * 8
        if step < _HEAD:
            return True
        at += step
    return False
