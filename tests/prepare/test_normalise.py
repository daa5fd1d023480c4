"""Normalising, joining and choosing, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities import StmError, prepare
from napari_stm_impurities.data.images import make_stack

BIAS = np.linspace(-200, 200, 81)


def test_the_normalised_conductance_of_a_power_law_is_its_power():
    # I = V |V|: dI/dV over I/V is 2 wherever the smoothing does not reach over zero bias
    volt = BIAS / 1000
    z = np.random.default_rng(0).uniform(0.5, 2, (1, 6, 7))
    current = make_stack((volt * np.abs(volt))[:, None, None] * z, BIAS, 1.0)
    didv = make_stack((2 * np.abs(volt))[:, None, None] * z, BIAS, 1.0)
    out = prepare.normalise_by_conductance(didv, current, broadening_mv=5.0)
    far = np.abs(BIAS) > 30
    np.testing.assert_allclose(out.values[far][2:-2], 2.0, rtol=0.02)
    # the tip's distance, which differs from pixel to pixel, is gone
    assert np.nanstd(out.values[far], axis=(1, 2)).max() < 1e-5
    assert np.isfinite(out.values).all()


def test_the_normalised_conductance_needs_several_biases_and_a_width():
    sweep = make_stack(np.ones((81, 4, 4)), BIAS, 1.0)
    for n, came in ((1, r"got 1 \(-200 mV\)"), (2, r"got 2 \(-200, -195 mV\)")):
        few = sweep.isel(bias=slice(n))
        with pytest.raises(StmError, match=rf"I/V needs a sweep of 3 biases or more, {came}; read the whole sweep"):
            prepare.normalise_by_conductance(few, few)
    with pytest.raises(StmError, match=r"width that smooths I/V must be above 0 mV, got -1 mV$"):
        prepare.normalise_by_conductance(sweep, sweep, broadening_mv=-1.0)


def test_maps_are_divided_by_their_mean():
    data = np.random.default_rng(0).normal(10, 1, (3, 8, 8)) * np.array([1, -2, 30])[:, None, None]
    data[0, 0, 0] = np.nan
    out = prepare.normalise_by_mean(make_stack(data, [0, 1, 2], 1.0))
    np.testing.assert_allclose(np.nanmean(out.values, axis=(1, 2)), 1, rtol=1e-6)
    with pytest.raises(StmError, match="the mean of the map at 1 mV is zero"):
        prepare.normalise_by_mean(make_stack([data[0], data[1] * 0], [0, 1], 1.0))


def test_two_directions_become_their_mean_and_halve_the_variance():
    rng = np.random.default_rng(0)
    there, back = (make_stack(rng.normal(size=(2, 60, 60)), [0, 1], 1.0) for _ in range(2))
    there.values[0, 0, 0] = np.nan
    joined = prepare.join_directions(there, back)
    assert joined.values.std() == pytest.approx(0.5**0.5, rel=0.02)
    assert joined.values[0, 0, 0] == back.values[0, 0, 0]
    with pytest.raises(StmError, match="the backward scan has the shape"):
        prepare.join_directions(there, back[:1])
    with pytest.raises(StmError, match="another axis bias"):
        prepare.join_directions(there, back.assign_coords(bias=[0, 5]))


def test_extremes_are_clipped_map_by_map():
    data = np.stack([np.arange(100.0).reshape(10, 10), np.arange(100.0).reshape(10, 10) * 5])
    out = prepare.clip_extremes(make_stack(data, [0, 1], 1.0), 0.1)
    np.testing.assert_allclose(out.values.min(axis=(1, 2)), [9.9, 49.5], rtol=1e-5)
    np.testing.assert_allclose(out.values.max(axis=(1, 2)), [89.1, 445.5], rtol=1e-5)
    with pytest.raises(StmError, match=r"between 0 and 0\.5"):
        prepare.clip_extremes(make_stack(data, [0, 1], 1.0), 0.5)


def test_a_range_of_biases_is_chosen():
    stack = make_stack(np.zeros((3, 4, 4)), [-10, 0, 10], 1.0)
    out = prepare.choose_biases(stack, high_mv=0)
    assert out.bias.values.tolist() == [-10.0, 0.0]
    assert "2 of 3 maps kept" in out.attrs["history"][-1]
    with pytest.raises(StmError, match="no map lies between"):
        prepare.choose_biases(stack, 20, 30)
