"""The reader of napari: a file, or several as one series, becomes image layers; a table of points, a points layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from napari.components import ViewerModel
from napari.layers import Image
from napari.utils.notifications import show_error, show_warning
from napari.viewer import current_viewer

from ..core.errors import ReadError, StmError
from ..io.imagej import SELECTIONS
from ..io.readers import files_in, open_recording
from ..io.readers.recording import Channel, MissingMetadataError, Recording
from ..io.readers.text import is_map
from ..io.readers.zarr_store import is_store
from ..io.tables import is_points_table, load_points
from .editing import follow
from .layers.bias_overlay import show_bias
from .layers.images import ATTRS_KEY, BIAS_KEY, CHANNELS_KEY, FILES_KEY, LayerTuple, image_layer
from .layers.points import points_layer
from .layers.transforms import layer_pixel_size_nm

Paths = str | Sequence[str]

Read = Callable[[Paths], list[LayerTuple]]

#: What a reader gives when it has read the file and there is nothing to show.
NOTHING: list[tuple[None]] = [(None,)]

#: So much of a text tells whether it is a map.
_HEAD_BYTES = 65536

#: The kinds of channel that a person wants to see at once; the others are opened by the widget *Prepare*.
WORTH_SHOWING = ("lock-in", "current", "topography", "numerical derivative")


def get_reader(path: Paths) -> Callable[[Paths], list[LayerTuple] | list[tuple[None]]] | None:
    """The reader for a path, or for several.

    napari has matched the names, so only foreign tables, archives without a selection of ImageJ, and folders without a
    file that can be read, are declined here. A folder is a Zarr store, or a series with one map a file.
    """
    read = _reader_of(path)
    return None if read is None else partial(_or_say_why_not, read)


def _or_say_why_not(read: Read, paths: Paths) -> list[LayerTuple] | list[tuple[None]]:
    """The layers, or one line on the screen: napari would show a traceback, with the line at its end."""
    try:
        return read(paths)
    except StmError as error:
        show_error(str(error))
        return NOTHING


def _reader_of(path: Paths) -> Read | None:
    first = Path(path if isinstance(path, str) else path[0])
    if first.is_dir():
        return read_maps if is_store(first) or files_in(first) else None
    if first.suffix.lower() in SELECTIONS:
        return read_points if is_points_table(first) else None
    if first.suffix.lower() != ".csv":
        return read_maps
    if is_points_table(first):
        return read_points
    return read_maps if is_map(_head(first)) else None


def read_maps(paths: Paths) -> list[LayerTuple]:
    """Image layers of a file: one for each channel worth showing, the default one visible and on top.

    Parameters
    ----------
    paths
        A file, or several that are one series (a map for each bias), or the folder that holds them.

    Raises
    ------
    ReadError
        In one line, which napari shows.
    """
    files = paths if isinstance(paths, str) else list(paths)
    untold: tuple[str, ...] = ()
    try:
        recording = open_recording(files)
    except MissingMetadataError as error:
        # what the file does not tell is asked for by the widgets, once the maps are on the screen
        untold = error.lacks
        recording = open_recording(
            files,
            bias_mv=range(error.n_maps) if "bias_mv" in untold else None,
            pixel_size_nm=1.0 if "pixel_size_nm" in untold else None,
        )
        show_warning(str(error))
    show_bias(current_viewer())
    follow(current_viewer())
    for warning in recording.warnings:
        show_warning(f"{recording.paths[0].name}: {warning}")
    for assumption in recording.assumed():
        show_warning(f"{recording.paths[0].name}: assumed {assumption}")
    folder = Path(files if isinstance(files, str) else files[0])
    stem = folder.name if folder.is_dir() and not is_store(folder) else recording.paths[0].stem
    layers = [
        image_layer(
            recording.stack(channel.name),
            name=f"{stem} {channel.name}",
            visible=channel.name == recording.default,
            colormap="gray",
        )
        for channel in shown_channels(recording)
    ]
    came_from = {
        FILES_KEY: [str(path) for path in recording.paths],
        CHANNELS_KEY: [channel.name for channel in recording.channels],
    }
    for _, keywords, _ in layers:
        keywords["metadata"] |= came_from
    return [_without(layer, untold) for layer in layers]


def _without(layer: LayerTuple, untold: tuple[str, ...]) -> LayerTuple:
    """A layer that claims no bias and no pixel size where the file told none."""
    data, keywords, kind = layer
    units = list(keywords["units"])
    if "bias_mv" in untold:
        keywords["metadata"].pop(BIAS_KEY)
        units[:-2] = ["pixel"] * (len(units) - 2)
    if "pixel_size_nm" in untold:
        keywords["metadata"][ATTRS_KEY].pop("pixel_size_nm")
        units[-2:] = ["pixel", "pixel"]
    return data, {**keywords, "units": tuple(units)}, kind


def shown_channels(recording: Recording) -> list[Channel]:
    """The channels worth showing, the default one last, so that its layer is on top."""
    default = recording.channel()
    return [*(one for one in recording.channels if one.name != default.name and _worth_showing(one)), default]


def _worth_showing(channel: Channel) -> bool:
    """Whether a channel is of a kind worth showing; not the way back, and no lock-in that was switched off."""
    switched_off = channel.what == "lock-in" and not channel.is_didv
    return channel.what in WORTH_SHOWING and "bwd" not in channel.name.lower() and not switched_off


def read_points(path: Paths) -> list[LayerTuple]:
    """Tables of points, and selections of ImageJ, a points layer each."""
    viewer = current_viewer()
    follow(viewer)
    layers = []
    for one in [path] if isinstance(path, str) else path:
        table = _points_in(one, _pixel_size_on(viewer))
        for assumption in table.attrs["assumptions"]:
            show_warning(f"{Path(one).name}: assumed {assumption}")
        kind = str(table["source"].mode().iloc[0]) if len(table) else "model"
        came_from = {FILES_KEY: [str(one)]}
        layers.append(points_layer(table, kind=kind, name=Path(one).stem, metadata=came_from))
    return layers


def _points_in(path: str, shown_size_nm: tuple[float, float] | None) -> pd.DataFrame:
    """The points of a table; those in pixels by the pixel size of the images on the screen."""
    try:
        return load_points(path)
    except ReadError:
        if shown_size_nm is None:
            raise
    table = load_points(path, pixel_size_nm=shown_size_nm)
    size = " x ".join(f"{one:.4g}" for one in dict.fromkeys(shown_size_nm))
    table.attrs["assumptions"].append(f"pixel size: {size} nm, that of the images on the screen")
    return table


def _pixel_size_on(viewer: ViewerModel | None) -> tuple[float, float] | None:
    """The pixel size (y, x) in nm that all images of a viewer have; None where they differ."""
    images = [layer for layer in viewer.layers if isinstance(layer, Image)] if viewer else []
    sizes = {layer_pixel_size_nm(image) for image in images} - {None}
    return sizes.pop() if len(sizes) == 1 else None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""
