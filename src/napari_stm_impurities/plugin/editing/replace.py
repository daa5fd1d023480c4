"""Giving a points layer other points by code: one step, that can be undone."""

from __future__ import annotations

import pandas as pd
from napari.layers import Layer, Points

from ...analysis.merging import merge_points, review_status_of
from ...data.points import SOURCES, positions_nm
from ..layers.points import feature_defaults, layer_points, points_layer
from ..layers.transforms import Transform
from .history import history_of
from .marking import shown_at
from .state import emit_changed


def put_table(layer: Points, table: pd.DataFrame, what: str, threshold: float = 0.0) -> None:
    """Replace the points of a layer by those of a table, as one step of its history.

    Parameters
    ----------
    layer
        The layer; a table with other columns gives it other features.
    table
        A table of points, in nm as :func:`~napari_stm_impurities.plugin.layers.points.layer_points` gives it.
    what
        The name of the step.
    threshold
        The least confidence of a model's point that is shown.

    Raises
    ------
    StmError
        If the layer has no unit of length and nobody gave its pixel size.
    """
    data = Transform.of(layer).from_nm(positions_nm(table))
    features = table.drop(columns=["y_nm", "x_nm", "y_px", "x_px"]).reset_index(drop=True)
    features["source"] = pd.Categorical(features["source"].astype(str), categories=list(SOURCES))
    if "checked" in features:
        features["checked"] = review_status_of(features)
    with history_of(layer).change(what):
        layer.selected_data = set()
        with layer.events.data.blocker(), layer.events.features.blocker():
            layer.data = data
            layer.features = features
        layer.feature_defaults = feature_defaults(features)
        layer.shown = shown_at(features, threshold)
        emit_changed(layer)


def merge_run(
    layer: Points, found: pd.DataFrame, image: Layer, radius_nm: float, what: str, threshold: float = 0.0
) -> pd.DataFrame:
    """Put the points of a new run into a layer: what the person decided on stays (:func:`merge_points`).

    Parameters
    ----------
    layer
        The layer of an earlier run.
    found
        The table that the new run gave, on the pixels of `image`.
    image
        The image that was searched.
    radius_nm
        What counts as one place.
    what
        The name of the step, such as "find again".
    threshold
        The least confidence of a model's point that is shown.

    Returns
    -------
    pandas.DataFrame
        The merged table.
    """
    data, keywords, kind = points_layer(found, image)
    new = layer_points(Layer.create(data, keywords, kind), hidden=True)
    merged = merge_points(new, layer_points(layer, hidden=True), radius_nm)
    put_table(layer, merged, what, threshold)
    return merged
