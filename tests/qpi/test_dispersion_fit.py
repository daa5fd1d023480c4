"""k(V) read off the data, against the band that the surface was simulated with."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack, pixel_size_nm
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.physics.instrument import correlated_noise
from napari_stm_impurities.qpi.dispersion_fit import MIN_SIGNIFICANCE_SIGMA, NoRing, fit_dispersion, ring_significance
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface

SURFACES = {
    "gold": ("Au(111)", {"n_biases": 6}),
    "gold, three biases": ("Au(111)", {"n_biases": 3}),
    "gold, as much noise as signal": ("Au(111)", {"n_biases": 6, "noise_share": 1.0, "line_noise_share": 0.4}),
    "gold, step and herringbone": ("Au(111)", {"n_biases": 6, "step_share": 5.0, "herringbone_share": 1.0}),
    "gold, fine pixels": ("Au(111)", {"n_biases": 4, "side_px": 160}),
    "copper": ("Cu(111)", {"n_biases": 6, "bias_start_mv": -250.0, "bias_stop_mv": 50.0}),
    "silver": (
        "Ag(111)",
        {"n_biases": 6, "frame_nm": 75.0, "bias_start_mv": -20.0, "bias_stop_mv": 120.0, "density_per_nm2": 0.008}
        | {"margin_nm": 15.0, "mean_free_path_nm": 80.0},
    ),
}


@cache
def surface(kind: str, seed: int = 0):
    material, values = SURFACES[kind]
    return Dispersion.of_material(material), simulate_surface(material, seed, config=SurfaceConfig.of(**values)).stack


@pytest.mark.parametrize("kind", SURFACES)
def test_k_is_that_of_the_simulated_band_at_every_bias(kind):
    true, stack = surface(kind)
    found = fit_dispersion(stack)
    bias = stack.bias.values
    share = found.k_per_nm(bias) / true.k_per_nm(bias) - 1
    assert np.abs(share).max() < 0.05
    # in the middle of the biases it is better, and within what it says of itself
    middle = len(bias) // 2
    assert abs(share[middle]) < max(0.03, 3 * found.k_uncertainty_share)
    assert found.significance_sigma > MIN_SIGNIFICANCE_SIGMA


@pytest.mark.parametrize("kind", ["gold", "copper", "silver"])
def test_mass_and_band_bottom_are_right_within_their_uncertainty(kind):
    true, stack = surface(kind)
    found = fit_dispersion(stack)
    assert found.effective_mass == pytest.approx(true.effective_mass, rel=0.2)
    assert abs(found.effective_mass - true.effective_mass) < 3 * found.effective_mass_uncertainty
    assert abs(found.band_bottom_mv - true.band_bottom_mv) < 3 * found.band_bottom_uncertainty_mv


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_map_alone_gives_its_k(seed):
    values = SurfaceConfig.of(n_biases=1, bias_start_mv=-50.0, noise_share=0.3)
    stack = simulate_surface("Au(111)", seed, config=values).stack
    found = fit_dispersion(stack)
    assert float(found.k_per_nm(-50.0)) == pytest.approx(
        float(Dispersion.of_material("Au(111)").k_per_nm(-50.0)), rel=0.05
    )
    assert "assumed" in found.source


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_biases", [1, 3, 40])
def test_noise_has_no_ring(seed, n_biases):
    noise = np.random.default_rng(seed).normal(size=(n_biases, 64, 64))
    with pytest.raises(NoRing) as caught:
        fit_dispersion(make_stack(noise, np.linspace(-100, 50, n_biases), 0.47))
    assert "\n" not in str(caught.value)
    assert "material" in str(caught.value)


@pytest.mark.parametrize("exponent", [0.7, 1.5, 2.5])
@pytest.mark.parametrize("n_biases", [1, 20])
def test_correlated_noise_has_no_ring(exponent, n_biases):
    draw = torch.Generator().manual_seed(3)
    noise = correlated_noise((1, n_biases, 80, 80), torch.tensor([exponent]), draw)[0].numpy()
    with pytest.raises(NoRing):
        fit_dispersion(make_stack(noise, np.linspace(-100, 50, n_biases), 0.47))


@pytest.mark.parametrize("sigma_px", [0.7, 1.5, 3.0])
@pytest.mark.parametrize("n_biases", [1, 20])
def test_smoothed_noise_has_no_ring(sigma_px, n_biases):
    noise = np.random.default_rng(0).normal(size=(n_biases, 80, 80))
    smooth = ndimage.gaussian_filter(noise, (0, sigma_px, sigma_px))
    with pytest.raises(NoRing):
        fit_dispersion(make_stack(smooth, np.linspace(-100, 50, n_biases), 0.47))


def test_smoothing_does_not_move_a_ring_that_is_there():
    true, stack = surface("gold")
    # a Gaussian of 0.9 / k at the highest bias, which leaves a twentieth of the power at 2k
    smooth = stack.copy(data=ndimage.gaussian_filter(stack.values, (0, 1.0, 1.0)))
    np.testing.assert_allclose(fit_dispersion(smooth).k_per_nm(stack.bias), true.k_per_nm(stack.bias), rtol=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_spots_that_stay_as_they_are_at_every_bias_are_no_ring(seed):
    draw = np.random.default_rng(seed)
    spots = np.zeros((80, 80))
    for y, x in draw.uniform(4, 76, (50, 2)):
        yy, xx = np.mgrid[:80, :80]
        spots += np.exp(-0.5 * ((yy - y) ** 2 + (xx - x) ** 2) / 1.5**2)
    data = spots + 0.1 * draw.normal(size=(30, 80, 80))
    with pytest.raises(NoRing):
        fit_dispersion(make_stack(data, np.linspace(-200, 50, 30), 0.47))


def test_a_constant_stack_is_refused_in_one_line():
    with pytest.raises(StmError, match="constant") as caught:
        fit_dispersion(make_stack(np.ones((3, 20, 20)), [0, 1, 2], 0.5))
    assert "\n" not in str(caught.value)


def test_missing_lines_do_not_move_the_ring():
    true, stack = surface("gold")
    holed = stack.copy()
    holed.values[:, 60:] = np.nan
    holed.values[3:5, 20:24] = np.nan
    found = fit_dispersion(holed)
    np.testing.assert_allclose(found.k_per_nm(stack.bias), true.k_per_nm(stack.bias), rtol=0.07)


def test_a_given_band_is_borne_out_by_its_own_surface_alone():
    gold, stack = surface("gold")
    assert ring_significance(stack, gold) > MIN_SIGNIFICANCE_SIGMA
    # copper's k is that of gold to within a tenth, over most of these biases; silver's is half of it
    assert ring_significance(stack, Dispersion.of("Ag(111)")) < MIN_SIGNIFICANCE_SIGMA


def test_a_static_texture_bears_out_no_band():
    texture = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(80, 80)), 1.5)
    maps = texture / texture.std() + 0.3 * np.random.default_rng(2).normal(size=(20, 80, 80))
    stack = make_stack(maps, np.linspace(-200, 20, 20), 0.47)
    assert ring_significance(stack, Dispersion.of("Au(111)")) < MIN_SIGNIFICANCE_SIGMA


def test_much_noise_at_many_biases_leaves_the_ring():
    config = SurfaceConfig.of(n_biases=12, noise_share=2.5, bias_start_mv=-200.0)
    for seed in (500, 501):
        found = fit_dispersion(simulate_surface("Au(111)", seed, config=config).stack)
        assert float(found.k_per_nm(-90.0)) == pytest.approx(float(Dispersion.of("Au(111)").k_per_nm(-90.0)), rel=0.05)


SHAPES = [(64, 64), (10, 10), (10, 200), (200, 10)]
SIZES = [(457.0, 14.0), (5.0, 0.1), (0.1, 5.0), (0.5, 1.0), (1e-4, 1e4), (1e4, 1e-4), (30.0, 30.0), (1e-5, 1e-5)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("size_nm", SIZES, ids=str)
def test_pixels_and_frames_of_any_shape_are_read_or_refused_in_one_line(shape, size_nm):
    stack = make_stack(np.random.default_rng(0).normal(size=(8, *shape)), range(8), size_nm)
    with pytest.raises(NoRing) as caught:
        fit_dispersion(stack)
    assert "\n" not in str(caught.value)
    assert ring_significance(stack, Dispersion.of_material("Au(111)")) < 4


@pytest.mark.parametrize("apart", [2, 3, 4])
@pytest.mark.parametrize("dim", ["y", "x"])
def test_the_ring_is_read_off_oblong_pixels(dim, apart):
    # with lines so far apart the ring lies beyond the highest frequency across them
    true, stack = surface("gold")
    lines = stack.isel({dim: slice(None, None, apart)})
    size_nm = np.multiply(pixel_size_nm(stack), [apart if dim == d else 1 for d in ("y", "x")])
    oblong = make_stack(lines.values, stack.bias.values, size_nm)
    np.testing.assert_allclose(fit_dispersion(oblong).k_per_nm(stack.bias), true.k_per_nm(stack.bias), rtol=0.05)
