"""The picture of the ring, on maps whose spatial frequencies are known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.qpi.fourier_maps import LARGEST_Q_PER_NM, MOST_MAPS, fourier_maps

BIAS_MV = np.array([-200.0, -100.0, 0.0, 150.0])


def ripples(band, bias_mv, side_px=(120, 90), size_nm=(0.25, 0.4)):
    """Plane waves of the length 2k in 60 random directions, at each bias."""
    rng = np.random.default_rng(3)
    y, x = np.meshgrid(*(np.arange(n) * s for n, s in zip(side_px, size_nm, strict=True)), indexing="ij")
    maps = []
    for bias in bias_mv:
        q = 2 * band.k_per_nm(bias)
        angle, phase = rng.uniform(0, 2 * np.pi, (2, 60))
        waves = np.cos(q * (np.sin(angle) * y[..., None] + np.cos(angle) * x[..., None]) + phase)
        maps.append(waves.sum(-1) + 0.1 * rng.normal(size=y.shape))
    return make_stack(np.array(maps), bias_mv, size_nm)


def test_the_ring_has_the_radius_2k_at_each_bias():
    band = Dispersion.of_material("Au(111)")
    picture = fourier_maps(ripples(band, BIAS_MV))
    np.testing.assert_array_equal(picture.bias_mv, BIAS_MV)
    step = picture.q_per_nm[1] - picture.q_per_nm[0]
    radius = np.hypot(picture.q_y_per_nm[:, None], picture.q_x_per_nm[None])
    for number, bias in enumerate(BIAS_MV):
        wanted = 2 * np.sqrt(0.26 * (bias + 520) / 38.0998)  # E = E0 + hbar^2 k^2 / 2 m*
        assert abs(picture.q_per_nm[picture.radial[number].argmax()] - wanted) <= step
        power = np.exp(picture.log_power[number])
        assert (power * radius).sum() / power.sum() == pytest.approx(wanted, abs=step)


def test_zero_is_in_the_middle_and_directions_are_kept():
    y, x = np.mgrid[:64, :48] * 0.5
    stack = make_stack(np.cos(1.5 * y + 0.8 * x)[None], [20.0], 0.5)
    picture = fourier_maps(stack)
    assert picture.log_power.shape == (1, len(picture.q_y_per_nm), len(picture.q_x_per_nm))
    at = np.unravel_index(picture.log_power[0].argmax(), picture.log_power[0].shape)
    q = np.array([picture.q_y_per_nm[at[0]], picture.q_x_per_nm[at[1]]])
    np.testing.assert_allclose(q * np.sign(q[0]), [1.5, 0.8], atol=0.15)


def test_many_maps_and_fine_pixels_become_a_small_picture():
    values = np.random.default_rng(0).normal(size=(60, 64, 64))
    values[:, 3, 5] = np.nan
    picture = fourier_maps(make_stack(values, np.arange(60.0), 0.05))
    assert len(picture.log_power) <= MOST_MAPS
    assert np.isfinite(picture.log_power).all()
    assert np.abs(picture.q_y_per_nm).max() <= LARGEST_Q_PER_NM
    assert picture.radial.shape == (len(picture.bias_mv), len(picture.q_per_nm))


def test_what_is_no_stack_is_refused():
    with pytest.raises(StmError, match="constant"):
        fourier_maps(make_stack(np.zeros((2, 20, 20)), [0, 1], 0.5))


@pytest.mark.parametrize("size_nm", [(457.0, 14.0), (5.0, 0.1), (1e-4, 1e4), (1e4, 1e-4), (1e-5, 1e-5)], ids=str)
@pytest.mark.parametrize("shape", [(64, 64), (10, 200), (10, 10)], ids=str)
def test_pixels_of_any_shape_give_a_picture_or_one_line(size_nm, shape):
    stack = make_stack(np.random.default_rng(0).normal(size=(3, *shape)), range(3), size_nm)
    try:
        picture = fourier_maps(stack)
    except StmError as error:
        said = str(error)
    else:
        assert picture.radial.shape == (3, len(picture.q_per_nm))
        assert np.isfinite(picture.radial).all()
        return
    assert "too narrow for any ripple" in said
