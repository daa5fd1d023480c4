"""Merging of a new run into a corrected table of points, so that no correction of the user is lost.

The corrections in a table are its manual points, and its column ``checked``, the review status of the model's points:
one of :data:`REVIEW_STATUSES`. A table without that column holds no accepted and no rejected point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..core.arguments import number
from ..data.points import SOURCES, check_points, positions_nm, with_columns_of
from .comparison import match

#: The review status of a model's point. A rejected point is hidden, and is in no table that is saved or compared.
REVIEW_STATUSES = ("unchecked", "accepted", "rejected")
#: The dtype of the column ``checked``.
REVIEW_STATUS = pd.CategoricalDtype(list(REVIEW_STATUSES))


def review_status_of(points: pd.DataFrame) -> pd.Series[Any]:
    """The column ``checked`` of a table, or of the features of a layer; all unchecked where there is none.

    Examples
    --------
    >>> review_status_of(pd.DataFrame({"checked": ["accepted", "rejected", "what?", None]})).tolist()
    ['accepted', 'rejected', 'unchecked', 'unchecked']
    """
    if "checked" not in points:
        unchecked = pd.Categorical.from_codes(np.zeros(len(points), np.int8), dtype=REVIEW_STATUS)
        return pd.Series(unchecked, index=points.index, name="checked")
    status = points["checked"]
    if status.dtype != REVIEW_STATUS:  # read from a file, or napari dropped the categories
        status = status.astype(object).where(status.isin(REVIEW_STATUSES), REVIEW_STATUSES[0]).astype(REVIEW_STATUS)
    return status.fillna(REVIEW_STATUSES[0])


def decided(points: pd.DataFrame) -> np.ndarray:
    """The mask of the points that the user has decided on, shape (n,): manual, accepted or rejected."""
    return ((points["source"] == "manual") | (review_status_of(points) != "unchecked")).to_numpy(dtype=bool)


def merge_points(new: pd.DataFrame, kept: pd.DataFrame, radius_nm: float) -> pd.DataFrame:
    """The points of a new run, merged into a table that the user has corrected.

    Parameters
    ----------
    new
        The table of points of the new run.
    kept
        The corrected table, with its rejected points; its undecided points are replaced by `new`.
    radius_nm
        Two points at most this far apart are the same point; they are matched one to one.

    Returns
    -------
    pandas.DataFrame
        The table with the column ``checked``: first the new points, in their order, then those kept. A manual or an
        accepted point keeps its position, and the new point that matches it is dropped. A new point that matches a
        rejected one is rejected. Every other point with a decision is kept.

    Raises
    ------
    StmError
        If one of the two is no table of points, or the radius is not positive.

    Examples
    --------
    >>> from napari_stm_impurities.data.points import make_points
    >>> new = make_points([[1.0, 1.0], [5.0, 5.0]], (1, 1), source="model", confidence=[0.9, 0.8])
    >>> kept = make_points([[1.2, 1.0], [8.0, 8.0]], (1, 1), source="manual")
    >>> merged = merge_points(new, kept, radius_nm=0.5)
    >>> merged[["y_nm", "source"]].astype(str).values.tolist()
    [['5.0', 'model'], ['1.2', 'manual'], ['8.0', 'manual']]
    """
    radius_nm = number(radius_nm, "the matching radius", "nm", above=0)
    check_points(new)
    decided_points = check_points(kept)[decided(kept)].reset_index(drop=True)
    new, decided_points = (
        table.assign(checked=review_status_of(table)) for table in (new.reset_index(drop=True), decided_points)
    )
    of_new, of_kept, _ = match(positions_nm(new), positions_nm(decided_points), radius_nm)
    rejected = (decided_points["checked"] == "rejected").to_numpy()[of_kept]
    status = new["checked"].copy()
    status.iloc[of_new[rejected]] = "rejected"
    new = new.assign(checked=status).drop(index=of_new[~rejected])
    decided_points = decided_points.drop(index=of_kept[rejected])
    merged = pd.concat([with_columns_of(new, decided_points), with_columns_of(decided_points, new)], ignore_index=True)
    merged["source"] = pd.Categorical(merged["source"].astype(str), categories=list(SOURCES))
    return merged
