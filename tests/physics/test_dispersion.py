"""The parabolic band, against the constants of nature and what is published of the surfaces."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import constants

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.physics.dispersion import MATERIALS, Dispersion, k_from_carrier_density


def test_k_is_that_of_a_free_electron_with_the_effective_mass():
    band = Dispersion.of(band_bottom_mv=-300.0, effective_mass=0.4)
    energy_j = 0.35 * constants.e
    k_per_m = np.sqrt(2 * 0.4 * constants.m_e * energy_j) / constants.hbar
    assert float(band.k_per_nm(50.0)) == pytest.approx(k_per_m * 1e-9, rel=1e-6)


def test_k_keeps_the_shape_and_is_zero_below_the_band():
    band = Dispersion.of(band_bottom_mv=-100.0, effective_mass=0.3)
    k = band.k_per_nm([[-200, -100, 0], [10, 20, 30]])
    assert k.shape == (2, 3)
    assert k[0, 0] == 0
    assert k[0, 1] == 0
    assert (np.diff(k.ravel()[1:]) > 0).all()


# Fermi wavevectors measured by photoemission: Reinert et al., Phys. Rev. B 63, 115415 (2001), Table I, in 1/nm
@pytest.mark.parametrize(("material", "k_f"), [("Ag(111)", 0.80), ("Cu(111)", 2.15)])
def test_the_presets_give_the_measured_fermi_wavevector(material, k_f):
    assert float(Dispersion.of_material(material).k_per_nm(0.0)) == pytest.approx(k_f, rel=0.02)


def test_gold_is_as_the_paper_says():
    band = Dispersion.of_material("Au(111)")
    assert (band.band_bottom_mv, band.effective_mass) == (-520.0, 0.26)
    # what the network sees on the paper's grid, at the lowest and the highest bias
    pixel_nm = 37.5 / 80
    np.testing.assert_allclose(band.k_per_nm([-230.0, 20.0]) * pixel_nm, [0.66, 0.90], atol=0.01)


def test_a_material_can_be_asked_for_by_name_alone():
    assert Dispersion.of("Au(111)") == Dispersion.of_material("Au(111)")


@pytest.mark.parametrize("name", ["cu(111)", "Cu111", "CU (111)", "Cu 111"])
def test_a_material_may_be_written_in_many_ways(name):
    assert Dispersion.of_material(name) == Dispersion.of_material("Cu(111)")


def test_an_unknown_material_is_refused_with_those_that_are_known():
    with pytest.raises(StmError) as caught:
        Dispersion.of_material("Pt(111)")
    assert "Pt(111)" in str(caught.value)
    assert all(name in str(caught.value) for name in MATERIALS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("values", [{"effective_mass": 0.0}, {"effective_mass": -1.0}, {"effective_mass": 21.0}])
def test_a_mass_out_of_bounds_is_refused_in_one_line(values):
    with pytest.raises(StmError, match="effective_mass") as caught:
        Dispersion.of(band_bottom_mv=0.0, **values)
    assert "\n" not in str(caught.value)


def test_ripples_of_a_given_length_have_their_crests_that_far_apart():
    band = Dispersion.of_wavelength(1.7, bias_mv=30.0)
    k = float(band.k_per_nm(30.0))
    r = np.linspace(1, 30, 200_000)
    wave = np.cos(2 * k * r)
    crests = r[1:-1][(wave[1:-1] > wave[:-2]) & (wave[1:-1] > wave[2:])]
    np.testing.assert_allclose(np.diff(crests), 1.7, atol=1e-3)


@pytest.mark.parametrize("length", [0.0, -1.0, float("nan")])
def test_a_wavelength_that_is_none_is_refused(length):
    with pytest.raises(StmError, match="wavelength"):
        Dispersion.of_wavelength(length)


def test_the_carrier_density_fills_the_fermi_disc():
    density = 0.31
    k_f = k_from_carrier_density(density)
    # count the states of a periodic box, two spins each
    side_nm = 400.0
    n = np.arange(-200, 201) * 2 * np.pi / side_nm
    states = 2 * (np.hypot(n[:, None], n[None]) <= k_f).sum()
    assert states / side_nm**2 == pytest.approx(density, rel=0.005)


@pytest.mark.parametrize("density", [0.0, -2.0, float("nan")])
def test_a_density_that_is_none_is_refused(density):
    with pytest.raises(StmError, match="density"):
        k_from_carrier_density(density)
