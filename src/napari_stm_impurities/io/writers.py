"""Writers of images: lossless NetCDF and Zarr, and Nanonis grids for other programs."""

from __future__ import annotations

import json
import math
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..core.arguments import number, path_of
from ..core.errors import StmError
from ..core.files import folder_written_whole, written_whole
from ..data import images
from ..data.schemas import IMAGE, STACK, schema_of
from .readers.saved import ATTRS, MARK, VARIABLE, VERSION

#: The suffixes of images; files with other suffixes would not be recognised when read.
_SUFFIXES = (".nc", ".nc4", ".h5", ".hdf5", ".zarr")
_SEGMENTS = "Segment Start (V), Segment End (V), Settling (s), Integration (s), Steps (xn), Lockin, Init. Settling (s)"
#: Coordinates are multiples of the pixel size, rounded to float64: a pixel size from them differs by less.
_ROUNDING = 1e-12
_GRID_PARAMETERS = ("X (m)", "Y (m)", "Z (m)")


def save_stack(stack: xr.DataArray, path: str | os.PathLike[str]) -> Path:
    """Write a stack as NetCDF or Zarr and return the path; :func:`napari_stm_impurities.read_stack` reads it back.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x). A map (y, x), such as a score map, is saved as a stack with one bias: its own, or 0.
    path
        The file; its suffix is ``.nc``, ``.nc4``, ``.h5`` or ``.hdf5``, or ``.zarr`` for a Zarr store (a folder).

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    StmError
        If it is no stack, the suffix is another one, or it cannot be written there.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities import make_stack
    >>> import pathlib, tempfile
    >>> from napari_stm_impurities.io.readers import read_stack
    >>> stack = make_stack(np.ones((2, 9, 9)), [0, 1], 0.5)
    >>> path = save_stack(stack, pathlib.Path(tempfile.mkdtemp()) / "stack.nc")
    >>> read_stack(path).identical(stack)
    True
    """
    if isinstance(stack, xr.DataArray) and stack.dims == IMAGE.dims:
        IMAGE.validate(stack)
        bias = number(stack.coords["bias"].values, "the bias", "mV") if "bias" in stack.coords else 0.0
        stack = stack.drop_vars("bias", errors="ignore").expand_dims(bias=[bias])
    return save_image(STACK.validate(stack), path)


def save_image(image: xr.DataArray, path: str | os.PathLike[str]) -> Path:
    """Write a stack, a movie or an image as NetCDF or Zarr and return the path; ``read_image`` reads it back.

    Parameters
    ----------
    image
        Dimensions (bias, y, x), (time, y, x) or (y, x).
    path
        As in :func:`save_stack`.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    StmError
        If it is no such image, the suffix is another one, or it cannot be written there.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities.data.schemas import make_movie
    >>> import pathlib, tempfile
    >>> from napari_stm_impurities.io.readers import read_image
    >>> movie = make_movie(np.ones((2, 9, 9)), [0.0, 1.5], 0.5)
    >>> path = save_image(movie, pathlib.Path(tempfile.mkdtemp()) / "movie.nc")
    >>> read_image(path).identical(movie)
    True
    """
    path = path_of(path, "a file to write")
    schema_of(image).validate(image)
    if path.suffix.lower() not in _SUFFIXES:
        raise StmError(f"{path}: maps are written as NetCDF or Zarr; choose a name ending in .nc or .zarr")
    channel = str(image.attrs.get("channel") or image.name or "")
    attrs = {**image.attrs, "channel": channel, "pixel_size_nm": _pixel_size_nm(image)}
    text_attrs = {name: str(attrs[name]) for name in ("channel", "units", "source") if attrs.get(name)}
    # a slash in the name of a channel would be a folder in HDF5, so the variable has a name of its own
    dataset = (
        image.rename(VARIABLE).drop_attrs(deep=False).assign_attrs({**text_attrs, ATTRS: _json(attrs)}).to_dataset()
    )
    dataset.attrs[MARK] = VERSION
    if path.suffix.lower() == ".zarr":
        with folder_written_whole(path, "Zarr store", _is_store) as temporary:
            dataset.to_zarr(temporary, mode="w", consolidated=False, zarr_format=2)
        return path
    encoding: dict[Any, dict[str, Any]] = {name: {"_FillValue": None} for name in dataset.variables}
    with written_whole(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)
    return path


def _pixel_size_nm(image: xr.DataArray) -> list[float]:
    """The pixel size in the attributes, if it agrees with the coordinates up to rounding; else that of the latter."""
    of_coordinates = list(images.pixel_size_nm(image))
    stated = image.attrs.get("pixel_size_nm")
    if isinstance(stated, list) and len(stated) == 2 and all(isinstance(size, float) for size in stated):
        same = (math.isclose(*pair, rel_tol=_ROUNDING) for pair in zip(stated, of_coordinates, strict=True))
        return stated if all(same) else of_coordinates
    return of_coordinates


def _is_store(folder: Path) -> bool:
    return any((folder / mark).is_file() for mark in ("zarr.json", ".zgroup"))


def _json(attrs: dict[str, Any]) -> str:
    def json_value(value: object) -> object:
        if isinstance(value, np.generic | np.ndarray):
            return value.tolist()
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        raise StmError(f"the attributes of an image are plain values; {type(value).__name__} cannot be saved")

    return json.dumps(attrs, default=json_value)


def write_nanonis_grid(
    stack: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    channel: str = "LI Demod 1 X (A)",
) -> Path:
    """Write a stack as a Nanonis grid (``.3ds``), in the layout of the instrument, and return the path.

    Header, fixed and experiment parameters of every pixel and the spectra are there, in the layout that
    :mod:`napari_stm_impurities.io.readers.nanonis_grid` describes. A bias axis of unequal steps
    becomes a sweep of segments. Missing values are written as NaN.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x); one bias makes a grid with one point a spectrum.
    path
        The file; its suffix should be ``.3ds``.
    channel
        The name of the channel, with its unit.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    StmError
        If it is no stack, or cannot be written there.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_stm_impurities import make_stack
    >>> import pathlib, tempfile
    >>> from napari_stm_impurities.io.readers import read_stack
    >>> stack = make_stack(np.ones((3, 9, 8)), [-10, 0, 10], 0.5)
    >>> path = write_nanonis_grid(stack, pathlib.Path(tempfile.mkdtemp()) / "grid.3ds")
    >>> bool((read_stack(path) == stack).all())
    True
    """
    path = path_of(path, "a file to write")
    STACK.validate(stack)
    n_bias, n_y, n_x = stack.shape
    n_parameters = 2 + len(_GRID_PARAMETERS)
    pixels = np.zeros((n_y * n_x, n_parameters + n_bias), dtype=">f4")
    pixels[:, :2] = stack.bias.values[[0, -1]] / 1000
    pixels[:, 2:4] = _positions_m(stack)
    pixels[:, n_parameters:] = np.moveaxis(stack.values, 0, 2).reshape(n_y * n_x, n_bias)
    header = _grid_header(stack, channel)
    with written_whole(path) as temporary, temporary.open("wb") as file:
        file.write(header.encode("latin-1", errors="replace"))
        pixels.tofile(file)
    return path


def _frame(stack: xr.DataArray) -> tuple[float, float, float, float, float]:
    """Centre x, centre y, width and height in m, and the clockwise angle in degrees."""
    step_y, step_x = images.pixel_size_nm(stack)
    center = stack.attrs.get("frame_center_nm", (0.0, 0.0))
    size = (stack.sizes["x"] * step_x * 1e-9, stack.sizes["y"] * step_y * 1e-9)
    return center[0] * 1e-9, center[1] * 1e-9, *size, float(stack.attrs.get("frame_angle_deg", 0.0))


def _positions_m(stack: xr.DataArray) -> np.ndarray:
    """X and Y of the middle of each pixel, shape (pixel, 2); Nanonis turns its frames clockwise."""
    center_x, center_y, width, height, angle_deg = _frame(stack)
    n_y, n_x = stack.shape[1:]
    along_x = ((np.arange(n_x) + 0.5) / n_x - 0.5) * width
    along_y = ((np.arange(n_y) + 0.5) / n_y - 0.5) * height
    v, u = (grid.ravel() for grid in np.meshgrid(along_y, along_x, indexing="ij"))
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return np.column_stack([center_x + u * cos + v * sin, center_y - u * sin + v * cos])


def _grid_header(stack: xr.DataArray, channel: str) -> str:
    n_bias, n_y, n_x = stack.shape
    bias_v = [f"{v / 1000:.9E}" for v in stack.bias.values]
    steps = np.diff(stack.bias.values)
    even = n_bias < 3 or bool(np.allclose(steps, steps.mean(), rtol=1e-6, atol=0))
    segments = [f"{start},{end},0,0,2,0,0" for start, end in pairwise(bias_v)]
    history = "; ".join(str(step) for step in stack.attrs.get("history", []))
    comment = " ".join(history.replace('"', "'").split())
    lines = [
        f'Grid dim="{n_x} x {n_y}"',
        "Grid settings=" + ";".join(f"{value:.9E}" for value in _frame(stack)),
        *(["Filetype=Linear"] if even else ["Filetype=MLS", f"{_SEGMENTS}={';'.join(segments)}"]),
        'Sweep Signal="Bias (V)"',
        'Fixed parameters="Sweep Start;Sweep End"',
        f'Experiment parameters="{";".join(_GRID_PARAMETERS)}"',
        f"# Parameters (4 byte)={2 + len(_GRID_PARAMETERS)}",
        f"Experiment size (bytes)={4 * n_bias}",
        f"Points={n_bias}",
        f'Channels="{channel}"',
        "Delay before measuring (s)=0.000000E+0",
        'Experiment="Grid Spectroscopy"',
        # other readers need these entries; the time of the measurement is not known
        'Start time=""',
        'End time=""',
        'User=""',
        f'Comment="{comment}"',
        f"Bias Spectroscopy>Sweep Start (V)={bias_v[0]}",
        f"Bias Spectroscopy>Sweep End (V)={bias_v[-1]}",
        f"Bias Spectroscopy>Num Pixel={n_bias}",
        ":HEADER_END:",
    ]
    return "\r\n".join(lines) + "\r\n"
