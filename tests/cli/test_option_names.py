"""Messages name the options of the command line, and leave the names of files and variables alone."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.cli import run
from napari_stm_impurities.cli.console import with_option_names


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a.npy: no pixel size; give pixel_size_nm", "a.npy: no pixel size; give --pixel-size-nm"),
        ("a: 3 passes; give bias_mv, one for each pass", "a: 3 passes; give --bias-mv, one for each pass"),
        ("a: neither; give bias_mv and pixel_size_nm.", "a: neither; give --bias-mv and --pixel-size-nm."),
        ("a.npz, give bias_mv; it holds bias_mv", "a.npz, give --bias-mv; it holds bias_mv"),
        ("a (assumed: give bias_mv)", "a (assumed: give --bias-mv)"),
        *[
            (same, same)
            for same in (
                "give bias_mv.npy: no such file",
                "/data; give bias_mv/a.npy: no such file",
                "a.mat: bias_mv has 3 values, expected 5",
                "a.mat: two axes; give one of 'bias_mv' and 'V'",
                "a.mat: two axes; give my_bias_mv",
            )
        ],
    ],
)
def test_only_what_is_to_be_given_is_an_option(text, shown):
    assert with_option_names(text, ["bias_mv", "pixel_size_nm"]) == shown


@pytest.mark.parametrize("command", ["info", "convert", "find", "reference", "statistics"])
def test_a_command_asks_for_its_options(command, tmp_path, noise, model, only_error):
    path = tmp_path / "stack.npy"
    np.save(path, noise)
    points = tmp_path / "points.csv"
    points.write_text("y_nm,x_nm\n1,2\n")
    words = {
        "info": [path],
        "convert": [path, "-o", tmp_path / "a.nc"],
        "find": [path, "-o", tmp_path / "a.csv", "--model", model],
        "reference": [path, "-o", tmp_path / "a.csv"],
        "statistics": [points, "--stack", path],
    }
    assert run([command, *map(str, words[command])]) == 2
    said = only_error()
    assert "--bias-mv" in said or "--pixel-size-nm" in said
    assert "bias_mv" not in said
    assert "pixel_size_nm" not in said


def test_the_map_of_the_bound_states_has_options_of_its_own(tmp_path, npz, noise, only_error):
    np.save(tmp_path / "bound.npy", noise[:1])
    words = ["report", str(npz("stack.npz", noise)), "-o", str(tmp_path / "r"), "--pixel-size-nm", "0.5"]
    assert run([*words, "--bound-state", str(tmp_path / "bound.npy")]) == 2
    said = only_error()
    assert "bound.npy: " in said
    assert "--bound-state-bias-mv" in said
    assert "--bound-state-pixel-size-nm" in said
