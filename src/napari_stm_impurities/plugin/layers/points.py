"""Tables of points as napari layers, and back.

Points hold for every bias, so they are two-dimensional, kept in pixels of their image and placed with the
image's own transform: they lie on it exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Image, Layer, Points

from ...analysis.merging import REVIEW_STATUSES, review_status_of
from ...data.points import COLUMNS, SOURCES, check_points, make_points, missing_value, nullable_column, pixel_size_of
from .images import LayerTuple, set_scale, values_of
from .transforms import PIXEL_KEY, Transform, layer_pixel_size_nm, needed_pixel_size_nm, placement

#: Border and face of a point: Fig. 3 of Wang et al. 2020 draws red squares over black dots.
BORDER_COLOURS = {"model": "red", "manual": "orange", "reference": "white", "kernel residual": "cyan"}
FACE_COLOURS = {
    "model": "transparent",
    "manual": "transparent",
    "reference": "black",
    "kernel residual": "transparent",
}
SYMBOLS = {"model": "square", "manual": "square", "reference": "disc", "kernel residual": "ring"}


def points_layer(
    points: pd.DataFrame,
    image: Layer | None = None,
    *,
    kind: str = "model",
    **keywords: Any,
) -> LayerTuple:
    """A table of points as a points layer.

    Parameters
    ----------
    points
        A table of points.
    image
        The image on which the points were found: its transform places them by their pixel positions.
        Without one they are placed by their positions in nm.
    kind
        The source of the points, one of :data:`~napari_stm_impurities.data.points.SOURCES`: it sets how they look. A
        point that a person adds is ``manual``.
    **keywords
        Passed on to the layer, such as ``name``.
    """
    check_points(points)
    # napari writes into it when a point is dragged, and pandas may lend an array that is read only
    yx = points[["y_px", "x_px"]].to_numpy(dtype=np.float64, copy=True)
    if image is None or not np.isfinite(yx).all():
        scale = pixel_size_of(points) or (1.0, 1.0)
        yx = points[["y_nm", "x_nm"]].to_numpy(dtype=np.float64) / scale
        place: dict[str, Any] = {"scale": scale, "units": ("nanometer", "nanometer"), "axis_labels": ("y", "x")}
    else:
        place = placement(image)
        if PIXEL_KEY in image.metadata:
            place["metadata"] = {PIXEL_KEY: image.metadata[PIXEL_KEY]}
    features = points.drop(columns=list(COLUMNS[:4])).reset_index(drop=True)
    for name in features.columns:
        if features[name].dtype.kind in "iub":  # a point that a person adds has no such value
            features[name] = nullable_column(features[name])
    features["source"] = pd.Categorical(features["source"].astype(str), categories=list(SOURCES))
    if "checked" in features:
        features["checked"] = review_status_of(features)
    side = max(20.0, *np.ptp([*yx, (0, 0)], axis=0)) if image is None else max(values_of(image).shape[-2:])
    return (
        yx,
        {
            **place,
            "features": features,
            "feature_defaults": feature_defaults(features),
            "symbol": SYMBOLS[kind],
            "size": (1.5 + side / 80) * (0.8 if kind == "reference" else 1.2),
            "border_width": 0.12,
            "border_color": "source",
            "border_color_cycle": BORDER_COLOURS,
            "face_color": FACE_COLOURS[kind],
            **keywords,
        },
        "points",
    )


def feature_defaults(features: pd.DataFrame) -> dict[str, Any]:
    """What a point that a person adds has in each feature."""
    return {name: _default_of(features[name]) for name in features.columns}


def _default_of(feature: pd.Series[Any]) -> Any:
    """What a point that a person adds has in this feature: no number, and the source ``manual``."""
    if feature.name == "source":
        return "manual"
    if feature.name == "checked":
        return REVIEW_STATUSES[0]
    return missing_value(feature)


def layer_points(layer: Points, *, hidden: bool = False) -> pd.DataFrame:
    """The table of the points that a layer shows, ours or another plugin's.

    The positions in nm are canvas nm (see :mod:`.transforms`). What another plugin's layer does not know is
    filled: no score, no confidence, source ``manual``.

    Parameters
    ----------
    layer
        Any points layer.
    hidden
        Whether the points that are hidden, and those that a person rejected, are in it too.

    Raises
    ------
    StmError
        If the layer has no unit of length and nobody gave its pixel size (see :func:`set_scale`).
    """
    transform = Transform.of(layer)
    shown = np.ones(len(layer.data), dtype=bool) if hidden else visible_mask(layer)
    data = np.asarray(layer.data, dtype=np.float64)[shown]
    table = make_points(data[:, -2:], (1.0, 1.0), source="manual")
    table[["y_nm", "x_nm"]] = transform.to_nm(data)
    features = layer.features[shown].reset_index(drop=True)
    for name in features.columns:
        if name == "source":
            known = features[name].astype(object).where(features[name].isin(SOURCES), "manual")
            table[name] = pd.Categorical(known, categories=list(SOURCES))
        elif name not in COLUMNS[:4]:
            table[name] = features[name]
    if "checked" in table:
        table["checked"] = review_status_of(table)
    return check_points(table)


def points_on(image: Image, layer: Points, *, rejected: bool = False) -> pd.DataFrame:
    """The table of the points of a layer, in the coordinates of the stack that an image shows.

    Parameters
    ----------
    image
        The image; its pixel size is known.
    layer
        A points layer, ours or another plugin's. One without a unit of length is in pixels of the image's size.
    rejected
        Whether the points that a person rejected are in it too.

    Returns
    -------
    pandas.DataFrame
        Positions in nm from the centre of the image's first pixel, and in its pixels. Hidden points are left out.

    Raises
    ------
    StmError
        If the image's pixel size is not known.
    """
    size = needed_pixel_size_nm(image)
    if layer_pixel_size_nm(layer) is None:
        set_scale(layer, pixel_size_nm=float(np.mean(size)))
    keep = visible_mask(layer)
    if rejected:
        keep |= (review_status_of(layer.features) == "rejected").to_numpy()
    table = layer_points(layer, hidden=True)[keep].reset_index(drop=True)
    maps = Transform.of(image)
    pixels = maps.from_nm(table[["y_nm", "x_nm"]].to_numpy(dtype=np.float64))
    table[["y_px", "x_px"]], table[["y_nm", "x_nm"]] = pixels[:, -2:], maps.to_map_nm(pixels)
    return table


def visible_mask(layer: Points) -> np.ndarray:
    """Which points of a layer count, shape (n,), bool: those that are shown, and that nobody rejected."""
    return np.asarray(layer.shown, dtype=bool) & (review_status_of(layer.features) != "rejected").to_numpy()
