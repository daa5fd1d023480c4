"""Spectra at a place and of the surface, against stacks whose spectra are known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from napari_stm_impurities.analysis.spectra import pixel_at, spectrum_at, surface_spectrum
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.images import make_stack

BIAS = np.array([-520.0, -100.0, 0.0, 15.0])


@pytest.fixture
def stack() -> xr.DataArray:
    """A surface whose dI/dV rises with the bias, and one impurity of 3 x 3 pixels with another spectrum."""
    values = np.broadcast_to(np.array([1.0, 2, 3, 4])[:, None, None], (4, 30, 40)).copy()
    values[:, 9:12, 19:22] = np.array([9.0, 8, 7, 6])[:, None, None]
    return make_stack(values, BIAS, (0.5, 0.25), units="nS")


def test_the_impurity_and_the_surface_have_their_own_spectra(stack: xr.DataArray) -> None:
    at = spectrum_at(stack, 5.0, 5.0, radius_nm=0.25)
    assert at.values.tolist() == [9, 8, 7, 6]
    assert at.attrs["units"] == "nS"
    assert at.bias.values.tolist() == BIAS.tolist()
    surface = surface_spectrum(stack, np.array([[5.0, 5.0]]))
    assert surface.mean.values.tolist() == [1, 2, 3, 4]
    assert surface.std.values.tolist() == [0, 0, 0, 0]
    assert surface.n_pixels == pytest.approx(600, abs=10)


def test_the_disc_is_round_on_pixels_that_are_not_square(stack: xr.DataArray) -> None:
    """One pixel of 0.5 nm reaches one row up and down, and two columns of 0.25 nm to each side."""
    noise = stack.copy(data=np.random.default_rng(0).normal(size=stack.shape).astype(np.float32))
    v = noise.values
    wanted = v[:, 10, 18:23].sum(1) + v[:, 9, 20] + v[:, 11, 20]
    np.testing.assert_allclose(spectrum_at(noise, 5.0, 5.0), wanted / 7, rtol=1e-5)


def test_missing_pixels_are_left_out(stack: xr.DataArray) -> None:
    stack.values[:, 10, 20] = np.nan
    stack.values[2] = np.nan
    np.testing.assert_array_equal(spectrum_at(stack, 5.0, 5.0, radius_nm=0.25), [9, 8, np.nan, 6])
    np.testing.assert_array_equal(surface_spectrum(stack, np.zeros((0, 2))).mean[2], np.nan)


def test_a_tiny_disc_takes_the_nearest_pixel(stack: xr.DataArray) -> None:
    assert spectrum_at(stack, 5.1, 5.1, radius_nm=0.01).values.tolist() == [9, 8, 7, 6]


def test_without_points_all_pixels_are_the_surface(stack: xr.DataArray) -> None:
    surface = surface_spectrum(stack, np.zeros((0, 2)))
    np.testing.assert_allclose(surface.mean, stack.mean(("y", "x")), rtol=1e-6)
    np.testing.assert_allclose(surface.std, stack.std(("y", "x")), rtol=1e-5)


def test_however_dense_the_points_some_surface_is_left(stack: xr.DataArray) -> None:
    y, x = np.meshgrid(stack.y, stack.x, indexing="ij")
    assert surface_spectrum(stack, np.stack([y.ravel(), x.ravel()], 1)).n_pixels == 1200


def test_the_edge_belongs_to_the_image(stack: xr.DataArray) -> None:
    assert pixel_at(stack, -0.25, -0.125) == (0, 0)
    assert pixel_at(stack, 14.75, 9.875) == (29, 39)
    for place in ((-0.26, 1.0), (1.0, 9.9)):
        with pytest.raises(StmError, match="outside the image"):
            pixel_at(stack, *place)
