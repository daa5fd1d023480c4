"""Coordinate transforms of layers: from a layer's data to the canvas, to nm, and back.

Four coordinates (y, x) occur:

- *data*: what the layer holds; of an image its pixels, the centre of the first one at 0.
- *map nm*: data times the pixel size; the coordinates of a stack, and of the points that are found in it.
- *canvas*: napari's world coordinates, in the units of the layer.
- *canvas nm*: the same in nm; the coordinates in which layers of different units and pixels are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Layer, Shapes

from ...core.errors import StmError
from ...data.geometry import Rectangle

#: The key under which a layer's metadata carries the pixel size (y, x) in nm where its units are no lengths.
PIXEL_KEY = "pixel_size_nm"


def in_unit(unit: Any, wanted: str) -> float | None:
    """The factor from a unit of napari (pint's) to `wanted`, None where they measure different things."""
    return float((1 * unit).to(wanted).magnitude) if unit.is_compatible_with(wanted) else None


def layer_pixel_size_nm(layer: Layer) -> tuple[float, float] | None:
    """The pixel size (y, x) in nm, from the layer's scale and units, else the one that a person gave; None without."""
    factors = [in_unit(unit, "nanometer") for unit in layer.units[-2:]]
    if None in factors:
        given = layer.metadata.get(PIXEL_KEY)
        return None if given is None else (float(given[0]), float(given[1]))
    y, x = (abs(float(scale)) * float(factor or 0) for scale, factor in zip(layer.scale[-2:], factors, strict=True))
    return y, x


def needed_pixel_size_nm(layer: Layer) -> tuple[float, float]:
    """The pixel size (y, x) in nm.

    Raises
    ------
    StmError
        If the layer has no unit of length and nobody gave its pixel size.
    """
    size = layer_pixel_size_nm(layer)
    if size is None:
        raise StmError(f"the layer {layer.name!r} has no unit of length; give its pixel size in nm")
    return size


def placement(image: Layer) -> dict[str, Any]:
    """Keywords that place a two-dimensional layer exactly on the last two axes of `image`."""
    return {
        "scale": image.scale[-2:],
        "translate": image.translate[-2:],
        "rotate": image.rotate[-2:, -2:],
        "shear": image.shear[-1:],
        "affine": image.affine.affine_matrix[-3:, -3:],
        "units": image.units[-2:],
        "axis_labels": image.axis_labels[-2:],
    }


@dataclass(frozen=True, eq=False)
class Transform:
    """The affine transform of one layer, as it is placed now.

    Positions (n, 2) are taken at the first map of a layer with more axes.

    Attributes
    ----------
    matrix, origin
        Shapes (ndim, ndim) and (ndim,): canvas = matrix @ data + origin.
    pixel_size_nm
        (y, x); None where it is not known, and then nothing can be had in nm.
    scale
        (y, x): steps of the canvas along one pixel.
    name
        Of the layer, for messages.
    """

    matrix: np.ndarray
    origin: np.ndarray
    pixel_size_nm: tuple[float, float] | None
    scale: np.ndarray
    name: str

    @classmethod
    def of(cls, layer: Layer) -> Transform:
        """The transform of a layer."""
        origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
        columns = [np.asarray(layer.data_to_world(unit)) - origin for unit in np.eye(layer.ndim)]
        return cls(
            np.stack(columns, axis=1), origin, layer_pixel_size_nm(layer), np.abs(layer.scale[-2:]), str(layer.name)
        )

    def to_canvas(self, data: np.ndarray) -> np.ndarray:
        """Data (n, ndim) on the canvas (n, ndim)."""
        return np.asarray(np.asarray(data, dtype=np.float64) @ self.matrix.T + self.origin)

    def from_canvas(self, canvas: np.ndarray) -> np.ndarray:
        """Positions on the canvas, (n, ndim) or (n, 2), as data (n, ndim)."""
        full = np.tile(self.origin, (len(canvas), 1))
        n_axes = min(full.shape[1], np.shape(canvas)[1])
        full[:, -n_axes:] = np.asarray(canvas)[:, -n_axes:]
        return np.linalg.solve(self.matrix, (full - self.origin).T).T

    def to_nm(self, data: np.ndarray) -> np.ndarray:
        """Data (n, ndim) as canvas nm (n, 2)."""
        return self.to_canvas(data)[:, -2:] * self.nm_per_canvas

    def from_nm(self, yx_nm: np.ndarray) -> np.ndarray:
        """Canvas nm (n, 2) as data (n, ndim)."""
        return self.from_canvas(np.asarray(yx_nm, dtype=np.float64) / self.nm_per_canvas)

    def to_map_nm(self, data: np.ndarray) -> np.ndarray:
        """Data (n, ndim) as map nm (n, 2)."""
        return np.asarray(data, dtype=np.float64)[:, -2:] * self._size_nm

    def from_map_nm(self, yx_nm: np.ndarray) -> np.ndarray:
        """Map nm (n, 2) as data (n, ndim)."""
        data = np.zeros((len(yx_nm), len(self.origin)))
        data[:, -2:] = np.asarray(yx_nm, dtype=np.float64) / self._size_nm
        return data

    @property
    def nm_per_canvas(self) -> np.ndarray:
        """How many nm one step of the canvas is, (y, x)."""
        return self._size_nm / self.scale

    @property
    def _size_nm(self) -> np.ndarray:
        if self.pixel_size_nm is None:
            raise StmError(f"the layer {self.name!r} has no unit of length; give its pixel size in nm")
        return np.asarray(self.pixel_size_nm)


def region_on(image: Image, layer: Shapes) -> Rectangle:
    """The box around the one shape of a layer, or around the selected one, in map nm of an image.

    Parameters
    ----------
    image
        The image; its pixel size is known.
    layer
        A shapes layer. One without a unit of length lies where napari draws it.

    Returns
    -------
    tuple of float
        (y from, y to, x from, x to) in nm from the centre of the image's first pixel.

    Raises
    ------
    StmError
        If there is no shape, or several and not one selected; or the image's pixel size is not known.
    """
    needed_pixel_size_nm(image)
    chosen = sorted(layer.selected_data) if len(layer.data) > 1 else range(len(layer.data))
    if len(chosen) != 1:
        needed = "select the one that is the region" if len(layer.data) else "draw a rectangle around the region"
        raise StmError(f"the layer {layer.name!r} has {len(layer.data)} shapes; {needed}, or choose no region")
    shape, shapes, maps = np.asarray(layer.data[chosen[0]]), Transform.of(layer), Transform.of(image)
    if shapes.pixel_size_nm is None:
        pixels = maps.from_canvas(shapes.to_canvas(shape)[:, -2:])
    else:
        pixels = maps.from_nm(shapes.to_nm(shape))
    corners = maps.to_map_nm(pixels)
    (y_from, x_from), (y_to, x_to) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return y_from, y_to, x_from, x_to
