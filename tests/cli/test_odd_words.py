"""What a person may write on the command line: odd values, places that cannot be written, standard output, --strict."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import napari_stm_impurities as stm
from napari_stm_impurities.cli import COMMANDS, run
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.simulation.surface import SurfaceConfig

GOLD = ["--material", "Au(111)"]
SHORT = ["--epochs", "1", "--steps-per-epoch", "1", "--device", "cpu"]


@pytest.fixture(scope="module")
def surface() -> Any:
    return stm.simulate_surface(seed=3, config=SurfaceConfig(side_px=40, frame_nm=18.75, n_biases=5))


@pytest.fixture
def here(tmp_path, monkeypatch, surface) -> Path:
    """A folder with a stack, a map of bound states, points, and a file that does not tell its axes."""
    monkeypatch.chdir(tmp_path)
    stm.save_stack(surface.stack, "a.nc")
    stm.save_stack(surface.bound_state_map, "b.nc")
    stm.save_points(surface.points, "p.csv")
    np.save("bias_mv.npy", surface.stack.values)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "info bias_mv.npy",
        "convert bias_mv.npy -o c.nc",
        "find bias_mv.npy -o c.csv",
        "reference bias_mv.npy -o c.csv",
        "report bias_mv.npy -o r",
        "adapt bias_mv.npy -o m.safetensors",
        "train --experiment bias_mv.npy -o m.safetensors",
        "statistics p.csv --stack bias_mv.npy",
        "kernels bias_mv.npy --points p.csv -o k",
        "compare p.csv p.csv --stack bias_mv.npy",
    ],
)
def test_a_message_names_the_options_and_not_the_arguments_of_a_function(words, here, only_error):
    assert run(words.split()) == 2
    line = only_error()
    # and the file keeps its name
    assert line.startswith("error: bias_mv.npy: ")
    assert "--bias-mv" in line
    assert "--pixel-size-nm" in line
    assert "pixel_size_nm" not in line
    if words.split()[0] not in ("adapt", "train", "report", "reference", "kernels"):  # which take long, or other maps
        assert run([*words.split(), *model_of(words), "--bias-mv", "-230:20:62.5", "--pixel-size-nm", "0.47"]) == 0


def model_of(words: str) -> list[str]:
    return GOLD if words.startswith("find") else []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("find bias_mv.npy -o c.csv --pixel-size-nm nan --bias-mv 1", "positive, in nm"),
        ("find bias_mv.npy -o c.csv --pixel-size-nm 0.5 --bias-mv 1,2,nan", "numbers with commas"),
        ("find bias_mv.npy -o c.csv --pixel-size-nm 0.5 --bias-mv 1,2", "5 maps need 5 biases"),
        ("find bias_mv.npy -o c.csv --pixel-size-nm 0.5 --bias-mv 0:1:1e-12", "do not lead"),
        ("find a.nc -o c.csv --threshold nan", "--threshold"),
        ("find a.nc -o c.csv --threshold 2", "--threshold"),
        ("find a.nc -o c.csv --wavelength-nm inf", "wavelength"),
        ("find a.nc -o c.csv --wavelength-nm nan", "wavelength"),
        ("find a.nc -o c.csv --wavelength-nm 0", "wavelength"),
        ("find a.nc -o c.csv --material 1.5", "known are Au"),
        ("find a.nc -o c.csv --channel nothing", "no channel"),
        ("find a.nc -o c.csv --device meta", "no device"),
        ("find a.nc -o c.csv --model p.csv", "model"),
        ("reference b.nc -o c.csv --bias nan", "the bias must be a number"),
        ("reference b.nc -o c.csv --min-confidence 2", "--min-confidence"),
        ("reference b.nc -o c.csv --sign up", "--sign|sign"),
        ("report a.nc -o r --material Au(111) --bias inf", "the bias must be a number"),
        ("report a.nc -o r --material Au(111) --points a.nc", "a.nc"),
        ("compare p.csv p.csv --tolerance-nm 0", "tolerance"),
        ("compare p.csv p.csv --tolerance-nm nan", "tolerance"),
        ("compare a.nc p.csv", "a.nc"),
        ("statistics p.csv --stack p.csv", "p.csv"),
        ("statistics p.csv --stack a.nc --seed -1", "--seed"),
        ("statistics p.csv --stack a.nc --seed 99999999999999999999", "seed"),
        ("simulate -o s.nc --seed 99999999999999999999", "seed"),
        ("simulate -o s.nc --seed 1.5", "--seed"),
        ("simulate -o s.nc --windows 2 --seed 99999999999999999999", "seed"),
        ("simulate -o s.nc --frame-nm nan", "--frame-nm"),
        ("demo --seed 99999999999999999999", "seed"),
        ("train -o m.safetensors --preset other", "preset"),
        ("train -o m.safetensors --seed 99999999999999999999", "seed"),
        ("adapt a.nc -o m.safetensors --points p.csv --region 5 1 0 3 --material Au(111)", "region"),
        ("adapt a.nc -o m.safetensors --points p.csv --region 0 nan 0 3 --material Au(111)", "region"),
        ("rerun p.csv", "p.csv"),
    ],
)
def test_an_odd_value_is_one_line_and_leaves_nothing(words, says, here, capsys):
    before = sorted(here.iterdir())
    assert run(words.split()) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert re.search(says, line)
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize(
    "words",
    [
        "convert a.nc -o a.nc",
        "convert p.csv -o p.csv --pixel-size-nm 1",
        "compare p.csv p.csv --json p.csv",
        "statistics p.csv --stack a.nc --json a.nc",
        "find a.nc -o c.csv --score-map a.nc",
        "report a.nc -o .",
        "adapt a.nc -o a.nc",
        "train --experiment a.nc -o a.nc",
    ],
)
def test_nothing_that_is_read_is_written_over(words, here, only_error):
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    assert run(words.split()) == 2
    only_error()
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before


def test_a_batch_does_not_write_over_what_it_reads(here, only_error):
    os.rename("p.csv", "summary.csv")
    before = Path("summary.csv").read_bytes()
    assert run(["find", "summary.csv", "a.nc", "-o", ".", *GOLD]) == 2
    assert "summary.csv: is read" in only_error()
    assert Path("summary.csv").read_bytes() == before


def test_a_report_does_not_replace_the_folder_of_its_maps(here, capsys):
    assert run(["report", "a.nc", "-o", "r", *GOLD]) == 0
    shutil.copy("a.nc", "r/stack.nc")
    before = sorted(Path("r").iterdir())
    assert run(["report", "r/stack.nc", "-o", "r", *GOLD]) == 2
    assert "r/stack.nc: is read" in capsys.readouterr().err
    assert sorted(Path("r").iterdir()) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("find a.nc -o c", "name the file c.csv"),
        ("find a.nc -o c.csv --score-map c.csv", "two results"),
        ("simulate -o s.nc --bound-state s.nc", "two results"),
        ("find a.nc -o nowhere/c.csv", "does not exist"),
        ("find a.nc -o p.csv/c.csv", "does not exist"),
        ("reference b.nc -o folder.csv", "is a folder"),
        ("compare p.csv p.csv --json folder.csv", "is a folder"),
        ("convert a.nc -o folder.nc", "is a folder"),
        ("simulate -o folder.nc", "is a folder"),
        ("train -o folder.nc", "is a folder"),
        ("convert a.nc -o -", "standard output"),
        ("report a.nc -o p.csv", "exists already"),
        ("demo -o p.csv", "is a file"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_any_work(words, says, here, only_error, monkeypatch):
    for folder in ("folder.csv", "folder.nc"):
        Path(folder).mkdir()
    monkeypatch.setattr("napari_stm_impurities.impurities.detect.score_view", None)  # whoever gets so far fails
    before = sorted(here.iterdir())
    assert run([*words.split(), *model_of(words)]) == 2
    assert says in only_error()
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize(
    "words",
    [
        "convert a.nc -o c.nc",
        "convert a.nc -o c.zarr",
        "convert p.csv -o c.roi",
        "find a.nc -o c.csv --material Au(111)",
        "report a.nc -o r --material Au(111)",
        "reference b.nc -o c.csv",
        "simulate -o s.nc --side-px 16 --frame-nm 7.5 --n-biases 2",
        "simulate -o s.nc --windows 2",
        "compare p.csv p.csv --json c.json",
        "statistics p.csv --stack a.nc --json c.json",
        "train -o m.safetensors --preset wang2020 " + " ".join(SHORT),
        "adapt a.nc -o m.safetensors --points p.csv --material Au(111) " + " ".join(SHORT),
    ],
)
def test_a_full_disk_is_one_line_and_leaves_nothing(words, here, capsys):
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    before = sorted(here.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        assert run(words.split()) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert line.endswith(f"cannot be written ({os.strerror(errno.EFBIG)})")
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize("words", ["find a.nc -o - --material Au(111)", "reference b.nc -o -"])
def test_a_table_goes_to_standard_output_and_what_is_said_does_not(words, here, capsys):
    before = sorted(here.iterdir())
    assert run(words.split()) == 0
    said = capsys.readouterr()
    table = pd.read_csv(io.StringIO(said.out))
    assert f"-: {len(table)} " in said.err
    assert {"y_nm", "x_nm", "source"} <= set(table.columns)
    assert sorted(here.iterdir()) == before
    # the same as in a file
    assert run([*(word if word != "-" else "c.csv" for word in words.split())]) == 0
    assert Path("c.csv").read_text() == said.out


@pytest.mark.parametrize("words", ["compare p.csv p.csv --json -", "statistics p.csv --stack a.nc --json -"])
def test_numbers_go_to_standard_output_and_the_table_does_not(words, here, capsys):
    assert run(words.split()) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["n_points"] == len(stm.load_points("p.csv"))
    assert "points" in said.err
    assert not Path("-").exists()


def test_points_of_a_rerun_go_to_standard_output(here, capsys):
    assert run(["report", "a.nc", "-o", "r", *GOLD]) == 0
    capsys.readouterr()
    assert run(["rerun", "r/provenance.json", "-o", "-"]) == 0
    assert capsys.readouterr().out == Path("r/points.csv").read_text()


def test_the_version_is_told(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"napari-stm-impurities {stm.__version__}\n"


def command(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    module = "napari_stm_impurities.cli"
    return subprocess.run([sys.executable, "-m", module, *words], text=True, check=False, **more)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device")
def test_standard_output_on_a_full_disk_is_one_line(here):
    with open("/dev/full", "w") as full:
        done = command("info", "p.csv", stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (2, f"error: standard output: {os.strerror(errno.ENOSPC)}\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGPIPE")
def test_a_reader_that_goes_away_is_no_error_to_tell(here):
    reading, writing = os.pipe()
    os.close(reading)
    done = command("info", "p.csv", stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


STRICT = [
    "info x.nc",
    "convert x.nc -o c.nc",
    "find x.nc -o c.csv --material Au(111)",
    "reference x.nc -o c.csv",
    "report x.nc -o r --material Au(111)",
    "report a.nc -o r --material Au(111) --bound-state x.nc",
    "adapt x.nc -o m.safetensors --points p.csv",
    "train --experiment x.nc -o m.safetensors",
    "statistics p.csv --stack x.nc",
    "compare p.csv p.csv --stack x.nc",
    "kernels x.nc --points p.csv -o k",
]


@pytest.mark.parametrize("words", STRICT)
def test_a_strict_reading_refuses_an_assumption(words, here, surface, capsys):
    unsure = surface.stack.assign_attrs(assumptions=["pixel size: 0.5 nm, as the name of the file says"])
    stm.save_stack(unsure, "x.nc")
    before = sorted(here.iterdir())
    assert run([*words.split(), "--strict"]) == 2
    said = capsys.readouterr()
    (line,) = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: x.nc: strict reading refuses an assumption (pixel size: 0.5 nm")
    assert sorted(here.iterdir()) == before


def test_a_strict_batch_names_the_files_that_need_an_assumption(here, surface, capsys):
    unsure = surface.stack.assign_attrs(assumptions=["pixel size: 0.5 nm, as the name of the file says"])
    stm.save_stack(unsure, "x.nc")
    Path("tables").mkdir()
    assert run(["find", "x.nc", "a.nc", "-o", "tables", *GOLD, "--strict"]) == 1
    assert "failed: x.nc: strict reading refuses" in capsys.readouterr().err
    assert sorted(path.name for path in Path("tables").iterdir()) == ["a.nc.csv", "a.nc.provenance.json", "summary.csv"]


def test_what_is_sure_is_read_strictly(here):
    assert run(["convert", "a.nc", "-o", "c.nc", "--strict"]) == 0


def test_every_command_that_reads_maps_can_be_strict():
    assert {words.split()[0] for words in STRICT} == set(COMMANDS) - {"simulate", "rerun", "demo"}


def test_points_are_not_lost_where_a_table_is_empty(here, capsys):
    stm.save_points(make_points([], (1.0, 1.0), source="model"), "empty.csv")
    assert run(["compare", "empty.csv", "p.csv", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["recall"] == 0
    assert run(["statistics", "empty.csv", "--stack", "a.nc", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["n_points"] == 0
