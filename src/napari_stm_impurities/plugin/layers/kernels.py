"""What a fit of kernels leaves in the viewer: the kernels with their Fourier transforms, the model and the residual.

Model and residual lie on the image; the kernels stand at its right, a row for each kind, with the real and the
imaginary part of the transform behind them. All of them move with the image's slider. napari uses no units at all once
layers in nm and in 1/nm are together, so a transform has the units of the image, one of which stands for 1/nm: the
names of its axes say so.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from napari.components import ViewerModel
from napari.layers import Image, Layer

from ...kernels.result import Kernels
from .images import BIAS_KEY, DRAWN_KEY, IMAGE_KEY, layer_bias_mv, robust_limits, values_of
from .transforms import PIXEL_KEY, Transform

#: The core is far brighter than the ripples, so the contrast leaves out this share of the values at each end.
CORE_SHARE = 0.02
#: Between two pictures beside the image, as a share of the kernel's width.
GAP_SHARE = 0.1


def show_kernels(viewer: ViewerModel, image: Image, found: Kernels) -> None:
    """Show a fit in place of the last one on the same image.

    Parameters
    ----------
    viewer
        The viewer to which the layers are added, below the points; what is selected stays selected.
    image
        The image that was fitted.
    found
        The fit.
    """
    active = viewer.layers.selection.active
    for layer in kernel_layers(viewer, image):
        viewer.layers.remove(layer)
    at = viewer.layers.index(image) + 1 if image in viewer.layers else len(viewer.layers)
    for layer in [*_on_image(image, found), *_beside_image(image, found)]:
        viewer.layers.insert(at, layer)
    viewer.layers.selection.active = active


def kernel_layers(viewer: ViewerModel, image: Image) -> list[Image]:
    """The layers of the last fit on an image."""
    return [
        layer
        for layer in viewer.layers
        if isinstance(layer, Image) and DRAWN_KEY in layer.metadata and layer.metadata[IMAGE_KEY]() is image
    ]


def _on_image(image: Image, found: Kernels) -> Iterator[Layer]:
    for name, maps in (("residual", found.residual), ("model", found.model)):
        values, front, metadata = _in_order(maps, image)
        place = {
            **front,
            "scale": image.scale,
            "rotate": image.rotate,
            "shear": image.shear,
            "affine": image.affine.affine_matrix,
            "units": image.units,
            "axis_labels": image.axis_labels,
        }
        if PIXEL_KEY in image.metadata:
            metadata[PIXEL_KEY] = image.metadata[PIXEL_KEY]
        limits = robust_limits(values)
        yield Image(
            values, name=f"{name} ({image.name})", metadata=metadata, contrast_limits=limits, visible=False, **place
        )


def _beside_image(image: Image, found: Kernels) -> Iterator[Layer]:
    top, right = _top_right(image)
    pixel = np.asarray(image.scale[-2:])
    q_step = [float(np.diff(found.transform[axis].values[:2])[0]) for axis in ("qy", "qx")]
    height, width = np.abs(pixel) * found.kernels.shape[-2:]
    gap = GAP_SHARE * width
    q_size = np.multiply(q_step, found.transform.shape[-2:])
    row = max(height, float(q_size[0])) + gap
    pictures = (
        ("kernel", found.kernels, pixel, 0.0),
        ("kernel FFT real", found.transform.real, q_step, width + gap),
        ("kernel FFT imaginary", found.transform.imag, q_step, width + 2 * gap + q_size[1]),
    )
    for name, maps, scale, x in pictures:
        labels = ("y", "x") if name == "kernel" else ("qy (1/nm)", "qx (1/nm)")
        for kind in range(len(maps)):
            values, front, metadata = _in_order(maps[kind], image)
            yield Image(
                values,
                name=f"{name}, kind {kind} ({image.name})",
                scale=(*image.scale[:-2], *scale),
                translate=(*front["translate"][:-2], top + kind * row, right + gap + x),
                units=image.units,
                axis_labels=(*image.axis_labels[:-2], *labels),
                contrast_limits=robust_limits(values, CORE_SHARE),
                metadata=metadata,
                visible=name == "kernel",
            )


def _in_order(maps: xr.DataArray, image: Image) -> tuple[np.ndarray, dict[str, Any], dict[str, Any]]:
    """Maps (bias, y, x) in the order of the image's biases, where they begin on its axes, and their metadata.

    A fit leaves out maps below the band bottom, so its maps may begin later than the image's.
    """
    bias = layer_bias_mv(image)
    assert bias is not None  # a fit needs it
    own = maps.bias.values
    number = np.array([int(np.abs(bias - one).argmin()) for one in own])
    order = np.argsort(number)
    metadata = {DRAWN_KEY: True, IMAGE_KEY: weakref.ref(image), BIAS_KEY: own[order].tolist()}
    values = np.asarray(maps.values[order], dtype=np.float32)
    translate = np.array(image.translate, dtype=np.float64)
    if image.ndim == 2:
        return values[0], {"translate": translate}, metadata
    translate[0] += image.scale[0] * number.min()
    return values, {"translate": translate}, metadata


def _top_right(image: Image) -> tuple[float, float]:
    """The canvas position (y, x) of the upper right corner of the box around an image."""
    height, width = values_of(image).shape[-2:]
    corners = np.zeros((4, image.ndim))
    corners[:, -2:] = [(y, x) for y in (-0.5, height - 0.5) for x in (-0.5, width - 0.5)]
    canvas = Transform.of(image).to_canvas(corners)[:, -2:]
    return float(canvas[:, 0].min()), float(canvas[:, 1].max())
