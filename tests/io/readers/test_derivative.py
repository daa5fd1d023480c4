"""dI/dV from the current."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import savgol_filter

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.io.readers.derivative import DEGREE, WINDOW, numerical_didv


def test_on_equal_steps_it_is_the_filter_of_savitzky_and_golay():
    bias_mv = np.linspace(-100, 100, 51)
    current = np.random.default_rng(0).normal(size=(51, 3, 4))
    expected = savgol_filter(current, WINDOW, DEGREE, deriv=1, delta=0.004, axis=0, mode="interp")
    np.testing.assert_allclose(numerical_didv(current, bias_mv), expected, rtol=1e-4, atol=1e-3)


def test_unequal_steps_do_not_bend_a_parabola():
    bias_mv = np.concatenate([np.linspace(-100, 0, 11), np.linspace(1, 20, 20)])
    volts = bias_mv[:, None, None] / 1000
    np.testing.assert_allclose(numerical_didv(3 * volts**2 - volts, bias_mv), 6 * volts - 1, atol=1e-5)


def test_a_missing_point_touches_its_window_and_its_pixel_only():
    current = np.ones((30, 2, 2))
    current[12, 0, 1] = np.nan
    missing = np.isnan(numerical_didv(current, np.arange(30.0)))
    assert np.flatnonzero(missing[:, 0, 1]).tolist() == list(range(9, 16))
    assert missing.sum() == 7


def test_too_few_biases_are_told():
    with pytest.raises(StmError, match="at least 7 biases, there are 6"):
        numerical_didv(np.ones((6, 1, 1)), np.arange(6.0))
