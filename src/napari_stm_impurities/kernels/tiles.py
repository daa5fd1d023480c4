"""Large frames in tiles: each is fitted with a halo of its neighbours' points, so that memory is bounded."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.progress import Progress, ShouldStop
from ..physics.dispersion import Dispersion
from .bins import Bins
from .config import KernelConfig
from .k_errors import KScores, fitted_band
from .surface_fit import SurfaceFit, fit_surface

Floats = NDArray[np.float64]

#: The side of a tile without its halo, and the halo, in ripples: the work grows with the third power of the side.
_TILE_RIPPLES, _HALO_RIPPLES = 24.0, 3.0


class Tile(NamedTuple):
    """One tile and its fit.

    Attributes
    ----------
    own, whole
        Rows from, to, columns from, to on the bins' pixels: without and with the halo.
    points
        The numbers of the points in it, halo included.
    fit
        Of those points, positions counted from the corner of `whole`.
    """

    own: tuple[int, int, int, int]
    whole: tuple[int, int, int, int]
    points: NDArray[np.int_]
    fit: SurfaceFit

    @property
    def corner(self) -> Floats:
        """The corner of the tile with its halo on the bins' pixels, (y, x)."""
        return np.array([self.whole[0], self.whole[2]], dtype=np.float64)


class TiledFit(NamedTuple):
    """The fit of a whole frame.

    Attributes
    ----------
    tiles
        Of all tiles that have a point.
    band
        Through k of all of them.
    k
        Of all tiles together, in rad/px of the bins' pixels.
    t, t_sigma
        Of each point at each bin, shape (bin, point).
    yx
        Fitted positions on the stack's pixels, shape (point, 2).
    position_sigma_px
        On the stack's pixels along x, shape (point,).
    unlisted_px, unlisted_t, unlisted_sigma
        Scatterers in the frame that nobody listed, on the stack's pixels.
    refined
        Whether refined positions were taken, in any tile.
    """

    tiles: list[Tile]
    band: Dispersion
    k: KScores
    t: NDArray[np.complex128]
    t_sigma: Floats
    yx: Floats
    position_sigma_px: Floats
    unlisted_px: Floats
    unlisted_t: NDArray[np.complex128]
    unlisted_sigma: Floats
    refined: bool

    @property
    def scale(self) -> float:
        """What t has to be multiplied by, besides the unit of the bins."""
        return self.tiles[0].fit.scale


def fit_tiles(
    bins: Bins,
    positions_px: Floats,
    band: Dispersion,
    config: KernelConfig,
    radius_nm: float,
    *,
    progress: Progress,
    should_stop: ShouldStop,
) -> TiledFit:
    """The T-matrix fit of a frame of any size."""
    shape = bins.values.shape[1:]
    ripple = np.pi / float(np.mean(band.k_per_nm(bins.bias_mv))) / np.array(bins.pixel_nm)
    edges = [
        np.linspace(0, n, max(1, round(n / (_TILE_RIPPLES * r))) + 1).astype(int).tolist()
        for n, r in zip(shape, ripple, strict=True)
    ]
    halo = np.ceil(_HALO_RIPPLES * ripple).astype(int)
    at = (positions_px - (bins.coarser - 1) / 2) / bins.coarser
    boxes = [(a, b, c, d) for a, b in pairwise(edges[0]) for c, d in pairwise(edges[1])]
    tiles: list[Tile] = []
    n, n_bins = len(at), len(bins.values)
    t, sigma = np.zeros((n_bins, n), dtype=complex), np.ones((n_bins, n))
    yx, position_sigma = positions_px.astype(np.float64).copy(), np.full(n, np.nan)
    unlisted: list[tuple[Floats, NDArray[np.complex128], Floats]] = []
    for number, own in enumerate(boxes):
        # points outside the frame belong to the tile at its edge
        low = [-np.inf if own[i] == 0 else own[i] - 0.5 for i in (0, 2)]
        high = [np.inf if own[i] == shape[i // 2] else own[i] - 0.5 for i in (1, 3)]
        whole = (
            max(0, own[0] - halo[0]), min(shape[0], own[1] + halo[0]),
            max(0, own[2] - halo[1]), min(shape[1], own[3] + halo[1]),
        )  # fmt: skip
        mine = ((at >= low) & (at < high)).all(1)
        wide_low = [-np.inf if whole[i] == 0 else whole[i] - 0.5 for i in (0, 2)]
        wide_high = [np.inf if whole[i] == shape[i // 2] else whole[i] - 0.5 for i in (1, 3)]
        points = np.flatnonzero(((at >= wide_low) & (at < wide_high)).all(1))
        if not mine.any():
            continue
        corner = np.array([whole[0], whole[2]], dtype=np.float64)
        part = bins._replace(values=bins.values[:, whole[0] : whole[1], whole[2] : whole[3]])
        fit = fit_surface(
            part,
            positions_px[points] - corner * bins.coarser,
            band,
            core_share=config.core_share,
            radius_nm=radius_nm,
            margin_nm=config.margin_nm,
            refine=config.refine_positions,
            progress=lambda share, what, number=number: progress((number + share) / len(boxes), what),  # type: ignore[misc]
            should_stop=should_stop,
        )
        tile = Tile(own, whole, points, fit)
        tiles.append(tile)
        there = np.isin(points, np.flatnonzero(mine))
        # where the maps have no mean, each tile has found a scale of its own
        scale = fit.scale / tiles[0].fit.scale
        t[:, points[there]] = scale * fit.t[:, : len(points)][:, there]
        sigma[:, points[there]] = scale * fit.t_sigma[:, : len(points)][:, there]
        found = part.back(fit.fit.yx) + corner * bins.coarser
        yx[points[there]] = found[: len(points)][there]
        position_sigma[points[there]] = fit.position_sigma_px[there] * bins.coarser
        more = found[len(points) :]
        inside = ((more / bins.coarser >= low) & (more / bins.coarser < high)).all(1)
        inside &= ((more >= -0.5) & (more <= np.array(shape) * bins.coarser - 0.5)).all(1)
        beyond = slice(len(points), None)
        unlisted.append((more[inside], scale * fit.t[:, beyond][:, inside], scale * fit.t_sigma[:, beyond][:, inside]))
    scores = _together([tile.fit.k for tile in tiles])
    return TiledFit(
        tiles,
        tiles[0].fit.band if len(tiles) == 1 else fitted_band(scores, bins.bias_mv, bins.pixel_nm[1], band),
        scores,
        t,
        sigma,
        yx,
        position_sigma,
        np.concatenate([one[0] for one in unlisted]),
        np.concatenate([one[1] for one in unlisted], axis=1),
        np.concatenate([one[2] for one in unlisted], axis=1),
        any(tile.fit.refined for tile in tiles),
    )


def _together(found: list[KScores]) -> KScores:
    """The wavevector of all tiles, each weighted by what it says."""
    information = np.array([one.information for one in found])
    k = (np.array([one.k for one in found]) * information).sum(0) / information.sum(0)
    return KScores(k, information.sum(0), np.concatenate([one.scores for one in found], axis=1))
