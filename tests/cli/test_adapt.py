"""The command `adapt`: what it prints, what it writes, and what it warns of."""

from __future__ import annotations

import pytest

from napari_stm_impurities.cli import run
from napari_stm_impurities.impurities.model import load_model
from napari_stm_impurities.impurities.training import adaptation_of
from napari_stm_impurities.io.tables import load_points

SHORT = ["--epochs", "2", "--steps-per-epoch", "1", "--simulated-per-step", "1", "--window-px", "16", "--device", "cpu"]


@pytest.fixture
def surface(tmp_path, monkeypatch, capsys):
    """A small surface with its points, in the folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    small = ["--n-biases", "3", "--side-px", "40", "--frame-nm", "18.75"]
    assert run(["simulate", "-o", "surface.nc", "--points", "truth.csv", *small]) == 0
    capsys.readouterr()
    return tmp_path


@pytest.fixture
def simulated(monkeypatch):
    """The F1 on simulated surfaces before and after."""
    told = [0.9, 0.9]
    monkeypatch.setattr(
        "napari_stm_impurities.impurities.training.fine_tuning.forgetting_f1",
        lambda model, progress: told[model.config.name == "mine"],
    )
    return told


def adapt(model, *more: str) -> int:
    return run(["adapt", "surface.nc", "-o", "mine.safetensors", "--model", str(model), "--material", "Au(111)", *more])


def test_each_epoch_is_told_and_the_model_says_what_it_came_from(surface, simulated, model, capsys):
    region = ["--region", "0", "18.75", "0", "9"]
    assert adapt(model, "--points", "truth.csv", *region, *SHORT) == 0
    said = capsys.readouterr()
    first, second, result, written = said.out.splitlines()
    assert first.startswith("epoch 1: loss ")
    assert "on the points" in first
    assert "held-out F1" in second
    assert "simulated 0.90 -> 0.90" in result
    assert written == "mine.safetensors: model mine"
    # this model was made without a training
    assert said.err.count("warning") == 1
    assert "states no simulated windows" in said.err
    told = adaptation_of(load_model(surface / "mine.safetensors"))
    assert told.origin.parent == "small"
    assert told.origin.data.endswith("surface.nc") or "Au(111)" in told.origin.data
    points = load_points(surface / "truth.csv")
    assert told.origin.n_points == int((points.x_nm < 9).sum())
    assert told.origin.region_nm == (0, 18.75, 0, 9)
    assert told.origin.settings.epochs == 2


def test_a_model_that_has_become_worse_is_warned_of_in_one_line(surface, simulated, model, capsys):
    simulated[1] = 0.8
    assert adapt(model, *SHORT) == 0
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: the adapted")]
    assert "on simulated surfaces (F1 0.90 before, 0.80 now)" in warning


def test_what_cannot_be_adapted_is_told_in_one_line(surface, model, only_error):
    for more, told in (
        (("--region", "0", "5", "0", "5"), "needs points"),
        (("--points", "truth.csv", "--region", "9", "5", "0", "5"), "ascending"),
        (("--resume",), "no such file"),
        (("--resume", "--epochs", "3"), "leave out --epochs"),
        (("--confidence-weight", "0"), "nothing to learn"),
    ):
        assert adapt(model, *more) == 2
        assert told in only_error()
        assert not (surface / "mine.safetensors").exists()
