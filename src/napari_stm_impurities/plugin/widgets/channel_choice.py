"""The channel of a layer: which others its file has, and opening one of them in the same place.

The reader shows the few channels that are worth it; a file may hold dozens, with every repetition, the way back and
the numerical derivative. They are listed without being read, and read when they are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import xarray as xr
from magicgui.widgets import ComboBox
from napari.layers import Image, Layer

from ...core.errors import StmError
from ...core.progress import Progress, ShouldStop, never, silent
from ...io.readers import open_recording
from ...io.readers.recording import MissingMetadataError
from ..layers.images import ATTRS_KEY, CHANNELS_KEY, FILES_KEY, image_layer, layer_bias_mv
from ..layers.transforms import layer_pixel_size_nm
from .image_picker import ImagePicker
from .panel import Panel


class ChannelChoice:
    """A box with all channels of the file from which the chosen layer came; hidden where there is only one.

    Parameters
    ----------
    panel
        The panel to whose body the box is added, and whose thread reads.
    source
        The choice of the layer; a channel that is opened becomes its choice.
    """

    def __init__(self, panel: Panel, source: ImagePicker) -> None:
        self.panel = panel
        self.source = source
        self.box = ComboBox(
            choices=[],
            label="Channel",
            tooltip="All that the file holds; another one opens in the same place",
        )
        self._row = panel.add_fields([self.box])
        source.box.changed.connect(self.show)
        self.box.changed.connect(lambda name: panel.attempt(partial(self.open, name)))
        self.show(source.box.value)

    def show(self, layer: Layer | None) -> None:
        """Offer the channels of the file of a layer, with the layer's own chosen."""
        names = [] if layer is None else list(layer.metadata.get(CHANNELS_KEY, ()))
        own = None if layer is None else channel_of(layer)
        with self.box.changed.blocked():
            self.box.choices = names
            if own in names:
                self.box.value = own
        self._row.setVisible(len(names) > 1 and own in names)

    def open(self, name: str | None) -> None:
        """Choose the layer of another channel of the same file; where there is none yet, read it."""
        layer = self.source.box.value
        if name is None or layer is None or name == channel_of(layer):
            return
        self.show(layer)  # until the other one is there
        for other in self.panel.viewer.layers:
            if other.metadata.get(FILES_KEY) == layer.metadata[FILES_KEY] and channel_of(other) == name:
                self._choose(other, layer)
                return
        self.panel.run(
            read_channel,
            layer.metadata[FILES_KEY],
            name,
            layer_bias_mv(layer),
            layer_pixel_size_nm(layer),
            done=partial(self._add, layer),
        )

    def _add(self, layer: Image, stack: xr.DataArray) -> None:
        channel = str(stack.attrs["channel"])
        name = f"{layer.name.removesuffix(channel_of(layer) or '').strip()} {channel}"
        data, keywords, kind = image_layer(stack, name=name, colormap="gray")
        keywords["metadata"] |= {key: layer.metadata[key] for key in (FILES_KEY, CHANNELS_KEY)}
        keywords["translate"] = (*keywords["translate"][:-2], *layer.translate[-2:])
        made = Layer.create(data, keywords, kind)
        layers = self.panel.viewer.layers
        layers.insert(layers.index(layer) + 1 if layer in layers else len(layers), made)
        self._choose(made, layer)

    def _choose(self, layer: Image, instead_of: Image) -> None:
        instead_of.visible = False
        layer.visible = True
        self.panel.reset_choices()  # a layer that was just added may not be on offer yet
        self.source.box.value = layer
        self.panel.set_status(f"{layer.name} is shown")


def channel_of(layer: Layer) -> str | None:
    """The channel that a layer shows, None where it does not tell."""
    name = layer.metadata.get(ATTRS_KEY, {}).get("channel")
    return None if name is None else str(name)


def read_channel(
    files: Sequence[str],
    name: str,
    bias_mv: Any,
    pixel_size_nm: tuple[float, float] | None,
    *,
    progress: Progress = silent,
    should_stop: ShouldStop = never,
) -> xr.DataArray:
    """A channel of a file, or of a series; what the file does not tell is taken from what a person told of a layer.

    Raises
    ------
    StmError
        If the files cannot be read any more, or nobody has told what they lack.
    """
    progress(0.0, f"reading {name}")
    paths = files[0] if len(files) == 1 else list(files)
    try:
        recording = open_recording(paths)
    except MissingMetadataError as error:
        known = {"bias_mv": bias_mv, "pixel_size_nm": pixel_size_nm}
        given = {lacks: known[lacks] for lacks in error.lacks}
        if any(value is None for value in given.values()):
            raise StmError(f"{error}; give them to the layer that is open, then choose the channel") from None
        recording = open_recording(paths, **given)
    return recording.stack(name)
