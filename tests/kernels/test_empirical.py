"""One kernel with its core from the points of a map, against maps that are made here from a known kernel."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities import StmError, make_stack
from napari_stm_impurities.kernels.empirical import empirical_kernel

#: A core of 1 nm and ripples of 4 nm around each impurity, on pixels of 0.5 nm.
PIXEL_NM, RIPPLE_NM = 0.5, 4.0
SIDE = 96


def pattern(r_nm, phase_rad=0.4):
    """A bright core and ripples that die off, r in nm."""
    return 3 * np.exp(-((r_nm / 0.8) ** 2)) + np.cos(2 * np.pi * r_nm / RIPPLE_NM + phase_rad) * np.exp(
        -r_nm / RIPPLE_NM
    )


def surface(positions, amplitude, phase_rad=0.4, side=SIDE):
    y, x = np.mgrid[:side, :side]
    r_nm = PIXEL_NM * np.hypot(y[..., None] - positions[:, 0], x[..., None] - positions[:, 1])
    return (pattern(r_nm, phase_rad) * amplitude).sum(-1)


def scattered(rng, n, apart_px=5.0, side=SIDE):
    kept = np.zeros((0, 2))
    while len(kept) < n:
        new = rng.uniform(2, side - 3, 2)
        if not len(kept) or np.hypot(*(kept - new).T).min() > apart_px:
            kept = np.vstack([kept, new])
    return kept


@pytest.fixture(scope="module")
def noisy():
    """A map with 40 impurities of amplitudes around 1, row offsets, a slope and noise; the truth beside it."""
    rng = np.random.default_rng(3)
    at, amplitude = scattered(rng, 40), rng.uniform(0.7, 1.3, 40)
    clean = surface(at, amplitude)
    rows = rng.normal(0, 1.0, (SIDE, 1))
    slope = np.linspace(0, 5, SIDE)
    return clean + rows + slope + rng.normal(0, 0.3, clean.shape), at, amplitude


def fitted_to(values, at, **options):
    return empirical_kernel(values, at, radius_nm=4 * RIPPLE_NM, pixel_size_nm=PIXEL_NM, **options)


def test_the_kernel_is_the_pattern_of_one_impurity(noisy):
    values, at, _ = noisy
    kernel = fitted_to(values, at).kernel[0]
    reach = kernel.shape[0] // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    r_nm = PIXEL_NM * np.hypot(y, x)
    inside = r_nm < 3 * RIPPLE_NM
    assert np.corrcoef(kernel[inside], pattern(r_nm)[inside])[0, 1] > 0.97


def test_amplitudes_are_those_of_the_points(noisy):
    values, at, amplitude = noisy
    found = fitted_to(values, at).amplitudes(at)
    assert np.corrcoef(found.value, amplitude)[0, 1] > 0.9
    off = (found.value / np.median(found.value) - amplitude / np.median(amplitude)) / found.sigma
    assert np.sqrt(np.mean(off**2)) < 2


def test_a_point_where_nothing_is_has_no_amplitude(noisy):
    values, at, _ = noisy
    rng = np.random.default_rng(1)
    false = np.array([p for p in rng.uniform(5, SIDE - 5, (60, 2)) if np.hypot(*(at - p).T).min() > 4])[:8]
    every = np.concatenate([at, false])
    found = fitted_to(values, every).amplitudes(every)
    assert found.value[: len(at)].min() > 2 * found.value[len(at) :].max()
    assert (found.explains_sigma[len(at) :] < 5).all()


def test_points_taken_away_are_proposed(noisy):
    values, at, _ = noisy
    peaks = fitted_to(values, at[8:]).residual_peaks(at[8:])
    off = np.hypot(*np.moveaxis(at[:8, None] - peaks.yx_px, -1, 0))
    assert (off.min(1) < 1).sum() >= 7
    assert len(peaks.yx_px) <= 8
    assert (np.diff(peaks.amplitude / peaks.sigma) <= 0).all()


def test_nothing_is_proposed_where_all_points_are_there(noisy):
    values, at, _ = noisy
    assert len(fitted_to(values, at).residual_peaks(at).yx_px) == 0


def test_many_maps_say_more_than_one():
    rng = np.random.default_rng(5)
    at = scattered(rng, 30)
    phases = np.linspace(0, 3, 12)
    clean = np.array([surface(at, np.ones(30), phase) for phase in phases])
    noise = rng.normal(0, 3.0, clean.shape)
    stack = make_stack(clean + noise, np.arange(12.0), PIXEL_NM)
    every = empirical_kernel(stack, at, radius_nm=4 * RIPPLE_NM).amplitudes(at)
    one = fitted_to((clean + noise)[0], at).amplitudes(at)
    assert np.std(every.value) < 0.7 * np.std(one.value)


def test_missing_pixels_are_left_out(noisy):
    values, at, amplitude = noisy
    holed = values.copy()
    holed[:30] = np.nan
    holed[40:44, 10:30] = np.nan
    fitted = fitted_to(np.stack([holed, values]), at)
    found = fitted.amplitudes(at)
    assert np.isfinite(found.value).all()
    assert np.corrcoef(found.value, amplitude)[0, 1] > 0.85
    # far above the measured part nothing is known
    alone = fitted_to(holed, at[at[:, 0] > 32]).amplitudes(np.array([[-60.0, 40.0], [60.0, 40.0]]))
    assert alone.value[0] == pytest.approx(0, abs=1e-6)
    assert np.isfinite(alone.sigma).all()


def test_four_fold_kernels_need_harmonics():
    rng = np.random.default_rng(8)
    at = scattered(rng, 30)
    y, x = np.mgrid[:SIDE, :SIDE]
    dy, dx = y[..., None] - at[:, 0], x[..., None] - at[:, 1]
    r_nm, angle = PIXEL_NM * np.hypot(dy, dx), np.arctan2(dy, dx)
    values = (pattern(r_nm) * (1 + np.cos(4 * angle))).sum(-1) + rng.normal(0, 0.1, y.shape)
    left = []
    for orders in ((0,), (0, 4)):
        fitted = fitted_to(values, at, orders=orders)
        reach = fitted.kernel.shape[1] // 2
        b, a = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        r = PIXEL_NM * np.hypot(b, a)
        truth = pattern(r) * (1 + np.cos(4 * np.arctan2(b, a)))
        inside = (r > PIXEL_NM) & (r < 3 * RIPPLE_NM)
        left.append(1 - np.corrcoef(fitted.kernel[0][inside], truth[inside])[0, 1])
    assert left[1] < 0.05 < left[0]


@pytest.mark.parametrize(
    ("values", "at", "options", "text"),
    [
        (np.ones((20, 20)), np.zeros((0, 2)), {"radius_nm": 4.0, "pixel_size_nm": 1.0}, "one point"),
        (np.ones((20, 20)), [[1, 2]], {"radius_nm": 4.0}, "pixel_size_nm"),
        (np.ones((20, 20)), [[1, np.nan]], {"radius_nm": 4.0, "pixel_size_nm": 1.0}, "not a finite"),
        (np.ones(20), [[1, 2]], {"radius_nm": 4.0, "pixel_size_nm": 1.0}, "shape"),
        (np.full((20, 20), np.nan), [[1, 2]], {"radius_nm": 4.0, "pixel_size_nm": 1.0}, "measured"),
        (np.ones((20, 20)), [[1, 2]], {"radius_nm": -4.0, "pixel_size_nm": 1.0}, "radius"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_line(values, at, options, text):
    with pytest.raises(StmError, match=text) as caught:
        empirical_kernel(values, at, **options)
    assert "\n" not in str(caught.value)
