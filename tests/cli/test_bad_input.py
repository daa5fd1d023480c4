"""Each kind of bad input gets one clear line and exit code 2, and leaves nothing half-written."""

from __future__ import annotations

import re

import numpy as np
import pytest

from napari_stm_impurities.cli import run
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.io.writers import save_stack, write_nanonis_grid


def missing(tmp_path, npz, noise):
    return [tmp_path / "nowhere.3ds"], "no such file"


def wrong_format(tmp_path, npz, noise):
    path = tmp_path / "photo.3ds"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
    return [path], "HEADER_END|expected"


def unknown_format(tmp_path, npz, noise):
    path = tmp_path / "notes.docx"
    path.write_bytes(b"\x00\x01\x02" * 100)
    return [path], "format is not known"


def empty(tmp_path, npz, noise):
    path = tmp_path / "grid.3ds"
    path.touch()
    return [path], "empty"


def cut_archive(tmp_path, npz, noise):
    path = npz("cut.npz", noise)
    path.write_bytes(path.read_bytes()[:-300])
    return [path], "damaged|truncated"


def cut_netcdf(tmp_path, npz, noise):
    path = tmp_path / "cut.nc"
    save_stack(make_stack(noise, [1, 2, 3], 0.5), path)
    path.write_bytes(path.read_bytes()[:-2000])
    return [path], "damaged|truncated"


def cut_grid(tmp_path, npz, noise):
    path = tmp_path / "cut.3ds"
    write_nanonis_grid(make_stack(noise, [1, 2, 3], 0.5), path)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b":HEADER_END:") - 20])
    return [path], "HEADER_END"


def one_bias_for_many_maps(tmp_path, npz, noise):
    return [npz("one.npz", noise, bias=[10.0])], "3 maps need 3 biases"


def wrong_length_of_the_axis(tmp_path, npz, noise):
    return [npz("axis.npz", noise, bias=np.arange(5.0))], "3 maps need 3 biases .*got 5"


def nan_only(tmp_path, npz, noise):
    return [npz("nan.npz", np.full_like(noise, np.nan))], "every pixel is missing"


def constant(tmp_path, npz, noise):
    return [npz("constant.npz", np.ones_like(noise))], "constant"


def too_small(tmp_path, npz, noise):
    return [npz("small.npz", noise[:, :8, :8])], "8 x 8 pixels is too small"


READING = [
    missing,
    wrong_format,
    unknown_format,
    empty,
    cut_archive,
    cut_netcdf,
    cut_grid,
    one_bias_for_many_maps,
    wrong_length_of_the_axis,
]
SEARCHING = [*READING, nan_only, constant, too_small]


@pytest.mark.parametrize("kind", SEARCHING, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("command", ["find", "reference"])
def test_bad_input_is_one_line_and_leaves_nothing(command, kind, tmp_path, noise, model, npz, only_error):
    files, says = kind(tmp_path, npz, noise)
    before = sorted(tmp_path.iterdir())
    more = ["--model", str(model)] if command == "find" else []
    assert run([command, *map(str, files), "-o", str(tmp_path / "points.csv"), *more]) == 2
    line = only_error()
    assert re.search(says, line)
    assert files[0].name in line
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", READING, ids=lambda kind: kind.__name__)
def test_bad_files_are_neither_converted_nor_described(kind, tmp_path, noise, npz, only_error):
    files, says = kind(tmp_path, npz, noise)
    before = sorted(tmp_path.iterdir())
    assert run(["convert", *map(str, files), "-o", str(tmp_path / "stack.nc")]) == 2
    assert re.search(says, only_error())
    assert sorted(tmp_path.iterdir()) == before
    assert run(["info", *map(str, files)]) == 2
    assert re.search(says, only_error())


@pytest.mark.parametrize("kind", [missing, wrong_format, nan_only, constant, too_small], ids=lambda kind: kind.__name__)
def test_nothing_is_trained_on_a_bad_experiment(kind, tmp_path, noise, npz, only_error):
    files, says = kind(tmp_path, npz, noise)
    before = sorted(tmp_path.iterdir())
    assert run(["train", "-o", str(tmp_path / "mine.safetensors"), "--experiment", str(files[0])]) == 2
    assert re.search(says, only_error())
    assert sorted(tmp_path.iterdir()) == before


def test_one_bias_without_a_ring_is_refused_unless_the_scale_is_given(tmp_path, noise, model, npz, only_error):
    path, points = npz("one.npz", noise[:1]), tmp_path / "points.csv"
    assert run(["find", str(path), "-o", str(points), "--model", str(model)]) == 2
    assert "one bias only" in only_error()
    assert not points.exists()
    assert run(["find", str(path), "-o", str(points), "--model", str(model), "--wavelength-nm", "2"]) == 0


@pytest.mark.parametrize("name", ["nowhere.safetensors", "unheard-of"])
def test_a_model_that_is_not_there_is_told(name, tmp_path, noise, npz, only_error):
    path = npz("stack.npz", noise)
    assert run(["find", str(path), "-o", str(tmp_path / "points.csv"), "--model", name]) == 2
    assert name in only_error()
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(tmp_path, noise, model, npz, only_error):
    path = npz("stack.npz", noise)
    output = tmp_path / "nowhere" / "points.csv"
    assert run(["find", str(path), "-o", str(output), "--model", str(model), "--material", "Au(111)"]) == 2
    assert "does not exist" in only_error()


def test_an_unknown_material_is_told(tmp_path, noise, model, npz, only_error):
    path = npz("stack.npz", noise)
    words = ["find", str(path), "-o", str(tmp_path / "p.csv"), "--model", str(model), "--material", "Xx(111)"]
    assert run(words) == 2
    assert "Au(111)" in only_error()


def test_the_scale_is_given_once(tmp_path, noise, model, npz, only_error):
    path = npz("stack.npz", noise)
    words = ["find", str(path), "-o", str(tmp_path / "p.csv"), "--model", str(model), "--wavelength-nm"]
    assert run([*words, "1.5", "--material", "Au(111)"]) == 2
    assert "leave one of them out" in only_error()
    assert run([*words, "-1.5"]) == 2
    assert "positive number in nm" in only_error()


@pytest.mark.parametrize("bad", ["-10;10", "0:10:3", "0:10:0", "10:0:2"])
def test_biases_that_make_no_sense_are_told(bad, tmp_path, noise, only_error):
    np.save(tmp_path / "stack.npy", noise)
    words = [
        "convert",
        str(tmp_path / "stack.npy"),
        "-o",
        str(tmp_path / "s.nc"),
        "--bias-mv",
        bad,
        "--pixel-size-nm",
        "1",
    ]
    assert run(words) == 2
    assert "mV" in only_error()
