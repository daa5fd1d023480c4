"""A provenance tells where points come from, and a rerun gets them again or says why not."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_stm_impurities.analysis.edits import edits_between
from napari_stm_impurities.core.errors import ModelError, ReadError
from napari_stm_impurities.core.hashing import sha256_of_file
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.impurities.detect import find
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network_config import NetworkConfig
from napari_stm_impurities.impurities.record import MODEL_FILE, model_sha256
from napari_stm_impurities.io.replay import replay
from napari_stm_impurities.physics.dispersion import Dispersion
from napari_stm_impurities.prepare.recipe import recipe_of
from napari_stm_impurities.workflow.provenance import (
    Inputs,
    Provenance,
    rounded_positions,
    versions_now,
)
from napari_stm_impurities.workflow.rerun import rerun

BAND = Dispersion.of_material("Au(111)")


@dataclass
class Made:
    """A recorded run."""

    path: Path
    data: Path
    model: Path
    points: pd.DataFrame

    @property
    def folder(self) -> Path:
        return self.path.parent


def small_model(path: Path, seed: int = 0, **config: object) -> Path:
    import torch

    make = NetworkConfig(channels=(4,), convolutions=(1,), key_channels=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Model(ModelConfig(name="small", network=make, **config)).save(path)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Noise, prepared, searched with a small model of random weights, and corrected."""
    folder = tmp_path / "one"
    folder.mkdir()
    data, path = folder / "maps.npz", folder / "provenance.json"
    np.savez(data, data=np.random.default_rng(0).normal(size=(3, 30, 26)), bias=[-20, 0, 20], pixel_size=0.47)
    model = small_model(folder / "small.safetensors")
    stack = replay(data, [{"step": "level_planes"}, {"step": "choose_biases", "low_mv": -10}])
    finding = find(stack, Model.load(model), BAND, 0.0)
    found = finding.points
    assert len(found) >= 6
    moved = found.assign(checked=["accepted", "rejected", *["unchecked"] * (len(found) - 2)]).drop(index=3)
    moved.loc[2, ["y_nm", "source"]] = [moved.loc[2, "y_nm"] + 0.2, "manual"]
    final = pd.concat([moved, make_points([[5.5, 7.25]], (0.47, 0.47), source="manual")], ignore_index=True)
    inputs = Inputs.of_files([data]).model_copy(update={"recipe": tuple(recipe_of(stack))})
    shown = final[final["checked"] != "rejected"]
    Provenance(
        date="2026-01-31T12:00:00",
        inputs=inputs,
        run=finding.recorded(model.parent, 0.0),
        edits=edits_between(found, final),
        points_nm=rounded_positions(shown),
        versions=versions_now(),
    ).save(path)
    return Made(path, data, folder / MODEL_FILE, shown.reset_index(drop=True))


def test_a_rerun_gets_the_same_points(made):
    again = rerun(made.path)
    assert (again.same, again.said) == (True, f"the same {len(made.points)} points as recorded")
    columns = ["y_nm", "x_nm", "y_px", "x_px", "score", "confidence"]
    pd.testing.assert_frame_equal(again.points[columns], made.points[columns], rtol=1e-5, atol=1e-6)
    assert again.points["source"].astype(str).tolist() == made.points["source"].astype(str).tolist()
    assert (again.points["checked"] == "accepted").sum() == 1


def test_the_edits_are_told_one_by_one(made):
    edits = Provenance.load(made.path).edits
    assert [edit.kind for edit in edits] == ["accepted", "rejected", "moved", "deleted", "added"]
    moved = edits[2]
    assert moved.after.y_nm - moved.before_nm[0] == pytest.approx(0.2)


def test_one_changed_byte_of_the_data_is_refused(made):
    damaged = bytearray(made.data.read_bytes())
    damaged[-300] ^= 1
    made.data.write_bytes(damaged)
    with pytest.raises(ReadError, match=r"maps\.npz: the file has changed: SHA-256 [0-9a-f]{12}\.\.\. was recorded"):
        rerun(made.path)


def test_another_model_under_the_same_name_is_refused(made):
    small_model(made.model, seed=1)
    with pytest.raises(ModelError, match="the model has changed"):
        rerun(made.path)


def test_another_calibration_is_another_model_and_another_name_is_not(made):
    model = Model.load(made.model)
    renamed = Model(model.config.model_copy(update={"name": "other", "training": {"epochs": 3}}), model.network)
    assert model_sha256(renamed) == model_sha256(model)
    calibration = model.config.calibration.model_copy(update={"threshold": 0.4})
    other = Model(model.config.model_copy(update={"calibration": calibration}), model.network)
    assert model_sha256(other) != model_sha256(model)


def test_files_are_found_beside_the_provenance(made, tmp_path):
    other = tmp_path / "elsewhere"
    shutil.move(made.folder, other)
    assert rerun(other / made.path.name).same
    # and beside the folder that it is in, as those of a report are
    (other / "report").mkdir()
    (other / made.path.name).rename(other / "report" / made.path.name)
    assert rerun(other / "report" / made.path.name).same


def test_a_file_that_is_gone_is_named(made):
    made.data.unlink()
    with pytest.raises(ReadError, match=r"maps\.npz: no such file, and none of that name in"):
        rerun(made.path)
    made.data.touch()
    made.model.unlink()
    with pytest.raises(ReadError, match="the file has changed"):
        rerun(made.path)


def test_a_model_that_is_gone_is_named(made):
    made.model.unlink()
    with pytest.raises(ModelError, match="the model is not there any more"):
        rerun(made.path)


def test_what_differs_is_said(made):
    told = Provenance.load(made.path)
    versions = {**told.versions, "numpy": "0.0.1"}
    points = ((1.0, 1.0), *told.points_nm[1:])
    told.model_copy(update={"versions": versions, "points_nm": points}).save(made.path)
    again = rerun(made.path)
    n = len(points)
    assert not again.same
    assert f"{n} were recorded, {n} are found now, and {n - 1} of them are the same within 0.001 nm" in again.said
    assert f"numpy was 0.0.1 and is {np.__version__}" in again.said


def test_a_table_without_a_run_has_nothing_to_do_again(tmp_path):
    drawn = make_points([[1, 2], [3, 4]], (0.5, 0.5), source="manual")
    nothing = drawn[:0]
    path = Provenance(
        date="2026-01-31",
        inputs=Inputs(files=()),
        run=None,
        edits=edits_between(nothing, drawn),
        points_nm=rounded_positions(drawn),
        versions=versions_now(),
    ).save(tmp_path / "provenance.json")
    again = rerun(path)
    assert again.same
    assert again.said.startswith("no model was run")
    pd.testing.assert_frame_equal(again.points, drawn)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}', "\x00\x01", '{"date": 3}'])
def test_a_broken_file_is_one_line(tmp_path, text):
    path = tmp_path / "provenance.json"
    path.write_text(text)
    with pytest.raises(ReadError, match="expected the provenance of a table of points") as error:
        Provenance.load(path)
    assert str(error.value).startswith(str(path))
    assert len(str(error.value).splitlines()) == 1


def test_a_truncated_file_is_one_line_at_any_length(made):
    whole = made.path.read_bytes()
    for length in range(0, len(whole) - 2, 97):
        made.path.write_bytes(whole[:length])
        with pytest.raises(ReadError):
            Provenance.load(made.path)


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(ReadError, match="No such file"):
        Provenance.load(tmp_path / "none.json")


def test_it_is_valid_json_and_comes_back_the_same(made):
    json.loads(made.path.read_text(), parse_constant=lambda name: 1 / 0)  # no Infinity, no NaN
    told = Provenance.load(made.path)
    assert told.run.dispersion == BAND
    assert Provenance.load(told.save(made.folder / "copy.json")) == told


def test_the_hash_is_that_of_other_programs(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 20_000)
    assert sha256_of_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(Stopped):
        sha256_of_file(path, should_stop=lambda: True)


def test_the_hash_of_a_folder_tells_names_and_contents(tmp_path):
    store = tmp_path / "s.zarr"
    (store / "a").mkdir(parents=True)
    (store / "a" / "0").write_text("one")
    first = sha256_of_file(store)
    assert sha256_of_file(store) == first
    (store / "a" / "0").rename(store / "a" / "1")
    renamed = sha256_of_file(store)
    (store / "a" / "1").write_text("two")
    assert len({first, renamed, sha256_of_file(store)}) == 3


def test_napari_is_told_of_only_where_it_is_running(monkeypatch):
    monkeypatch.delitem(sys.modules, "napari", raising=False)
    assert "napari" not in versions_now()
    monkeypatch.setitem(sys.modules, "napari", object())
    assert versions_now()["napari"][0].isdigit()
    assert versions_now()["numpy"] == np.__version__
