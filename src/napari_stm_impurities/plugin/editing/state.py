"""The state of a points layer as a value: taken, and put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Points
from napari.layers.base import ActionType

from ..layers.images import THRESHOLD_KEY
from .marking import shown_at

#: What each point of a layer has of its own besides its features; the colours only where they follow no feature.
_LOOKS = ("size", "symbol", "border_width")
_COLOURS = ("border_color", "face_color")


@dataclass(frozen=True, eq=False)
class PointsState:
    """Everything of a points layer that an edit can change; the arrays are never written to.

    Attributes
    ----------
    data
        Shape (n, ndim), in data coordinates.
    columns
        The features, by name, one value a point.
    shown
        Shape (n,), bool.
    looks
        Size, symbol and border width, and the colours that follow no feature: an array with one entry a point, or
        with a single one that holds for all.
    """

    data: np.ndarray
    columns: dict[str, pd.Series[Any]]
    shown: np.ndarray
    looks: dict[str, np.ndarray]

    @property
    def features(self) -> pd.DataFrame:
        """The features, a row a point."""
        return pd.DataFrame(self.columns, index=range(len(self.data)))


def take_state(layer: Points, before: PointsState | None = None) -> PointsState:
    """The state of a layer now.

    Parameters
    ----------
    layer
        Any points layer.
    before
        An earlier state: what has not changed since is shared with it.
    """
    data = np.array(layer.data)  # napari writes into it while a point is dragged
    shown = np.array(layer.shown, dtype=bool)
    if before is not None:
        data, shown = _shared(data, before.data), _shared(shown, before.shown)
    looks: dict[str, np.ndarray] = {}
    for name in (*_LOOKS, *_own_colours(layer)):
        value = np.asarray(getattr(layer, name))
        # most layers have one look for all points
        alike = value[:1].copy() if len(value) and bool(np.all(value == value[:1])) else value.copy()
        looks[name] = alike if before is None or name not in before.looks else _shared(alike, before.looks[name])
    # pandas copies a column when somebody writes into the table that it is of
    columns = {str(name): column for name, column in layer.features.items()}
    for name, old in before.columns.items() if before is not None else ():
        if name in columns and columns[name].equals(old):
            columns[name] = old
    return PointsState(data, columns, shown, looks)


def put_state(layer: Points, state: PointsState) -> None:
    """Give a layer an earlier state; whoever listens to the layer hears of it once, when all of it is there.

    Where a threshold on the confidence shows and hides the points, it goes on doing so from where it stands now.
    """
    threshold = layer.metadata.get(THRESHOLD_KEY)
    features = state.features
    shown = state.shown if threshold is None else shown_at(features, threshold)
    mode = layer.mode
    layer.selected_data = set()
    with layer.events.data.blocker(), layer.events.features.blocker(), layer.events.properties.blocker():
        layer.data = state.data.copy()
        layer.features = features
        for name, value in state.looks.items() if len(state.data) else ():
            _set(layer, name, np.repeat(value, len(state.data), axis=0) if len(value) == 1 else value.copy())
        _set(layer, "shown", shown)
    layer.mode = mode
    emit_changed(layer)


def emit_changed(layer: Points) -> None:
    """Tell whoever listens that data and features of a layer have changed."""
    everything: dict[str, Any] = {"data_indices": tuple(range(len(layer.data))), "vertex_indices": ((),)}
    layer.events.data(value=layer.data, action=ActionType.CHANGED, **everything)
    layer.events.properties()
    layer.events.features()


def _set(layer: Points, name: str, value: np.ndarray) -> None:
    """Set what has changed only: napari draws all points anew for each of them."""
    if not np.array_equal(getattr(layer, name), value):
        setattr(layer, name, value)


def _own_colours(layer: Points) -> list[str]:
    return [name for name in _COLOURS if str(getattr(layer, f"{name}_mode")) == "direct"]


def _shared(value: np.ndarray, before: np.ndarray) -> np.ndarray:
    same = value.shape == before.shape and value.dtype == before.dtype and bool(np.all(value == before))
    return before if same else value
