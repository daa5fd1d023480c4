"""A measured stack in a training: unlabelled tiles for the confidence loss, and the paper's ratio."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from ...analysis.comparison import paper_radius_nm, reference_ratio
from ...core.errors import StmError
from ...data.geometry import Rectangle
from ...data.images import check_stack, pixel_size_nm
from ...data.points import positions_nm
from ...physics.dispersion import Dispersion
from ...qpi.dispersion_fit import NoRing, fit_dispersion
from ..inputs import scale_maps
from ..model import Model
from ..peaks import find_peaks
from ..preprocess import prepare_input
from ..tiles import score_view
from .config import TrainingConfig


class UnlabelledStack:
    """The tiles of one measured stack.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    plan
        The training.
    reference
        Known points, for the ratio alone.
    dispersion
        The surface band, which sets the scale; read off the maps when not given, and the pixels are taken as
        they are where no ring stands out.
    labelled_nm
        Where the impurities are known, (y from, y to, x from, x to) in nm: a tile that lies more than half inside is
        none of the unlabelled ones.

    Raises
    ------
    StmError
        If there is nothing in the stack to look at, or it is smaller than a tile on the model's scale; or if the
        reference is no table of positions.
    """

    def __init__(
        self,
        stack: xr.DataArray,
        plan: TrainingConfig,
        reference: pd.DataFrame | None,
        dispersion: Dispersion | None = None,
        labelled_nm: Rectangle | None = None,
    ) -> None:
        check_stack(stack)
        if reference is not None and not np.isfinite(positions_nm(reference)).all():
            raise StmError("a reference point has a position that is not a finite number")
        self.plan = plan
        self.reference = reference
        self.ratio_radius_nm = paper_radius_nm(pixel_size_nm(stack))
        # a stack that was cut out of a larger one keeps the larger one's coordinates
        self.origin_nm = np.array([float(stack.y.values[0]), float(stack.x.values[0])])
        if dispersion is None:
            with suppress(NoRing):
                dispersion = fit_dispersion(stack)
        self.view = prepare_input(stack, plan.inputs, dispersion)
        maps = self.view.maps
        side = plan.experiment_tile_px
        if min(maps.shape[-2:]) < side:
            raise StmError(
                f"the experiment has {maps.shape[-2]} x {maps.shape[-1]} pixels on the model's scale, fewer than"
                f" one tile of {side} x {side}; choose a smaller experiment_tile_px"
            )
        whole = plan.inputs.scale_over == "image"
        self._maps = scale_maps(maps, plan.inputs.scaling) if whole else maps
        corners = [(y, x) for y in _starts(maps.shape[-2], side) for x in _starts(maps.shape[-1], side)]
        if labelled_nm is not None:
            corners = [corner for corner in corners if self._share_inside(corner, labelled_nm) <= 0.5]
        self._tiles = torch.stack([self.cut(y, x) for y, x in corners]) if corners else maps.new_zeros(0)

    @property
    def n_tiles(self) -> int:
        """How many unlabelled tiles there are."""
        return len(self._tiles)

    def cut(self, y: int, x: int) -> Tensor:
        """The tile whose first pixel is (y, x), scaled as at use, shape (bias, side, side)."""
        side = self.plan.experiment_tile_px
        tile = self._maps[:, y : y + side, x : x + side]
        return scale_maps(tile, self.plan.inputs.scaling) if self.plan.inputs.scale_over == "tile" else tile

    def some_biases(self, draw: torch.Generator) -> Tensor:
        """As many biases as a step can bear, drawn at random, ascending."""
        return torch.randperm(len(self._maps), generator=draw)[: self.plan.experiment_maps_per_step].sort().values

    def _share_inside(self, corner: tuple[int, int], region_nm: Rectangle) -> float:
        """The share of a tile that lies inside a region."""
        share = 1.0
        for axis, start in enumerate(corner):
            pixels = start + np.arange(self.plan.experiment_tile_px)
            place = self.origin_nm[axis] + pixels * self.view.pixel_size_nm[axis]
            share *= float(((place >= region_nm[2 * axis]) & (place <= region_nm[2 * axis + 1])).mean())
        return share

    def tiles(self, draw: torch.Generator) -> Tensor:
        """Some tiles, scaled, shape (tile, bias, y, x): as many, and as many biases, as a step can bear."""
        some = torch.randperm(self.n_tiles, generator=draw)[: self.plan.experiment_tiles_per_step]
        return self._tiles[some][:, self.some_biases(draw)]

    def ratio(self, model: Model) -> float | None:
        """The paper's ratio (:func:`~napari_stm_impurities.analysis.comparison.reference_ratio`).

        All peaks of S count, as in the paper.
        """
        if self.reference is None or len(self.reference) == 0:
            return None
        field = score_view(model, self.view)
        yx, _ = find_peaks(field.score, field.offsets_px, self.view.measured)
        peaks_nm = self.origin_nm + yx * np.array(self.view.pixel_size_nm)
        return reference_ratio(peaks_nm, positions_nm(self.reference), self.ratio_radius_nm)


def _starts(n: int, side: int) -> list[int]:
    """Where tiles begin: side by side, the last one flush with the edge."""
    starts = list(range(0, n - side + 1, side))
    return starts if starts[-1] == n - side else [*starts, n - side]
