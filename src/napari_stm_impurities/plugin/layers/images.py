"""Stacks, movies and images as napari image layers, and back.

A stack becomes an image layer with the bias axis first, a movie one with the time axis. `scale` is linear in napari, so
that axis is in mV or s only where its values are evenly spaced, and is the number of the map elsewhere; the true biases
or times stand in the layer's metadata either way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from napari.layers import Image, Layer
from numpy.typing import ArrayLike

from ...core.errors import StmError
from ...data.images import make_stack, pixel_size_nm
from ...data.masks import exclude
from ...data.observation_window import ObservationWindow
from ...data.schemas import STACK, ImageSchema, make_image, make_movie, schema_of
from .transforms import PIXEL_KEY, in_unit, needed_pixel_size_nm, placement

#: What napari calls a layer that is not made yet: data, keywords, kind.
LayerTuple = tuple[Any, dict[str, Any], str]

#: The keys under which a layer's metadata carries what its scale cannot hold: the biases in mV of a stack, the times in
#: s of a movie, and the attrs of both.
BIAS_KEY = "bias_mv"
TIME_KEY = "time_s"
ATTRS_KEY = "stack_attrs"
#: Where a layer came from, and everything that can be had there: the paths, and the names of the channels.
FILES_KEY = "files"
CHANNELS_KEY = "channels"
#: What a layer of results was found with (a `Finding`), and the image it was found in (a weak reference to the layer).
FINDING_KEY = "finding"
IMAGE_KEY = "image"
#: The pixels (y, x) that a run left out, None where it searched all; on its layer of points.
LEFT_OUT_KEY = "left_out"
#: The confidence from which on the points of a layer are shown, where somebody chose one.
THRESHOLD_KEY = "threshold"
#: What a comparison draws carries this; it is a picture of other layers and is offered nowhere as points.
DRAWN_KEY = "drawn"

#: A stack of more values than this sets its contrast from so many of its maps.
LIMITS_FROM_ALL = 4_000_000
LIMITS_FROM_MAPS = 20

#: How napari spells the units of the axis in front.
_NAPARI_UNITS = {"mV": "millivolt", "s": "second"}


def even_step(values: ArrayLike) -> float | None:
    """The step of an evenly spaced axis, or None where it is uneven or holds one value.

    Examples
    --------
    >>> even_step([-10, 0, 10]), even_step([-10, 0, 5])
    (10.0, None)
    """
    along = np.asarray(values, dtype=np.float64)
    if len(along) < 2:
        return None
    steps = np.diff(along)
    step = (along[-1] - along[0]) / (len(along) - 1)
    return float(step) if np.allclose(steps, step, rtol=1e-3, atol=0) else None


def robust_limits(values: Any, share: float = 0.005) -> tuple[float, float]:
    """Contrast limits that a few extreme pixels cannot move.

    Parameters
    ----------
    values
        Any shape; NaN and infinite values are left out. Of a large stack, which may be on the disk, evenly spaced maps
        tell.
    share
        The share of the values left out at each end.

    Examples
    --------
    >>> robust_limits(np.array([*range(1000), 1e30]))
    (5.0, 995.0)
    """
    few = values[:: max(1, len(values) // LIMITS_FROM_MAPS)] if values.size > LIMITS_FROM_ALL else values
    seen = np.asarray(few)
    finite = seen[np.isfinite(seen)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.quantile(finite, (share, 1 - share)))
    if not low < high:
        low, high = float(finite.min()), float(finite.max())
    return (low, high) if low < high else (low, low + 1.0)


def image_layer(image: xr.DataArray, name: str | None = None, **keywords: Any) -> LayerTuple:
    """A stack, a movie or an image as an image layer: with the bias or the time in front, (y, x) for a single map.

    Parameters
    ----------
    image
        Dimensions (bias, y, x), (time, y, x) or (y, x).
    name
        The layer's name; the channel where none is given.
    **keywords
        Passed on to the layer, such as ``visible`` or ``colormap``.
    """
    schema = schema_of(image)
    along = np.asarray(image[schema.axis].values if schema.axis else [], dtype=np.float64)
    values = image.data  # a very large stack is on the disk, and napari reads the map that it shows
    scale, translate, units, axes = _front_axis(schema, along)
    if len(along) == 1:
        values = values[0]
    known = {} if not schema.axis else {BIAS_KEY if schema == STACK else TIME_KEY: along.tolist()}
    return (
        values,
        {
            "name": name or str(image.attrs.get("channel", image.name)),
            "scale": (*scale, *pixel_size_nm(image)),
            "translate": (*translate, float(image.y.values[0]), float(image.x.values[0])),
            "units": (*units, "nanometer", "nanometer"),
            "axis_labels": (*axes, "y", "x"),
            "contrast_limits": robust_limits(values),
            "metadata": {**known, ATTRS_KEY: dict(image.attrs)},
            **keywords,
        },
        "image",
    )


def _front_axis(schema: ImageSchema, along: np.ndarray) -> tuple[list[float], list[float], list[str], list[str]]:
    """Scale, translation, unit and label of the axis in front of y and x; nothing where there is one map."""
    if len(along) < 2:
        return [], [], [], []
    step = even_step(along)
    if step is None:
        return [1.0], [0.0], ["pixel"], [schema.axis]
    return [step], [float(along[0])], [_NAPARI_UNITS[schema.axis_unit]], [schema.axis]


def layer_bias_mv(layer: Layer) -> np.ndarray | None:
    """The bias of each map in mV, from the layer's metadata or its first axis; None where neither holds it."""
    return _along(layer, BIAS_KEY, "millivolt")


def layer_time_s(layer: Layer) -> np.ndarray | None:
    """The time of each frame in s, from the layer's metadata or its first axis; None where neither holds it."""
    return _along(layer, TIME_KEY, "second")


def _along(layer: Layer, key: str, unit: str) -> np.ndarray | None:
    maps = 1 if layer.ndim == 2 else len(values_of(layer))
    written = layer.metadata.get(key)
    if written is not None and np.size(written) == maps:
        return np.asarray(written, dtype=np.float64).reshape(maps)
    if layer.ndim == 3:
        factor = in_unit(layer.units[0], unit)
        if factor is not None:
            return np.asarray(factor * (layer.translate[0] + layer.scale[0] * np.arange(maps)))
    return None


def set_scale(layer: Layer, *, pixel_size_nm: float | None = None, bias_mv: ArrayLike | None = None) -> None:
    """Write down what a person tells of another plugin's layer, without moving it on the canvas.

    Raises
    ------
    StmError
        If there is not one bias for each map, or the pixel size is not positive.
    """
    if pixel_size_nm is not None:
        if not pixel_size_nm > 0:
            raise StmError(f"the pixel size must be positive, in nm, got {pixel_size_nm:g}")
        layer.metadata[PIXEL_KEY] = (pixel_size_nm, pixel_size_nm)
    if bias_mv is not None:
        bias = np.atleast_1d(np.asarray(bias_mv, dtype=np.float64))
        maps = 1 if layer.ndim == 2 else len(values_of(layer))
        if len(bias) != maps:
            raise StmError(f"the layer {layer.name!r} has {maps} maps and needs as many biases, got {len(bias)}")
        layer.metadata[BIAS_KEY] = bias.tolist()


def layer_stack(layer: Image) -> xr.DataArray:
    """The stack that an image layer shows, ours or another plugin's; what is on the disk stays there.

    Parameters
    ----------
    layer
        An image layer (y, x) or (bias, y, x).

    Raises
    ------
    StmError
        If the layer is no stack of maps, or tells no bias or no pixel size (see :func:`set_scale`).
    """
    values, size, channel, attrs = _content(layer)
    bias = layer_bias_mv(layer)
    if bias is None:
        raise StmError(f"the layer {layer.name!r} does not tell its bias; give that of its first and last map in mV")
    return make_stack(values, bias, size, channel=channel, attrs=attrs)


def layer_image(layer: Image) -> xr.DataArray:
    """The stack, movie or single image that a layer shows: by its biases, else by its times, else (y, x).

    Raises
    ------
    StmError
        If the layer has no pixel size, or three axes and neither biases nor times.
    """
    time_s = layer_time_s(layer)
    if layer_bias_mv(layer) is not None or (time_s is None and layer.ndim != 2):
        return layer_stack(layer)
    values, size, channel, attrs = _content(layer)
    if time_s is None:
        return make_image(values, size, channel=channel, attrs=attrs)
    return make_movie(values, time_s, size, channel=channel, attrs=attrs)


def _content(layer: Image) -> tuple[Any, tuple[float, float], str, dict[str, Any]]:
    """The values of a layer, its pixel size in nm, its channel and its attributes."""
    if getattr(layer, "rgb", False):
        raise StmError(f"the layer {layer.name!r} is a colour picture; choose an image with one value a pixel")
    if layer.ndim not in (2, 3):
        raise StmError(f"the layer {layer.name!r} has {layer.ndim} axes; a stack has (bias, y, x), a map (y, x)")
    size = needed_pixel_size_nm(layer)
    attrs = {"source": layer.name, **layer.metadata.get(ATTRS_KEY, {})}
    attrs.pop("pixel_size_nm", None)  # the layer's own scale may have been corrected since
    channel = str(attrs.pop("channel", layer.name))
    values = values_of(layer)
    return values if hasattr(values, "__dask_graph__") else np.asarray(values), size, channel, attrs


def values_of(layer: Layer) -> Any:
    """The array of a layer, at full resolution."""
    return layer.data[0] if getattr(layer, "multiscale", False) else layer.data


def layer_window(layer: Image, left_out: np.ndarray | None = None) -> ObservationWindow:
    """The pixels of an image that have a value in one of its maps at least, in map nm (see :mod:`.transforms`).

    Parameters
    ----------
    layer
        The image.
    left_out
        Shape (y, x), bool: pixels that do not count either.

    Raises
    ------
    StmError
        If the image's pixel size is not known, it is a colour picture, or nothing was measured.
    """
    size = needed_pixel_size_nm(layer)
    if layer.rgb:
        raise StmError(f"the layer {layer.name!r} is a colour picture; choose an image with one value a pixel")
    values = values_of(layer)
    measured = np.asarray(np.isfinite(values).any(axis=tuple(range(values.ndim - 2))))
    image = make_image(np.where(measured, 1.0, np.nan), size, attrs={"source": layer.name})
    return ObservationWindow.of(image if left_out is None else exclude(image, left_out))


def score_layer(scores: xr.DataArray, image: Layer, **keywords: Any) -> LayerTuple:
    """A score map (y, x), with its coordinates in nm, as an image layer that lies on `image`."""
    values = np.asarray(scores.values, dtype=np.float32)
    look = {"colormap": "inferno", "contrast_limits": robust_limits(values), "blending": "additive", "opacity": 0.6}
    return values, {**placement_of_map(scores, image), **look, **keywords}, "image"


def placement_of_map(values: xr.DataArray, image: Layer) -> dict[str, Any]:
    """Keywords that place a map (y, x), with its coordinates in nm, on `image`.

    A model looks at pixels of its own size where it had to resample, so the map's pixels may be larger or smaller
    than the image's.
    """
    place = placement(image)
    own = needed_pixel_size_nm(image)
    ratio = np.asarray(pixel_size_nm(values)) / np.asarray(own)
    first = np.asarray([values[axis].values[0] for axis in ("y", "x")]) / np.asarray(own)
    place["translate"] = np.asarray(place["translate"]) + np.asarray(place["scale"]) * first
    place["scale"] = np.asarray(place["scale"]) * ratio
    return place


def unwrap_proxy(seen: Any) -> Any:
    """The viewer or layer itself, where napari has passed a widget a proxy of it."""
    return getattr(seen, "__wrapped__", seen)
