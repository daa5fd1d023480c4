"""Known impurities in a part of a measured stack: windows to learn from, and a block that is kept out of it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ...analysis.comparison import match
from ...core.errors import StmError
from ...data.geometry import Rectangle
from ...data.images import MIN_SIDE_PX
from ...data.points import positions_nm
from ...simulation.windows import PatchBatch
from ..model import Model
from ..peaks import find_peaks
from ..tiles import score_view
from .unlabelled_tiles import UnlabelledStack

#: Where an impurity stands that does not exist.
_NOWHERE = -1e4


class LabelledWindows:
    """The points that a person knows inside a region: where there is none of them, there is no impurity.

    A strip at the far end of the region's longer side is held out: nothing is learnt there, and the F1 is
    measured there.

    Parameters
    ----------
    experiment
        The stack that they lie on.
    points
        A table of points, in the stack's coordinates.
    region_nm
        (y from, y to, x from, x to) in nm, inside which every impurity is in the table.
    held_out_share
        The strip's share of the region; 0 learns from all of it, and no F1 is measured.
    windows_per_step
        How many windows one step draws.
    weight
        The weight of their loss beside that of the simulated windows.

    Attributes
    ----------
    n_points, n_held_out
        How many of the points lie inside the region, and how many of these in the strip.

    Raises
    ------
    StmError
        If the region has fewer than 10 pixels a side on the model's scale, or lies outside the frame.
    """

    def __init__(
        self,
        experiment: UnlabelledStack,
        points: pd.DataFrame,
        region_nm: Rectangle,
        held_out_share: float,
        windows_per_step: int,
        weight: float,
    ) -> None:
        self.experiment = experiment
        self.windows_per_step = windows_per_step
        self.weight = weight
        pixel_nm = np.array(experiment.view.pixel_size_nm)
        self._yx_px = (positions_nm(points) - experiment.origin_nm) / pixel_nm
        whole = _pixels(experiment, region_nm)
        if min(whole[0].stop - whole[0].start, whole[1].stop - whole[1].start) < MIN_SIDE_PX:
            raise StmError(
                f"the region from {region_nm[0]:.3g} to {region_nm[1]:.3g} nm in y and {region_nm[2]:.3g} to"
                f" {region_nm[3]:.3g} nm in x has fewer than {MIN_SIDE_PX} x {MIN_SIDE_PX} pixels of the model"
                f" ({pixel_nm.max():.3g} nm) inside the frame; choose a larger one"
            )
        self._held_out = _strip(whole, held_out_share)
        self._known = np.zeros(experiment.view.maps.shape[-2:], bool)
        self._known[whole] = True
        self._known[self._held_out] = False
        self._centres = np.argwhere(self._known & experiment.view.measured)
        if len(self._centres) == 0:
            raise StmError("nothing was measured in the part of the region that is learnt from; choose another region")
        low, high = np.array(region_nm[::2]), np.array(region_nm[1::2])
        inside = ((positions_nm(points) >= low) & (positions_nm(points) <= high)).all(1)
        self.n_points = int(inside.sum())
        self.n_held_out = int((inside & _inside(self._yx_px, self._held_out)).sum())
        k = experiment.view.k_rad_per_px
        # a quarter of the way from crest to crest: on the paper's grid that is one pixel
        self._radius_px = 1.0 if k is None else math.pi / 4 / k[1]

    @property
    def held_out_nm(self) -> Rectangle | None:
        """The strip that nothing is learnt from, (y from, y to, x from, x to) in nm; None where there is none."""
        rows, columns = self._held_out
        if rows.start == rows.stop or columns.start == columns.stop:
            return None
        low, high = np.array([rows.start, columns.start]) - 0.5, np.array([rows.stop, columns.stop]) - 0.5
        pixel_nm, origin = np.array(self.experiment.view.pixel_size_nm), self.experiment.origin_nm
        (y_from, x_from), (y_to, x_to) = (origin + low * pixel_nm).tolist(), (origin + high * pixel_nm).tolist()
        return y_from, y_to, x_from, x_to

    def windows(self, draw: torch.Generator) -> tuple[PatchBatch, Tensor]:
        """Windows around pixels drawn at random, each turned or mirrored at random.

        A surface has no handedness, and ripples look alike from all sides.

        Returns
        -------
        windows
            As the network is shown them: already scaled, shape (window, bias, y, x).
        known
            Shape (window, y, x), bool: where the loss may look.
        """
        plan = self.experiment.plan
        side = plan.experiment_tile_px
        chosen = torch.randint(len(self._centres), (self.windows_per_step,), generator=draw)
        biases = self.experiment.some_biases(draw)
        maps, known, places = [], [], []
        for centre in self._centres[chosen.numpy()]:
            start = np.clip(centre - side // 2, 0, np.array(self._known.shape) - side)
            window = (slice(start[0], start[0] + side), slice(start[1], start[1] + side))
            cut = self.experiment.cut(int(start[0]), int(start[1]))[biases]
            mask = torch.from_numpy(self._known[window])
            yx = torch.from_numpy(self._yx_px - start).float()
            rot180 = int(torch.randint(8, (1,), generator=draw))
            if rot180 & 4:
                cut, mask, yx = cut.transpose(-1, -2), mask.T, yx.flip(-1)
            for axis in (0, 1):
                if rot180 >> axis & 1:
                    cut, mask = cut.flip(axis - 2), mask.flip(axis)
                    yx = torch.cat([side - 1 - part if i == axis else part for i, part in enumerate(yx.split(1, 1))], 1)
            maps.append(cut)
            known.append(mask)
            places.append(yx)
        yx_px = torch.stack(places)
        if yx_px.shape[1] == 0:
            yx_px = torch.full((len(maps), 1, 2), _NOWHERE)
        present = ((yx_px > -0.5) & (yx_px < side - 0.5)).all(-1)
        return PatchBatch(torch.stack(maps), yx_px, present), torch.stack(known)

    def f1(self, model: Model) -> float | None:
        """The F1 in the strip that was held out, at the model's own threshold; None where nothing is held out.

        A point counts as found within a quarter of the distance between two crests, of one pixel where the band is
        not known. With no impurity and nothing found it is 1.
        """
        if self.held_out_nm is None:
            return None
        view = self.experiment.view
        field = score_view(model, view)
        yx, score = find_peaks(field.score, field.offsets_px, view.measured)
        yx = yx[model.config.calibration.confidence(score) >= model.threshold]
        found, truth, _ = match(yx, self._yx_px, self._radius_px)
        # a pair across the strip's edge is no error
        extra = np.delete(_inside(yx, self._held_out), found).sum()
        here = _inside(self._yx_px, self._held_out)
        right, all_here = here[truth].sum(), here.sum()
        return float(2 * right / (right + all_here + extra)) if all_here + extra else 1.0


_Window = tuple[slice, slice]


def _pixels(experiment: UnlabelledStack, region_nm: Rectangle) -> _Window:
    """The pixels of the view whose centres lie inside a region."""
    parts = []
    shape = experiment.view.maps.shape[-2:]
    for axis in (0, 1):
        low, high = region_nm[2 * axis], region_nm[2 * axis + 1]
        place = experiment.origin_nm[axis] + np.arange(shape[axis]) * experiment.view.pixel_size_nm[axis]
        inside = np.flatnonzero((place >= low) & (place <= high))
        parts.append(slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0))
    return parts[0], parts[1]


def _strip(region: _Window, share: float) -> _Window:
    """The far end of the longer side."""
    rows, columns = region
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if height > width:
        return slice(rows.stop - round(share * height), rows.stop), columns
    return rows, slice(columns.stop - round(share * width), columns.stop)


def _inside(yx_px: np.ndarray, window: _Window) -> np.ndarray:
    low = np.array([part.start for part in window]) - 0.5
    high = np.array([part.stop for part in window]) - 0.5
    return np.asarray(((yx_px >= low) & (yx_px < high)).all(1))
