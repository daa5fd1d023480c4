"""Zarr stores: folders with the same layouts as NetCDF, of this package and of xarray-nanonis."""

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


def open_zarr(path: Path, user: UserMetadata) -> Recording:
    """The recording of a Zarr store; its numbers are read on demand.

    Raises
    ------
    ReadError
        If it holds neither a three-dimensional variable nor a map, or does not state its bias or pixel size.
    """
    return open_dataset_of(path, user, _dataset, FORMAT.name)


def _dataset(path: Path) -> xr.Dataset:
    return xr.open_dataset(path, engine="zarr", decode_times=False, chunks=None, consolidated=False)


# a store is a folder, which the registry finds by is_store; a file of that name is none
FORMAT = Format("Zarr (.zarr)", (".zarr",), lambda _: False, open_zarr)
