"""``--strict``: what a file does not state is an error in every command that reads one."""

from __future__ import annotations

import numpy as np
import pytest

import napari_stm_impurities as stm
from napari_stm_impurities.cli import COMMANDS as ALL_COMMANDS
from napari_stm_impurities.cli import run
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.tables import save_points
from napari_stm_impurities.io.writers import write_nanonis_grid

#: Each command on a file whose bias has no unit: MAPS; a stack that states everything: STATED; and tables.
COMMANDS = {
    "info": "info MAPS",
    "convert": "convert MAPS -o OUT.nc",
    "adapt": "adapt MAPS -o OUT.safetensors --model MODEL",
    "report": "report MAPS -o OUT --model MODEL --material Au(111)",
    "report --bound-state": "report STATED -o OUT --model MODEL --material Au(111) --bound-state MAPS",
    "report --points": "report STATED -o OUT --model MODEL --material Au(111) --points UNITLESS",
    "report --reference": "report STATED -o OUT --model MODEL --material Au(111) --reference UNITLESS",
    "reference": "reference MAPS -o OUT.csv",
    "find": "find MAPS -o OUT.csv --model MODEL --material Au(111)",
    "statistics": "statistics POINTS --stack MAPS",
    "compare": "compare POINTS POINTS --stack MAPS",
    "kernels": "kernels MAPS -o OUT --points POINTS",
    "kernels --points": "kernels STATED -o OUT --points UNITLESS",
    "info of points": "info UNITLESS",
    "convert of points": "convert UNITLESS -o OUT.roi --pixel-size-nm 0.5",
    "adapt --points": "adapt STATED -o OUT.safetensors --model MODEL --material Au(111) --points UNITLESS",
    "statistics of points": "statistics UNITLESS --stack STATED",
    "compare of points": "compare POINTS UNITLESS",
    "train --experiment": "train -o OUT.safetensors --experiment MAPS",
    "train --reference": "train -o OUT.safetensors --experiment STATED --reference UNITLESS",
}


@pytest.fixture
def words(tmp_path, npz, noise, model):
    """The words of a line of COMMANDS, with the files that it names."""
    (tmp_path / "unitless.csv").write_text("x,y\n1,2\n5,6\n")
    places = {
        "MAPS": npz("maps.npz", noise),
        "STATED": stm.save_stack(stm.make_stack(noise, [-20, 0, 20], 0.5), tmp_path / "stated.nc"),
        "UNITLESS": tmp_path / "unitless.csv",
        "POINTS": save_points(make_points([[3, 4], [9, 9]], (0.5, 0.5), source="manual"), tmp_path / "points.csv"),
        "MODEL": model,
        "OUT": tmp_path / "out",
    }

    def of(line: str) -> list[str]:
        return [str(places.get(word, word)).replace("OUT", str(places["OUT"])) for word in line.split()]

    return of


@pytest.mark.parametrize("line", COMMANDS.values(), ids=list(COMMANDS))
def test_an_assumption_is_an_error(line, words, only_error, tmp_path):
    before = sorted(tmp_path.iterdir())
    assert run([*words(line), "--strict"]) == 2
    said = only_error()
    assert "strict reading refuses an assumption" in said
    assert ("unitless.csv" if "UNITLESS" in line else "maps.npz") in said
    assert [path for path in sorted(tmp_path.iterdir()) if path not in before] == []


@pytest.mark.parametrize("name", ["info", "convert", "statistics", "compare", "info of points", "convert of points"])
def test_without_it_the_same_is_taken_and_said(name, words, capsys):
    assert run(words(COMMANDS[name])) == 0
    said = capsys.readouterr()
    assert "assumed" in said.out + said.err


@pytest.mark.parametrize("line", ["info STATED", "info POINTS", "compare POINTS POINTS --stack STATED"])
def test_what_is_stated_passes(line, words, capsys):
    assert run([*words(line), "--strict"]) == 0
    assert "assumed" not in capsys.readouterr().err


def test_the_stack_of_a_comparison_says_what_is_assumed_and_warned_of(words, tmp_path, capsys):
    assert run(words(COMMANDS["compare"])) == 0
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("assumed: ")]
    path = write_nanonis_grid(stm.make_stack(np.ones((3, 24, 20)), [1, 2, 3], 0.5), tmp_path / "cut.3ds")
    path.write_bytes(path.read_bytes()[:-1000])
    assert run([*words("compare POINTS POINTS --stack"), str(path)]) == 0
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]


def test_every_command_that_reads_is_strict():
    assert {line.split()[0] for line in COMMANDS.values()} | {"rerun"} == set(ALL_COMMANDS) - {"simulate", "demo"}


def test_a_report_is_run_again_from_what_its_files_state(words, tmp_path, model, capsys):
    report = ["--model", str(model), "--material", "Au(111)"]
    for line, status in (("report STATED -o OUT1", 0), ("report MAPS -o OUT2", 2)):
        folder = tmp_path / line.split()[-1].lower()
        assert run([*words(line), *report]) == 0
        capsys.readouterr()
        assert run(["rerun", str(folder / "provenance.json"), "--strict"]) == status
        assert run(["rerun", str(folder / "provenance.json")]) == 0
        said = capsys.readouterr().err
        assert ("maps.npz: strict reading refuses an assumption" in said) == bool(status)
