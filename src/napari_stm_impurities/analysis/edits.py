"""Edits of the points of a run: the difference between two tables, and its application to the points of a run.

No log is kept: the points of the run and the final points are compared, so the edits of any table can be computed,
whatever program they were made with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.spatial import cKDTree

from ..core.configuration import Configuration
from ..core.errors import StmError
from ..data.points import COLUMNS, SOURCES, check_points, missing_value, nullable_column, positions_nm
from .comparison import match
from .merging import REVIEW_STATUS, REVIEW_STATUSES, review_status_of

#: A point at most this far from its position in the run was not moved: conversion to pixels and back rounds.
SAME_PLACE_NM = 1e-6
#: A manual point at most this far from a point that is gone is that point, moved; farther, one was deleted, one added.
MOVED_WITHIN_NM = 1.0
#: A point of a later run this near is the one that was recorded: another device may differ in the last digits.
FOUND_AGAIN_NM = 0.02


class PlacedPoint(Configuration):
    """A point of the table after an edit; None where it has no number."""

    y_nm: float
    """Position in nm."""
    x_nm: float
    """Position in nm."""
    y_px: float | None = None
    """Row of the image."""
    x_px: float | None = None
    """Column of the image."""
    score: float | None = None
    """The network's score."""
    confidence: float | None = None
    """From 0 to 1."""
    source: Literal["model", "manual", "reference"]
    """Source of the point: model, manual or reference."""
    checked: Literal["unchecked", "accepted"] = "unchecked"
    """Review status."""
    values: dict[str, float | int | bool | str | None] = Field(default_factory=dict)
    """Every further column; None where it is missing."""


class Edit(Configuration):
    """One change of the user to the points of a run."""

    kind: Literal["added", "moved", "changed", "deleted", "accepted", "rejected"]
    """Kind of change; ``moved`` also where the point kept its position and lost the model's confidence, ``changed``
    where only further columns differ."""
    before_nm: tuple[float, float] | None = None
    """Position of the point in the run, (y, x) in nm; None for one that was added."""
    after: PlacedPoint | None = None
    """The point that was added or moved, as it is now."""


def edits_between(found: pd.DataFrame, final: pd.DataFrame) -> tuple[Edit, ...]:
    """The edits that lead from the points of a run to the final points.

    Parameters
    ----------
    found
        The table of points of the run.
    final
        The final table. Its column ``checked``, where it has one, is the review status.

    Returns
    -------
    tuple of Edit
        First the changes of the points of `found`, in their order, then the added points. With :func:`apply_edits` they
        give the points of `final` that were not rejected.

    Raises
    ------
    StmError
        If one of the two is no table of points.

    Examples
    --------
    >>> from napari_stm_impurities.data.points import make_points
    >>> found = make_points([[1.0, 1.0], [5.0, 5.0]], (1, 1), source="model", confidence=[0.9, 0.8])
    >>> final = make_points([[5.0, 5.4], [9.0, 9.0]], (1, 1), source="manual")
    >>> [(edit.kind, edit.before_nm) for edit in edits_between(found, final)]
    [('deleted', (1.0, 1.0)), ('moved', (5.0, 5.0)), ('added', None)]
    """
    found, final = (check_points(table).reset_index(drop=True) for table in (found, final))
    checked = review_status_of(final).to_numpy(dtype=object)
    final_rows, found_rows, _ = match(positions_nm(final), positions_nm(found), SAME_PLACE_NM)
    partner = dict(zip(found_rows.tolist(), final_rows.tolist(), strict=True))
    remaining = np.setdiff1d(np.arange(len(final)), final_rows)
    remaining = remaining[checked[remaining] != "rejected"]
    manual = remaining[(final["source"].to_numpy(dtype=object) == "manual")[remaining]]
    gone = np.setdiff1d(np.arange(len(found)), found_rows)
    final_rows, found_rows, _ = match(positions_nm(final)[manual], positions_nm(found)[gone], MOVED_WITHIN_NM)
    found_records, final_records = found.to_dict("records"), final.to_dict("records")
    partner.update(zip(gone[found_rows].tolist(), manual[final_rows].tolist(), strict=True))
    edits = []
    for row, before in enumerate(positions_nm(found).tolist()):
        final_row = partner.get(row)
        edit = _edit_of(
            found_records[row],
            None if final_row is None else final_records[final_row],
            "" if final_row is None else str(checked[final_row]),
        )
        if edit is not None:
            edits.append(edit.model_copy(update={"before_nm": (before[0], before[1])}))
    matched = set(partner.values())
    return (
        *edits,
        *(Edit(kind="added", after=_placed(final_records[i], checked[i])) for i in remaining if i not in matched),
    )


def apply_edits(found: pd.DataFrame, edits: Sequence[Edit]) -> pd.DataFrame:
    """The points of a run after the edits.

    Parameters
    ----------
    found
        The table of points of the run, or of the same run again.
    edits
        The result of :func:`edits_between`.

    Returns
    -------
    pandas.DataFrame
        The table of points with every column of `found` and of the edits: the points of `found` in their order, then
        those that were added. It has the column ``checked`` where a point was accepted.

    Raises
    ------
    StmError
        If a point that was edited is not among `found`.

    Examples
    --------
    >>> from napari_stm_impurities.data.points import make_points
    >>> found = make_points([[1.0, 1.0], [5.0, 5.0]], (1, 1), source="model", confidence=[0.9, 0.8])
    >>> apply_edits(found, [Edit(kind="deleted", before_nm=(5.0, 5.0))])["confidence"].tolist()
    [0.9]
    """
    found = check_points(found).reset_index(drop=True)
    rows = [_row(_placed(row, REVIEW_STATUSES[0])) for row in found.to_dict("records")]
    kept: list[dict[str, Any] | None] = [*rows]
    added = []
    tree = cKDTree(positions_nm(found)) if len(found) else None
    for edit in edits:
        after = {} if edit.after is None else _row(edit.after)
        if edit.before_nm is None:
            added.append(after)
            continue
        distance, row = (math.inf, -1) if tree is None else tree.query(edit.before_nm)
        if distance > FOUND_AGAIN_NM:
            y, x = edit.before_nm
            raise StmError(f"the point that was {edit.kind} at y = {y:.3f}, x = {x:.3f} nm is not among the points")
        if edit.kind == "accepted":
            kept[row] = {**rows[row], "checked": "accepted"}
        else:
            kept[row] = {**rows[row], **after} if after else None
    return _table([row for row in (*kept, *added) if row is not None], found)


def _row(point: PlacedPoint) -> dict[str, Any]:
    """A point as one row of a table, with its further columns."""
    return {**point.model_dump(exclude={"values"}), **point.values}


def _table(rows: list[dict[str, Any]], found: pd.DataFrame) -> pd.DataFrame:
    """The table of rows; a column of `found` keeps its dtype, as long as it has a value in each row."""
    further = dict.fromkeys(name for row in ({}, *rows) for name in row)
    names = list(dict.fromkeys([*COLUMNS, *found.columns, *further, "checked"]))
    table = pd.DataFrame({name: [row.get(name) for row in rows] for name in names}, columns=names)
    table = table.astype(dict.fromkeys(COLUMNS[:6], np.float64))
    for name in names:
        if name not in (*COLUMNS, "checked"):
            table[name] = _typed(table[name], found.get(name))
    table["source"] = pd.Categorical(table["source"].astype(str), categories=list(SOURCES))
    table["checked"] = table["checked"].astype(REVIEW_STATUS)
    return table if (table["checked"] != REVIEW_STATUSES[0]).any() else table.drop(columns="checked")


def _typed(values: pd.Series[Any], like: pd.Series[Any] | None) -> pd.Series[Any]:
    """A further column with the dtype of `like`, or the one that its values suggest; nullable where one is missing."""
    missing = values.isna()
    if like is None:
        like = pd.Series(values[~missing].tolist())
    if missing.any():
        like = nullable_column(like)
        values = values.where(~missing, missing_value(like))
    try:
        return values.astype(like.dtype)
    except (TypeError, ValueError):  # an edit changed, say, a number into a text
        return values.infer_objects()


def _edit_of(found: dict[Any, Any], final: dict[Any, Any] | None, checked: str) -> Edit | None:
    """The edit of one point of the run, from its row in the final table; None where it is unchanged."""
    if final is None:
        return Edit(kind="deleted")
    if checked == "rejected":
        return Edit(kind="rejected")
    new, old = _placed(final, checked), _placed(found, checked)
    model_fields = ("score", "confidence", "source")
    distance_nm = math.hypot(new.y_nm - old.y_nm, new.x_nm - old.x_nm)
    if distance_nm > SAME_PLACE_NM or any(getattr(new, name) != getattr(old, name) for name in model_fields):
        return Edit(kind="moved", after=new)
    if any(value != old.values.get(name) for name, value in new.values.items()):
        return Edit(kind="changed", after=new)
    return Edit(kind="accepted") if checked == "accepted" else None


def _placed(row: dict[Any, Any], checked: str) -> PlacedPoint:
    values = {str(name): _json_value(value) for name, value in row.items() if name != "checked"}
    position_values = {name: values.pop(name, None) for name in COLUMNS}
    return PlacedPoint.of(**position_values, checked=checked, values=values)


def _json_value(value: Any) -> float | int | bool | str | None:
    """A cell of a table as JSON can hold it; None where it is missing."""
    if value is None or value is pd.NA or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, np.generic):
        scalar: float | int | bool | str = value.item()
        return scalar
    return value if isinstance(value, float | int | bool | str) else str(value)
