"""A full disk is one line and leaves nothing half-written, wherever it is met."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from safetensors import SafetensorError

import napari_stm_impurities as stm
from napari_stm_impurities.cli import run
from napari_stm_impurities.core import files
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.tables import save_points
from napari_stm_impurities.nn import model_file

NO_SPACE = os.strerror(errno.ENOSPC)
TRAIN = "train -o out.safetensors --preset wang2020 --epochs 1 --steps-per-epoch 1 --batch-size 2 --device cpu"
LINES = [
    TRAIN,
    "convert STACK -o out.nc",
    "convert POINTS -o out.roi",
    "find STACK -o out.csv --model MODEL --material Au(111)",
    "reference STACK -o out.csv",
    "report STACK -o out --model MODEL --material Au(111)",
    "statistics POINTS --stack STACK --json out.json",
    "compare POINTS POINTS --json out.json",
    "simulate -o out.nc --side-px 24 --frame-nm 11.25 --n-biases 2",
]


@pytest.fixture
def places(tmp_path, noise, model, monkeypatch):
    """The files that the words of a command line name; the test works in their folder."""
    monkeypatch.chdir(tmp_path)
    points = make_points([[3, 4], [9, 9]], (0.5, 0.5), source="manual")
    return {
        "STACK": stm.save_stack(stm.make_stack(noise, [-20, 0, 20], 0.5), tmp_path / "stack.nc"),
        "POINTS": save_points(points, tmp_path / "points.csv"),
        "MODEL": model,
    }


def fail_in_one_line(line: str, places: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(tmp_path.iterdir())
    assert run([str(places.get(word, word)) for word in line.split()]) in (1, 2)
    (said,) = [text for text in capsys.readouterr().err.splitlines() if text.startswith("error: ")]
    assert NO_SPACE in said
    assert "out" in said
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("line", LINES)
def test_the_system_refuses_the_file(line, places, tmp_path, monkeypatch, capsys):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, NO_SPACE)

    # the content that does not fit is met at the latest when the file gets its name
    monkeypatch.setattr(files.os, "replace", full)
    fail_in_one_line(line, places, tmp_path, capsys)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, NO_SPACE), SafetensorError(f"Error while serializing: I/O error: {NO_SPACE} (os error 28)")],
    ids=["OSError", "SafetensorError"],
)
def test_a_checkpoint_does_not_fit(error, places, tmp_path, monkeypatch, capsys):
    def full(_tensors: object, path: Path, **_: object) -> None:
        Path(path).write_bytes(b"half")
        raise error

    monkeypatch.setattr(model_file, "save_file", full)
    fail_in_one_line(TRAIN, places, tmp_path, capsys)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is of Linux")
def test_the_standard_output_is_full(places, monkeypatch, capsys):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert run(["convert", str(places["POINTS"]), "-o", "-"]) == 2
        monkeypatch.undo()
        # what is still in its buffer would be written again when it is closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    assert f"error: standard output: {NO_SPACE}" in capsys.readouterr().err
