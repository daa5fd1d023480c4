"""The sweep over real files: what counts as a failure, that no public function is left out, and a few quick files."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import napari_stm_impurities as stm

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import real_files
from real_file_calls import ON_FILES, ON_STACKS, WITHIN_OTHERS

from napari_stm_impurities.cli import COMMANDS

#: One or two quick files of each format, and files of none.
QUICK = [
    "pycroscopy__SciFiDatasets/NanonisReader_STS_grid_lockin.3ds",
    "jjacobe2__PyAutoSTM/Topo014.sxm",
    "New-Horizons-SPM__G80SXM/example_TOPO.sxm",
    "zrbyte__rhkpy/*.sm4",
    "rafinhareis__ststools/*.ibw",
    "noahschnitzer__kemstem/**/*.tif",
    "MaterialEyes__atomagined/010438.000101.h5",
    "atomap-dev__atomap/**/example_detector_image.hspy",
    "janberges__nbs2cdw/*.txt",
    "jjacobe2__PyAutoSTM/Topo014_positions.csv",
    "xinhuolin__AtomSegNet/test_img/12965.png",
    "jjacobe2__PyAutoSTM",
]


def spin(_file) -> str:
    while True:
        pass


def two_lines(_file) -> str:
    raise stm.StmError("one line\nand another")


def refused(_file) -> str:
    raise stm.ReadError("a.xyz", "expected a map")


@pytest.fixture
def calls(monkeypatch):
    """Replace the calls of a sweep."""

    def put(on_files: dict, on_stacks: dict) -> None:
        monkeypatch.setattr(real_files, "ON_FILES", on_files)
        monkeypatch.setattr(real_files, "ON_STACKS", on_stacks)

    return put


@pytest.mark.parametrize(
    ("call", "status", "says"),
    [
        (lambda _: "3 maps", "ok", "ok: 3 maps"),
        (refused, "refused", "a.xyz: expected a map"),
        (two_lines, "failed", "one line\nand another"),
        (lambda _: 1 / 0, "failed", "ZeroDivisionError: division by zero"),
        (lambda _: os._exit(3), "failed", "the process died (exit code 3)"),
        (spin, "failed", "took more than 1 s"),
        (lambda _: time.sleep(60), "failed", "took more than 1 s"),
    ],
    ids=["result", "one line", "two lines", "exception", "death", "work without end", "wait without end"],
)
def test_how_a_call_ends(tmp_path, calls, call, status, says):
    calls({"first": call, "read_stack": lambda _: "also called"}, {"on a stack": lambda _: "called too"})
    outcomes = real_files.sweep(tmp_path / "a.xyz", tmp_path, limit_s=1.0)
    assert (outcomes["first"].status, outcomes["first"].line) == (status, says)
    # the calls that follow are done whatever became of the first
    assert [outcomes[name].line for name in ("read_stack", "on a stack")] == ["ok: also called", "ok: called too"]


def test_a_failure_is_listed_and_changes_the_exit_code(tmp_path, calls, capsys):
    data, results = tmp_path / "data", tmp_path / "results.json"
    data.mkdir()
    np.savez(data / "good.npz", data=np.zeros((2, 8, 8)), bias=[0, 1], pixel_size=0.5)
    (data / "notes.xyz").write_text("no map")
    arguments = ["--data", str(data), "--json", str(results), "--files", "*.npz", "*.xyz"]
    own = {name: ON_FILES[name] for name in ("read_stack", "describe")}
    calls(own, {})
    assert real_files.main(arguments) == 0
    told = json.loads(results.read_text())
    assert told["files"]["good.npz"]["read_stack"]["result"] == "ok: 2 maps of 8 x 8 pixels"
    assert told["files"]["notes.xyz"]["read_stack"]["result"].startswith("notes.xyz: ")
    assert (told["calls"]["failed"], told["failures"]) == (0, [])
    calls(own, {"broken": lambda _: {}["lacking"]})
    assert real_files.main(arguments) == 1
    (failure,) = json.loads(results.read_text())["failures"]
    assert (failure["file"], failure["call"], failure["error"]) == ("good.npz", "broken", "KeyError: 'lacking'")
    assert "broken: KeyError" in capsys.readouterr().out


def test_no_public_function_and_no_command_that_reads_a_file_is_left_out():
    called = {name.partition(",")[0] for name in (*ON_FILES, *ON_STACKS)}
    functions = {
        name for name in stm.__all__ if callable(getattr(stm, name)) and not isinstance(getattr(stm, name), type)
    }
    assert functions - called == set(WITHIN_OTHERS)
    words = {name.removeprefix("command ") for name in called if name.startswith("command ")}
    # these three make their own surface
    assert set(COMMANDS) - words == {"simulate", "train", "demo"}


@pytest.mark.parametrize("pattern", QUICK)
def test_a_quick_file_ends_in_a_result_or_one_line(shared_data, calls, pattern):
    calls(
        {name: ON_FILES[name] for name in ("read_stack", "describe")}, {"fit_dispersion": ON_STACKS["fit_dispersion"]}
    )
    paths = sorted(shared_data.glob(pattern))
    assert paths
    for path in paths:
        outcomes = real_files.sweep(path, shared_data, real_files.LIMIT_S)
        assert not [(name, one) for name, one in outcomes.items() if one.status == "failed"]
