"""Steps that are remembered with a stack, and done again on its file."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities import StmError, prepare
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.io.readers import read_stack
from napari_stm_impurities.io.replay import replay
from napari_stm_impurities.io.writers import save_stack

RNG = np.random.default_rng(0)


@pytest.fixture
def grid(grid_file):
    """A grid with the current and the lock-in, there and back."""
    values = RNG.normal(size=(12, 14, 4, 9)) + 3
    return grid_file(values, channels="Current (A);LI Demod 1 X (A);LI Demod 1 X [bwd] (A);Current [bwd] (A)")


def test_each_step_is_remembered_with_its_parameters():
    stack = make_stack(RNG.normal(size=(3, 20, 20)), [0, 1, 2], 0.5)
    out = prepare.resample(prepare.crop(prepare.level_planes(stack), x_nm=(0, 6)), 1.0)
    assert prepare.recipe_of(out) == [
        {"step": "level_planes"},
        {"step": "crop", "x_nm": [0, 6]},
        {"step": "resample", "pixel_size_nm": 1.0},
    ]
    assert prepare.recipe_of(stack) == []


def test_a_saved_preparation_is_done_again_on_the_file(grid, tmp_path):
    stack = read_stack(grid)
    out = prepare.join_directions(stack, read_stack(grid, "LI Demod 1 X [bwd]"))
    out = prepare.clip_extremes(prepare.choose_biases(out, low_mv=-50), share=0.01)
    out = prepare.normalise_by_mean(out)
    out = prepare.average_biases(prepare.fill_missing(prepare.level_lines(prepare.level_planes(out))), 3)
    saved = read_stack(save_stack(out, tmp_path / "prepared.nc"))
    assert saved.identical(out)
    again = replay(grid, saved)
    np.testing.assert_array_equal(again.values, out.values)
    assert prepare.recipe_of(again) == prepare.recipe_of(out)
    assert again.attrs["history"] == out.attrs["history"]


def test_a_step_after_another_takes_the_other_channel_through_the_first_ones(grid):
    recipe = [
        {"step": "choose_biases", "low_mv": -60},
        {"step": "normalise_by_conductance", "current": "Current", "broadening_mv": 30.0},
    ]
    out = replay(grid, recipe, "LI Demod 1 X")
    low = prepare.choose_biases(read_stack(grid), low_mv=-60)
    by_hand = prepare.normalise_by_conductance(
        low, prepare.choose_biases(read_stack(grid, "Current"), low_mv=-60), 30.0
    )
    np.testing.assert_array_equal(out.values, by_hand.values)


def test_the_other_channel_is_prepared_as_it_was_and_not_as_the_stack(grid, tmp_path):
    there = prepare.level_planes(read_stack(grid))
    back = prepare.clip_extremes(read_stack(grid, "LI Demod 1 X [bwd]"), share=0.05)
    for other in (read_stack(grid, "LI Demod 1 X [bwd]"), back):
        out = prepare.join_directions(there, other)
        again = replay(grid, read_stack(save_stack(out, tmp_path / "prepared.nc")))
        np.testing.assert_array_equal(again.values, out.values)


@pytest.mark.parametrize("called", ["grid {}", "{} [1] (prepared)", "{}"])
def test_layers_that_lost_the_names_of_their_channels_are_found_in_the_file(grid, tmp_path, called):
    def lost(name):
        stack = read_stack(grid, name)
        return make_stack(stack.values, stack.bias.values, 0.5, channel=called.format(name))

    out = prepare.join_directions(lost("LI Demod 1 X"), lost("LI Demod 1 X [bwd]"))
    out = prepare.normalise_by_conductance(out, lost("current"))
    again = replay(grid, read_stack(save_stack(out, tmp_path / "prepared.nc")))
    np.testing.assert_array_equal(again.values, out.values)


def test_a_channel_that_the_file_does_not_have_is_named(grid):
    stack = read_stack(grid)
    out = prepare.join_directions(stack, stack.assign_attrs(channel="Zebra"))
    with pytest.raises(StmError, match="there is no channel 'Zebra'; there are Current"):
        replay(grid, out)


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ([{"step": "polish"}], "the step 'polish' is not known"),
        ([{"step": "crop", "z_nm": 3}], "cannot be done with"),
        ([{"step": "join_directions", "backward": "Z"}], "needs the channel 'Z'"),
        ([{"step": "join_directions"}], "cannot be done with"),
    ],
)
def test_a_bad_recipe_is_refused(recipe, says):
    with pytest.raises(StmError, match=says):
        prepare.apply(make_stack(np.zeros((1, 12, 12)), 0, 1.0), recipe)
