"""The shipped model on simulated surfaces, with nothing given by hand; the bounds are loose, the studies say more."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.impurities.detect import FindingWarning, find_impurities
from napari_stm_impurities.io.readers import read_stack
from napari_stm_impurities.io.tables import load_points
from napari_stm_impurities.physics.instrument import correlated_noise
from napari_stm_impurities.simulation.surface import Surface, SurfaceConfig, simulate_surface

KINDS = {
    "gold": ("Au(111)", 0.47, {"n_biases": 16}),
    "gold, three biases": ("Au(111)", 0.47, {"n_biases": 3}),
    "gold, fine pixels": ("Au(111)", 0.47, {"n_biases": 3, "side_px": 160}),
    "gold, erased near field": ("Au(111)", 0.47, {"n_biases": 16, "near_field_nm": 0.9, "near_field_value": 0.0}),
    "silver": (
        "Ag(111)",
        0.94,
        {"n_biases": 16, "frame_nm": 75.0, "bias_start_mv": -30.0, "bias_stop_mv": 100.0, "density_per_nm2": 0.008}
        | {"near_field_nm": 0.8, "least_distance_nm": 1.5, "margin_nm": 15.0, "mean_free_path_nm": 80.0},
    ),
}


@cache
def surface(kind: str) -> Surface:
    material, _, values = KINDS[kind]
    return simulate_surface(material, 123, config=SurfaceConfig.of(**values))


@pytest.mark.parametrize("kind", KINDS)
def test_most_impurities_are_found_and_little_else(kind):
    with warnings.catch_warnings():
        # the scale must be read off the data
        warnings.simplefilter("error", FindingWarning)
        points = find_impurities(surface(kind).stack)
    report = compare(points, surface(kind).points, KINDS[kind][1])
    assert report.f1 > 0.85


def test_the_marked_molecules_of_a_measured_map_are_found(shared_data):
    """CO on Cu(111) at 10 mV, whose 102 molecules were marked by hand (docs/model-card.md)."""
    folder = shared_data / "jjacobe2__PyAutoSTM"
    marked = load_points(folder / "Topo014_positions.csv")
    with warnings.catch_warnings():
        # the topography is searched, since the lock-in was off
        warnings.simplefilter("ignore", FindingWarning)
        points = find_impurities(read_stack(folder / "Topo014.sxm"))
    report = compare(points, marked, 0.25)
    assert len(marked) == 102
    assert report.recall >= 0.93
    assert report.precision >= 0.90


def test_unit_offset_and_sign_of_the_signal_do_not_matter():
    stack, truth = surface("gold").stack, surface("gold").points
    plain = find_impurities(stack)
    amperes = find_impurities(stack.copy(data=1e-12 * stack.values + 5e-12))
    np.testing.assert_allclose(amperes[["y_px", "x_px"]], plain[["y_px", "x_px"]], atol=0.02)
    inverted = find_impurities(stack.copy(data=-stack.values))
    assert compare(inverted, truth, 0.47).f1 > 0.8


def test_the_side_of_a_tile_does_not_matter():
    stack = surface("gold").stack
    tiled, whole = (find_impurities(stack, tile_px=tile) for tile in (40, 0))
    np.testing.assert_allclose(tiled[["y_px", "x_px"]], whole[["y_px", "x_px"]], atol=1e-3)
    np.testing.assert_allclose(tiled["confidence"], whole["confidence"], atol=1e-4)


def test_a_gap_costs_only_what_it_hides():
    stack = surface("gold").stack.copy(deep=True)
    stack.values[:, 50:] = np.nan
    truth = surface("gold").points
    kept = truth[truth["y_px"] < 49.5].reset_index(drop=True)
    points = find_impurities(stack)
    assert (points["y_px"] < 50).all()
    assert compare(points, kept, 0.47).f1 > 0.75


def noise_maps(kind: str, n_biases: int, seed: int) -> np.ndarray:
    if kind == "white":
        return np.random.default_rng(seed).normal(size=(n_biases, 80, 80))
    draw = torch.Generator().manual_seed(seed)
    return correlated_noise((1, n_biases, 80, 80), torch.tensor([1.0]), draw)[0].numpy()


@pytest.mark.filterwarnings("ignore::napari_stm_impurities.impurities.detect.FindingWarning")
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("n_biases", [1, 3, 6, 20])
@pytest.mark.parametrize("kind", ["white", "1/f"])
def test_nothing_is_found_in_noise(kind, n_biases, seed):
    noise = make_stack(noise_maps(kind, n_biases, seed), np.linspace(-100, 0, n_biases), 0.47)
    if n_biases < 4:
        with pytest.raises(StmError, match="cannot be told from noise"):
            find_impurities(noise)
    else:
        assert len(find_impurities(noise)) == 0


@pytest.mark.parametrize("sigma_px", [1.0, 2.5])
def test_points_in_a_texture_come_with_a_warning(sigma_px):
    texture = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(80, 80)), sigma_px)
    maps = texture / texture.std() + 0.3 * np.random.default_rng(1).normal(size=(20, 80, 80))
    with pytest.warns(FindingWarning, match="no ripples of 1.[67] nm"):
        find_impurities(make_stack(maps, np.linspace(-200, 20, 20), 0.47), dispersion="Au(111)")
