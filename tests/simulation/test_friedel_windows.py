"""The paper's training windows, as its paragraph on training data describes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_stm_impurities.physics.friedel import friedel_modulation, standardise
from napari_stm_impurities.simulation.config import FriedelConfig
from napari_stm_impurities.simulation.friedel_windows import friedel_windows
from napari_stm_impurities.simulation.windows import label_map


def simulate(n: int = 40, seed: int = 0, **values):
    return friedel_windows(FriedelConfig.of(**values), n, torch.Generator().manual_seed(seed))


def test_the_same_seed_gives_the_same_bytes_and_another_others():
    first, again, other = (simulate(8, seed) for seed in (3, 3, 4))
    for name in ("maps", "yx_px", "present"):
        assert getattr(first, name).numpy().tobytes() == getattr(again, name).numpy().tobytes()
        assert not torch.equal(getattr(first, name), getattr(other, name))


def test_each_map_has_mean_zero_and_lies_in_the_unit_range_before_the_noise():
    maps = simulate(noise_std=0.0).maps
    assert maps.shape == (40, 8, 20, 20)
    assert maps.mean((-2, -1)).abs().max() < 1e-6
    np.testing.assert_allclose(maps.abs().amax((-2, -1)), 1.0, atol=1e-6)


@pytest.mark.parametrize("eta", [0.3, 0.8])
def test_the_noise_is_white_gaussian_of_width_eta(eta):
    noise = (simulate(noise_std=eta).maps - simulate(noise_std=0.0).maps).numpy() / eta
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.01)
    # Gaussian: 0.27 % lie beyond three widths
    assert (np.abs(noise) > 3).mean() == pytest.approx(0.0027, abs=0.0006)
    for one, other in ((noise[..., 1:], noise[..., :-1]), (noise[:, 1:], noise[:, :-1])):
        assert abs((one * other).mean()) < 0.01


def test_the_number_of_impurities_covers_its_range_evenly():
    count = simulate(600, impurities=(2, 5), n_maps=1).present.sum(1).numpy()
    assert set(count) == {2, 3, 4, 5}
    assert np.bincount(count)[2:].min() > 0.18 * 600


def test_impurities_stand_on_pixels_all_over_and_never_two_on_one():
    windows = simulate(200, n_maps=1, side_px=9, impurities=(6, 6))
    yx = windows.yx_px.long()
    assert (yx == windows.yx_px).all()
    assert yx.min() == 0
    assert yx.max() == 8
    place = yx[..., 0] * 9 + yx[..., 1]
    assert all(len(set(row.tolist())) == 6 for row in place)
    assert len(set(place.ravel().tolist())) == 81


def test_k_is_drawn_around_its_middle():
    # one impurity far from all: the spacing of its rings tells k
    windows = simulate(20, n_maps=6, impurities=(1, 1), noise_std=0.0, k_rad_per_px=0.6, k_spread=0.2, amplitude=(1, 1))
    draw = torch.linspace(0.6 * 0.7, 0.6 * 1.3, 121)
    phase = torch.linspace(0, 2 * np.pi, 41)
    found = []
    for window in range(4):
        for i in range(6):
            k, alpha = (grid.ravel() for grid in torch.meshgrid(draw, phase, indexing="ij"))
            tried = standardise(
                friedel_modulation(
                    windows.yx_px[window : window + 1, :1],
                    k[None],
                    torch.ones(1, len(k), 1),
                    alpha[None, :, None],
                    20,
                    1.0,
                )
            )[0]
            found.append(float(k[(tried - windows.maps[window, i]).square().sum((1, 2)).argmin()]))
    assert min(found) > 0.6 * 0.8 - 0.01
    assert max(found) < 0.6 * 1.2 + 0.01
    assert np.std(found) == pytest.approx(0.6 * 0.4 / np.sqrt(12), rel=0.3)


def test_the_phase_is_drawn_anew_at_each_k():
    # with one k for all maps, what still differs between the maps of one impurity is its alpha alone
    maps = simulate(1, k_spread=0.0, amplitude=(1, 1), impurities=(1, 1), noise_std=0.0, n_maps=6).maps[0]
    apart = [float((maps[i] - maps[j]).abs().max()) for i in range(6) for j in range(i)]
    assert min(apart) > 1e-3
    assert np.mean(apart) > 0.3


def test_the_amplitude_is_drawn_for_each_impurity_and_each_k():
    # maps of two impurities and one k are spanned by the cosine and sine of each; their heights are the A_w
    windows = simulate(1, k_spread=0.0, impurities=(2, 2), noise_std=0.0, n_maps=40, amplitude=(0.5, 1.5))
    parts = [
        friedel_modulation(
            windows.yx_px[:, w : w + 1],
            torch.tensor([[0.78]]),
            torch.ones(1, 1, 1),
            torch.full((1, 1, 1), alpha),
            20,
            1.0,
        )[0, 0]
        for w in range(2)
        for alpha in (0.0, -np.pi / 2)
    ]
    basis = torch.stack([*(part - part.mean() for part in parts)]).flatten(1).T.double().numpy()
    coefficients, residue, *_ = np.linalg.lstsq(basis, windows.maps[0].flatten(1).T.double().numpy(), rcond=None)
    assert residue.max() < 1e-6
    height = np.hypot(coefficients[0::2], coefficients[1::2])
    # each map was scaled, so only the ratio of the two says something: from 1/3 to 3, another at each k
    ratio = height[0] / height[1]
    assert ratio.min() >= 1 / 3 - 1e-3
    assert ratio.max() <= 3 + 1e-3
    assert len(np.unique(ratio.round(4))) == 40
    assert ratio.std() > 0.2


def test_the_label_is_one_over_n_on_each_impurity():
    windows = simulate(20)
    label = label_map(windows).numpy()
    for window in range(20):
        expected = np.zeros((20, 20))
        places = windows.yx_px[window][windows.present[window]].long().tolist()
        for y, x in places:
            expected[y, x] = 1 / len(places)
        np.testing.assert_allclose(label[window], expected, rtol=1e-6)


def test_a_window_may_be_empty():
    windows = simulate(3, impurities=(0, 0), noise_std=0.0)
    assert windows.maps.abs().max() == 0
    assert not windows.present.any()
    assert label_map(windows).sum() == 0
