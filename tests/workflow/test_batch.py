"""Many files: what stops the batch, and what does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.impurities.family import Impurities
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network_config import NetworkConfig
from napari_stm_impurities.workflow.batch import COLUMNS, Shard, files_of, find_in_files
from napari_stm_impurities.workflow.rerun import rerun


@pytest.fixture(scope="module")
def method() -> Impurities:
    model = Model(ModelConfig(network=NetworkConfig(channels=(4,), convolutions=(1,), key_channels=2)))
    return Impurities(model, "Au(111)")


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


def test_the_progress_goes_from_0_to_1_over_all_files(maps, method, tmp_path):
    shares: list[float] = []
    batch = find_in_files(files_of(maps), tmp_path / "tables", method, progress=lambda share, _: shares.append(share))
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.5 < shares[-1] <= 1
    assert list(batch.summary.columns) == COLUMNS
    assert batch.failed.empty


def test_stopping_keeps_the_tables_that_are_done(maps, method, tmp_path):
    done = tmp_path / "tables" / "a.npz.csv"
    with pytest.raises(Stopped):
        find_in_files(files_of(maps), tmp_path / "tables", method, should_stop=done.exists)
    names = ["a.npz.csv", "a.npz.provenance.json", "model.safetensors", "summary.csv"]
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == names
    assert len(pd.read_csv(tmp_path / "tables" / "summary.csv")) == 1


def test_two_files_of_one_name_are_refused_before_anything_is_written(maps, method, tmp_path):
    with pytest.raises(StmError, match=r"a\.npz"):
        find_in_files([maps / "a.npz", tmp_path / "a.npz"], tmp_path / "tables", method)
    assert not (tmp_path / "tables").exists()


def test_a_file_in_the_way_of_the_folder_is_told(maps, method):
    with pytest.raises(StmError, match="cannot be made"):
        find_in_files(files_of(maps), maps / "a.npz", method)


class Failing(Impurities):
    """A method that raises what a library may raise, in its second file."""

    def __init__(self, method: Impurities, error: BaseException) -> None:
        super().__init__(method.model, method.dispersion)
        object.__setattr__(self, "error", error)

    def run(self, image, **how):
        if "b.npz" in image.attrs["source"]:
            raise self.error
        return super().run(image, **how)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        KeyError("frame"),
        IndexError("index 5 is out of bounds"),
        MemoryError(),
        AssertionError(),
        RecursionError("maximum recursion depth exceeded"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_exception_in_one_file_stops_the_rest(maps, method, tmp_path, error):
    np.savez(maps / "c.npz", data=np.random.default_rng(2).normal(size=(2, 16, 16)), bias=[-10, 10], pixel_size=0.5)
    folder = tmp_path / "tables"
    batch = find_in_files(files_of(maps), folder, Failing(method, error))
    assert batch.summary["status"].tolist() == ["done", "failed", "done"]
    assert type(error).__name__ in batch.failed["error"].iloc[0]
    assert "\n" not in batch.failed["error"].iloc[0]
    assert type(error).__name__ in (folder / "errors" / "b.npz.txt").read_text()
    assert "Traceback" in (folder / "errors" / "b.npz.txt").read_text()


def test_a_failed_file_is_searched_again_and_the_others_are_not(maps, method, tmp_path):
    folder = tmp_path / "tables"
    find_in_files(files_of(maps), folder, Failing(method, RuntimeError("once")))
    again = find_in_files(files_of(maps), folder, method)
    assert again.summary["status"].tolist() == ["unchanged", "done"]
    assert not (folder / "errors" / "b.npz.txt").exists()


def test_a_file_or_a_setting_that_has_changed_is_searched_again(maps, method, tmp_path):
    folder = tmp_path / "tables"
    find_in_files(files_of(maps), folder, method)
    assert find_in_files(files_of(maps), folder, method).summary["status"].tolist() == ["unchanged", "unchanged"]
    np.savez(maps / "a.npz", data=np.random.default_rng(9).normal(size=(2, 16, 16)), bias=[-10, 10], pixel_size=0.5)
    assert find_in_files(files_of(maps), folder, method).summary["status"].tolist() == ["done", "unchanged"]
    stricter = Impurities(method.model, method.dispersion, threshold=0.9)
    assert find_in_files(files_of(maps), folder, stricter).summary["status"].tolist() == ["done", "done"]
    again = find_in_files(files_of(maps), folder, stricter, pixel_size_nm=0.25)
    assert again.summary["status"].tolist() == ["done", "done"]


def test_the_summary_is_written_after_each_file_and_keeps_what_lies_ahead(maps, method, tmp_path):
    folder = tmp_path / "tables"
    find_in_files(files_of(maps), folder, method)
    seen = []

    def watch(share: float, what: str) -> None:
        seen.append(len(pd.read_csv(folder / "summary.csv")))

    find_in_files(files_of(maps), folder, method, progress=watch)
    assert set(seen) == {2}


def test_shards_share_the_files(maps, method, tmp_path):
    folder = tmp_path / "tables"
    for number in (1, 2):
        find_in_files(files_of(maps), folder, method, shard=Shard(number, 2))
    assert (folder / "summary-1-of-2.csv").is_file()
    assert pd.read_csv(folder / "summary-2-of-2.csv")["file"].tolist() == [str(maps / "b.npz")]
    whole = find_in_files(files_of(maps), folder, method)
    assert whole.summary["status"].tolist() == ["unchanged", "unchanged"]


@pytest.mark.parametrize("text", ["0/4", "5/4", "3", "a/b", "-1/3", "1/0", ""])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(StmError, match="3/16"):
        Shard.parse(text)


def test_each_provenance_can_be_rerun(maps, method, tmp_path):
    find_in_files(files_of(maps), tmp_path / "tables", method)
    assert rerun(tmp_path / "tables" / "b.npz.provenance.json").same
