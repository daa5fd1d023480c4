"""Level, sign, noise, spikes."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.spots.density import density_of, noise_std, row_offsets, smooth_surface, spikes


def test_the_noise_is_measured_beside_spots_and_a_background(bound_map):
    values, _ = bound_map(0, 40, 3.0)
    assert noise_std(values, np.ones(values.shape, dtype=bool)) == pytest.approx(0.15, rel=0.1)


def test_the_noise_is_measured_beside_missing_pixels():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 2.0, (60, 60))
    seen = rng.random((60, 60)) > 0.03
    assert noise_std(np.where(seen, values, 1e6), seen) == pytest.approx(2.0, rel=0.1)


def test_a_tilt_is_taken_away_and_spots_are_not(bound_map):
    values, at = bound_map(1, 20, 3.0)
    y, x = np.mgrid[:80, :80]
    tilted = density_of(values + 0.2 * y - 0.1 * x, "bright")
    plain = density_of(values, "bright")
    np.testing.assert_allclose(tilted.values, plain.values, atol=0.01)
    heights = [tilted.values[round(row), round(column)] for row, column in at]
    assert np.mean(heights) == pytest.approx(1.0, abs=0.2)


def test_the_surface_goes_through_the_bulk():
    y, x = np.mgrid[-1:1:40j, -1:1:50j]
    background = 1 + 0.3 * y - 0.2 * x + 0.5 * y * x
    values = background.copy()
    values[10:13, 20:23] += 50
    np.testing.assert_allclose(smooth_surface(values, np.ones(values.shape, dtype=bool)), background, atol=1e-6)


def test_only_jumps_count_as_offsets_of_rows(bound_map):
    rng = np.random.default_rng(0)
    seen = np.ones((80, 80), dtype=bool)
    jumps = rng.normal(size=80)
    found = row_offsets(rng.normal(0, 1, (80, 80)) + jumps[:, None], seen, 1.0)
    assert np.corrcoef(found, jumps)[0, 1] > 0.85
    dense, _ = bound_map(0, 60, 6.0)
    assert not row_offsets(dense, seen, 0.15).any()


def test_a_spike_is_a_pixel_without_neighbours(bound_map):
    values, _ = bound_map(2, 20, 1.5, noise=0.02)
    level = density_of(values, "bright").values
    assert not spikes(level, 0.02).any()
    level[40, 40] += 5
    assert np.argwhere(spikes(level, 0.02)).tolist() == [[40, 40]]
