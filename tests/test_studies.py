"""The studies run, at sizes that take seconds; what they find is told in docs/studies.md, not tested."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network_config import NetworkConfig
from napari_stm_impurities.impurities.training import from_scratch

STUDIES = Path(__file__).resolve().parents[1] / "studies"
SMALL = ["--side-px", "40", "--biases", "4"]

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a study as its command does; its numbers come back, its figure lies in the folder."""
    monkeypatch.syspath_prepend(STUDIES)
    # a training is calibrated on more windows than a test has time for
    monkeypatch.setattr(from_scratch, "_CALIBRATION_WINDOWS", 8)

    def study(name: str, *options: str, figure: str = "--figure") -> dict[str, Any]:
        places = ["--json", tmp_path / f"{name}.json", figure, tmp_path / f"{name}.png"]
        if figure == "--figures":
            places[-1] = tmp_path
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, places), *options])
        module = importlib.import_module(name)
        module.main()
        return json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))

    return study


def test_fig4_goes_on_where_it_stopped_and_feeds_fig3(run: Run, tmp_path: Path) -> None:
    tiny = [*SMALL, "--work", str(tmp_path), "--epochs", "2", "--steps", "1", "--batch", "1"]
    one = run("fig4", *tiny, "--runs", "1")
    kept = tmp_path / "fig4" / "L0-0.json"
    first = kept.stat().st_mtime_ns
    two = run("fig4", *tiny, "--runs", "2")
    assert kept.stat().st_mtime_ns == first
    assert one["gains"] == {}
    assert len(two["gains"]) == len(two["curves"]) == 4
    for curve in two["curves"].values():
        assert len(curve["ratio"]) == 2
        # as many random points hit something too: the ratio has to be read against that
        assert all(0 < chance < 1 for chance in curve["chance"])
    assert "--work" not in two["command"]
    fig3 = run("fig3", *SMALL, "--work", str(tmp_path), figure="--figures")
    assert fig3["wang2020"]["n_points"] == fig3["default"]["n_reference"]
    assert {path.name for path in tmp_path.glob("*.png")} == {"fig4.png", "fig3-wang2020.png", "fig3-default.png"}


def test_spectra_differ_on_the_impurities_and_not_away_from_them(run: Run) -> None:
    spectra = run("spectra", *SMALL)["spectra"]
    dip = spectra["default near field"]
    # that near field lies 0.25 below the bare surface
    assert np.mean(dip["on"]) < np.mean(dip["away"]) - 0.1
    for one in spectra.values():
        assert all(abs(value - 1) < 0.3 for value in one["away"])


def test_limits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = importlib.import_module("limits")
    # the other scans go the same way
    monkeypatch.setattr(limits, "SCANS", {name: limits.SCANS[name] for name in ("density", "noise")})
    result = run("limits", "--seeds", "1", "--values", "2")
    sparse, dense = result["scans"]["density"]
    assert sparse["recall"] > 0.8
    assert dense["diffraction_recall"] < sparse["diffraction_recall"]
    quiet, noisy = result["scans"]["noise"]
    assert noisy["recall"] < quiet["recall"]


def test_the_short_trainings_differ_in_one_thing(run: Run) -> None:
    trainings = importlib.import_module("trainings")
    default = trainings.plan_of(trainings.DEFAULT).model_dump()
    changed = {
        "attention off": {"network"},
        "global attention": {"network"},
        "exact, near field as in the formula": {"windows"},
        "Eq. 3": {"windows", "inputs"},
    }
    for name, fields in changed.items():
        plan = trainings.plan_of(name).model_dump()
        assert {field for field in plan if plan[field] != default[field]} == fields, name


def test_short_trainings(run: Run, tmp_path: Path) -> None:
    tiny = ["--work", str(tmp_path), "--epochs", "1", "--steps", "1", "--batch", "1"]
    result = run("training_data", *tiny, "--surfaces", "1", "--seeds", "1", "--kinds", "three biases")
    assert len(result["models"]) == 4
    assert result["models"]["shipped"]["kinds"]["three biases"]["best_f1"] > 0.8
    assert (tmp_path / "training_data.png").is_file()


def test_left_out_families_are_absent_from_training_and_present_in_what_is_judged(run: Run) -> None:
    left_out = importlib.import_module("left_out")
    default = left_out.ScatteringConfig()
    for name, family in left_out.families().items():
        # one thing is left out, and nothing that is judged is what was trained on
        assert family.multiple_scattering == (name != "multiple scattering")
        assert family.without == default or family.without not in family.held_out
    for origin, kinds in left_out.ARTEFACTS.items():
        family = left_out.families()[origin]
        assert not {one.kind for one in family.without.artefacts} & set(kinds)
        assert len(family.without.artefacts) == len(default.artefacts) - len(kinds)
        for windows, kind in zip(family.held_out, kinds, strict=True):
            assert {one.share for one in windows.artefacts if one.kind == kind} == {1.0}


def test_single_scattering_is_exact_for_one_impurity_alone(run: Run) -> None:
    left_out = importlib.import_module("left_out")
    k, path = torch.tensor([0.5, 0.8]), 60.0
    pixels = torch.cartesian_prod(torch.arange(20.0), torch.arange(20.0)).expand(2, -1, -1)
    t = torch.tensor([[-0.4 + 0.3j, -0.2 + 0.4j], [-0.5 + 0.2j, -0.3 + 0.3j]])
    yx = torch.tensor([[5.0, 40.0], [60.0, -30.0]])
    each = [left_out.ldos_modulation(yx[n : n + 1], k, t[:, n : n + 1], pixels, path) for n in range(2)]
    together = left_out.single_scattering(yx, k, t, pixels, path)
    torch.testing.assert_close(together, each[0] + each[1], atol=2e-4, rtol=2e-3)
    # and it leaves out what two impurities scatter to and fro
    near = torch.tensor([[5.0, 40.0], [5.0, 42.0]])
    exact = left_out.ldos_modulation(near, k, t, pixels, path)
    assert (left_out.single_scattering(near, k, t, pixels, path) - exact).abs().max() > 0.1 * exact.abs().max()


def test_left_out(run: Run, tmp_path: Path) -> None:
    tiny = ["--work", str(tmp_path), "--epochs", "1", "--steps", "1", "--batch", "1", "--windows", "2"]
    names = ["multiple scattering", "strengths"]
    result = run("left_out", *tiny, "--families", *names)
    assert list(result["families"]) == names
    for row in result["families"].values():
        for model in (row["without"], row["with"]):
            assert 0 <= model["f1"] <= model["best_f1"] + 0.01
    table = (tmp_path / "left_out.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in table[1:]] == names
    assert (tmp_path / "left_out.png").is_file()


def test_average_weights(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(STUDIES)
    average = importlib.import_module("average_weights").average
    config = NetworkConfig(channels=(4,), convolutions=(1,))
    torch.manual_seed(0)
    first = Model(ModelConfig(name="first", network=config))
    second = Model(ModelConfig(name="second", network=config.model_copy(update={"structure": True})))
    mean = average(first, second).network.state_dict()
    one, two = first.network.state_dict(), second.network.state_dict()
    torch.testing.assert_close(
        mean["projection.weight"][:3], (one["projection.weight"] + two["projection.weight"][:3]) / 2
    )
    torch.testing.assert_close(mean["projection.weight"][3], two["projection.weight"][3])
