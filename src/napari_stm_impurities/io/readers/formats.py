"""What a format is to the registry: one value, made in the format's own module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .recording import Recording, UserMetadata


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes
    ----------
    name
        As a person calls it.
    suffixes
        In small letters, with the dot.
    recognises
        Told the first bytes of a file, whether they are of this format.
    open
        Makes the recording of a file, or raises a ReadError of one line.
    """

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    open: Callable[[Path, UserMetadata], Recording]
