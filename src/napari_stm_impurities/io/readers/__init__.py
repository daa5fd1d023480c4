"""Reading files: one module a format, a registry, and the three functions that everything else calls."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from ...core.arguments import finite_numbers, instance, path_like, path_of, pixel_sizes, shown
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
    """Open a file, or a series of files with one map each, and tell what is in it.

    Parameters
    ----------
    path
        A file; a list of files with one map each; or a folder with such files.
    bias_mv
        The bias of each map in mV, for files that do not tell it; for a list, one number a file. It wins over
        what a file says.
    pixel_size_nm
        One number or (y, x), for files that do not tell it. It wins over what a file says.

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
    each = [None] * len(paths) if bias is None else [(one,) for one in bias]
    try:
        return as_series([open_file(one, UserMetadata(own, step)) for one, own in zip(paths, each, strict=True)])
    except MissingMetadataError as error:
        # the series is what the biases have to be given for, not the one file
        raise MissingMetadataError(error.file, len(paths), error.lacks, error.why) from None


def read_stack(
    path: Paths,
    channel: str | None = None,
    *,
    bias_mv: ArrayLike | None = None,
    pixel_size_nm: float | Sequence[float] | None = None,
    strict: bool = False,
) -> xr.DataArray:
    """Read a stack from a file, or from a series of files with one map each.

    Parameters
    ----------
    path
        A file; a list of files with one map each; or a folder with such files.
    channel
        What to read; None takes the lock-in signal where there is one, and :func:`describe` tells what was
        taken and why. ``"dI/dV (numerical)"`` differentiates the current of a grid.
    bias_mv, pixel_size_nm
        For files that do not tell them, as in :func:`open_recording`.
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
    """Read a stack, or the movie or image that :func:`napari_stm_impurities.save_image` wrote.

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
    """Tell what is in a file, as plain values that can be written as JSON.

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
            {"name": one.name, "unit": one.unit, "what": one.what, "is_didv": one.is_didv} for one in recording.channels
        ],
        "default_channel": recording.default,
        "why": recording.why,
        "channel": str(stack.attrs.get("channel", "")),
        "missing_share": missing,
        "value_range": [low, high] if low <= high else None,
        "assumptions": [str(one) for one in recording.assumed(channel)],
        "warnings": list(recording.warnings),
    }


def _check_channel(channel: str | None) -> None:
    if channel is not None and not instance(channel, str, "the channel").strip():
        raise StmError("the channel must be the name of one; leave it out to take the default")


def _summary(stack: xr.DataArray) -> tuple[float, float, float]:
    """The share of missing values, and the least and the largest finite one; a piece of the stack at a time."""
    n_missing, low, high = 0, np.inf, -np.inf
    pieces = stack.data.blocks.ravel() if stack.chunks else stack.data
    for piece in pieces:
        values = np.asarray(piece)
        n_missing += int(np.isnan(values).sum())
        finite = values[np.isfinite(values)]
        low, high = min(low, finite.min(initial=np.inf)), max(high, finite.max(initial=-np.inf))
    return n_missing / stack.size, float(low), float(high)


def files_in(folder: Path) -> list[Path]:
    """The files of a folder whose names some format has; texts only where there is nothing else.

    The result file of MATRIX is not among them: it tells of the others, and holds no map.

    Raises
    ------
    ReadError
        If the folder cannot be looked into.
    """
    with as_read_error(folder):
        # macOS leaves a hidden ._a.sxm beside each a.sxm on a foreign disk
        visible = [one for one in folder.iterdir() if not one.name.startswith(".")]
        known = sorted(one for one in visible if is_readable(one) and one.suffix.lower() != ".mtrx")
    # beside files of a microscope, texts are notes and tables of points
    return [one for one in known if one.suffix.lower() not in _TEXT.suffixes] or known


def _files(path: Paths) -> list[Path]:
    if not path_like(path):
        if not isinstance(path, Sequence):
            raise StmError(f"expected a file or a list of files to read, got {shown(path)}")
        files = [path_of(one) for one in path]
        if not files:
            raise StmError("expected at least one file to read, got an empty list")
        return files
    file = path_of(path)
    with as_read_error(file):
        if not file.is_dir() or is_store(file):
            return [file]
    known = files_in(file)
    if not known:
        raise ReadError(file, f"the folder holds no file that can be read ({', '.join(suffixes())})")
    kinds = sorted({one.suffix.lower() for one in known})
    # one format may have several suffixes, such as .tif and .tiff
    if len({_format_by_name(one) for one in known}) > 1:
        raise ReadError(
            file, f"the folder holds files of several kinds ({', '.join(kinds)}); give the files that belong together"
        )
    return known


def _format_by_name(path: Path) -> str:
    return next((one.name for one in FORMATS if path.name.lower().endswith(one.suffixes)), path.suffix.lower())


def _pixel_size(path: Path, given: float | Sequence[float] | None) -> tuple[float, float] | None:
    if given is None:
        return None
    try:
        return pixel_sizes(given)
    except StmError as error:
        raise ReadError(path, str(error)) from None
