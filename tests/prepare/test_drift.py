"""Drift between maps, against shifts that are known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities import StmError, prepare
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.data.images import make_stack

STEP = (0.5, 0.25)


def rings(drift_px, seed=0, n=64, shorter=0.01):
    """Ripples around some points whose wavelength falls from map to map, each map moved by its drift."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, n, (12, 2))
    maps = []
    for i, (dy, dx) in enumerate(drift_px):
        y, x = np.mgrid[:n, :n]
        one = np.zeros((n, n))
        for cy, cx in centres:
            r = np.hypot(y - cy - dy, x - cx - dx) + 1
            one += np.cos(2 * (0.5 + shorter * i) * r + 1) / r
        maps.append(one + rng.normal(0, 0.02, one.shape))
    return make_stack(maps, np.arange(len(maps)), STEP)


DRIFT = np.column_stack([np.linspace(0, 2.3, 9), -(np.linspace(0, 1, 9) ** 2) * 3.1])


def test_the_drift_is_found_to_a_twentieth_of_a_pixel_where_the_surface_stays_the_same():
    found = prepare.measure_drift(rings(DRIFT, shorter=0.0))
    assert found.dims == ("bias", "axis")
    np.testing.assert_allclose(found.values / STEP, DRIFT, atol=0.05)


def test_ripples_that_grow_shorter_feign_no_more_than_a_third_of_a_pixel():
    for drift in (DRIFT, DRIFT * 0):
        np.testing.assert_allclose(prepare.measure_drift(rings(drift)).values / STEP, drift, atol=0.35)


def test_the_corrected_maps_lie_on_each_other():
    stack = rings(DRIFT, shorter=0.0)
    out = prepare.correct_drift(stack)
    assert np.abs(prepare.measure_drift(out).values / STEP).max() < 0.05
    np.testing.assert_array_equal(out.values[0], stack.values[0])
    # what came in from outside is missing
    assert np.isnan(out.values[-1][:, :2]).all()
    assert not np.isnan(out.values[-1][:50, 10:]).any()
    np.testing.assert_allclose(np.array(out.attrs["drift_nm"]) / STEP, DRIFT, atol=0.05)


def test_a_known_drift_is_taken_as_it_is():
    stack = rings(np.zeros((2, 2)))
    out = prepare.correct_drift(stack, [[0, 0], [1.0, -0.5]])
    np.testing.assert_allclose(out.values[1, 5:20, 5:20], stack.values[1, 7:22, 3:18], atol=1e-5)


def test_missing_maps_and_bad_drift():
    data = rings(DRIFT, shorter=0.0).values.copy()
    data[4] = np.nan
    data[2, :5] = np.nan
    found = prepare.measure_drift(make_stack(data, np.arange(9), STEP)).values / STEP
    np.testing.assert_allclose(np.delete(found, 4, axis=0), np.delete(DRIFT, 4, axis=0), atol=0.15)
    with pytest.raises(StmError, match="two finite numbers"):
        prepare.correct_drift(rings(DRIFT), [[0, 0]])
    with pytest.raises(StmError, match="out of the frame"):
        prepare.correct_drift(rings(DRIFT), np.full((9, 2), 1e3))
    with pytest.raises(Stopped):
        prepare.measure_drift(rings(DRIFT), should_stop=lambda: True)
