"""The table in which the points of a layer are kept while they are edited: all of them, with what is hidden."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from napari.layers import Layer, Points

from ...io.tables import save_points
from ..layers.images import LayerTuple
from ..layers.points import layer_points, points_layer
from ..layers.transforms import Transform, layer_pixel_size_nm

#: The column that tells which points were shown.
_SHOWN = "shown"


def kept_table(layer: Points, parent: Layer | None) -> pd.DataFrame:
    """Everything that is needed to give a layer's points back.

    Parameters
    ----------
    layer
        Any points layer. Where it has no unit of length, a pixel of it stands for a nanometre.
    ground
        What it belongs to: the positions in pixels are those of this layer.
    """
    if layer_pixel_size_nm(layer) is None:
        bare = Points(np.asarray(layer.data)[:, -2:], features=layer.features, units=("nanometer", "nanometer"))
        table = layer_points(bare, hidden=True)
    else:
        table = layer_points(layer, hidden=True)
    if parent is not None and parent is not layer:
        canvas = Transform.of(layer).to_canvas(layer.data)
        table[["y_px", "x_px"]] = Transform.of(parent).from_canvas(canvas[:, -2:])[:, -2:]
    return table.assign(**{_SHOWN: np.asarray(layer.shown, dtype=bool)})


def kept_layer(table: pd.DataFrame, parent: Layer, name: str) -> LayerTuple:
    """The points of such a table as a layer that lies where they lay."""
    shown = table[_SHOWN].to_numpy(dtype=bool) if _SHOWN in table else np.ones(len(table), dtype=bool)
    table = table.drop(columns=_SHOWN, errors="ignore")
    kind = str(table["source"].mode().iloc[0]) if len(table) else "manual"
    image = None if isinstance(parent, Points) else parent
    return points_layer(table, image, kind=kind, name=name, shown=shown)


def write_table(table: pd.DataFrame, path: Path) -> Path:
    """Write such a table; the folder is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return save_points(table, path)
