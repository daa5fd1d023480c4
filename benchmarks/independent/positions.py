"""Where impurities lie: uniform, clustered or evenly spread, some of them with a near neighbour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

ARRANGEMENTS = ("uniform", "clustered", "spread")
#: Of a clustered surface: impurities around one centre on average, and their spread in nm.
_PER_CLUSTER, _CLUSTER_NM = 5, 3.0
#: An evenly spread surface (Poisson disc) keeps this share of the spacing of a square lattice of the same density.
_SPREAD_SHARE = 0.6
#: Failed draws in a row after which a surface counts as full.
_TRIES = 500


def draw_positions(
    arrangement: str,
    n: int,
    low_nm: float,
    high_nm: float,
    least_nm: float,
    rng: np.random.Generator,
    *,
    companions_share: float,
    companions_nm: tuple[float, float],
    allowed: Callable[[NDArray[np.float64]], bool],
) -> NDArray[np.float64]:
    """Positions in a square, shape (at most n, 2), y and x in nm; fewer where there is no room.

    Parameters
    ----------
    arrangement
        One of :data:`ARRANGEMENTS`.
    least_nm
        No two lie nearer than this.
    companions_share, companions_nm
        The share of impurities that stand beside another one on purpose, and how far away.
    allowed
        Whether an impurity may stand at a place (y, x).
    """
    if arrangement not in ARRANGEMENTS:
        raise ValueError(f"no arrangement {arrangement!r}; there are {', '.join(ARRANGEMENTS)}")
    centres = rng.uniform(low_nm, high_nm, (max(1, n // _PER_CLUSTER), 2))
    spacing = (high_nm - low_nm) / np.sqrt(max(n, 1))
    least = max(least_nm, _SPREAD_SHARE * spacing) if arrangement == "spread" else least_nm
    n_companions = round(companions_share * n)
    placed: list[NDArray[np.float64]] = []
    failed = 0
    while len(placed) < n and failed < _TRIES:
        beside = len(placed) >= n - n_companions
        if beside:
            angle, apart = rng.uniform(0, 2 * np.pi), rng.uniform(*companions_nm)
            place = placed[rng.integers(n - n_companions)] + apart * np.array([np.sin(angle), np.cos(angle)])
        elif arrangement == "clustered":
            place = centres[rng.integers(len(centres))] + rng.normal(0, _CLUSTER_NM, 2)
        else:
            place = rng.uniform(low_nm, high_nm, 2)
        inside = (place >= low_nm).all() and (place <= high_nm).all()
        nearest = min((float(np.hypot(*(place - other))) for other in placed), default=np.inf)
        if inside and nearest >= (least_nm if beside else least) and allowed(place):
            placed.append(place)
            failed = 0
        else:
            failed += 1
    return np.array(placed).reshape(-1, 2)
