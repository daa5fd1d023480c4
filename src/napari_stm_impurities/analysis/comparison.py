"""Comparison of two tables of points: matched pairs, missed and extra points, and the chance level.

The matching is one to one and optimal: as many pairs within the radius as there can be, and among
those the least sum of squared distances. The figure of merit of Wang et al. 2020 (their Fig. 4) is
computed as well; in it one point may serve several reference points, which rewards over-prediction, so the chance
level is its expectation for uniformly random points.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..core.arguments import number, path_like, pixel_sizes, real_array, value_text
from ..core.errors import StmError
from ..core.files import written_whole
from ..core.rows import Row
from ..data.geometry import Rectangle
from ..data.images import rectangle_of
from ..data.observation_window import ObservationWindow
from ..data.points import positions_nm

#: Distances are compared with this relative slack, since 6 x 0.47 - 5 x 0.47 is not quite 0.47 in binary.
_SLACK = 1e-9

#: One pixel of the paper's grid: 37.5 nm over 80 pixels (Wang et al. 2020, Sec. III), rounded as the paper has it.
PAPER_PIXEL_NM = round(37.5 / 80, 2)


@dataclass(frozen=True, eq=False)
class Comparison:
    """The result of :func:`compare`: figures of merit, the matched pairs, the missed and the extra points."""

    tolerance_nm: float
    """The matching radius in nm; a pair lies at most this far apart."""
    n_points: int
    """Number of points that were compared."""
    n_reference: int
    """Number of reference points."""
    recall: float
    """Matched pairs over reference points."""
    precision: float
    """Matched pairs over points."""
    f1: float
    """2 x pairs / (points + reference points)."""
    rms_distance_nm: float
    """Root of the mean squared distance over the matched pairs, in nm; NaN without a pair."""
    reference_ratio: float
    """Share of reference points whose nearest point is nearer than `ratio_radius_nm` (Wang et al. 2020)."""
    ratio_radius_nm: float
    """The radius of `reference_ratio`, in nm: one pixel where the pixel size was given, else the tolerance."""
    chance_ratio: float
    """The `reference_ratio` to expect from as many uniformly random points in `frame_nm`."""
    frame_nm: Rectangle | None
    """The area of `chance_ratio`, (y from, y to, x from, x to) in nm; None without any point."""
    frame_source: str
    """``"given"``, or ``"bounding box of the points"``."""
    pairs: pd.DataFrame
    """One row a pair: `point` and `reference` (row numbers), their positions, `distance_nm`."""
    missed: pd.DataFrame
    """Reference points without a partner: `reference` (row number), `y_nm`, `x_nm`."""
    extra: pd.DataFrame
    """Points without a partner: `point` (row number), `y_nm`, `x_nm`."""

    def to_dict(self) -> dict[str, Any]:
        """Every number, and the three tables as lists of rows; NaN becomes None, so that it is valid JSON."""
        figures = ("recall", "precision", "f1", "rms_distance_nm", "reference_ratio", "ratio_radius_nm", "chance_ratio")
        names = ("tolerance_nm", "n_points", "n_reference", *figures, "frame_source")
        numbers = {name: getattr(self, name) for name in names}
        frame = None if self.frame_nm is None else list(self.frame_nm)
        tables = {name: getattr(self, name).to_dict(orient="records") for name in ("pairs", "missed", "extra")}
        clean = {key: None if isinstance(v, float) and math.isnan(v) else v for key, v in numbers.items()}
        return {**clean, "frame_nm": frame, **tables}

    def rows(self) -> pd.DataFrame:
        """Every pair, missed and extra point as one row of one table.

        Returns
        -------
        pandas.DataFrame
            `kind` (``matched``, ``missed``, ``extra``), `point` and `reference` (row numbers, missing where there is
            none), `distance_nm` (NaN without a partner), and the position `y_nm` and `x_nm` of the point, or of the
            reference point that was missed.

        Examples
        --------
        >>> compare([[1.0, 1.0], [5.0, 5.0]], [[1.0, 1.3]], tolerance_nm=0.5).rows()["kind"].tolist()
        ['matched', 'extra']
        """
        parts = {"matched": self.pairs, "missed": self.missed, "extra": self.extra}
        columns = ["kind", "point", "reference", "distance_nm", "y_nm", "x_nm"]
        tables = [part.assign(kind=kind).reindex(columns=columns) for kind, part in parts.items() if len(part)]
        table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
        for name in ("point", "reference"):
            table[name] = table[name].astype("Int64")
        for name in ("distance_nm", "y_nm", "x_nm"):
            table[name] = table[name].astype(float)
        return table

    def to_json(self, path: str | os.PathLike[str]) -> Path:
        """Write :meth:`to_dict` as JSON (complete or not at all) and return the path."""
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
        return Path(path)

    def summary_rows(self) -> list[Row]:
        """The figures of merit as labelled rows."""
        chance = "not known" if math.isnan(self.chance_ratio) else f"{self.chance_ratio:.3f}"
        apart = "-" if math.isnan(self.rms_distance_nm) else f"{self.rms_distance_nm:.3f} nm"
        matched = f"one to one, within {self.tolerance_nm:g} nm"
        near = f"nearest point under {self.ratio_radius_nm:.3g} nm away"
        return [
            Row("points", str(self.n_points), f"{len(self.extra)} of them extra"),
            Row("reference points", str(self.n_reference), f"{len(self.missed)} of them missed"),
            Row("recall", f"{self.recall:.3f}", matched),
            Row("precision", f"{self.precision:.3f}", matched),
            Row("F1", f"{self.f1:.3f}"),
            Row("distance (rms)", apart, "over the matched pairs"),
            Row("reference ratio", f"{self.reference_ratio:.3f}", near),
            Row("ratio by chance", chance, f"as many random points, area {self.frame_source}"),
        ]

    def __str__(self) -> str:
        return (
            f"recall {self.recall:.3f}, precision {self.precision:.3f}, F1 {self.f1:.3f}"
            f" within {self.tolerance_nm:g} nm"
            f" ({len(self.pairs)} pairs, {len(self.missed)} missed, {len(self.extra)} extra);"
            f" reference ratio {self.reference_ratio:.3f}, by chance {self.chance_ratio:.3f}"
        )


def compare(
    points: pd.DataFrame | ArrayLike,
    reference: pd.DataFrame | ArrayLike,
    tolerance_nm: float = PAPER_PIXEL_NM,
    *,
    pixel_size_nm: float | Sequence[float] | None = None,
    frame: xr.DataArray | Sequence[float] | ObservationWindow | None = None,
) -> Comparison:
    """The comparison of points with a reference.

    Parameters
    ----------
    points, reference
        Tables of points, or arrays of shape (n, 2) with y and x in nm.
    tolerance_nm
        The matching radius in nm; a pair may lie exactly that far apart. The default is one pixel of
        the paper's grid (37.5 nm over 80 pixels).
    pixel_size_nm
        The pixel size in nm, one number or (y, x); the paper's ratio then counts strictly less than one
        pixel (the larger of the two). Without it the ratio counts strictly less than `tolerance_nm`.
    frame
        The area in which points can be found, for the chance level: the stack or map itself, of which the measured
        pixels count, an observation window, or (y from, y to, x from, x to) in nm. Without it the bounding box of all
        points is taken, and `frame_source` states it.

    Returns
    -------
    Comparison
        With nothing on either side, recall, precision, F1 and the ratio are 1; with nothing on one side
        they are 0. Without a pair `rms_distance_nm` is NaN. The chance level is 0 without points or
        without reference, and NaN where the bounding box has no area.

    Raises
    ------
    StmError
        If positions are not of shape (n, 2) or not finite, or the tolerance or the frame is not positive.

    Notes
    -----
    A uniformly random point lies within r of a reference point with the probability q, the measured area of the disc
    over the whole measured area, so one of n does with 1 - (1 - q)^n. The chance level is the mean of that over the
    reference points: exact, with the edge correction for the frame and for unmeasured pixels.

    Examples
    --------
    >>> report = compare([[1.0, 1.0], [5.0, 5.0]], [[1.0, 1.3], [9.0, 9.0]], tolerance_nm=0.5)
    >>> report.recall, report.precision, round(report.rms_distance_nm, 3)
    (0.5, 0.5, 0.3)
    >>> report.missed["reference"].tolist(), report.extra["point"].tolist()
    ([1], [1])
    """
    found, truth = _positions(points, "points"), _positions(reference, "reference")
    tolerance = number(tolerance_nm, "the tolerance", "nm", above=0)
    radius = tolerance if pixel_size_nm is None else paper_radius_nm(pixel_size_nm)
    window, box, box_source = _frame(frame, found, truth)

    point_of, reference_of, distance = match(found, truth, tolerance)
    n_pairs, n_found, n_truth = len(point_of), len(found), len(truth)
    return Comparison(
        tolerance_nm=tolerance,
        n_points=n_found,
        n_reference=n_truth,
        recall=_share(n_pairs, n_truth, n_found),
        precision=_share(n_pairs, n_found, n_truth),
        f1=_share(2 * n_pairs, n_found + n_truth, 0),
        rms_distance_nm=float(np.sqrt(np.mean(distance**2))) if n_pairs else math.nan,
        reference_ratio=reference_ratio(found, truth, radius),
        ratio_radius_nm=radius,
        chance_ratio=_chance(truth, n_found, radius, window),
        frame_nm=box,
        frame_source=box_source,
        pairs=pd.DataFrame(
            {
                "point": point_of,
                "reference": reference_of,
                "y_nm": found[point_of, 0],
                "x_nm": found[point_of, 1],
                "reference_y_nm": truth[reference_of, 0],
                "reference_x_nm": truth[reference_of, 1],
                "distance_nm": distance,
            }
        ),
        missed=_unmatched("reference", truth, reference_of),
        extra=_unmatched("point", found, point_of),
    )


def paper_radius_nm(pixel_size_nm: float | Sequence[float]) -> float:
    """The radius of the paper's ratio: one pixel, of oblong pixels the longer side, in nm."""
    return max(pixel_sizes(pixel_size_nm))


def reference_ratio(found_nm: np.ndarray, reference_nm: np.ndarray, radius_nm: float) -> float:
    """The paper's figure of merit: the share of reference points whose nearest point is less than a radius away.

    Parameters
    ----------
    found_nm, reference_nm
        Shape (n, 2) and (m, 2), y and x in nm.
    radius_nm
        See :func:`paper_radius_nm`.

    Returns
    -------
    float
        0 to 1; with nothing on one side 0, on both 1.

    References
    ----------
    Wang et al. 2020, Fig. 4.
    """
    if not (len(found_nm) and len(reference_nm)):
        return float(len(found_nm) == len(reference_nm))
    nearest, _ = cKDTree(found_nm).query(reference_nm)
    return float((nearest < radius_nm * (1 - _SLACK)).mean())


def match(
    points_nm: np.ndarray, reference_nm: np.ndarray, radius_nm: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The one-to-one matching with the most pairs within the radius and, among those, the least squared distances.

    Points that can reach each other over chains of candidate pairs form a group, and each group is
    solved on its own by optimal assignment (Jonker and Volgenant, in :func:`scipy.optimize.linear_sum_assignment`).

    Returns
    -------
    tuple of numpy.ndarray
        Row numbers of the points, of their reference points, and the distances in nm, ordered by point.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = match(np.array([[0.0, 0.0], [0.0, 0.6]]), np.array([[0.0, 0.5], [0.0, 1.4]]), 1.0)
    >>> [part.tolist() for part in pairs[:2]]
    [[0, 1], [0, 1]]
    """
    n, m = len(points_nm), len(reference_nm)
    limit = radius_nm * (1 + _SLACK)
    if not (n and m):
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
    near = cKDTree(points_nm).sparse_distance_matrix(cKDTree(reference_nm), limit, output_type="ndarray")
    near.sort(order=["i", "j"])
    row, column = near["i"], near["j"]
    if not len(row):
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
    squared = ((points_nm[row] - reference_nm[column]) ** 2).sum(axis=1)
    graph = coo_array((np.ones(len(row)), (row, n + column)), shape=(n + m, n + m))
    _, group = connected_components(graph, directed=False)
    alone = np.bincount(group[row])[group[row]] == 1  # most groups are a single pair, which needs no assignment
    chosen = [np.flatnonzero(alone)]
    edges = np.flatnonzero(~alone)
    edges = edges[np.argsort(group[row[edges]], kind="stable")]
    for edge in np.split(edges, np.flatnonzero(np.diff(group[row[edges]])) + 1):
        rows, local_row = np.unique(row[edge], return_inverse=True)
        columns, local_column = np.unique(column[edge], return_inverse=True)
        # one more pair outweighs the largest possible sum of squared distances
        reward = (min(len(rows), len(columns)) + 1) * limit**2
        cost = np.zeros((len(rows), len(columns)))
        index = np.full(cost.shape, -1, dtype=np.intp)
        cost[local_row, local_column] = squared[edge] - reward
        index[local_row, local_column] = edge
        picked = index[linear_sum_assignment(cost)]
        chosen.append(picked[picked >= 0])
    kept = np.concatenate(chosen)
    kept = kept[np.argsort(row[kept])]
    return row[kept], column[kept], np.sqrt(squared[kept])


def _positions(points: pd.DataFrame | ArrayLike, name: str) -> np.ndarray:
    if isinstance(points, pd.DataFrame):
        try:
            positions = positions_nm(points)
        except StmError as error:
            raise StmError(f"{name}: {error}") from None
    else:
        if path_like(points):
            raise StmError(
                f"{name}: expected a table or an array, got {value_text(points)}; read a file with load_points"
            )
        positions = real_array(points, name).astype(np.float64)
        if positions.size == 0:
            positions = positions.reshape(0, 2)
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise StmError(
            f"{name}: positions are an array of shape (n, 2), y and x in nm, got the shape {positions.shape}"
        )
    if not np.isfinite(positions).all():
        raise StmError(f"{name}: a position is not a finite number")
    return positions


def _share(part: int, total: int, other_total: int) -> float:
    return part / total if total else float(other_total == 0)


def _unmatched(name: str, positions: np.ndarray, matched: np.ndarray) -> pd.DataFrame:
    rows = np.setdiff1d(np.arange(len(positions)), matched)
    return pd.DataFrame({name: rows, "y_nm": positions[rows, 0], "x_nm": positions[rows, 1]})


def _frame(
    frame: xr.DataArray | Sequence[float] | ObservationWindow | None, found: np.ndarray, truth: np.ndarray
) -> tuple[ObservationWindow | None, Rectangle | None, str]:
    """The observation window, the box around it, and the source of both."""
    if frame is not None:
        window = frame if isinstance(frame, ObservationWindow) else ObservationWindow.of(frame)
        return window, rectangle_of(frame) if isinstance(frame, xr.DataArray) else window.box_nm, "given"
    positions = np.concatenate([found, truth])
    if not len(positions):
        return None, None, "bounding box of the points"
    (y_from, x_from), (y_to, x_to) = positions.min(axis=0).tolist(), positions.max(axis=0).tolist()
    box = (y_from, y_to, x_from, x_to)
    has_area = y_to > y_from and x_to > x_from
    return ObservationWindow.of(box) if has_area else None, box, "bounding box of the points"


def _chance(truth: np.ndarray, n_points: int, radius: float, window: ObservationWindow | None) -> float:
    if not (len(truth) and n_points):
        return 0.0
    if window is None:
        return math.nan
    return float(np.mean(1 - (1 - window.disc_share(truth, radius)) ** n_points))
