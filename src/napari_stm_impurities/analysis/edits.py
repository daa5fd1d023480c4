"""What a person changed in the points of a run: the difference between two tables, and how to make it again.

No log is kept. The points that the run found and the points in the end are compared, so edits can be told of any
table, whatever program they were made with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from ..core.configuration import Configuration
from ..core.errors import StmError
from ..data.points import COLUMNS, SOURCES, check_points, positions_nm
from .comparison import match
from .merging import CHECKED, VERDICT, checked_of

#: A point at most this far from where the run put it was not moved: a way through pixels and back costs some digits.
SAME_PLACE_NM = 1e-6
#: A manual point at most this far from a point that is gone is that point, moved; farther, one was deleted, one added.
MOVED_WITHIN_NM = 1.0
#: A point of a later run this near is the one that was recorded: another device may differ in the last digits.
FOUND_AGAIN_NM = 0.02


class PlacedPoint(Configuration):
    """A point as it stands in the table after an edit; None where it has no number."""

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
    """Where it comes from."""
    checked: Literal["unchecked", "accepted"] = "unchecked"
    """What the person said of it."""


class Edit(Configuration):
    """One change that a person made to the points of a run."""

    kind: Literal["added", "moved", "deleted", "accepted", "rejected"]
    """What was done; moved also where the point kept its place and lost the model's confidence."""
    before_nm: tuple[float, float] | None = None
    """Where the run had put the point, (y, x) in nm; None for one that was added."""
    after: PlacedPoint | None = None
    """The point that was added or moved, as it is now."""


def edits_between(found: pd.DataFrame, final: pd.DataFrame) -> tuple[Edit, ...]:
    """Tell what leads from the points of a run to the points in the end.

    Parameters
    ----------
    found
        The table of points of the run.
    final
        The table in the end. Its column ``checked``, where it has one, tells what was accepted and rejected.

    Returns
    -------
    tuple of Edit
        First what was done to the points of `found`, in their order, then what was added. With :func:`apply_edits` they
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
    checked = checked_of(final).to_numpy(dtype=object)
    here, there, _ = match(positions_nm(final), positions_nm(found), SAME_PLACE_NM)
    partner = dict(zip(there.tolist(), here.tolist(), strict=True))
    rest = np.setdiff1d(np.arange(len(final)), here)
    rest = rest[checked[rest] != "rejected"]
    by_hand = rest[(final["source"].to_numpy(dtype=object) == "manual")[rest]]
    gone = np.setdiff1d(np.arange(len(found)), there)
    here, there, _ = match(positions_nm(final)[by_hand], positions_nm(found)[gone], MOVED_WITHIN_NM)
    partner.update(zip(gone[there].tolist(), by_hand[here].tolist(), strict=True))
    edits = []
    for row, before in enumerate(positions_nm(found).tolist()):
        edit = _edit_of(found, row, final, checked, partner.get(row))
        if edit is not None:
            edits.append(edit.model_copy(update={"before_nm": (before[0], before[1])}))
    taken = set(partner.values())
    return (*edits, *(Edit(kind="added", after=_placed(final, i, checked[i])) for i in rest if i not in taken))


def apply_edits(found: pd.DataFrame, edits: Sequence[Edit]) -> pd.DataFrame:
    """Make the edits of a person in the points of a run.

    Parameters
    ----------
    found
        The table of points of the run, or of the same run again.
    edits
        What :func:`edits_between` told.

    Returns
    -------
    pandas.DataFrame
        The table of points: those of `found` in their order, then those that were added. It has the column ``checked``
        where a point was accepted.

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
    found = check_points(found)[list(COLUMNS)].reset_index(drop=True)
    rows = [_placed(found, row, CHECKED[0]).model_dump() for row in range(len(found))]
    kept: list[dict[str, Any] | None] = [*rows]
    added = []
    tree = cKDTree(positions_nm(found)) if len(found) else None
    for edit in edits:
        after = None if edit.after is None else edit.after.model_dump()
        if edit.before_nm is None:
            added.append(after)
            continue
        distance, row = (math.inf, -1) if tree is None else tree.query(edit.before_nm)
        if distance > FOUND_AGAIN_NM:
            y, x = edit.before_nm
            raise StmError(f"the point that was {edit.kind} at y = {y:.3f}, x = {x:.3f} nm is not among the points")
        kept[row] = {**rows[row], "checked": "accepted"} if edit.kind == "accepted" else after
    every = [row for row in (*kept, *added) if row is not None]
    table = pd.DataFrame(every, columns=[*COLUMNS, "checked"]).astype(dict.fromkeys(COLUMNS[:6], np.float64))
    table["source"] = pd.Categorical(table["source"].astype(str), categories=list(SOURCES))
    table["checked"] = table["checked"].astype(VERDICT)
    return table if (table["checked"] != CHECKED[0]).any() else table.drop(columns="checked")


def _edit_of(found: pd.DataFrame, row: int, final: pd.DataFrame, checked: np.ndarray, at: int | None) -> Edit | None:
    """What was done to one point of the run, which is row `at` in the end."""
    if at is None:
        return Edit(kind="deleted")
    if checked[at] == "rejected":
        return Edit(kind="rejected")
    now, then = _placed(final, at, checked[at]), _placed(found, row, checked[at])
    same = ("score", "confidence", "source")
    apart = math.hypot(now.y_nm - then.y_nm, now.x_nm - then.x_nm)
    if apart > SAME_PLACE_NM or any(getattr(now, name) != getattr(then, name) for name in same):
        return Edit(kind="moved", after=now)
    return Edit(kind="accepted") if checked[at] == "accepted" else None


def _placed(table: pd.DataFrame, row: int, checked: str) -> PlacedPoint:
    values = {name: table.at[row, name] for name in COLUMNS}
    told = {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}
    return PlacedPoint.of(**told, checked=checked)
