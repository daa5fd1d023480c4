"""Readers of files: one module a format, a registry, and the public functions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from ...core.arguments import finite_numbers, instance, path_like, path_of, pixel_sizes, value_text
from ...core.errors import ReadError, StmError
from ...data import images
from .recording import Assumption, Channel, Frame, MissingMetadataError, Recording, UserMetadata, as_read_error
from .registry import FORMATS, is_readable, open_file, suffixes
from .series import as_series
from .text import FORMAT as _TEXT
from .zarr_store import is_store

__all__ = [
    "FORMATS",
    "Assumption",
    "Channel",
    "Frame",
    "Recording",
    "describe",
    "files_in",
    "open_recording",
    "read_image",
    "read_stack",
    "suffixes",
]

#: A file or a folder, or a list of files that belong together.
Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def open_recording(
    path: Paths,
    *,
    bias_mv: ArrayLike | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
) -> Recording:
    """The recording of a file, or of a series of files with one map each.

    Parameters
    ----------
    path
        A file; a list of files with one map each; or a folder with such files.
    bias_mv
        The bias of each map in mV, for files that do not state it; for a list, one number a file. It takes precedence
        over the file.
    pixel_size_nm
        One number or (y, x), for files that do not state it. It takes precedence over the file.

    Raises
    ------
    ReadError
        In one line: which file, what is wrong with it, and what would be right.
    """
    paths = _files(path)
    step = _pixel_size(paths[0], pixel_size_nm)
    bias = None if bias_mv is None else tuple(finite_numbers(bias_mv, "bias_mv (in mV, one for each map)").tolist())
    if len(paths) == 1:
        return open_file(paths[0], UserMetadata(bias, step))
    if bias is not None and len(bias) != len(paths):
        raise StmError(f"{len(paths)} files need {len(paths)} biases (mV), got {len(bias)}")
    biases = [None] * len(paths) if bias is None else [(value,) for value in bias]
    try:
        return as_series(
            [open_file(file, UserMetadata(file_bias, step)) for file, file_bias in zip(paths, biases, strict=True)]
        )
    except MissingMetadataError as error:
        # the biases are needed for the series, not for the single file
        raise MissingMetadataError(error.file, len(paths), error.lacks, error.why) from None


def read_stack(
    path: Paths,
    channel: str | None = None,
    *,
    bias_mv: ArrayLike | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
    strict: bool = False,
) -> xr.DataArray:
    """The stack in a file, or in a series of files with one map each.

    Parameters
    ----------
    path
        A file; a list of files with one map each; or a folder with such files.
    channel
        What to read; None takes the lock-in signal where there is one, and :func:`describe` returns the
        channel and the reason. ``"dI/dV (numerical)"`` differentiates the current of a grid.
    bias_mv, pixel_size_nm
        For files that do not state them, as in :func:`open_recording`.
    strict
        Refuse to assume a channel, bias, unit, pixel size or position that the file does not state plainly.

    Returns
    -------
    xarray.DataArray
        Dimensions (bias, y, x), float32, bias ascending in mV, y and x in nm, NaN where nothing was measured. Its
        attribute ``assumptions`` lists what was assumed, one line each.

    Raises
    ------
    ReadError
        In one line: which file, what is wrong with it, and what would be right.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "maps.npz"
    >>> np.savez(path, data=np.zeros((2, 16, 16)), bias=[-10, 10], pixel_size=0.5)
    >>> read_stack(path).sizes["bias"]
    2
    """
    _check_channel(channel)
    return open_recording(path, bias_mv=bias_mv, pixel_size_nm=pixel_size_nm).stack(channel, strict=strict)


def read_image(
    path: Paths,
    channel: str | None = None,
    *,
    bias_mv: ArrayLike | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
    strict: bool = False,
) -> xr.DataArray:
    """The stack in a file, or the movie or image that :func:`napari_stm_impurities.save_image` wrote.

    Parameters
    ----------
    path, channel, bias_mv, pixel_size_nm, strict
        As in :func:`read_stack`; a movie or an image with `bias_mv` becomes a stack.

    Returns
    -------
    xarray.DataArray
        Dimensions (bias, y, x), (time, y, x) with the time in s, or (y, x); otherwise as :func:`read_stack` gives it.

    Raises
    ------
    ReadError
        In one line: which file, what is wrong with it, and what would be right.
    """
    if channel is not None:
        instance(channel, str, "the channel")
    return open_recording(path, bias_mv=bias_mv, pixel_size_nm=pixel_size_nm).image(channel, strict=strict)


def describe(
    path: Paths,
    channel: str | None = None,
    *,
    bias_mv: ArrayLike | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
    strict: bool = False,
) -> dict[str, Any]:
    """The content of a file, as values that can be written as JSON.

    Parameters
    ----------
    path, channel, bias_mv, pixel_size_nm, strict
        As in :func:`read_stack`; shape, missing pixels and the range of values are those of the channel.

    Returns
    -------
    dict
        ``file``, ``format``, ``shape`` (bias, y, x), ``bias_mv`` (all of them), ``bias_range_mv``, ``pixel_size_nm``
        (y, x), ``size_nm`` (y, x), ``frame_center_nm`` (x, y), ``frame_angle_deg``, ``sweep_signal``, ``channels``,
        ``default_channel``, ``why``, ``channel``, ``missing_share``, ``value_range``, ``assumptions`` (what the
        file does not state plainly) and ``warnings``.

    Raises
    ------
    ReadError
        As :func:`read_stack` does.
    """
    _check_channel(channel)
    recording = open_recording(path, bias_mv=bias_mv, pixel_size_nm=pixel_size_nm)
    stack = recording.stack(channel, strict=strict)
    missing, low, high = _summary(stack)
    frame = recording.frame
    return {
        "file": recording.name,
        "format": recording.format,
        "shape": [int(n) for n in stack.shape],
        "bias_mv": [float(v) for v in stack.bias.values],
        "bias_range_mv": [float(stack.bias.values[0]), float(stack.bias.values[-1])],
        "pixel_size_nm": list(images.pixel_size_nm(stack)),
        "size_nm": [n * size for n, size in zip(stack.shape[1:], images.pixel_size_nm(stack), strict=True)],
        "frame_center_nm": None if frame.center_nm is None else list(frame.center_nm),
        "frame_angle_deg": frame.angle_deg,
        "sweep_signal": recording.sweep_signal,
        "channels": [
            {"name": entry.name, "unit": entry.unit, "what": entry.what, "is_didv": entry.is_didv}
            for entry in recording.channels
        ],
        "default_channel": recording.default,
        "why": recording.why,
        "channel": str(stack.attrs.get("channel", "")),
        "missing_share": missing,
        "value_range": [low, high] if low <= high else None,
        "assumptions": [str(entry) for entry in recording.assumed(channel)],
        "warnings": list(recording.warnings),
    }


def _check_channel(channel: str | None) -> None:
    if channel is not None and not instance(channel, str, "the channel").strip():
        raise StmError("the channel must be the name of one; leave it out to take the default")


def _summary(stack: xr.DataArray) -> tuple[float, float, float]:
    """The share of missing values, and the least and the largest finite one, computed in pieces."""
    n_missing, low, high = 0, np.inf, -np.inf
    pieces = stack.data.blocks.ravel() if stack.chunks else stack.data
    for piece in pieces:
        values = np.asarray(piece)
        n_missing += int(np.isnan(values).sum())
        finite = values[np.isfinite(values)]
        low, high = min(low, finite.min(initial=np.inf)), max(high, finite.max(initial=-np.inf))
    return n_missing / stack.size, float(low), float(high)


def files_in(folder: Path) -> list[Path]:
    """The files of a folder with the suffix of a known format; text files only where there are no others.

    The result file of MATRIX is excluded: it describes the others, and holds no map.

    Raises
    ------
    ReadError
        If the folder cannot be listed.
    """
    with as_read_error(folder):
        # macOS adds a hidden ._a.sxm for each a.sxm on other file systems
        visible = [file for file in folder.iterdir() if not file.name.startswith(".")]
        readable = sorted(file for file in visible if is_readable(file) and file.suffix.lower() != ".mtrx")
    # next to files of a microscope, text files are notes and tables of points
    return [file for file in readable if file.suffix.lower() not in _TEXT.suffixes] or readable


def _files(path: Paths) -> list[Path]:
    if not path_like(path):
        if not isinstance(path, Sequence):
            raise StmError(f"expected a file or a list of files to read, got {value_text(path)}")
        files = [path_of(file_) for file_ in path]
        if not files:
            raise StmError("expected at least one file to read, got an empty list")
        return files
    file = path_of(path)
    with as_read_error(file):
        if not file.is_dir() or is_store(file):
            return [file]
    readable = files_in(file)
    if not readable:
        raise ReadError(file, f"the folder holds no file that can be read ({', '.join(suffixes())})")
    kinds = sorted({file_.suffix.lower() for file_ in readable})
    # one format may have several suffixes, such as .tif and .tiff
    if len({_format_by_name(file_) for file_ in readable}) > 1:
        raise ReadError(
            file, f"the folder holds files of several kinds ({', '.join(kinds)}); give the files that belong together"
        )
    return readable


def _format_by_name(path: Path) -> str:
    return next(
        (format_.name for format_ in FORMATS if path.name.lower().endswith(format_.suffixes)), path.suffix.lower()
    )


def _pixel_size(path: Path, user: float | Sequence[float] | None) -> tuple[float, float] | None:
    if user is None:
        return None
    try:
        return pixel_sizes(user)
    except StmError as error:
        raise ReadError(path, str(error)) from None
