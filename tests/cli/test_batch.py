"""A folder or a pattern: one table a file, and no failure that stops the rest."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_stm_impurities.cli import run
from napari_stm_impurities.io.tables import load_points


def test_a_folder_is_a_batch_and_a_bad_file_does_not_stop_it(tmp_path, noise, model, capsys, npz):
    maps = tmp_path / "maps"
    maps.mkdir()
    npz("maps/a.npz", noise)
    npz("maps/b.npz", np.ones_like(noise))
    npz("maps/c.npz", noise + 1)
    (maps / "notes.docx").write_text("no map")
    words = ["find", str(maps), "-o", str(tmp_path / "tables"), "--model", str(model), "--material", "Au(111)"]
    assert run(words) == 1
    said = capsys.readouterr()
    assert "2 of 3 files" in said.out
    (failed,) = [line for line in said.err.splitlines() if line.startswith("failed: ")]
    assert "b.npz" in failed
    assert "constant" in failed
    tables = sorted(p.name for p in (tmp_path / "tables").glob("*.csv"))
    assert tables == ["a.npz.csv", "c.npz.csv", "summary.csv"]
    summary = pd.read_csv(tmp_path / "tables" / "summary.csv")
    assert summary.loc[0, "points"] == len(load_points(tmp_path / "tables" / "a.npz.csv"))
    assert summary["table"].fillna("").tolist() == ["a.npz.csv", "", "c.npz.csv"]
    assert summary["error"].notna().tolist() == [False, True, False]


def test_a_pattern_is_a_batch(tmp_path, noise, model, npz):
    npz("a1.npz", noise)
    npz("b1.npz", noise)
    words = ["find", str(tmp_path / "a*.npz"), "-o", str(tmp_path / "tables"), "--model", str(model)]
    assert run([*words, "--material", "Au(111)"]) == 0
    assert (tmp_path / "tables" / "a1.npz.csv").exists()
    assert not (tmp_path / "tables" / "b1.npz.csv").exists()


def test_what_the_files_do_not_tell_is_given_once_for_all(tmp_path, noise, model):
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, noise)
    axes = ["--pixel-size-nm", "0.5", "--bias-mv", "-20:20:20"]
    words = ["find", str(tmp_path / "*.npy"), "-o", str(tmp_path / "tables"), "--model", str(model)]
    words += ["--material", "Au(111)"]
    assert run(words) == 1
    assert run([*words, *axes]) == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["empty", "-o", "tables"], "no file in this folder"),
        (["x*.3ds", "-o", "tables"], "no file fits"),
        (["maps", "-o", "points.csv"], "name a folder"),
        (["maps", "-o", "tables", "--figure", "f.png"], "for one stack"),
    ],
)
def test_a_batch_that_cannot_be_is_told(words, says, tmp_path, noise, model, monkeypatch, npz, only_error):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("maps").mkdir()
    npz("maps/a.npz", noise)
    assert run(["find", *words, "--model", str(model)]) == 2
    assert says in only_error()
    assert sorted(os.listdir()) == ["empty", "maps"]
