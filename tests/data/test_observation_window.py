"""The area in which points could be found, against counting it out."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.data.geometry import disc_share
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.observation_window import ObservationWindow


@pytest.fixture
def aborted():
    """Two maps of 12 x 10 pixels of 0.5 x 0.25 nm, of which 7 lines and a hole in them were or were not measured."""
    values = np.ones((2, 12, 10))
    values[:, 7:] = np.nan
    values[:, 2:4, 3:5] = np.nan
    values[0, 0, 0] = np.nan  # measured in the other map
    return make_stack(values, [0, 10], (0.5, 0.25))


def test_only_measured_pixels_count(aborted):
    area = ObservationWindow.of(aborted)
    assert area.area_nm2 == pytest.approx((7 * 10 - 4) * 0.5 * 0.25)
    assert area.shorter_side_nm == pytest.approx(10 * 0.25)
    # the pixel centres are where the stack has them
    y, x = np.meshgrid(aborted.y, aborted.x, indexing="ij")
    inside = area.contains(np.stack([y.ravel(), x.ravel()], axis=1)).reshape(y.shape)
    np.testing.assert_array_equal(inside, np.isfinite(aborted.values[1]))


def test_a_map_that_lies_elsewhere_is_asked_in_its_own_coordinates(aborted):
    cut = aborted.isel(bias=0, y=slice(4, 7), x=slice(5, 10))
    area = ObservationWindow.of(cut)
    assert area.area_nm2 == pytest.approx(3 * 5 * 0.125)
    assert area.contains(np.array([[2.0, 1.25], [0.0, 0.0]])).tolist() == [True, False]


def test_the_edge_belongs_to_the_frame_and_what_is_beyond_does_not():
    area = ObservationWindow.of(make_stack(np.zeros((1, 4, 4)), 0, 0.5))
    edge, beyond = -0.25, -0.26
    assert area.contains(np.array([[edge, edge], [1.75, 1.75], [beyond, 0], [0, 1.76]])).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("kind", ["aborted", "rectangle"])
def test_the_overlap_is_what_counting_random_positions_gives(aborted, kind):
    area = ObservationWindow.of(aborted if kind == "aborted" else (1.0, 4.0, -2.0, 0.5))
    rng = np.random.default_rng(0)
    positions = area.random_positions(400_000, rng)
    assert area.contains(positions).all()
    for shift in ([0.0, 0.0], [0.3, 0.4], [-1.1, 0.9], [1.7, -0.33]):
        counted = area.area_nm2 * area.contains(positions + shift).mean()
        assert area.overlap_nm2(np.array([shift]))[0] == pytest.approx(counted, rel=0.01)
        assert area.overlap_nm2(-np.array([shift]))[0] == pytest.approx(area.overlap_nm2(np.array([shift]))[0])
    assert area.overlap_nm2(np.array([[10.0, 0.0]]))[0] == 0


def test_the_overlap_of_a_rectangle_is_exact():
    area = ObservationWindow.of((0.0, 3.0, 0.0, 5.0))
    shift = np.random.default_rng(0).uniform(-3, 3, (50, 2))
    np.testing.assert_allclose(area.overlap_nm2(shift), (3 - abs(shift[:, 0])) * (5 - abs(shift[:, 1])))
    pixels = ObservationWindow(np.ones((6, 20), dtype=bool), (0.5, 0.25), (0.0, 0.0))
    np.testing.assert_allclose(area.overlap_nm2(shift), pixels.overlap_nm2(shift), atol=1e-9)


def test_what_has_no_area_is_refused(aborted):
    with pytest.raises(StmError, match="every pixel is missing"):
        ObservationWindow.of(aborted * np.nan)
    with pytest.raises(StmError, match="ascending"):
        ObservationWindow.of((0.0, 0.0, 0.0, 1.0))


def test_the_share_of_a_disc_is_that_of_random_points_on_any_set_of_pixels(aborted):
    window = ObservationWindow.of(aborted)
    centres = np.array([[0.4, 0.2], [1.0, 2.0], [2.4, 3.1], [50.0, 50.0], [-1e6, 3.0]])
    drawn = window.random_positions(200_000, np.random.default_rng(1))
    for radius in (0.3, 1.1, 4.0, 49.0, 1e3, 1e30):
        near = np.hypot(*(drawn[:, None] - centres).transpose(2, 0, 1)) < radius
        np.testing.assert_allclose(window.disc_share(centres, radius), near.mean(axis=0), atol=0.005)


def test_on_a_whole_frame_it_is_the_share_in_the_rectangle():
    window = ObservationWindow.of((0.0, 3.0, 0.0, 5.0))
    centres = np.array([[0.0, 0.0], [1.5, 2.5], [2.9, 4.0]])
    np.testing.assert_allclose(window.disc_share(centres, 0.7), disc_share(centres, 0.7, (0.0, 3.0, 0.0, 5.0)))
