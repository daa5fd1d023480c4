"""Images that this package saved as NetCDF or Zarr: a stack, a movie or a single image, read without a change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ...core.errors import ReadError, StmError
from ...data.schemas import MOVIE, SCHEMAS, STACK, ImageSchema
from .plain import plain_recording
from .recording import Assumption, Channel, Frame, Recording, UserMetadata, check_size

#: The attribute that marks a file of :func:`napari_stm_impurities.io.writers.save_image`, and its version.
MARK = "napari_stm_impurities_stack"
VERSION = 1
#: The variable that holds the image, and the attribute with all attributes of the image.
VARIABLE = "stack"
ATTRS = "attrs_json"

#: Returns a variable of the file by its name.
Load = Callable[[str], xr.DataArray]


def saved_recording(path: Path, dataset: xr.Dataset, user: UserMetadata, load: Load) -> Recording:
    """The recording of a saved image; biases from the user turn a movie or an image into a stack.

    Raises
    ------
    ReadError
        If a later version of this package saved it, or it is damaged.
    """
    version = int(dataset.attrs[MARK])
    if version > VERSION:
        raise ReadError(path, f"was saved by a later version of this package (format {version}, known is {VERSION})")
    variable = dataset[VARIABLE]
    schema = next((schema_ for schema_ in SCHEMAS if schema_.dims == variable.dims), None)
    if schema is None or variable.dtype != np.float32:
        kinds = ", ".join(f"{schema_.name} ({', '.join(schema_.dims)})" for schema_ in SCHEMAS)
        raise ReadError(path, f"expected one of {kinds}, found {variable.dims} of {variable.dtype}")
    check_size(path, variable.size, f"a {schema.name} of shape {variable.shape}")
    attrs = json.loads(variable.attrs[ATTRS])
    channel = Channel(str(attrs["channel"]), str(attrs.get("units", "")), "saved image", is_didv=True)
    step = (float(attrs["pixel_size_nm"][0]), float(attrs["pixel_size_nm"][1]))

    def values(_: Channel) -> np.ndarray:
        data: np.ndarray = load(VARIABLE).data
        return data

    if schema == STACK or user.bias_mv is not None:
        recording = plain_recording(
            path,
            "",
            variable.shape,
            values,
            bias_mv=dataset["bias"].values.tolist() if schema == STACK else None,
            pixel_size_nm=step,
            user=user,
            channels=(channel,),
            default=channel,
            why="it is the image that was saved",
            metadata=attrs,
        )
    else:
        recording = Recording(
            paths=(path,),
            format="",
            channels=(channel,),
            default=channel.name,
            why=f"{channel.name} is taken because it is the image that was saved.",
            bias_mv=(),
            frame=Frame((variable.sizes["y"], variable.sizes["x"]), user.pixel_size_nm or step),
            load=values,
            metadata=attrs,
            schema=schema,
            time_s=tuple(dataset["time"].values.tolist()) if schema == MOVIE else (),
        )
    center, angle = attrs.get("frame_center_nm"), attrs.get("frame_angle_deg")
    return replace(
        recording,
        frame=Frame(recording.frame.shape, recording.frame.pixel_size_nm, tuple(center) if center else None, angle),
        sweep_signal=str(attrs.get("sweep_signal", "")),
        saved=(lambda: _as_saved(path, schema, attrs, channel.name, load)) if user == UserMetadata() else None,
        assumptions=tuple(_assumption(text) for text in attrs.get("assumptions", ())),
    )


def _as_saved(path: Path, schema: ImageSchema, attrs: dict[str, Any], name: str, load: Load) -> xr.DataArray:
    image = load(VARIABLE).rename(name)
    image.attrs = dict(attrs)
    image.encoding = {}
    try:
        return schema.validate(image)
    except StmError as error:
        raise ReadError(path, f"the file is damaged ({error})") from None


def _assumption(line: str) -> Assumption:
    """The assumption that a saved image keeps as one line."""
    about, _, text = line.partition(": ")
    return Assumption(about, text)  # type: ignore[arg-type]  # the line was written from one
