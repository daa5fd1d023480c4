"""Windows of exact scattering: where the impurities lie, what is random, and what is not touched by it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.special import hankel1

from napari_stm_impurities.simulation.artefacts.missing_pixels import MissingPixels
from napari_stm_impurities.simulation.artefacts.white_noise import WhiteNoise
from napari_stm_impurities.simulation.config import ScatteringConfig
from napari_stm_impurities.simulation.scattering_windows import scattering_windows
from napari_stm_impurities.simulation.windows import label_map

#: One impurity kind, no noise, nothing in the frame besides.
CLEAN = {
    "side_px": 24,
    "n_maps": (3, 3),
    "n_kinds": (1, 1),
    "empty_share": 0.0,
    "group_share": 0.0,
    "near_share": 0.0,
    "strength_share": 0.0,
    "structures": (),
    "near_field_erased_share": 0.0,
    "near_field_random_share": 0.0,
    "drift_share": 0.0,
    "artefacts": (),
}


def simulate(n: int = 6, seed: int = 0, **values):
    return scattering_windows(ScatteringConfig.of(**values), n, torch.Generator().manual_seed(seed))


def test_the_same_seed_gives_the_same_bytes_and_another_others():
    first, again, other = (simulate(4, seed, side_px=24, n_maps=(3, 3)) for seed in (3, 3, 4))
    for name in ("maps", "yx_px", "present"):
        assert getattr(first, name).numpy().tobytes() == getattr(again, name).numpy().tobytes()
    assert not torch.equal(first.maps.nan_to_num(), other.maps.nan_to_num())


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    simulate(2, side_px=16)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_clean_window_is_the_formula_at_its_own_places():
    # one k for all biases and one phase shift: only the unit of the map and k are not written in the window
    k, delta, path = 0.6, 1.1, 50.0
    windows = simulate(
        3,
        **CLEAN,
        k_rad_per_px=(k, k),
        k_span=(0.0, 0.0),
        phase_shift_rad=(delta, delta),
        phase_shift_slope_rad=(0.0, 0.0),
        loss=(0.0, 0.0),
        mean_free_path_per_k=(path, path),
    )
    complex_k = k + 0.5j / (path / k)
    y, x = (grid.ravel() for grid in np.mgrid[:24, :24])
    for maps, yx in zip(windows.maps.double().numpy(), windows.yx_px.double().numpy(), strict=True):
        yx = yx[yx[:, 0] > -1e3]
        apart = np.hypot(*(yx[:, None] - yx[None]).transpose(2, 0, 1))
        hop = hankel1(0, complex_k * np.where(apart > 0, apart, 1.0)) * (apart > 0)
        t = 1j * math.sin(delta) * np.exp(1j * delta)
        response = np.linalg.inv(np.eye(len(yx)) / t - hop)
        distance = np.hypot(y[:, None] - yx[:, 0], x[:, None] - yx[:, 1])
        wave = hankel1(0, complex_k * np.maximum(distance, 0.05 / k))
        expected = np.einsum("pn,nm,pm->p", wave, response, wave).real
        far = distance.min(1) > 0.4
        unit = (maps[0].ravel()[far] @ expected[far]) / (expected[far] @ expected[far])
        assert unit > 0
        for one in maps:
            np.testing.assert_allclose(
                one.ravel()[far], unit * expected[far], atol=0.02 * np.abs(unit * expected).max()
            )


def test_impurities_stand_inside_and_outside_but_only_those_inside_count():
    windows = simulate(8, **CLEAN)
    yx = windows.yx_px
    inside = ((yx > -0.5) & (yx < 23.5)).all(-1)
    assert torch.equal(inside, windows.present)
    real = yx[..., 0] > -1e3
    assert (real & ~inside).any()
    assert label_map(windows).sum((1, 2)).max() <= 1.0 + 1e-6
    # between pixels too
    assert (yx[windows.present] % 1).std() > 0.2


def test_a_window_may_hold_nothing_but_noise():
    windows = simulate(6, side_px=16, empty_share=1.0, artefacts=[WhiteNoise()])
    assert not windows.present.any()
    assert windows.maps.isfinite().all()
    assert windows.maps.std() > 0


def test_the_density_is_per_area_of_one_over_k_squared():
    density, k = 0.05, 0.8
    windows = simulate(
        30, **{**CLEAN, "side_px": 32, "n_maps": (1, 1)}, density_per_k2=(density, density), k_rad_per_px=(k, k)
    )
    expected = density * k**2 * 32**2
    found = windows.present.sum(1).double().mean().item()
    assert found == pytest.approx(expected, abs=4 * math.sqrt(expected / 30))


def test_in_groups_neighbours_stand_at_the_distance_that_was_asked_for():
    k, apart = 0.3, 1.5
    few = {"density_per_k2": (1e-6, 1e-6), "k_rad_per_px": (k, k), "group_distance_per_k": (apart, apart)}
    windows = simulate(20, **{**CLEAN, "n_maps": (1, 1), "side_px": 96, "group_share": 1.0}, **few)
    nearest = []
    for yx, present in zip(windows.yx_px, windows.present, strict=True):
        inside = yx[present]
        if len(inside) > 1:
            between = torch.cdist(inside, inside) + 1e6 * torch.eye(len(inside))
            nearest.append(between.min(1).values)
    # jittered by 7 % of it; a vacancy, or another group on top of this one, makes some nearer or farther
    assert torch.cat(nearest).median().item() == pytest.approx(apart / k, rel=0.15)
    alone = simulate(20, **{**CLEAN, "n_maps": (1, 1), "side_px": 96}, **few)
    assert alone.present.sum() == 0


def test_a_missing_pixel_is_missing_at_every_bias_and_nan():
    windows = simulate(20, side_px=32, n_maps=(2, 2), artefacts=[MissingPixels(share=1)])
    gone = windows.maps.isnan()
    assert gone.flatten(1).any(1).all()
    assert torch.equal(gone[:, 0], gone[:, 1])
    kept = simulate(20, side_px=16, n_maps=(2, 2), artefacts=[MissingPixels(share=0)])
    assert not kept.maps.isnan().any()


def test_erasing_the_near_field_leaves_the_ripples_farther_out():
    values = {
        **CLEAN,
        "k_rad_per_px": (0.5, 0.5),
        "near_field_radius_per_k": (1.5, 1.5),
        "density_per_k2": (0.01, 0.01),
    }
    y, x = np.mgrid[:24, :24]
    for seed in range(4):
        whole = simulate(1, seed=seed, **values)
        erased = simulate(1, seed=seed, **{**values, "near_field_erased_share": 1.0})
        assert torch.equal(whole.yx_px, erased.yx_px)
        one, other, yx = whole.maps[0].numpy(), erased.maps[0].numpy(), whole.yx_px[0].numpy()
        distance = np.hypot(y[..., None] - yx[:, 0], x[..., None] - yx[:, 1]).min(-1)
        far, near = distance > 2 * 3.0, distance < 0.4 * 3.0
        np.testing.assert_allclose(other[:, far], one[:, far], atol=0.01)
        assert (np.abs(other[:, near]) <= 0.03 * np.abs(one[:, near]) + 1e-4).all()


def test_an_arbitrary_near_field_differs_from_impurity_to_impurity():
    values = {
        **CLEAN,
        "near_field_random_share": 1.0,
        "near_field_strength": (5.0, 5.0),
        "density_per_k2": (0.02, 0.02),
    }
    windows = simulate(6, seed=2, **values)
    heights = []
    for maps, yx, present in zip(windows.maps.numpy(), windows.yx_px.numpy(), windows.present.numpy(), strict=True):
        for y, x in np.rint(yx[present]).astype(int).clip(0, 23):
            heights.append(maps[-1, y, x])
    assert np.std(np.abs(heights)) > 0.3
    assert np.mean(np.abs(heights)) > 1


def test_the_number_of_biases_lies_in_its_range():
    counts = {simulate(1, seed, **{**CLEAN, "side_px": 16, "n_maps": (1, 4)}).maps.shape[1] for seed in range(25)}
    assert counts == {1, 2, 3, 4}


def test_a_drift_moves_the_maps_evenly_about_the_truth():
    same_at_each_bias = {"k_span": (0.0, 0.0), "phase_shift_slope_rad": (0.0, 0.0), "k_rad_per_px": (0.4, 0.4)}
    values = {**CLEAN, **same_at_each_bias, "side_px": 32, "drift_px": (2.0, 2.0)}
    still = simulate(1, **values).maps[0].numpy()
    drifted = simulate(1, **{**values, "drift_share": 1.0}).maps[0].numpy()
    # the unit of the maps, their own spread, differs a little
    np.testing.assert_allclose(drifted[1], still[1], atol=0.02, rtol=0.02)
    inner = (slice(4, -4), slice(4, -4))
    found = []
    for one in (drifted[0], drifted[2]):
        tried = [(dy, dx) for dy in np.linspace(-2, 2, 17) for dx in np.linspace(-2, 2, 17)]
        miss = [np.abs(ndimage.shift(still[1], way, order=3)[inner] - one[inner]).mean() for way in tried]
        found.append(np.array(tried[int(np.argmin(miss))]))
    # from one pixel on one side to one on the other
    np.testing.assert_allclose(found[0], -found[1], atol=0.3)
    assert np.linalg.norm(found[1]) == pytest.approx(1.0, abs=0.3)
