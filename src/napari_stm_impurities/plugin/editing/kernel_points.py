"""What a fit of kernels says of points, and what a person does with it: drop suspects, take refined positions.

The columns of the fit go into the features of the points, which keep their places. Faces are coloured by kind, faint
where the kind is not sure; a point that explains little is a cross. Each of it is one step that can be undone.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from napari.components import ViewerModel
from napari.layers import Image, Points

from ...analysis.merging import review_status_of
from ...core.errors import StmError
from ...data.points import missing_value, nullable_column
from ...plots.kernels import kind_colour
from ..layers.points import SYMBOLS, feature_defaults
from ..layers.transforms import Transform
from .actions import Action
from .history import history_of, n_points_text
from .marking import mark_manual, reject
from .state import emit_changed

#: The columns that a fit adds to its points.
COLUMNS = (
    "kind",
    "kind_confidence",
    "amplitude",
    "amplitude_sigma",
    "phase_rad",
    "phase_sigma_rad",
    "y_refined_nm",
    "x_refined_nm",
    "position_sigma_nm",
    "explains_sigma",
    "suspect",
)
#: The key under which the metadata of points carries the image in whose map nm the refined positions are.
FITTED_KEY = "fitted_image"
#: A suspect is drawn so.
SUSPECT_SYMBOL = "x"
#: The face of a point of the least sure kind is still so opaque.
LEAST_OPACITY = 0.25


def put_fit(layer: Points, rows: np.ndarray, fitted: pd.DataFrame, image: Image) -> None:
    """Give points the columns of a fit, as one step of their history.

    Parameters
    ----------
    layer
        The layer of the points.
    rows
        The rows of the layer that were fitted, in the order of `fitted`.
    fitted
        The table of points of the fit.
    image
        The image that was fitted.
    """
    with history_of(layer).change("fit kernels"):
        features = layer.features.copy()
        for name in COLUMNS:
            features[name] = _spread(fitted[name], rows, len(features))
        face, symbol = np.array(layer.face_color), np.asarray(layer.symbol).astype(object)
        face[rows] = [_face(kind, sure) for kind, sure in zip(fitted["kind"], fitted["kind_confidence"], strict=True)]
        usual = next((one for one in symbol if str(one) != SUSPECT_SYMBOL), SYMBOLS["manual"])
        symbol[rows] = [SUSPECT_SYMBOL if suspect else usual for suspect in fitted["suspect"]]
        with layer.events.data.blocker(), layer.events.features.blocker():
            layer.features = features
            layer.feature_defaults = feature_defaults(features)
            layer.face_color, layer.symbol = face, symbol
        emit_changed(layer)
    layer.metadata[FITTED_KEY] = weakref.ref(image)


def drop_suspects(layer: Points) -> int:
    """Reject the shown suspects that nobody has accepted, as one step, and say how many.

    Raises
    ------
    StmError
        If there is none.
    """
    suspect = layer.features.get("suspect")
    if suspect is None:
        raise StmError("these points were not fitted yet; press Fit kernels first")
    open_to_question = (review_status_of(layer.features) == "unchecked").to_numpy()
    rows = np.flatnonzero(suspect.fillna(False).to_numpy(dtype=bool) & np.asarray(layer.shown) & open_to_question)
    if not len(rows):
        raise StmError("no suspect is left among the points that are shown and not accepted")
    with history_of(layer).change(f"drop {len(rows)} suspects" if len(rows) > 1 else "drop 1 suspect"):
        reject(layer, rows.tolist())
    return len(rows)


def take_refined(layer: Points, rows: Collection[int]) -> int:
    """Move points to their refined positions, as one step, and say how many moved; they are marked manual.

    Raises
    ------
    StmError
        If there is no refined position, the fitted image is gone, or none of them would move.
    """
    image = layer.metadata.get(FITTED_KEY, lambda: None)()
    if image is None or "y_refined_nm" not in layer.features:
        raise StmError("there are no refined positions of these points; press Fit kernels first")
    yx_nm = layer.features[["y_refined_nm", "x_refined_nm"]].to_numpy(dtype=np.float64)
    maps = Transform.of(image)
    refined = Transform.of(layer).from_nm(maps.to_nm(maps.from_map_nm(yx_nm)))
    before = np.asarray(layer.data, dtype=np.float64)
    chosen = np.zeros(len(before), dtype=bool)
    chosen[list(rows)] = True
    # the way through nm and back costs some digits
    moved = chosen & np.isfinite(yx_nm).all(axis=1) & ~np.isclose(refined, before, rtol=0, atol=1e-9).all(axis=1)
    n = int(moved.sum())
    if not n:
        raise StmError("these points are at their refined positions, or have none")
    with history_of(layer).change(f"take {n} refined positions" if n > 1 else "take 1 refined position"):
        with layer.events.data.blocker(), layer.events.features.blocker():
            layer.data = np.where(moved[:, None], refined, before)
            mark_manual(layer, np.flatnonzero(moved))
        emit_changed(layer)
    return n


def _drop(_viewer: ViewerModel, layer: Points) -> str:
    n = drop_suspects(layer)
    return f"{n_points_text(n)} dropped; they are rejected, and Undo brings them back"


def _take(_viewer: ViewerModel, layer: Points) -> str:
    shown = np.flatnonzero(layer.shown).tolist()
    chosen = sorted(layer.selected_data & set(shown))
    return f"{n_points_text(take_refined(layer, chosen or shown))} moved to refined positions"


DROP = Action(
    "Drop suspects",
    ("D",),
    "Reject all points that explain little of the maps (crosses), but for those that you have accepted",
    _drop,
)
TAKE = Action(
    "Take refined positions",
    ("T",),
    "Move the chosen points, or all where none is chosen, to where they fit the maps best; they are marked manual",
    _take,
)


def _spread(values: pd.Series[Any], rows: np.ndarray, n: int) -> pd.Series[Any]:
    """A column of n points with these values at some rows, and no value elsewhere."""
    column = nullable_column(values)
    spread = pd.Series([missing_value(column)] * n, dtype=column.dtype)
    spread.iloc[rows] = column.to_numpy()
    return spread


def _face(kind: int, sure: float) -> tuple[float, float, float, float]:
    opacity = 1.0 if np.isnan(sure) else max(LEAST_OPACITY, float(sure))
    return to_rgba(kind_colour(int(kind)), opacity)
