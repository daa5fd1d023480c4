"""Two impurities half a nanometre apart in a map of fine pixels stay two: the score map is as fine as the data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.physics.instrument import pixel_grid
from napari_stm_impurities.physics.scattering import distances, ldos_modulation, t_matrix

PIXEL_NM = 0.12
SIDE_PX = 120
GAP_NM = 0.5
#: Middle of each pair (y, x) in nm, and the direction from one to the other.
PAIRS = [((3.6, 3.9), 0.3), ((4.2, 10.6), 1.2), ((10.9, 7.1), 2.2)]
ALONE = [(8.1, 12.3), (12.6, 2.4), (-1.5, 7.0)]


def places_nm() -> np.ndarray:
    ends = [
        np.array(middle) + sign * GAP_NM / 2 * np.array([np.sin(angle), np.cos(angle)])
        for middle, angle in PAIRS
        for sign in (-1, 1)
    ]
    return np.array([*ends, *ALONE])


def copper(n_biases: int) -> xr.DataArray:
    """Exact scattering off these places on Cu(111), with noise."""
    bias = np.linspace(-90.0, 10.0, n_biases) if n_biases > 1 else np.array([10.0])
    k = torch.from_numpy(Dispersion.of("Cu(111)").k_per_nm(bias) * PIXEL_NM).float()
    yx = torch.from_numpy(places_nm() / PIXEL_NM).float()
    t = t_matrix(torch.full((n_biases, len(yx)), 1.5), torch.full((n_biases, len(yx)), 0.2))
    pixels = pixel_grid(SIDE_PX, SIDE_PX, torch.device("cpu"))
    wave = ldos_modulation(yx, k, t, pixels.expand(n_biases, -1, -1), 60 / PIXEL_NM)
    # on top of an impurity the s-wave formula does not hold; a small dip stands there
    near = torch.exp(-0.5 * (distances(pixels, yx).amin(-1) * PIXEL_NM / 0.25) ** 4)
    maps = ((1 - near) * wave - 0.25 * near).reshape(n_biases, SIDE_PX, SIDE_PX).numpy()
    noise = np.random.default_rng(0).normal(size=maps.shape)
    return make_stack(1 + maps + 0.2 * maps.std() * noise, bias, PIXEL_NM)


@pytest.mark.parametrize("n_biases", [1, 3])
def test_two_impurities_half_a_nanometre_apart_stay_two(n_biases):
    finding = find(copper(n_biases), dispersion="Cu(111)")
    assert finding.score.attrs["pixel_size_nm"] == pytest.approx([PIXEL_NM, PIXEL_NM])
    found = finding.points[["y_nm", "x_nm"]].to_numpy()
    inside = places_nm()[: 2 * len(PAIRS)]
    apart = np.hypot(*(inside[:, None] - found[None]).transpose(2, 0, 1))
    assert apart.min(1).max() < 0.2
    # each has a point of its own
    assert len(set(apart.argmin(1))) == len(inside)
