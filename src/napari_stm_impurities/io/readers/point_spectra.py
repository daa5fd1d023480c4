"""Recognition of spectra of a single position, saved as text, which are no maps."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...core.errors import ReadError
from .entry_names import meaning_of

#: The line after which Nanonis puts the titles of the columns, and what Createc and WSxM begin with.
_NANONIS = "[DATA]"
_BEGINNINGS = {
    re.compile(r"\[ParVERT"): "Createc",
    re.compile(r"WSxM file copyright[^\n]*\n\s*WSxM ASCII (XY curve|IV|[A-Z]+ curve)", re.IGNORECASE): "WSxM",
}


def is_point_spectrum(lines: Sequence[str]) -> bool:
    r"""Whether the first lines of a text are those of a spectrum of Nanonis, Createc or WSxM.

    Examples
    --------
    >>> is_point_spectrum(["Experiment\tbias spectroscopy", "[DATA]", "Bias calc (V)\tCurrent (A)", "-0.1\t1e-12"])
    True
    """
    return _program(lines) != ""


def refuse_point_spectrum(path: object, lines: Sequence[str], start: int | None) -> None:
    """Raise an error for a text that is a spectrum of one position.

    Parameters
    ----------
    path
        The file.
    lines
        Its first lines.
    start
        The index of the first line with numbers only.

    Raises
    ------
    ReadError
        With the recorded columns.
    """
    program = _program(lines)
    titles = _titles(lines[start - 1], lines[start]) if start else []
    if not program and not _is_sweep(titles):
        return
    source = f" of {program}" if program else ""
    columns = f" ({', '.join(titles)})" if titles else ""
    raise ReadError(path, f"is a point spectrum{source}{columns}: it was recorded at a single position and is no map")


def _program(lines: Sequence[str]) -> str:
    if any(line.strip() == _NANONIS for line in lines):
        return "Nanonis"
    beginning = "\n".join(lines[:3])
    return next((program for pattern, program in _BEGINNINGS.items() if pattern.match(beginning)), "")


def _titles(header: str, numbers: str) -> list[str]:
    """The titles of the columns, where there is one for each number."""
    for separator in ("\t", ";", ",", r"\s{2,}", r"\s+"):
        titles = [title.strip() for title in re.split(separator, header.strip().lstrip("#").strip())]
        n_numbers = len(re.split(separator, numbers.strip()))
        if len(titles) == n_numbers > 1:
            return titles
    return []


def _is_sweep(titles: Sequence[str]) -> bool:
    """Whether the columns are a bias and signals, without a position."""
    meanings = [meaning_of(title).what for title in titles]
    return len(titles) > 1 and meanings[0] == "bias" and "position" not in meanings
