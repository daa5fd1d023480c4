"""Statistics of points, against patterns whose answer is known and against counting on a torus."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from napari_stm_impurities.analysis.spatial_statistics import N_RANDOM, surface_statistics
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points


def table(yx):
    return make_points(yx, (1.0, 1.0), source="manual")


def poisson(rng, n, height, width):
    return rng.random((n, 2)) * [height, width]


def test_the_density_counts_measured_pixels_only():
    values = np.zeros((2, 40, 50))
    whole = make_stack(values, [0, 10], 0.5)
    values[:, 20:] = np.nan
    half = make_stack(values, [0, 10], 0.5)
    points = make_points([[1, 1], [5, 30], [12, 44], [30, 10]], (0.5, 0.5), source="manual")
    for stack, n, area in ((whole, 4, 500.0), (half, 3, 250.0)):
        told = surface_statistics(points, stack)
        assert (told.n_points, told.n_outside, told.area_nm2) == (n, 4 - n, area)
        assert told.density_per_nm2 == n / area
        assert told.density_error_per_nm2 == pytest.approx(math.sqrt(n) / area)


def test_the_error_is_how_far_the_counts_of_like_surfaces_scatter():
    counts = np.random.default_rng(0).poisson(25, size=2000)
    told = surface_statistics(table(poisson(np.random.default_rng(0), 25, 20, 20)), (0, 20, 0, 20))
    assert told.density_error_per_nm2 == pytest.approx(np.std(counts / 400), rel=0.05)


def test_with_no_point_the_density_is_still_uncertain():
    told = surface_statistics(table(np.zeros((0, 2))), (0, 10, 0, 10))
    # so dense a surface would show no point with a probability of 16 per cent
    assert math.exp(-told.density_error_per_nm2 * 100) == pytest.approx(0.1587, abs=1e-3)
    assert (told.density_per_nm2, told.n_points, told.clustering) == (0, 0, "not known")
    assert told.pair_correlation.empty
    assert told.nearest.empty


def test_the_band_holds_95_per_cent_of_random_patterns_and_g_is_1_in_the_mean():
    rng = np.random.default_rng(1)
    told = [surface_statistics(table(poisson(rng, 60, 20, 35)), (0, 20, 0, 35), seed=i) for i in range(40)]
    g = np.array([one.pair_correlation["g"] for one in told])
    low, high = (np.array([one.pair_correlation[name] for one in told]) for name in ("low", "high"))
    # the mean of 40 patterns; near r = 0 few pairs come together
    np.testing.assert_allclose(g.mean(axis=0)[1:], 1, atol=0.15)
    assert np.mean((g < low) | (g > high)) == pytest.approx(0.05, abs=0.04)
    as_random = [one.clustering == "as at random" for one in told]
    assert np.mean(as_random) >= 0.85


def test_the_edge_correction_gives_what_a_torus_without_edges_gives():
    """On a torus nothing is lost at an edge; a clustered pattern cut out of it has the same g(r)."""
    rng = np.random.default_rng(2)
    side, cut = 60.0, (22.0, 31.0)
    corrected, plain, of_torus = [], [], []
    for _ in range(30):
        parents = rng.random((150, 2)) * side
        points = (parents.repeat(4, axis=0) + rng.normal(0, 0.8, (600, 2))) % side
        part = points[(points < cut).all(axis=1)]
        told = surface_statistics(table(part), (0, cut[0], 0, cut[1])).pair_correlation
        middle = told["r_nm"].to_numpy()
        edges = np.append(middle - middle[0], middle[-1] + middle[0])
        steps = np.array([0.5, 1.0, 1.5, 2.0, 3.0])
        corrected.append(np.interp(steps, middle, told["g"]))
        apart = np.abs(points[:, None] - points[None])
        apart = np.minimum(apart, side - apart)
        counted, _ = np.histogram(np.hypot(*apart[np.triu_indices(600, 1)].T), bins=edges)
        area = np.pi * np.diff(edges**2)
        of_torus.append(np.interp(steps, middle, counted * 2 * side**2 / (area * 600 * 599)))
        own = part[:, None] - part[None]
        counted, _ = np.histogram(np.hypot(*own[np.triu_indices(len(part), 1)].T), bins=edges)
        naive = counted * 2 * cut[0] * cut[1] / (area * len(part) * (len(part) - 1))
        plain.append(np.interp(steps, middle, naive))
    truth = np.mean(of_torus, axis=0)
    np.testing.assert_allclose(np.mean(corrected, axis=0), truth, rtol=0.1)
    # without the correction pairs are missing, and the more the farther apart
    assert (np.mean(plain, axis=0) / truth)[-1] < 0.88


def test_it_holds_for_an_area_of_any_shape():
    rng = np.random.default_rng(3)
    values = np.zeros((1, 40, 40))
    values[0, 25:] = np.nan
    values[0, :, 10:14] = np.nan
    stack = make_stack(values, 0, 0.5)
    g = []
    for _ in range(30):
        yx = poisson(rng, 260, 20, 20) - 0.25
        g.append(surface_statistics(table(yx), stack).pair_correlation["g"].to_numpy()[:12])
    np.testing.assert_allclose(np.mean([one[1:12] for one in g], axis=0), 1, atol=0.08)


def test_a_square_lattice_has_its_peaks_and_nothing_between():
    y, x = np.mgrid[:12, :12] * 2.0 + 1.0
    told = surface_statistics(table(np.stack([y.ravel(), x.ravel()], axis=1)), (0, 24, 0, 24))
    at = told.pair_correlation.set_index("r_nm")
    step = at.index[1] - at.index[0]
    shells = 2.0 * np.sqrt([1, 2, 4, 5])
    filled = at.index[at["g"] > 0]
    assert {round((r - at.index[0]) / step) for r in filled if r < 4.6} == {int(shell / step) for shell in shells}
    assert told.nearest_mean_nm == pytest.approx(2.0)
    assert told.clustering == "farther apart than at random"
    # far beyond what chance does
    assert (at["g"] > at["high"]).sum() >= 3


def test_a_hard_core_leaves_a_hole():
    rng = np.random.default_rng(4)
    kept = []
    while len(kept) < 90:
        new = rng.random(2) * 30
        if all(math.hypot(*(new - old)) > 2.0 for old in kept):
            kept.append(new)
    told = surface_statistics(table(kept), (0, 30, 0, 30))
    g = told.pair_correlation
    inside = g[g["r_nm"] < 1.7]
    assert (inside["g"] == 0).all()
    assert (inside["low"] > 0).any()
    assert told.nearest_nm.min() > 2.0
    assert told.clustering == "farther apart than at random"


def test_clusters_are_closer_than_at_random():
    rng = np.random.default_rng(5)
    yx = (rng.random((12, 2)) * 26 + 2).repeat(5, axis=0) + rng.normal(0, 0.4, (60, 2))
    told = surface_statistics(table(yx), (0, 30, 0, 30))
    assert told.clustering == "closer than at random"
    assert told.pair_correlation["g"].iloc[0] > 2 * told.pair_correlation["high"].iloc[0]


@pytest.mark.parametrize("n", [20, 150])
def test_the_nearest_neighbour_of_random_placement_is_that_of_donnelly(n):
    """Donnelly (1978): the mean in a rectangle, its edge accounted for; Clark and Evans (1954) alone is too low."""
    height, width = 15.0, 30.0
    told = surface_statistics(table(poisson(np.random.default_rng(6), n, height, width)), (0, height, 0, width))
    area, around = height * width, 2 * (height + width)
    expected = 0.5 * math.sqrt(area / n) + (0.0514 + 0.041 / math.sqrt(n)) * around / n
    assert told.random_nearest_nm == pytest.approx(expected, rel=0.02)
    assert told.random_nearest_nm > 1.02 * 0.5 * math.sqrt(area / n)


def test_the_histogram_counts_every_point():
    told = surface_statistics(table(poisson(np.random.default_rng(7), 80, 20, 20)), (0, 20, 0, 20))
    assert told.nearest["points"].sum() == 80
    assert told.nearest["random"].sum() == pytest.approx(80, rel=0.01)
    assert (told.nearest["low"] <= told.nearest["high"]).all()


def test_the_same_seed_gives_the_same_band():
    points = table(poisson(np.random.default_rng(8), 30, 20, 20))
    one, two, other = (surface_statistics(points, (0, 20, 0, 20), seed=seed) for seed in (1, 1, 2))
    assert one.to_dict() == two.to_dict()
    assert one.pair_correlation["g"].equals(other.pair_correlation["g"])
    assert not one.pair_correlation["high"].equals(other.pair_correlation["high"])


@pytest.mark.parametrize("n", [0, 1, 2, 25])
def test_it_is_written_as_valid_json(tmp_path, n):
    told = surface_statistics(table(poisson(np.random.default_rng(9), n, 20, 20)), (0, 20, 0, 20))
    read = json.loads(told.to_json(tmp_path / "s.json").read_text(), parse_constant=lambda name: 1 / 0)
    assert read["n_points"] == n
    assert (read["nearest_mean_nm"] is None) == (n < 2)
    assert str(told).startswith(f"{told.density_per_nm2:.4g} +- ")


def test_it_can_be_stopped_and_tells_how_far_it_is():
    points = table(poisson(np.random.default_rng(0), 10, 20, 20))
    shares = []
    surface_statistics(points, (0, 20, 0, 20), progress=lambda share, what: shares.append(share))
    assert shares == sorted(shares)
    assert (len(shares), shares[-1]) == (N_RANDOM + 1, 1.0)
    with pytest.raises(Stopped):
        surface_statistics(points, (0, 20, 0, 20), should_stop=lambda: True)
