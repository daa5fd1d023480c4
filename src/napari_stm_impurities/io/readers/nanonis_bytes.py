"""Checks of a Nanonis file for bytes that were lost or changed in a transfer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...core.errors import ReadError

#: The number of rows that are checked; a lost byte shifts everything after it, so it affects many of them.
_SAMPLE = 4096
_COPY_AGAIN = "a transfer in text mode does that: copy the file again in binary mode"


def sampled(rows: np.ndarray) -> np.ndarray:
    """Some of the rows, evenly spread over all, the first and the last among them."""
    at = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLE)).astype(int))
    picked: np.ndarray = rows[at]
    return picked


def refuse_mangled(path: Path, rows: np.ndarray) -> None:
    """Raise an error for rows of float32 that hold values of 1e38 or 1e-38, as shifted or swapped bytes do.

    Parameters
    ----------
    path
        The file, for the error.
    rows
        Shape (row, value): a pixel or a scan line each.

    Raises
    ------
    ReadError
        If more than a tenth of the values of some row are no physical numbers.
    """
    with np.errstate(invalid="ignore"):  # random bytes hold signalling NaN too
        sample = np.abs(sampled(rows).astype(np.float64))
    implausible = (sample > 1e20) | ((sample > 0) & (sample < 1e-25))
    bad_rows = implausible.mean(axis=1) > 0.1
    if bad_rows.any():
        largest = sample[np.isfinite(sample)].max(initial=0.0)
        raise ReadError(
            path,
            f"{bad_rows.mean():.0%} of the data are no physical numbers (up to {largest:.0e}): bytes were lost or"
            f" swapped; {_COPY_AGAIN}",
        )


def refuse_surplus(path: Path, expected: int, found: int, what: str) -> None:
    """Raise an error for a file with more bytes than its header promises.

    Raises
    ------
    ReadError
        Saying what was expected and found.
    """
    if found > expected:
        raise ReadError(
            path, f"expected {expected} bytes of data ({what}), found {found}: bytes were added; {_COPY_AGAIN}"
        )
