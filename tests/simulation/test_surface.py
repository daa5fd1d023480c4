"""A simulated surface as an experiment gives it: its truth, its bound states, its band."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.data.images import DIMS, pixel_size_nm
from napari_stm_impurities.data.points import positions_nm
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.simulation.surface import SurfaceConfig, simulate_surface


@cache
def surface(seed: int = 0, material: str = "Au(111)", **values):
    plan = SurfaceConfig.of(**{"side_px": 40, "frame_nm": 18.75, "n_biases": 3, **values})
    return simulate_surface(material, seed, config=plan)


def test_the_default_is_the_paper_s_experiment():
    plan = SurfaceConfig()
    assert (plan.side_px, plan.frame_nm, plan.n_biases) == (80, 37.5, 126)
    assert (plan.bias_start_mv, plan.bias_stop_mv, plan.bound_state_bias_mv) == (-230.0, 20.0, -520.0)


def test_the_stack_has_the_plan_s_biases_and_pixels():
    stack = surface().stack
    assert stack.dims == DIMS
    assert stack.dtype == np.float32
    np.testing.assert_allclose(stack.bias, [-230, -105, 20])
    assert pixel_size_nm(stack) == pytest.approx((18.75 / 40, 18.75 / 40))
    assert surface().bound_state_map.bias.values.tolist() == [-520.0]


def test_the_same_seed_gives_the_same_surface_and_another_another():
    plan = SurfaceConfig.of(side_px=20, frame_nm=9.4, n_biases=2)
    first, again, other = (simulate_surface(seed=seed, config=plan) for seed in (7, 7, 8))
    assert first.stack.identical(again.stack)
    assert first.bound_state_map.identical(again.bound_state_map)
    assert first.points.equals(again.points)
    assert not np.array_equal(first.stack.values, other.stack.values)
    assert not first.points.equals(other.points)


def test_points_lie_inside_the_frame_and_no_two_too_near():
    for seed in range(4):
        points = surface(seed, least_distance_nm=1.2).points
        yx = points[["y_px", "x_px"]].to_numpy()
        assert len(yx) > 0
        assert (yx > -0.5).all()
        assert (yx < 39.5).all()
        assert (points["source"] == "reference").all()
        np.testing.assert_allclose(positions_nm(points), yx * 18.75 / 40, rtol=1e-5)
        if len(yx) > 1:
            assert cKDTree(positions_nm(points)).query(positions_nm(points), k=2)[0][:, 1].min() >= 1.2 - 1e-4


def test_the_density_is_that_of_the_plan():
    counts = [len(surface(seed, n_biases=1, density_per_nm2=0.05).points) for seed in range(25)]
    expected = 0.05 * 18.75**2
    assert np.mean(counts) == pytest.approx(expected, abs=4 * np.sqrt(expected / 25))


def test_the_bound_states_peak_on_the_points():
    clean = surface(3, bound_state_noise_share=0.0, least_distance_nm=3.0, density_per_nm2=0.02)
    spots = clean.bound_state_map.values[0]
    maximum = np.argwhere((spots == ndimage.maximum_filter(spots, 5)) & (spots > spots.min() + 0.3))
    truth = clean.points[["y_px", "x_px"]].to_numpy()
    # every point has a maximum on its pixel; a maximum without a point lies at the edge, from one outside the frame
    distance, _ = cKDTree(maximum).query(truth)
    assert distance.max() <= 0.75
    inner = maximum[((maximum > 1) & (maximum < 38)).all(1)]
    assert cKDTree(truth).query(inner)[0].max() <= 0.75


def test_the_width_of_a_bound_state_is_that_of_the_plan():
    lone = surface(
        3, side_px=64, frame_nm=16.0, density_per_nm2=0.015, least_distance_nm=6.0, bound_state_noise_share=0.0
    )
    # a single Gaussian: the volume under it over its height is 2 pi sigma^2
    spots = lone.bound_state_map.values[0] - 0.5
    yx = lone.points[["y_px", "x_px"]].to_numpy()
    y, x = yx[((yx > 12) & (yx < 52)).all(1)][0]
    rows, columns = np.mgrid[:64, :64]
    around = np.hypot(rows - y, columns - x) < 11
    height = ndimage.map_coordinates(spots, [[y], [x]], order=3)[0]
    sigma_nm = np.sqrt(spots[around].sum() / (2 * np.pi * height)) * 0.25
    assert 2 * np.sqrt(2 * np.log(2)) * sigma_nm == pytest.approx(1.1, rel=0.05)


def test_the_ripples_have_the_band_s_wavelength_at_each_bias():
    # one strong impurity alone in a large frame: its rings are pi/k apart
    plan = SurfaceConfig.of(
        side_px=120, frame_nm=30.0, n_biases=2, density_per_nm2=1 / 900, margin_nm=0.0, noise_share=0.0,
        line_noise_share=0.0, mean_free_path_nm=1e6,
    )  # fmt: skip
    lone = next(one for one in (simulate_surface(seed=seed, config=plan) for seed in range(40)) if len(one.points) == 1)
    place = positions_nm(lone.points)[0]
    k_true = Dispersion.of("Au(111)").k_per_nm(lone.stack.bias.values)
    y, x = (lone.stack[dim].values for dim in ("y", "x"))
    r = np.hypot(*(axis - at for axis, at in zip(np.meshgrid(y, x, indexing="ij"), place, strict=True))).ravel()
    far = r > 3.0
    for maps, k in zip(lone.stack.values, k_true, strict=True):
        ripples = (maps.ravel()[far] - 1) * r[far]
        tried = np.linspace(0.9 * k, 1.1 * k, 201)
        power = [np.abs(np.exp(2j * q * r[far]) @ ripples) for q in tried]
        assert tried[int(np.argmax(power))] == pytest.approx(k, rel=0.01)


def test_the_near_field_stands_where_the_plan_says():
    lone = surface(5, noise_share=0.0, line_noise_share=0.0, near_field_nm=0.8, near_field_value=-0.4, n_biases=1)
    values = lone.stack.values[0] - 1
    for y, x in np.rint(lone.points[["y_px", "x_px"]].to_numpy()).astype(int).clip(0, 39):
        assert values[y, x] == pytest.approx(-0.4, abs=0.1)


def test_noise_is_in_units_of_the_clean_ripples():
    clean, noisy = (surface(2, noise_share=share, line_noise_share=0.0).stack.values for share in (0.0, 2.0))
    assert (noisy - clean).std() == pytest.approx(2.0 * clean.std(), rel=0.03)


def test_a_drift_moves_the_maps_but_not_the_truth():
    values = {"noise_share": 0.0, "line_noise_share": 0.0, "near_field_nm": 0.5, "near_field_value": -1.5}
    still, drifting = (surface(2, **values, drift_px=drift) for drift in (0.0, 3.0))
    assert drifting.points.equals(still.points)
    np.testing.assert_allclose(drifting.stack.values[1], still.stack.values[1], atol=1e-5)
    shift = []
    for bias in (0, 2):
        one = np.fft.fft2(still.stack.values[bias] - still.stack.values[bias].mean())
        other = np.fft.fft2(drifting.stack.values[bias] - drifting.stack.values[bias].mean())
        peak = np.abs(np.fft.ifft2(other * one.conj()))
        at = np.array(np.unravel_index(peak.argmax(), peak.shape))
        shift.append((at + 20) % 40 - 20)
    np.testing.assert_allclose(np.hypot(*shift[0]), 1.5, atol=0.8)
    np.testing.assert_allclose(shift[0], -shift[1], atol=1)


def test_a_weaker_impurity_has_weaker_ripples_and_is_listed_down_to_the_detection_limit():
    lone = {"density_per_nm2": 0.004, "noise_share": 0.0, "line_noise_share": 0.0, "margin_nm": 0.0}
    seed = next(seed for seed in range(40) if len(surface(seed, **lone).points) == 1)
    full, half = (surface(seed, **lone, strength=strength).stack.values - 1 for strength in (1.0, 0.5))
    np.testing.assert_allclose(half, 0.5 * full, atol=1e-5)
    # those at full strength are always listed; of others the weakest are not
    many = {"density_per_nm2": 0.05, "noise_share": 0.7, "n_biases": 2}
    n_all, n_some = (sum(len(surface(s, **many, strength=x).points) for s in range(6)) for x in (1.0, (0.0, 1.0)))
    assert 0.3 * n_all < n_some < 0.95 * n_all


def test_a_bare_surface_is_flat_but_for_noise():
    bare = surface(0, density_per_nm2=0.0)
    assert len(bare.points) == 0
    assert bare.stack.values.mean() == pytest.approx(1.0, abs=0.01)
    assert 0 < bare.stack.values.std() < 0.1


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"bias_start_mv": -600.0}, "band bottom"),
        ({"density_per_nm2": 2.0, "least_distance_nm": 3.0}, "do not fit"),
        ({"bias_start_mv": 20.0}, "more than once"),
    ],
)
def test_what_cannot_be_simulated_is_told_in_one_line(values, told):
    with pytest.raises(StmError, match=told) as caught:
        surface(**values)
    assert "\n" not in str(caught.value)


def test_a_stop_is_heard_and_progress_runs_to_the_end():
    plan = SurfaceConfig.of(side_px=16, frame_nm=7.5, n_biases=20)
    told = []
    simulate_surface(seed=1, config=plan, progress=lambda share, _: told.append(share))
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert told == sorted(told)
    with pytest.raises(Stopped):
        simulate_surface(seed=1, config=plan, should_stop=lambda: True)
