"""A cursor for binary headers that never reads beyond the end of the file."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

from ...core.errors import StmError


class Cursor:
    """A position in bytes, from which numbers and texts are read.

    Parameters
    ----------
    data
        The bytes; see :func:`mapped` for those of a file.
    at
        The first position.
    order
        ``"<"`` for little-endian numbers, ``">"`` for big-endian ones.

    Examples
    --------
    >>> cursor = Cursor(bytes([1, 0, 2, 0, 104, 105, 0]))
    >>> cursor.take("HH"), cursor.terminated()
    ((1, 2), 'hi')
    """

    def __init__(self, data: bytes | mmap.mmap, at: int = 0, order: str = "<") -> None:
        self.data = data
        self.at = at
        self.order = order

    def take(self, codes: str) -> tuple[Any, ...]:
        """The next numbers, by the codes of :mod:`struct`.

        Raises
        ------
        StmError
            If the bytes end before.
        """
        form = struct.Struct(self.order + codes)
        return form.unpack(self.raw(form.size))

    def raw(self, n: int) -> bytes:
        """The next `n` bytes.

        Raises
        ------
        StmError
            If the bytes end before.
        """
        if not 0 <= self.at <= self.at + n <= len(self.data):
            raise StmError(
                f"expected {n} bytes at byte {self.at}, but the file has {len(self.data)}; it is cut or damaged"
            )
        data = self.data[self.at : self.at + n]
        self.at += n
        return bytes(data)

    def terminated(self) -> str:
        """The next text, which ends with a zero byte.

        Raises
        ------
        StmError
            If no zero byte follows.
        """
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise StmError(f"expected a text at byte {self.at} that a zero byte ends; the file is cut or damaged")
        text = self.raw(end - self.at).decode("utf-8", errors="replace")
        self.at += 1
        return text


def mapped(path: Path) -> mmap.mmap:
    """The bytes of a file as a read-only memory map.

    The file is not empty: the registry has refused such files.
    """
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
