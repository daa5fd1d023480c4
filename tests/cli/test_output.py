"""``-`` as the name of a file to write: tables and JSON on standard output, everything else refused in one line."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest

import napari_stm_impurities as stm
from napari_stm_impurities import __version__
from napari_stm_impurities.cli import run
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.imagej import export_imagej
from napari_stm_impurities.io.tables import save_points


@pytest.fixture
def places(tmp_path, npz, noise, model, monkeypatch):
    """The files that the words of a command line name; the test works in their folder."""
    monkeypatch.chdir(tmp_path)
    points = make_points([[3, 4], [9, 9]], (0.5, 0.5), source="manual")
    return {
        "STACK": stm.save_stack(stm.make_stack(noise, [-20, 0, 20], 0.5), tmp_path / "stack.nc"),
        "POINTS": save_points(points, tmp_path / "points.csv"),
        "ROI": export_imagej(points, tmp_path / "points.roi", 0.5),
        "MODEL": model,
    }


def run_line(line: str, places) -> int:
    return run([str(places.get(word, word)) for word in line.split()])


@pytest.mark.parametrize(
    "line",
    [
        "find STACK -o - --model MODEL --material Au(111)",
        "reference STACK -o -",
        "convert POINTS -o -",
        "convert ROI -o - --pixel-size-nm 0.5",
        "simulate -o s.nc --side-px 24 --frame-nm 11.25 --n-biases 2 --points -",
    ],
)
def test_a_table_on_standard_output_is_nothing_but_the_table(line, places, tmp_path, capsys):
    assert run_line(line, places) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(table.columns[:2]) == ["y_nm", "x_nm"]
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize("line", ["find STACK -o NAME --model MODEL --material Au(111)", "reference STACK -o NAME"])
def test_it_is_the_table_of_the_file(line, places, tmp_path, capsys):
    assert run_line(line.replace("NAME", "-"), places) == 0
    shown = capsys.readouterr()
    assert run_line(line.replace("NAME", "file.csv"), places) == 0
    assert shown.out == (tmp_path / "file.csv").read_text()
    assert "-: " in shown.err


@pytest.mark.parametrize("line", ["compare POINTS POINTS --json NAME", "statistics POINTS --stack STACK --json NAME"])
def test_json_on_standard_output_is_nothing_but_json(line, places, tmp_path, capsys):
    assert run_line(line.replace("NAME", "-"), places) == 0
    shown = capsys.readouterr()
    assert run_line(line.replace("NAME", "file.json"), places) == 0
    assert json.loads(shown.out) == json.loads((tmp_path / "file.json").read_text())
    assert shown.err  # the table for the eye


@pytest.mark.parametrize(
    "line",
    [
        "convert STACK -o -",
        "simulate -o -",
        "simulate -o s.nc --bound-state -",
        "train -o -",
        "adapt STACK -o -",
        "report STACK -o -",
        "demo -o -",
        "find STACK -o a.csv --figure -",
        "find STACK -o a.csv --score-map -",
        "find *.nc -o -",
    ],
)
def test_what_is_no_text_is_refused_before_any_work(line, places, tmp_path, only_error):
    before = sorted(tmp_path.iterdir())
    assert run_line(line, places) == 2
    assert "cannot be written to standard output; name a file" in only_error()
    assert sorted(tmp_path.iterdir()) == before


def test_the_version_is_one_line(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"napari-stm-impurities {__version__}\n"
