"""Many files: what stops the batch, and what does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network_config import NetworkConfig
from napari_stm_impurities.workflow.batch import COLUMNS, files_of, find_in_files


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(ModelConfig(network=NetworkConfig(channels=(4,), convolutions=(1,), key_channels=2)))


@pytest.fixture
def maps(tmp_path):
    folder = tmp_path / "maps"
    folder.mkdir()
    for seed, name in enumerate(("b.npz", "a.npz")):
        data = np.random.default_rng(seed).normal(size=(2, 16, 16))
        np.savez(folder / name, data=data, bias=[-10, 10], pixel_size=0.5)
    (folder / "notes.docx").write_text("no map")
    return folder


def test_a_folder_means_the_files_that_can_be_read_in_order(maps):
    assert [path.name for path in files_of(maps)] == ["a.npz", "b.npz"]
    assert [path.name for path in files_of(maps / "b*")] == ["b.npz"]
    assert [path.name for path in files_of(maps.parent / "**" / "*.npz")] == ["a.npz", "b.npz"]


def test_the_progress_goes_from_0_to_1_over_all_files(maps, model, tmp_path):
    shares: list[float] = []
    batch = find_in_files(
        files_of(maps), tmp_path / "tables", model, "Au(111)", progress=lambda share, _: shares.append(share)
    )
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.5 < shares[-1] <= 1
    assert list(batch.summary.columns) == COLUMNS
    assert batch.failed.empty


def test_stopping_keeps_the_tables_that_are_done(maps, model, tmp_path):
    done = tmp_path / "tables" / "a.npz.csv"
    with pytest.raises(Stopped):
        find_in_files(files_of(maps), tmp_path / "tables", model, "Au(111)", should_stop=done.exists)
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["a.npz.csv", "summary.csv"]
    assert len(pd.read_csv(tmp_path / "tables" / "summary.csv")) == 1


def test_two_files_of_one_name_are_refused_before_anything_is_written(maps, model, tmp_path):
    with pytest.raises(StmError, match=r"a\.npz"):
        find_in_files([maps / "a.npz", tmp_path / "a.npz"], tmp_path / "tables", model)
    assert not (tmp_path / "tables").exists()


def test_a_file_in_the_way_of_the_folder_is_told(maps, model):
    with pytest.raises(StmError, match="cannot be made"):
        find_in_files(files_of(maps), maps / "a.npz", model)
