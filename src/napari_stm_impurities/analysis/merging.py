"""A new run meets what a person has corrected: nothing that the person decided is lost.

A person's decisions in a table of points are its manual points, and what its column ``checked`` says of the model's
points: one of :data:`REVIEW_STATUSES`. A table without that column holds nothing that was accepted or rejected.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..core.arguments import number
from ..data.points import SOURCES, check_points, positions_nm, with_columns_of
from .comparison import match

#: What a person said of a model's point. A rejected one is hidden, and is in no table that is saved or compared.
REVIEW_STATUSES = ("unchecked", "accepted", "rejected")
#: How the column is kept.
REVIEW_STATUS = pd.CategoricalDtype(list(REVIEW_STATUSES))


def review_status_of(points: pd.DataFrame) -> pd.Series[Any]:
    """The column ``checked`` of a table, or of the features of a layer; all unchecked where there is none.

    Examples
    --------
    >>> review_status_of(pd.DataFrame({"checked": ["accepted", "rejected", "what?", None]})).tolist()
    ['accepted', 'rejected', 'unchecked', 'unchecked']
    """
    if "checked" not in points:
        none = pd.Categorical.from_codes(np.zeros(len(points), np.int8), dtype=REVIEW_STATUS)
        return pd.Series(none, index=points.index, name="checked")
    told = points["checked"]
    if told.dtype != REVIEW_STATUS:  # it was read from a file, or napari forgot the categories
        told = told.astype(object).where(told.isin(REVIEW_STATUSES), REVIEW_STATUSES[0]).astype(REVIEW_STATUS)
    return told.fillna(REVIEW_STATUSES[0])


def decided(points: pd.DataFrame) -> np.ndarray:
    """Which points a person has decided on, shape (n,): the manual, the accepted and the rejected ones."""
    return ((points["source"] == "manual") | (review_status_of(points) != "unchecked")).to_numpy(dtype=bool)


def merge_points(new: pd.DataFrame, kept: pd.DataFrame, radius_nm: float) -> pd.DataFrame:
    """Merge the points of a new run into a table that a person has corrected.

    Parameters
    ----------
    new
        The table of points of the new run.
    kept
        The corrected table, with its rejected points; what nobody decided on in it is replaced by `new`.
    radius_nm
        Two points that lie at most this far apart are at the same place; matched one to one.

    Returns
    -------
    pandas.DataFrame
        The table with the column ``checked``: first what is new, in its order, then what was kept. A manual or an
        accepted point stays where it is, and the new point at its place is dropped. The new point at a rejected
        place comes back as rejected. Every other point that was decided on stays.

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
    radius_nm = number(radius_nm, "the radius of one place", "nm", above=0)
    check_points(new)
    stays = check_points(kept)[decided(kept)].reset_index(drop=True)
    new, stays = (table.assign(checked=review_status_of(table)) for table in (new.reset_index(drop=True), stays))
    of_new, of_kept, _ = match(positions_nm(new), positions_nm(stays), radius_nm)
    rejected = (stays["checked"] == "rejected").to_numpy()[of_kept]
    told = new["checked"].copy()
    told.iloc[of_new[rejected]] = "rejected"
    new = new.assign(checked=told).drop(index=of_new[~rejected])
    stays = stays.drop(index=of_kept[rejected])
    merged = pd.concat([with_columns_of(new, stays), with_columns_of(stays, new)], ignore_index=True)
    merged["source"] = pd.Categorical(merged["source"].astype(str), categories=list(SOURCES))
    return merged
