"""The three kinds of image: a stack of maps over the bias, a movie over time, and a single image.

All three are :class:`xarray.DataArray` in float32 with the pixel centres ``y`` and ``x`` in nm from the first pixel,
and NaN where nothing was measured. A stack or a movie has one more dimension in front, which ascends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from ..core.arguments import finite_numbers, pixel_sizes, real_array, value_text
from ..core.errors import StmError

#: How far a pixel may lie from where even steps would put it, in pixels: coordinates in float32 are as uneven.
_UNEVEN_PX = 0.1


@dataclass(frozen=True)
class ImageSchema:
    """The schema of one kind of image: :meth:`parse` makes an image, :meth:`validate` checks one.

    Attributes
    ----------
    name
        Its name in messages.
    axis, axis_unit
        The dimension in front of y and x, and the unit of its coordinate; empty where there is none.
    axis_noun
        The plural of one value of that coordinate, for messages.
    """

    name: str
    axis: str = ""
    axis_unit: str = ""
    axis_noun: str = ""

    @property
    def dims(self) -> tuple[str, ...]:
        """The dimensions in their order."""
        return (self.axis, "y", "x") if self.axis else ("y", "x")

    def parse(
        self,
        data: ArrayLike,
        along: ArrayLike | None,
        pixel_size_nm: float | Sequence[float],
        *,
        channel: str = "",
        units: str = "",
        attrs: Mapping[str, Any] | None = None,
    ) -> xr.DataArray:
        """The image of this kind, made from a plain array.

        Parameters
        ----------
        data
            Shape (axis, y, x); (y, x) for a single map. NaN where nothing was measured. A dask array stays one.
        along
            One value of the axis for each map, in any order; the maps are sorted with it. None for an image.
        pixel_size_nm
            One number, or (y, x), in nm.
        channel, units
            What was measured, and in which unit.
        attrs
            Further attributes, such as ``source``.

        Raises
        ------
        StmError
            If the shapes do not fit, a value of the axis occurs twice or is not finite, or the pixel size is not
            positive.
        """
        lazy = hasattr(data, "__dask_graph__")
        values: Any = data if lazy else real_array(data, f"a {self.name}")
        if values.dtype.kind not in "fiub":
            raise StmError(f"a {self.name} holds real numbers, got an array of {values.dtype}")
        if self.axis and values.ndim == 2:
            values = values[None]
        if values.ndim != len(self.dims):
            raise StmError(
                f"a {self.name} has the shape ({', '.join(self.dims)}), got an array of shape {values.shape}"
            )
        if 0 in values.shape:
            raise StmError(f"a {self.name} holds one pixel at least, got an array of shape {values.shape}")
        step = pixel_sizes(pixel_size_nm)
        coordinates: dict[str, Any] = {}
        if self.axis:
            order, ascending = self._axis(along, len(values))
            coordinates[self.axis] = (self.axis, ascending, {"units": self.axis_unit})
            values = values if np.array_equal(order, np.arange(len(order))) else values[order]
        for size, dim, n in zip(step, ("y", "x"), values.shape[-2:], strict=True):
            coordinates[dim] = (dim, np.arange(n) * size, {"units": "nm"})
        return xr.DataArray(
            values.astype(np.float32) if lazy else np.ascontiguousarray(values, dtype=np.float32),
            dims=self.dims,
            coords=coordinates,
            name=channel,
            attrs={
                "channel": channel,
                "units": units,
                "history": [],
                # also an attribute, because the coordinate of one row or one column alone does not contain its width
                "pixel_size_nm": list(step),
                **(attrs or {}),
            },
        )

    def validate(self, image: xr.DataArray) -> xr.DataArray:
        """The same image, if it is of this kind.

        Raises
        ------
        StmError
            If it has other dimensions, or its axis does not ascend.
        """
        if not isinstance(image, xr.DataArray) or image.dims != self.dims:
            found = image.dims if isinstance(image, xr.DataArray) else value_text(image)
            raise StmError(
                f"expected {self._article} {self.name} with the dimensions ({', '.join(self.dims)}), got {found};"
                f" make one with make_{self.name}"
            )
        name = image.attrs.get("source", f"the {self.name}")
        if image.dtype.kind not in "fiub":
            raise StmError(f"{name}: {self._article} {self.name} holds real numbers, got an array of {image.dtype}")
        if 0 in image.shape:
            raise StmError(f"{name}: {self._article} {self.name} holds one pixel at least, got the shape {image.shape}")
        for dim in self.dims:
            self._check_coordinate(image, dim, name)
        return image

    @property
    def _article(self) -> str:
        return "an" if self.name[0] in "aeiou" else "a"

    def _check_coordinate(self, image: xr.DataArray, dim: str, name: str) -> None:
        # xarray uses 0, 1, 2, ... for an absent coordinate, which would be taken as mV, s or nm
        unit = self.axis_unit if dim == self.axis else "nm"
        if dim not in image.coords:
            raise StmError(f"{name}: the coordinate {dim} (in {unit}) is missing; make it with make_{self.name}")
        at = finite_numbers(image[dim].values, f"{name}: the coordinate {dim}")
        if image[dim].attrs.get("units", unit) != unit:
            raise StmError(
                f"{name}: the coordinate {dim} must be in {unit}, got {value_text(image[dim].attrs['units'])}"
            )
        if dim == self.axis:
            if np.any(np.diff(at) <= 0):
                raise StmError(
                    f"{name}: the {dim} must ascend; sort the {self.name} first, as in {self.name}.sortby({dim!r})"
                )
            return
        if len(at) == 1:
            return
        step = (at[-1] - at[0]) / (len(at) - 1)
        if step <= 0 or np.abs(at - at[0] - step * np.arange(len(at))).max() > _UNEVEN_PX * step:
            raise StmError(
                f"{name}: the coordinate {dim} must ascend in even steps, in nm; make it with make_{self.name}"
            )

    def _axis(self, along: ArrayLike | None, n_maps: int) -> tuple[np.ndarray, np.ndarray]:
        """The order of the maps, and the axis in that order."""
        axis_values = finite_numbers(
            [] if along is None else along,
            f"{self.axis}_{self.axis_unit.lower()} (one number in {self.axis_unit} for each map)",
        )
        if len(axis_values) != n_maps:
            raise StmError(f"{n_maps} maps need {n_maps} {self.axis_noun} ({self.axis_unit}), got {len(axis_values)}")
        order = np.argsort(axis_values, kind="stable")
        ascending = axis_values[order]
        repeated = ascending[1:][np.diff(ascending) <= 0]
        if len(repeated):
            raise StmError(
                f"the {self.axis} {repeated[0]:g} {self.axis_unit} occurs more than once; average or drop the repeated"
                " maps first"
            )
        return order, ascending


STACK = ImageSchema("stack", "bias", "mV", "biases")
MOVIE = ImageSchema("movie", "time", "s", "times")
IMAGE = ImageSchema("image")

#: Every kind of image.
SCHEMAS = (STACK, MOVIE, IMAGE)


def schema_of(image: xr.DataArray) -> ImageSchema:
    """The kind of an image, by its dimensions.

    Raises
    ------
    StmError
        If it is of no known kind.

    Examples
    --------
    >>> schema_of(make_image([[0.0, 1.0]], 0.5)).name
    'image'
    """
    for schema in SCHEMAS:
        if isinstance(image, xr.DataArray) and image.dims == schema.dims:
            return schema
    found = getattr(image, "dims", type(image).__name__)
    kinds = ", ".join(f"{schema.name} ({', '.join(schema.dims)})" for schema in SCHEMAS)
    raise StmError(f"expected one of {kinds}, got {found}")


def make_movie(
    data: ArrayLike,
    time_s: ArrayLike,
    pixel_size_nm: float | Sequence[float],
    *,
    channel: str = "intensity",
    units: str = "",
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """The movie with dimensions (time, y, x), made from a plain array.

    Parameters
    ----------
    data
        Shape (time, y, x). NaN where nothing was measured.
    time_s
        One time a frame in s, in any order; the frames are sorted with it.
    pixel_size_nm
        One number, or (y, x), in nm.
    channel, units
        What was measured, and in which unit.
    attrs
        Further attributes, such as ``source``.

    Raises
    ------
    StmError
        If the shapes do not fit, a time occurs twice or is not finite, or the pixel size is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> movie = make_movie(np.zeros((2, 16, 20)), time_s=[1.0, 0.0], pixel_size_nm=0.1)
    >>> movie.dims, [float(t) for t in movie.time]
    (('time', 'y', 'x'), [0.0, 1.0])
    """
    return MOVIE.parse(data, time_s, pixel_size_nm, channel=channel, units=units, attrs=attrs)


def make_image(
    data: ArrayLike,
    pixel_size_nm: float | Sequence[float],
    *,
    channel: str = "intensity",
    units: str = "",
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """The image with dimensions (y, x), made from a plain array.

    Parameters
    ----------
    data
        Shape (y, x). NaN where nothing was measured.
    pixel_size_nm
        One number, or (y, x), in nm.
    channel, units
        What was measured, and in which unit.
    attrs
        Further attributes, such as ``source``.

    Raises
    ------
    StmError
        If the array is not two-dimensional, or the pixel size is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> make_image(np.zeros((16, 20)), pixel_size_nm=(0.1, 0.2)).sizes["x"]
    20
    """
    return IMAGE.parse(data, None, pixel_size_nm, channel=channel, units=units, attrs=attrs)
