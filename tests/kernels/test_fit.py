"""What one impurity does, against exact maps of an independent generator with known kinds, k and positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.special import hankel1
from sklearn.metrics import adjusted_rand_score

import napari_stm_impurities as stm
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.kernels.result import Kernels

SIDE, PIXEL_NM, N_BIASES = 56, 0.47, 10
BAND = stm.Dispersion(band_bottom_mv=-520, effective_mass=0.26)
#: A band whose k is 1.5 % off, as a ring may read it.
RING = stm.Dispersion(band_bottom_mv=-520, effective_mass=0.26 * 1.015**2)


@dataclass
class Truth:
    stack: Any
    at: np.ndarray
    kind: np.ndarray
    t: np.ndarray
    kernels: Kernels
    points: Any
    n_true: int
    lost: np.ndarray


@pytest.fixture(scope="module")
def two_kinds(exact_map, t_of):
    """Two kinds, impurities outside the frame, noise and row offsets; 4 points are false and 4 were taken away."""
    rng = np.random.default_rng(4)
    bias = np.linspace(-230, 20, N_BIASES)
    k = BAND.k_per_nm(bias) * PIXEL_NM
    at = np.zeros((0, 2))
    while len(at) < 80:
        new = rng.uniform(-15, SIDE + 14, 2)
        if not len(at) or np.hypot(*(at - new).T).min() > 3:
            at = np.vstack([at, new])
    kind = rng.integers(0, 2, len(at))
    phase = np.array([1.0, 2.2])[kind] + 0.2 * np.linspace(0, 1, N_BIASES)[:, None]
    t = t_of(phase, rng.uniform(0.5, 1.0, len(at)))
    maps = np.array([exact_map(at, t[i], k[i], SIDE).reshape(SIDE, SIDE) for i in range(N_BIASES)])
    spread = maps.std()
    maps = 1 + maps + spread * (0.3 * rng.normal(size=maps.shape) + 0.3 * rng.normal(size=(N_BIASES, SIDE, 1)))
    inside = ((at >= 0) & (at <= SIDE - 1)).all(1)
    at, kind, t = at[inside], kind[inside], t[:, inside]
    lost = np.flatnonzero(((at > 6) & (at < SIDE - 7)).all(1))[:4]
    kept = np.setdiff1d(np.arange(len(at)), lost)
    false = np.array([p for p in rng.uniform(6, SIDE - 7, (300, 2)) if np.hypot(*(at - p).T).min() > 3])[:4]
    placed = np.concatenate([at[kept] + rng.normal(0, 0.25, (len(kept), 2)), false])
    points = stm.make_points(placed, (PIXEL_NM, PIXEL_NM), source="manual").assign(remark="mine")
    stack = stm.make_stack(maps, bias, PIXEL_NM, units="nS")
    kernels = stm.fit_kernels(stack, points, dispersion=RING)
    return Truth(stack, at[kept], kind[kept], t[:, kept], kernels, points, len(kept), at[lost])


def test_the_t_matrix_is_taken_where_a_band_is_known(two_kinds):
    assert two_kinds.kernels.method == "tmatrix"
    assert any("no anisotropy" in note for note in two_kinds.kernels.notes)


def test_k_is_nearer_than_where_it_started_and_within_its_error(two_kinds):
    bias = two_kinds.stack.bias.values
    found = two_kinds.kernels.dispersion
    off = found.k_per_nm(bias) / BAND.k_per_nm(bias) - 1
    assert np.abs(off).max() < 0.006
    assert np.median(np.abs(off)) < 4 * found.k_uncertainty_share
    k = two_kinds.kernels.k
    pulls = (k.k_per_nm - BAND.k_per_nm(k.bias.values)) / k.k_sigma_per_nm
    assert np.sqrt(float((pulls**2).mean())) < 3
    assert np.allclose(k.k_ring_per_nm, RING.k_per_nm(k.bias.values))


def test_the_kernel_of_each_kind_is_that_of_one_impurity(two_kinds):
    kernels = two_kinds.kernels.kernels
    assert kernels.dims == ("kind", "bias", "y", "x")
    r = np.hypot(kernels.y.values[:, None], kernels.x.values)
    k = BAND.k_per_nm(two_kinds.stack.bias.values)
    outside = r > 0.25 * 2 * np.pi / k.mean()
    own = two_kinds.kernels.points["kind"].to_numpy()[: two_kinds.n_true]
    for kind in (0, 1):
        found = np.bincount(own[(two_kinds.kind == kind) & (own >= 0)]).argmax()
        t = two_kinds.t[:, two_kinds.kind == kind].mean(1)
        truth = [(t[i] * hankel1(0, k[i] * np.maximum(r, 0.05)) ** 2).real[outside] for i in range(N_BIASES)]
        ours = kernels.values[found][:, outside]
        assert np.corrcoef(np.ravel(truth), ours.ravel())[0, 1] > 0.98


def test_the_transform_is_the_integral_over_the_kernel(two_kinds):
    kernel, transform = two_kinds.kernels.kernels[0, 3], two_kinds.kernels.transform[0, 3]
    qy, qx = float(transform.qy[20]), float(transform.qx[30])
    wave = np.exp(-1j * (qy * kernel.y.values[:, None] + qx * kernel.x.values))
    expected = complex((kernel.values * wave).sum() * PIXEL_NM**2)
    assert complex(transform[20, 30]) == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_kinds_are_found_without_their_number(two_kinds):
    kernels = two_kinds.kernels
    assert len(kernels.kinds) == 2
    own = kernels.points["kind"].to_numpy()[: two_kinds.n_true]
    assert adjusted_rand_score(two_kinds.kind, own) > 0.8
    phase = np.sort(kernels.kinds["phase_rad"] % (2 * np.pi))
    assert phase == pytest.approx(np.array([1.1, 2.3]) + np.pi / 2, abs=0.25)


def test_positions_come_nearer_to_the_truth(two_kinds):
    table = two_kinds.kernels.points[: two_kinds.n_true]
    before = np.hypot(*(table[["y_px", "x_px"]].to_numpy() - two_kinds.at).T)
    after = np.hypot(*(table[["y_refined_nm", "x_refined_nm"]].to_numpy() / PIXEL_NM - two_kinds.at).T)
    assert np.median(after) < 0.5 * np.median(before)
    assert table["position_sigma_nm"].between(0.001, 0.2).all()


def test_false_points_are_suspects_and_true_ones_are_not(two_kinds):
    table = two_kinds.kernels.points
    explains, n = table["explains_sigma"].to_numpy(), two_kinds.n_true
    assert np.mean(explains[:n, None] > explains[None, n:]) > 0.97
    assert table["suspect"][n:].sum() >= 3
    assert table["suspect"][:n].mean() < 0.1


def test_points_taken_away_are_proposed(two_kinds):
    proposed = two_kinds.kernels.proposed
    off = np.hypot(*np.moveaxis(two_kinds.lost[:, None] - proposed[["y_px", "x_px"]].to_numpy(), -1, 0))
    assert (off.min(1) < 1.5).sum() >= 3
    assert set(proposed["source"]) <= {"kernel residual"}
    assert len(proposed) <= 8


def test_the_points_themselves_stay_as_they_were(two_kinds):
    columns = list(two_kinds.points.columns)
    assert two_kinds.kernels.points[columns].equals(two_kinds.points)


def test_model_and_residual_make_the_stack(two_kinds):
    kernels = two_kinds.kernels
    assert np.allclose(kernels.model + kernels.residual, two_kinds.stack, atol=1e-4)
    assert 0.5 < kernels.explained_share < 1


def test_few_biases_tell_no_kinds(two_kinds):
    few = two_kinds.stack.isel(bias=[2, 7])
    found = stm.fit_kernels(few, two_kinds.points, dispersion=RING)
    assert len(found.kinds) == 1
    assert any("one kind" in note for note in found.notes)


def test_a_bare_array_missing_pixels_and_maps_below_the_band(two_kinds):
    values = np.concatenate([two_kinds.stack.values[:1], two_kinds.stack.values[::3]])
    values[:, :8, 20:30] = np.nan
    values[2, 40] = np.nan
    bias = np.concatenate([[-600.0], two_kinds.stack.bias.values[::3]])
    found = stm.fit_kernels(
        values, two_kinds.points, dispersion=RING, bias_mv=bias, pixel_size_nm=PIXEL_NM,
        config=stm.KernelConfig(refine_positions=False),
    )  # fmt: skip
    assert any("below the band bottom" in note for note in found.notes)
    assert found.kernels.sizes["bias"] == 4
    assert np.isnan(found.residual.values[:, :8, 20:30]).all()
    assert np.isfinite(found.kernels.values).all()
    assert np.allclose(found.points["y_refined_nm"], two_kinds.points["y_nm"])
    assert abs(float(found.dispersion.k_per_nm(0.0) / BAND.k_per_nm(0.0)) - 1) < 0.01


def test_least_squares_and_the_average_are_behind_the_same_call(two_kinds):
    radial = stm.KernelConfig(method="harmonics", harmonics=0)
    squares = stm.fit_kernels(two_kinds.stack, two_kinds.points, dispersion=RING, config=radial)
    average = stm.fit_kernels(
        two_kinds.stack, two_kinds.points, dispersion=RING, config=radial.model_copy(update={"method": "average"})
    )
    assert (squares.method, average.method) == ("harmonics", "average")
    assert squares.explained_share > average.explained_share
    assert squares.kernels.dims == ("kind", "bias", "y", "x")
    assert np.isnan(squares.k.k_per_nm).all()


def test_a_large_frame_in_tiles_gives_the_same(two_kinds, monkeypatch):
    monkeypatch.setattr("napari_stm_impurities.kernels.tiles._TILE_RIPPLES", 8.0)
    found = stm.fit_kernels(two_kinds.stack, two_kinds.points, dispersion=RING)
    bias = two_kinds.stack.bias.values
    assert np.abs(found.dispersion.k_per_nm(bias) / BAND.k_per_nm(bias) - 1).max() < 0.012
    true = slice(0, two_kinds.n_true)
    one, other = found.t.t.values[:, true], two_kinds.kernels.t.t.values[:, true]
    assert np.median(np.abs(np.angle(one / other))) < 0.2
    assert found.explained_share > 0.8 * two_kinds.kernels.explained_share


def test_it_can_be_stopped_and_reports_its_progress(two_kinds):
    shares = []
    with pytest.raises(Stopped):
        stm.fit_kernels(
            two_kinds.stack, two_kinds.points, dispersion=RING,
            progress=lambda share, what: shares.append(share), should_stop=lambda: bool(shares),
        )  # fmt: skip
    assert shares


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"points": stm.make_points(np.zeros((0, 2)), (1.0, 1.0), source="manual")}, "one point"),
        ({"dispersion": stm.Dispersion(band_bottom_mv=100, effective_mass=0.3)}, "below the band bottom"),
        ({"dispersion": None, "stack": "noise"}, "give a material"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_line(two_kinds, change, text):
    noise = stm.make_stack(np.random.default_rng(0).normal(size=(5, 30, 30)), np.arange(5.0), 0.17)
    given = {"stack": two_kinds.stack, "points": two_kinds.points, "dispersion": RING, **change}
    if isinstance(given["stack"], str):
        given["stack"] = noise
    with pytest.raises(stm.StmError, match=text) as caught:
        stm.fit_kernels(given.pop("stack"), given.pop("points"), **given)
    assert "\n" not in str(caught.value)
