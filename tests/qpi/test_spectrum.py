"""The radial spectrum, against waves whose frequency is known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.qpi.spectrum import radial_spectrum


def waves(q_per_nm: float, shape: tuple[int, int], pixel_nm: tuple[float, float], seed: int = 0) -> np.ndarray:
    """Many plane waves of one frequency, in all directions."""
    draw = np.random.default_rng(seed)
    y, x = np.arange(shape[0])[:, None] * pixel_nm[0], np.arange(shape[1])[None] * pixel_nm[1]
    out = np.zeros(shape)
    for angle, phase in draw.uniform(0, 2 * np.pi, (200, 2)):
        out += np.cos(q_per_nm * (y * np.sin(angle) + x * np.cos(angle)) + phase)
    return out


@pytest.mark.parametrize(
    ("shape", "pixel_nm"), [((80, 80), (0.47, 0.47)), ((60, 120), (0.5, 0.3)), ((101, 77), (0.3, 0.4))]
)
def test_waves_of_one_frequency_peak_there(shape, pixel_nm):
    spectrum = radial_spectrum(make_stack(waves(3.0, shape, pixel_nm), 0, pixel_nm))
    top = spectrum.q_per_nm[spectrum.log_power[0].argmax()]
    assert top == pytest.approx(3.0, abs=0.75 * spectrum.resolution_per_nm)
    np.testing.assert_allclose(np.diff(spectrum.q_per_nm), spectrum.q_per_nm[0])
    # the finest feature is one turn over the shorter side of the frame
    shorter = min(n * size for n, size in zip(shape, pixel_nm, strict=True))
    assert spectrum.resolution_per_nm == pytest.approx(2 * np.pi / shorter)
    # nothing is said beyond what the finer side of a pixel can show
    assert spectrum.q_per_nm[-1] < np.pi / min(pixel_nm)


def test_the_unit_of_the_signal_does_not_matter():
    maps = waves(3.0, (64, 64), (0.4, 0.4))
    volts, amperes = (radial_spectrum(make_stack(maps * unit, 0, 0.4)).log_power for unit in (1.0, 1e-12))
    np.testing.assert_allclose(amperes, volts, atol=1e-2)


def test_a_lattice_counts_less_than_a_ring():
    y, x = np.mgrid[:80, :80] * 0.4
    lattice = 2 * (np.cos(5.0 * x) + np.cos(5.0 * y))
    spectrum = radial_spectrum(make_stack(waves(3.0, (80, 80), (0.4, 0.4)) / 10 + lattice, 0, 0.4))
    at = {q: spectrum.log_power[0][np.abs(spectrum.q_per_nm - q) < 0.3].max() for q in (3.0, 5.0)}
    assert at[3.0] > at[5.0] + 1


def test_many_biases_become_few_maps_in_order():
    data = np.random.default_rng(0).normal(size=(100, 20, 20))
    spectrum = radial_spectrum(make_stack(data, np.arange(100), 0.5))
    assert spectrum.log_power.shape == (32, len(spectrum.q_per_nm))
    assert (np.diff(spectrum.bias_mv) > 0).all()
    # 32 groups of three or four neighbours, each at the mean of its biases
    assert set(np.diff(spectrum.bias_mv)) <= {3.0, 3.5, 4.0}
    assert (spectrum.bias_mv[0], spectrum.bias_mv[-1]) == (1.5, 98.0)


def test_missing_pixels_are_borne():
    maps = waves(3.0, (80, 80), (0.4, 0.4))
    maps[50:53] = np.nan
    maps[:, 7] = np.nan
    spectrum = radial_spectrum(make_stack(maps, 0, 0.4))
    assert np.isfinite(spectrum.log_power).all()
    top = spectrum.q_per_nm[spectrum.log_power[0].argmax()]
    assert top == pytest.approx(3.0, abs=spectrum.resolution_per_nm)
