"""The description of a file format for the registry, made in the module of the format."""

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
        The name for messages.
    suffixes
        In small letters, with the dot.
    recognises
        Whether the first bytes of a file are of this format.
    open
        Returns the recording of a file, or raises a ReadError of one line.
    """

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    open: Callable[[Path, UserMetadata], Recording]
