"""numpy files: ``.npz`` with ``data``, ``bias`` (mV) and ``pixel_size`` (nm), and a single ``.npy``.

Names that state another unit, such as ``bias_V`` and ``pixel_size_m``, are used, and so are ``dx`` and ``dy``, the
size of the frame, and lists of positions.

Pickled objects are never loaded, since they can execute code.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from ...core.errors import ReadError
from .entries import Entry, bias_among, pixel_among, with_stated_units
from .entry_names import meaning_of
from .formats import Format
from .plain import plain_recording
from .quantities import Quantity, measured_recording
from .recording import Channel, Recording, UserMetadata, check_size, is_large, library_errors

#: The offset of the lengths of name and extra field in the header of an archive entry.
_LENGTHS_AT = 26
#: No unit has more than 32 letters, of four bytes each.
_MAX_UNIT_BYTES = 128
_KEYS = ("data", "bias", "pixel_size")


def open_npz(path: Path, user: UserMetadata) -> Recording:
    """The recording of a ``.npz`` with ``data`` (bias, y, x), ``bias`` in mV and ``pixel_size`` in nm.

    Raises
    ------
    ReadError
        If one of them is missing, or is no array of numbers.
    """
    with library_errors(path, f"a numpy archive with {', '.join(_KEYS)}"), zipfile.ZipFile(path) as archive:
        names = sorted(name.removesuffix(".npy") for name in archive.namelist())
        if "data" not in names:
            found = ", ".join(names[:8]) or "nothing"
            raise ReadError(path, f"expected the arrays {', '.join(_KEYS)}, found {found}")
        shapes = {}
        for key in names:
            if key == "data" or meaning_of(key).what:
                with archive.open(f"{key}.npy") as file:
                    shapes[key] = _shape(path, key, file, archive.getinfo(f"{key}.npy").file_size)
        shape = shapes.pop("data")
        entries = [Entry(key, of_key, partial(_entry, path, key)) for key, of_key in shapes.items()]
        entries = with_stated_units(entries, _units(path, archive, [key for key in names if "unit" in key.lower()]))
        if math.prod(shapes.get("pixel_size", ())) > 2:
            n = math.prod(shapes["pixel_size"])
            raise ReadError(path, f"expected pixel_size as one number or (y, x), in nm, got {n} numbers")
        return measured_recording(
            path,
            NPZ.name,
            shape,
            lambda _: _mapped(path, "data") if is_large(math.prod(shape)) else _entry(path, "data"),
            bias=_bias(path, entries, shape[0] if len(shape) == 3 else 1, user),
            pixel=pixel_among(entries, (shape[-2], shape[-1]) if len(shape) > 1 else (1, 1)),
            user=user,
        )


def _units(path: Path, archive: zipfile.ZipFile, keys: Sequence[str]) -> dict[str, str]:
    """The arrays that are one text each, such as ``bias_unit``."""
    texts = {}
    for key in keys:
        with archive.open(f"{key}.npy") as file:
            shape, _, dtype = _header(file)
        if dtype.kind == "U" and math.prod(shape) == 1 and dtype.itemsize <= _MAX_UNIT_BYTES:
            texts[key] = str(_entry(path, key).ravel()[0])
    return texts


def _bias(path: Path, entries: list[Entry], n_maps: int, user: UserMetadata) -> Quantity:
    """The bias, where its numbers are as many as the maps."""
    bias = bias_among(entries, n_maps, documented="mV")
    others = [entry for entry in entries if entry.meaning.what == "bias"]
    if bias == Quantity() and others and user.bias_mv is None:
        n = math.prod(others[0].shape)
        raise ReadError(path, f"{n_maps} maps need {n_maps} biases (mV), got {n} in {others[0].name}")
    return bias


def _entry(path: Path, key: str) -> np.ndarray:
    with library_errors(path, f"numbers in the array {key}"), np.load(path, allow_pickle=False) as archive:
        return np.asarray(archive[key])


def _mapped(path: Path, key: str) -> np.ndarray:
    """A large array as a memory map, where the archive is not compressed (``np.savez``)."""
    with library_errors(path, f"numbers in the array {key}"), zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(f"{key}.npy")
        if entry.compress_type != zipfile.ZIP_STORED:
            return _entry(path, key)
        with path.open("rb") as file:
            # the name and the extra field of the entry's own header; those of the list at the end may differ
            file.seek(entry.header_offset + _LENGTHS_AT)
            file.seek(sum(struct.unpack("<2H", file.read(4))), 1)
            shape, fortran, dtype = _header(file)
            order: Literal["F", "C"] = "F" if fortran else "C"
            return np.memmap(path, dtype, mode="r", offset=file.tell(), shape=shape, order=order)


def open_npy(path: Path, user: UserMetadata) -> Recording:
    """The recording of a ``.npy`` with one array; its bias and pixel size are needed from the user.

    Raises
    ------
    ReadError
        If they are not given or do not fit, or it is no array of numbers.
    """
    with library_errors(path, "a numpy array"), path.open("rb") as file:
        shape = _shape(path, "the array", file, path.stat().st_size)

    def load(_: Channel) -> np.ndarray:
        with library_errors(path, "a numpy array"):
            mapped: np.ndarray = np.load(path, allow_pickle=False, mmap_mode="r")
            return mapped

    return plain_recording(path, NPY.name, shape, load, bias_mv=None, pixel_size_nm=None, user=user)


def _shape(path: Path, key: str, file: IO[bytes], size: int) -> tuple[int, ...]:
    """The shape of an array from its header, after a check that its data are complete."""
    shape, _, dtype = _header(file)
    if dtype.kind not in "fiub":
        raise ReadError(path, f"{key} must hold real numbers, got {dtype}")
    if any(n < 0 for n in shape):
        raise ReadError(path, f"{key} has the shape {shape}; its header is damaged")
    promised = math.prod(shape) * dtype.itemsize
    check_size(path, math.prod(shape), f"{key} of shape {shape}")
    if promised != size - file.tell():
        raise ReadError(
            path, f"{key} of shape {shape} needs {promised} bytes, found {size - file.tell()}; the file is cut"
        )
    return tuple(int(n) for n in shape)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return shape, fortran, dtype


NPZ = Format("numpy archive (.npz)", (".npz",), lambda head: head[:4] == b"PK\x03\x04", open_npz)
NPY = Format("numpy array (.npy)", (".npy",), lambda head: head[:6] == b"\x93NUMPY", open_npy)
