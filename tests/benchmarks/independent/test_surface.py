"""A whole surface of the second generator: its truth is true, its seed decides, its kinds are those of kinds.py."""

from __future__ import annotations

from dataclasses import replace

import kinds
import numpy as np
import pytest
from independent import KINDS, Plan, make_surface, surface_of

SMALL = Plan(side_px=40, frame_nm=18.75, n_biases=4)
BARE = replace(
    KINDS["clean"],
    side_px=61,
    frame_nm=18.3,
    n_biases=3,
    tip_radius_nm=0.0,
    delay_px=0.0,
    modulation_mv=0.0,
    set_point_mv=None,
    white_share=0.0,
    strength=(1.0, 1.0),
    n_kinds=1,
)


def test_the_kinds_are_those_of_the_packages_own_benchmark() -> None:
    assert list(KINDS) == list(kinds.KINDS)


def test_the_seed_decides() -> None:
    first, again, other = (make_surface(SMALL, seed) for seed in (1, 1, 2))

    np.testing.assert_array_equal(first.stack.values, again.stack.values)
    assert first.points.equals(again.points)
    assert not np.array_equal(first.stack.values, other.stack.values, equal_nan=True)


@pytest.mark.parametrize("n_kinds", [1, 3])
def test_the_truth_has_its_shapes(n_kinds: int) -> None:
    surface = surface_of("three biases", 3, n_kinds)

    assert surface.stack.dims == ("bias", "y", "x")
    assert surface.k_per_nm.shape == (3,)
    assert surface.t.shape == (n_kinds, 3)
    assert surface.patterns.shape[:2] == (n_kinds, 3)
    assert surface.points["kind"].isin(range(n_kinds)).all()
    assert surface.points["strength"].between(0.3, 1).all()
    assert surface.structure.shape == surface.stack.shape[1:]
    assert not surface.structure.any()


def test_a_lonely_impurity_shows_its_pattern() -> None:
    # with this density and seed one impurity stands in the frame, and none near it
    for seed in range(60):
        surface = make_surface(replace(BARE, density_per_nm2=0.003, margin_nm=0.0), seed)
        if len(surface.points) == 1 and (surface.points[["y_nm", "x_nm"]].to_numpy() % 18.3 > 5).all():
            break
    y, x = (round(float(surface.points[axis].iloc[0]) / 0.3) for axis in ("y_nm", "x_nm"))
    half, size = surface.patterns.shape[-1] // 2, 12
    for n, one in enumerate(surface.stack.values - 1):
        seen = one[max(y - size, 0) : y + size + 1, max(x - size, 0) : x + size + 1]
        pattern = surface.patterns[0, n][half - min(size, y) :, half - min(size, x) :][: seen.shape[0], : seen.shape[1]]
        assert np.corrcoef(seen.ravel(), pattern.ravel())[0, 1] > 0.9


def test_a_step_is_structure_and_no_impurity_stands_on_it() -> None:
    surface = make_surface(replace(SMALL, step=True), 0)
    size = float(surface.stack.x[1])
    y, x = (np.rint(surface.points[axis].to_numpy() / size).astype(int).clip(0, 39) for axis in ("y_nm", "x_nm"))

    assert 0.02 < surface.structure.mean() < 0.3
    assert not surface.structure[y, x].any()


def test_strength_is_what_is_seen() -> None:
    weak, strong = (make_surface(replace(BARE, strength=(s, s)), 4).stack.values.std() for s in (0.2, 0.8))

    # half of the wave, less what is scattered more than once
    assert 2 < strong / weak < 5


def test_biases_below_the_band_are_refused() -> None:
    with pytest.raises(ValueError, match="below the band"):
        make_surface(Plan(bias_mv=(-700.0, 0.0)), 0)
