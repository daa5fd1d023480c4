"""The command from the outside: what is written, what is said, and how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_stm_impurities.cli import COMMANDS, run
from napari_stm_impurities.points import load_points, make_points, save_points


def npz(path: Path, data: np.ndarray, bias=None, pixel_size: float = 0.47) -> Path:
    bias = np.linspace(-20, 20, len(data)) if bias is None else bias
    np.savez(path, data=data, bias=bias, pixel_size=pixel_size)
    return path


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 24, 20)).astype(np.float32)


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A small model with random weights: enough for the way that the files go."""
    from napari_stm_impurities.network.config import NetworkConfig
    from napari_stm_impurities.network.model import Model, ModelConfig

    config = ModelConfig(name="small", network=NetworkConfig(channels=(4,), convolutions=1, key_channels=2))
    return Model(config).save(tmp_path_factory.mktemp("model") / "small.safetensors")


def only_error(capsys) -> str:
    """The one line on standard error, with nothing on standard output."""
    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert said.out == ""
    assert len(lines) == 1, said.err
    assert "Traceback" not in said.err
    return lines[0]


# --- help --------------------------------------------------------------------------------------------


def test_the_commands_are_those_of_the_contract():
    assert set(COMMANDS) == {"info", "convert", "simulate", "train", "find", "reference", "compare", "demo"}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(command, capsys):
    assert run([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert re.search(rf"Examples?: stm-impurities {command} ", said)


def test_nothing_at_all_shows_the_help(capsys):
    assert run([]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["fnid"], ["find", "--colour"], ["find", "a.3ds"], ["find", "a", "-o", "b", "--threshold", "2"]]
)
def test_a_slip_in_the_command_line_is_one_line(words, capsys):
    assert run(words) == 2
    assert only_error(capsys).startswith("error: ")


def test_the_matching_radius_in_the_help_is_the_one_that_holds(capsys):
    import inspect

    import napari_stm_impurities as stm

    run(["compare", "--help"])
    default = inspect.signature(stm.compare).parameters["tolerance_nm"].default
    assert f"[default: {default:g}," in " ".join(capsys.readouterr().out.split())


# --- bad input ---------------------------------------------------------------------------------------


def missing(tmp_path, noise):
    return [tmp_path / "nowhere.3ds"], "no such file"


def wrong_format(tmp_path, noise):
    path = tmp_path / "photo.3ds"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
    return [path], "HEADER_END|expected"


def unknown_format(tmp_path, noise):
    path = tmp_path / "notes.docx"
    path.write_bytes(b"\x00\x01\x02" * 100)
    return [path], "format is not known"


def empty(tmp_path, noise):
    path = tmp_path / "grid.3ds"
    path.touch()
    return [path], "empty"


def cut_archive(tmp_path, noise):
    path = npz(tmp_path / "cut.npz", noise)
    path.write_bytes(path.read_bytes()[:-300])
    return [path], "damaged|truncated"


def cut_netcdf(tmp_path, noise):
    from napari_stm_impurities.stacks import make_stack
    from napari_stm_impurities.writers import save_stack

    path = tmp_path / "cut.nc"
    save_stack(make_stack(noise, [1, 2, 3], 0.5), path)
    path.write_bytes(path.read_bytes()[:-2000])
    return [path], "damaged|truncated"


def cut_grid(tmp_path, noise):
    from napari_stm_impurities.stacks import make_stack
    from napari_stm_impurities.writers import write_nanonis_grid

    path = tmp_path / "cut.3ds"
    write_nanonis_grid(make_stack(noise, [1, 2, 3], 0.5), path)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b":HEADER_END:") - 20])
    return [path], "HEADER_END"


def one_bias_for_many_maps(tmp_path, noise):
    return [npz(tmp_path / "one.npz", noise, bias=[10.0])], "3 maps need 3 biases"


def wrong_length_of_the_axis(tmp_path, noise):
    return [npz(tmp_path / "axis.npz", noise, bias=np.arange(5.0))], "3 maps need 3 biases .*got 5"


def nan_only(tmp_path, noise):
    return [npz(tmp_path / "nan.npz", np.full_like(noise, np.nan))], "every pixel is missing"


def constant(tmp_path, noise):
    return [npz(tmp_path / "constant.npz", np.ones_like(noise))], "constant"


def too_small(tmp_path, noise):
    return [npz(tmp_path / "small.npz", noise[:, :8, :8])], "8 x 8 pixels is too small"


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
def test_bad_input_is_one_line_and_leaves_nothing(command, kind, tmp_path, noise, model, capsys):
    files, says = kind(tmp_path, noise)
    before = sorted(tmp_path.iterdir())
    more = ["--model", str(model)] if command == "find" else []
    assert run([command, *map(str, files), "-o", str(tmp_path / "points.csv"), *more]) == 2
    line = only_error(capsys)
    assert re.search(says, line)
    assert files[0].name in line
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", READING, ids=lambda kind: kind.__name__)
def test_bad_files_are_neither_converted_nor_described(kind, tmp_path, noise, capsys):
    files, says = kind(tmp_path, noise)
    before = sorted(tmp_path.iterdir())
    assert run(["convert", *map(str, files), "-o", str(tmp_path / "stack.nc")]) == 2
    assert re.search(says, only_error(capsys))
    assert sorted(tmp_path.iterdir()) == before
    assert run(["info", *map(str, files)]) == 2
    assert re.search(says, only_error(capsys))


@pytest.mark.parametrize("kind", [missing, wrong_format, nan_only, constant, too_small], ids=lambda kind: kind.__name__)
def test_nothing_is_trained_on_a_bad_experiment(kind, tmp_path, noise, capsys):
    files, says = kind(tmp_path, noise)
    before = sorted(tmp_path.iterdir())
    assert run(["train", "-o", str(tmp_path / "mine.safetensors"), "--experiment", str(files[0])]) == 2
    assert re.search(says, only_error(capsys))
    assert sorted(tmp_path.iterdir()) == before


def test_one_bias_without_a_ring_is_searched_with_a_note(tmp_path, noise, model, capsys):
    path = npz(tmp_path / "one.npz", noise[:1])
    assert run(["find", str(path), "-o", str(tmp_path / "points.csv"), "--model", str(model)]) == 0
    said = capsys.readouterr()
    assert "note: " in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("name", ["nowhere.safetensors", "unheard-of"])
def test_a_model_that_is_not_there_is_told(name, tmp_path, noise, capsys):
    path = npz(tmp_path / "stack.npz", noise)
    assert run(["find", str(path), "-o", str(tmp_path / "points.csv"), "--model", name]) == 2
    assert name in only_error(capsys)
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(tmp_path, noise, model, capsys):
    path = npz(tmp_path / "stack.npz", noise)
    output = tmp_path / "nowhere" / "points.csv"
    assert run(["find", str(path), "-o", str(output), "--model", str(model)]) == 2
    assert "does not exist" in only_error(capsys)


def test_an_unknown_material_is_told(tmp_path, noise, model, capsys):
    path = npz(tmp_path / "stack.npz", noise)
    words = ["find", str(path), "-o", str(tmp_path / "p.csv"), "--model", str(model), "--material", "Xx(111)"]
    assert run(words) == 2
    assert "Au(111)" in only_error(capsys)


@pytest.mark.parametrize("bad", ["-10;10", "0:10:3", "0:10:0", "10:0:2"])
def test_biases_that_make_no_sense_are_told(bad, tmp_path, noise, capsys):
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
    assert "mV" in only_error(capsys)


# --- what the commands do ----------------------------------------------------------------------------


def test_info_tells_the_facts_as_text_and_as_json(tmp_path, noise, capsys):
    noise[:, :6] = np.nan
    path = npz(tmp_path / "stack.npz", noise)
    assert run(["info", str(path)]) == 0
    said = capsys.readouterr().out
    assert "3 maps of 24 x 20 pixels" in said
    assert "3 from -20 to 20 mV" in said
    assert run(["info", str(path), "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert facts["shape"] == [3, 24, 20]
    assert facts["bias_mv"] == [-20, 0, 20]
    assert facts["pixel_size_nm"] == pytest.approx([0.47, 0.47])
    assert facts["missing_share"] == pytest.approx(0.25)


def test_info_goes_on_after_a_bad_file(tmp_path, noise, capsys):
    path = npz(tmp_path / "stack.npz", noise)
    assert run(["info", str(tmp_path / "nowhere.3ds"), str(path), "--json"]) == 2
    said = capsys.readouterr()
    assert [facts["file"] for facts in json.loads(said.out)] == [str(path)]
    assert said.err.count("error: ") == 1


def test_convert_keeps_the_values(tmp_path, noise, capsys):
    import napari_stm_impurities as stm

    np.save(tmp_path / "stack.npy", noise)
    words = ["--bias-mv", "-20:20:20", "--pixel-size-nm", "0.5"]
    assert run(["convert", str(tmp_path / "stack.npy"), "-o", str(tmp_path / "stack.nc"), *words]) == 0
    back = stm.read_stack(tmp_path / "stack.nc")
    np.testing.assert_array_equal(back, noise)
    assert list(back.bias.values) == [-20, 0, 20]


def test_find_writes_points_scores_and_a_figure(tmp_path, noise, model, capsys):
    path = npz(tmp_path / "stack.npz", noise)
    points, scores, figure = tmp_path / "points.csv", tmp_path / "s.nc", tmp_path / "f.png"
    words = ["--score-map", str(scores), "--figure", str(figure), "--threshold", "0"]
    assert run(["find", str(path), "-o", str(points), "--model", str(model), *words]) == 0
    assert f"{len(load_points(points))} impurities" in capsys.readouterr().out
    assert scores.stat().st_size > 0
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_a_folder_is_a_batch_and_a_bad_file_does_not_stop_it(tmp_path, noise, model, capsys):
    maps = tmp_path / "maps"
    maps.mkdir()
    npz(maps / "a.npz", noise)
    npz(maps / "b.npz", np.ones_like(noise))
    npz(maps / "c.npz", noise + 1)
    (maps / "notes.docx").write_text("no map")
    assert run(["find", str(maps), "-o", str(tmp_path / "tables"), "--model", str(model)]) == 1
    said = capsys.readouterr()
    assert "2 of 3 files" in said.out
    assert [line for line in said.err.splitlines() if line.startswith("failed: ")] == [
        line for line in said.err.splitlines() if "b.npz" in line and "constant" in line
    ]
    assert sorted(p.name for p in (tmp_path / "tables").iterdir()) == ["a.npz.csv", "c.npz.csv", "summary.csv"]
    assert load_points(tmp_path / "tables" / "a.npz.csv") is not None


def test_a_pattern_is_a_batch(tmp_path, noise, model, capsys):
    npz(tmp_path / "a1.npz", noise)
    npz(tmp_path / "b1.npz", noise)
    assert run(["find", str(tmp_path / "a*.npz"), "-o", str(tmp_path / "tables"), "--model", str(model)]) == 0
    assert (tmp_path / "tables" / "a1.npz.csv").exists()
    assert not (tmp_path / "tables" / "b1.npz.csv").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["empty", "-o", "tables"], "no file in this folder"),
        (["x*.3ds", "-o", "tables"], "no file fits"),
        (["maps", "-o", "points.csv"], "name a folder"),
        (["maps", "-o", "tables", "--figure", "f.png"], "for one stack"),
    ],
)
def test_a_batch_that_cannot_be_is_told(words, says, tmp_path, noise, model, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("maps").mkdir()
    npz(tmp_path / "maps" / "a.npz", noise)
    assert run(["find", *words, "--model", str(model)]) == 2
    assert says in only_error(capsys)
    assert sorted(os.listdir()) == ["empty", "maps"]


def test_simulate_is_the_same_for_the_same_seed(tmp_path, capsys):
    import napari_stm_impurities as stm

    for name in ("one", "two"):
        words = [
            "--seed",
            "3",
            "--points",
            str(tmp_path / f"{name}.csv"),
            "--bound-state",
            str(tmp_path / f"{name}_b.nc"),
        ]
        assert run(["simulate", "-o", str(tmp_path / f"{name}.nc"), *words]) == 0
    one, two = (stm.read_stack(tmp_path / f"{name}.nc") for name in ("one", "two"))
    np.testing.assert_array_equal(one, two)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert stm.read_stack(tmp_path / "one_b.nc").sizes["bias"] == 1


def test_simulate_takes_its_options_from_the_configuration(tmp_path, capsys):
    import napari_stm_impurities as stm

    size = ["--side-px", "24", "--frame-nm", "11.25", "--n-biases", "3"]
    assert run(["simulate", "-o", str(tmp_path / "s.nc"), *size]) == 0
    assert "3 maps of 24 x 24 pixels" in capsys.readouterr().err
    assert stm.read_stack(tmp_path / "s.nc").shape == (3, 24, 24)
    assert run(["simulate", "-o", str(tmp_path / "t.nc"), "--bias-start-mv", "-600"]) == 2
    assert "-520 mV" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.nc"]


def test_simulate_says_size_and_time_before_it_writes_windows(tmp_path, capsys):
    import xarray as xr

    assert run(["simulate", "-o", str(tmp_path / "w.nc"), "--windows", "5", "--preset", "wang2020"]) == 0
    assert re.search(r"5 windows, about .* MB, in about .* s", capsys.readouterr().err)
    with xr.open_dataset(tmp_path / "w.nc", engine="h5netcdf") as windows:
        assert windows.sizes["window"] == 5
        np.testing.assert_allclose(windows["label"].sum(("y", "x")), 1, rtol=1e-5)


def test_compare_tells_the_figures(tmp_path, capsys):
    truth = save_points(make_points([[1, 1], [5, 5]], (1, 1), source="reference"), tmp_path / "truth.csv")
    points = save_points(make_points([[1, 1.3], [9, 9]], (1, 1), source="model"), tmp_path / "points.csv")
    report = tmp_path / "report.json"
    assert run(["compare", str(points), str(truth), "--tolerance-nm", "0.5", "--json", str(report)]) == 0
    assert "0.500" in capsys.readouterr().out
    figures = json.loads(report.read_text())
    assert (figures["recall"], figures["precision"], figures["tolerance_nm"]) == (0.5, 0.5, 0.5)


def test_compare_refuses_what_is_no_table(tmp_path, capsys):
    path = tmp_path / "points.csv"
    path.write_text("a,b\n1,2\n")
    assert run(["compare", str(path), str(tmp_path / "none.csv")]) == 2
    assert "y_nm" in only_error(capsys)


def test_reference_takes_the_map_at_the_bias(tmp_path, capsys):
    y, x = np.mgrid[:40, :40]
    spots = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / 4) for a, b in [(10, 12), (28, 25)])
    data = np.stack([spots, np.zeros_like(spots)]) + np.random.default_rng(0).normal(0, 0.02, (2, 40, 40))
    path = npz(tmp_path / "maps.npz", data, bias=[-520, 0], pixel_size=0.5)
    assert run(["reference", str(path), "-o", str(tmp_path / "r.csv"), "--bias", "-520"]) == 0
    found = load_points(tmp_path / "r.csv").sort_values("y_px")
    np.testing.assert_allclose(found[["y_px", "x_px"]], [(10, 12), (28, 25)], atol=0.3)
    assert "at -520 mV" in capsys.readouterr().out


@pytest.mark.parametrize("pattern", ["pycroscopy__SciFiDatasets/*.3ds", "jjacobe2__PyAutoSTM/Topo014.sxm"])
def test_find_works_on_real_files(pattern, shared_data, tmp_path, capsys):
    (path,) = shared_data.glob(pattern)
    assert run(["find", str(path), "-o", str(tmp_path / "points.csv")]) == 0
    assert "impurities" in capsys.readouterr().out
    load_points(tmp_path / "points.csv")


# --- from the shell ----------------------------------------------------------------------------------


def test_the_installed_command_ends_with_its_exit_code(tmp_path):
    command = shutil.which("stm-impurities", path=str(Path(sys.executable).parent))
    done = subprocess.run([command, "info", "nowhere.3ds"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: nowhere.3ds: no such file\n"


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing on Windows")
def test_ctrl_c_stops_a_training_that_can_be_resumed(tmp_path):
    small = [
        "--preset",
        "wang2020",
        "--epochs",
        "500",
        "--steps-per-epoch",
        "2",
        "--batch-size",
        "2",
        "--device",
        "cpu",
    ]
    command = [sys.executable, "-m", "napari_stm_impurities.cli", "train", "-o", "mine.safetensors", *small]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("epoch 1: loss ")  # so a checkpoint stands
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=90)
    assert process.returncode == 130
    assert "--resume goes on" in said
    assert "Traceback" not in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.checkpoint.safetensors", "mine.safetensors"]


def test_a_resumed_training_keeps_its_settings(tmp_path, capsys):
    assert run(["train", "-o", str(tmp_path / "mine.safetensors"), "--resume", "--epochs", "3"]) == 2
    assert "--epochs" in only_error(capsys)
    assert run(["train", "-o", str(tmp_path / "mine.safetensors"), "--resume"]) == 2
    assert "checkpoint" in only_error(capsys)
