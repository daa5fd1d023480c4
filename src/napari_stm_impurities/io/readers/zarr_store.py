"""Zarr stores: folders with the same layouts as NetCDF, ours and those of xarray-nanonis."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from .formats import Format
from .netcdf import open_dataset_of
from .recording import Recording, UserMetadata

_MARKS = ("zarr.json", ".zgroup", ".zmetadata")


def is_store(path: Path) -> bool:
    """Whether a folder is a Zarr store."""
    return path.is_dir() and any((path / mark).is_file() for mark in _MARKS)


def open_zarr(path: Path, given: UserMetadata) -> Recording:
    """Open a Zarr store; its numbers stay on the disk until they are wanted.

    Raises
    ------
    ReadError
        If it holds neither a three-dimensional variable nor a map, or does not tell its bias or pixel size.
    """
    return open_dataset_of(path, given, _dataset, FORMAT.name)


def _dataset(path: Path) -> xr.Dataset:
    return xr.open_dataset(path, engine="zarr", decode_times=False, chunks=None, consolidated=False)


# a store is a folder, which the registry finds by is_store; a file of that name is none
FORMAT = Format("Zarr (.zarr)", (".zarr",), lambda _: False, open_zarr)
