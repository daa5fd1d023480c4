"""Attribution of a score to the maps of a stack: attention over the biases, and the drop when one map is left out."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ..analysis.spectra import SurfaceSpectrum, pixel_at, spectrum_at, surface_spectrum
from ..data.images import check_stack
from ..physics.dispersion import Dispersion
from .inference import pad_to_multiple, rot180
from .inputs import network_input, scale_maps
from .model import Model, load_model
from .network import Scores, decoder_reach_px
from .preprocess import ModelInput, prepare_input
from .surface_band import band_of
from .tiles import tile_from, tile_sides_px

#: With more maps than this, leaving out one at a time is not tried.
LEAVE_OUT_AT_MOST = 16


@dataclass(frozen=True)
class Attribution:
    """The attribution of the score at one position to the maps of the stack, and the spectra there.

    Attributes
    ----------
    y_nm, x_nm
        The centre of the pixel of the score map in which the place lies, in the stack's own coordinates.
    score
        S at that pixel, as :func:`~napari_stm_impurities.impurities.detect.find` gives it.
    confidence
        The calibrated confidence of that score, 0 to 1.
    attention
        The weights of Eq. 1 at the finest level, dimensions (bias, asked_bias) in mV: how much each map asks each; a
        row sums to 1. At this pixel where the attention is local, else of the pixel's tile.
    weight
        How much each map is asked, the mean of `attention` over the maps that ask, dimension (bias,); its sum is 1.
    leave_one_out_drop
        By how much the score falls when a map is left out, dimension (bias,); negative where it speaks against an
        impurity. NaN for a single map, or where there are more than :data:`LEAVE_OUT_AT_MOST`.
    spectrum
        dI/dV at the position, the mean over a small disc, dimension (bias,): all biases of the stack. None where only
        the score was explained.
    surface_mean, surface_std
        The same of the surface away from the points, and its standard deviation over the pixels.
    """

    y_nm: float
    x_nm: float
    score: float
    confidence: float
    attention: xr.DataArray
    weight: xr.DataArray
    leave_one_out_drop: xr.DataArray
    spectrum: xr.DataArray | None = None
    surface_mean: xr.DataArray | None = None
    surface_std: xr.DataArray | None = None


class _Patch(NamedTuple):
    """The features of each level around a pixel, their first pixels, where the pixel lies, and the finest shape."""

    levels: list[Tensor]
    firsts: list[tuple[int, int]] | None
    pixel: tuple[int, int]
    shape: tuple[int, int]


class Explainer:
    """Looks at places of one stack; what is the same for all of them is done once.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    model
        A shipped model's name, a file, or a model.
    dispersion
        The surface band, or a material's name; read off the data when not given.

    Raises
    ------
    StmError
        If there is nothing to look at in the stack, as :func:`~napari_stm_impurities.impurities.detect.find` says.
    """

    def __init__(
        self,
        stack: xr.DataArray,
        model: str | os.PathLike[str] | Model = "default",
        dispersion: Dispersion | str | None = None,
    ) -> None:
        self.stack = check_stack(stack)
        self.model = load_model(model)
        self.dispersion, self.notes = band_of(stack, dispersion)
        inputs = self.model.config.inputs
        self.view: ModelInput = prepare_input(stack, inputs, self.dispersion)
        self._whole = inputs.scale_over == "image"
        self._maps = scale_maps(self.view.maps, inputs.scaling) if self._whole else self.view.maps

    def at(self, y_nm: float, x_nm: float) -> Attribution:
        """What the network makes of a place, in the stack's own coordinates in nm.

        Only the surroundings that the score there depends on are run through the network, so this is a matter of some
        0.1 s.

        Raises
        ------
        StmError
            If the place lies outside the frame.
        """
        pixel_at(self.stack, y_nm, x_nm)  # refuses a place outside the frame
        origin = np.array([self.stack.y.values[0], self.stack.x.values[0]], dtype=float)
        size = np.array(self.view.pixel_size_nm)
        # the pixels of the score map, which are not the stack's own where it was resampled
        last = np.array(self._maps.shape[-2:]) - 1
        row, column = np.clip(np.rint((np.array([y_nm, x_nm]) - origin) / size), 0, last).astype(int).tolist()
        centre = origin + size * (row, column)
        ways = (False, True) if self.model.config.inputs.augments(len(self.view.maps)) else (False,)
        said = [self._said(row, column, turned) for turned in ways]
        score = float(np.mean([score for score, _, _ in said]))
        weights = np.mean([weights for _, weights, _ in said], axis=0)
        fall = np.mean([fall for _, _, fall in said], axis=0)
        bias = {"bias": ("bias", self.view.bias_mv, {"units": "mV"})}
        asked = {**bias, "asked_bias": ("asked_bias", self.view.bias_mv, {"units": "mV"})}
        return Attribution(
            y_nm=float(centre[0]),
            x_nm=float(centre[1]),
            score=score,
            confidence=float(self.model.config.calibration.confidence(score)),
            attention=xr.DataArray(weights, dims=("bias", "asked_bias"), coords=asked, name="attention"),
            weight=xr.DataArray(weights.mean(axis=0), dims="bias", coords=bias, name="weight"),
            leave_one_out_drop=xr.DataArray(fall, dims="bias", coords=bias, name="score fall"),
        )

    def explain(
        self, y_nm: float, x_nm: float, surface: SurfaceSpectrum | None = None, radius_nm: float | None = None
    ) -> Attribution:
        """What the network makes of a place, and its spectrum beside that of the surface.

        Parameters
        ----------
        y_nm, x_nm
            The place, in the stack's own coordinates in nm.
        surface
            What :func:`~napari_stm_impurities.analysis.spectra.surface_spectrum` gave; over all pixels when not given.
        radius_nm
            Of the disc over which the spectrum is the mean; one pixel when not given.
        """
        reasons = self.at(y_nm, x_nm)
        temporary = surface or surface_spectrum(self.stack, np.zeros((0, 2)))
        spectrum = spectrum_at(self.stack, y_nm, x_nm, radius_nm)
        return replace(reasons, spectrum=spectrum, surface_mean=temporary.mean, surface_std=temporary.std)

    def _said(self, row: int, column: int, turned: bool) -> tuple[float, np.ndarray, np.ndarray]:
        """The score at a pixel, the weights (i, j) there, and by how much the score falls without each map."""
        around = self._around(row, column, turned)
        network = self.model.network
        n_maps = len(self._maps)
        fall = np.full(n_maps, np.nan)
        with torch.inference_mode():
            score, weights = _pixel(network.decode(around.levels, around.shape, around.firsts), around.pixel)
            if 1 < n_maps <= LEAVE_OUT_AT_MOST:
                for left_out in range(n_maps):
                    kept = [number for number in range(n_maps) if number != left_out]
                    levels = [level[:, kept] for level in around.levels]
                    rest, _ = _pixel(network.decode(levels, around.shape, around.firsts), around.pixel)
                    fall[left_out] = score - rest
        return score, weights, fall

    def _around(self, row: int, column: int, turned: bool) -> _Patch:
        inputs, network = self.model.config.inputs, self.model.network
        multiple = network.multiple_px
        local = network.config.attention != "global"
        shape = (self._maps.shape[-2], self._maps.shape[-1])
        # the smallest tile there is gives the same score, unless the tile as a whole has a say in it
        sides = (multiple, multiple) if self._whole and local else tile_sides_px(self.model, shape)
        halo = -(-inputs.halo_px // multiple) * multiple
        core, seen, inner = tile_from((row // sides[0] * sides[0], column // sides[1] * sides[1]), sides, halo, shape)
        part = self._maps[(slice(None), *seen)]
        part = part if self._whole else scale_maps(part, inputs.scaling)
        shown = pad_to_multiple(network_input(part[None].to(self.model.device), inputs), multiple)
        whole = (shown.shape[-2], shown.shape[-1])
        at = [inner[0].start + row - core[0].start, inner[1].start + column - core[1].start]
        if turned:
            shown = rot180(shown)
            at = [n - 1 - one for n, one in zip(whole, at, strict=True)]
        with torch.inference_mode():
            levels = list(network.encode(shown))
        if not local:
            return _Patch(levels, None, (at[0], at[1]), whole)
        # the decoder takes a few pixels of each level only
        firsts, cut = [], []
        for number, (level, reach) in enumerate(zip(levels, decoder_reach_px(network.config), strict=True)):
            here = [one >> number for one in at]
            top, left = (max(one - reach, 0) for one in here)
            cut.append(level[..., top : here[0] + reach + 1, left : here[1] + reach + 1])
            firsts.append((top, left))
        pixel = (at[0] - firsts[0][0], at[1] - firsts[0][1])
        return _Patch(cut, firsts, pixel, (cut[0].shape[-2], cut[0].shape[-1]))


def explain(
    stack: xr.DataArray,
    model: str | os.PathLike[str] | Model,
    y_nm: float,
    x_nm: float,
    dispersion: Dispersion | str | None = None,
    *,
    points_nm: np.ndarray | None = None,
    radius_nm: float | None = None,
) -> Attribution:
    """The attribution of the score at one position to the maps, with the spectrum there.

    Parameters
    ----------
    stack
        Dimensions (bias, y, x).
    model
        A shipped model's name (``"default"``), a file, or a model.
    y_nm, x_nm
        The place, in the stack's own coordinates in nm.
    dispersion
        The surface band, or a material's name; read off the data when not given.
    points_nm
        Shape (n, 2): y and x of all impurities in nm; the surface's spectrum is taken away from them.
    radius_nm
        Of the disc over which the spectrum is the mean; one pixel when not given.

    Returns
    -------
    Attribution
        The score and its confidence, the attention, what each map adds, and the spectra.

    Raises
    ------
    StmError
        If the place lies outside the frame, or there is nothing to look at in the stack.

    Examples
    --------
    >>> from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface
    >>> surface = simulate_surface(seed=1, config=SurfaceConfig(side_px=32, frame_nm=15, n_biases=3))
    >>> first = surface.points.iloc[0]
    >>> why = explain(surface.stack, "default", first.y_nm, first.x_nm, "Au(111)")
    >>> round(float(why.weight.sum()), 3), why.spectrum.dims
    (1.0, ('bias',))

    References
    ----------
    Wang et al. 2020: the attention is that of their Eq. 1; the spectra are those of their Fig. 5a.
    """
    explainer = Explainer(stack, model, dispersion)
    surface = None if points_nm is None else surface_spectrum(stack, points_nm)
    return explainer.explain(y_nm, x_nm, surface, radius_nm)


def scored_pixel(score: xr.DataArray, y_nm: float, x_nm: float, of_point: float) -> tuple[float, float]:
    """The pixel from which a point has its score; a point is refined, so that it need not lie in that pixel.

    Parameters
    ----------
    score
        The score map, dimensions (y, x).
    y_nm, x_nm
        Where the point lies, in the map's coordinates.
    of_point
        The score of the point; when it is NaN the place itself is given back.

    Returns
    -------
    tuple of float
        The centre (y, x) in nm of the pixel within two pixels whose score is nearest to that of the point.

    Examples
    --------
    >>> from napari_stm_impurities.data.images import make_stack
    >>> maps = np.zeros((9, 9)); maps[4, 5] = 3
    >>> scored_pixel(make_stack(maps, 0, 0.5)[0], 2.1, 2.0, 3.0)
    (2.0, 2.5)
    """
    if np.isnan(of_point):
        return y_nm, x_nm
    nearest = (int(np.abs(score[axis].values - one).argmin()) for axis, one in (("y", y_nm), ("x", x_nm)))
    rows, columns = (slice(max(one - 2, 0), one + 3) for one in nearest)
    part = score.isel(y=rows, x=columns)
    best = np.unravel_index(int(np.abs(part.values - of_point).argmin()), part.shape)
    return float(part.y.values[best[0]]), float(part.x.values[best[1]])


def _pixel(answer: Scores, pixel: tuple[int, int]) -> tuple[float, np.ndarray]:
    """The score and the weights (i, j) at one pixel."""
    row, column = pixel
    weights = answer.weights[0].float()
    here = weights[..., row, column] if weights.ndim == 4 else weights
    return float(answer.score[0, row, column]), here.cpu().numpy()
