"""A reader never meets half a file."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from napari_stm_impurities.analysis.comparison import compare
from napari_stm_impurities.analysis.spatial_statistics import surface_statistics
from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.files import folder_written_whole, written_whole
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.impurities.model import Model, ModelConfig
from napari_stm_impurities.impurities.network_config import NetworkConfig
from napari_stm_impurities.io.imagej import export_imagej
from napari_stm_impurities.io.tables import save_points
from napari_stm_impurities.io.writers import save_stack, write_nanonis_grid
from napari_stm_impurities.plots.maps import draw_points
from napari_stm_impurities.simulation.config import FriedelConfig
from napari_stm_impurities.simulation.dataset import simulate_dataset
from napari_stm_impurities.workflow.report import write_report


def test_the_file_appears_only_after_the_block(tmp_path):
    path = tmp_path / "table.csv"
    with written_whole(path) as temporary:
        temporary.write_text("x")
        assert not path.exists()
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".csv"
    assert path.read_text() == "x"
    assert os.listdir(tmp_path) == ["table.csv"]


def fail_half_way(path: Path) -> None:
    with written_whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("half way")


def test_an_error_leaves_the_older_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["table.csv"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_others_may_read_the_file(tmp_path):
    path = tmp_path / "table.csv"
    (tmp_path / "usual.csv").write_text("x")
    with written_whole(path) as temporary:
        temporary.write_text("x")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "usual.csv").stat().st_mode)


def test_a_missing_folder_is_told_in_one_line(tmp_path):
    with pytest.raises(StmError, match="nowhere does not exist"):
        fail_half_way(tmp_path / "nowhere" / "a.csv")


def is_album(folder: Path) -> bool:
    return (folder / "album").is_file()


def test_a_folder_is_whole_and_replaces_an_older_one_of_its_kind(tmp_path):
    path = tmp_path / "out"
    for text in ("old", "new"):
        with folder_written_whole(path, "album", is_album) as temporary:
            (temporary / "album").write_text(text)
            assert temporary.parent == tmp_path
    assert (path / "album").read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]


def fail_in_folder(path: Path) -> None:
    with folder_written_whole(path, "album", is_album) as temporary:
        (temporary / "album").write_text("half")
        raise RuntimeError("half way")


def test_a_folder_that_fails_leaves_the_older_one(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "album").write_text("old")
    with pytest.raises(RuntimeError, match="half way"):
        fail_in_folder(tmp_path / "out")
    assert (tmp_path / "out" / "album").read_text() == "old"
    assert os.listdir(tmp_path) == ["out"]


def test_a_folder_of_another_kind_is_never_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()
    (tmp_path / "file").touch()
    for name in ("out", "file"):
        with pytest.raises(StmError, match="exists already and is no album"):
            fail_in_folder(tmp_path / name)
    with pytest.raises(StmError, match="does not exist"):
        fail_in_folder(tmp_path / "none" / "out")
    assert sorted(os.listdir(tmp_path)) == ["file", "out"]
    assert os.listdir(tmp_path / "out") == ["thesis.tex"]


@pytest.fixture
def full_disk(monkeypatch) -> Callable[[], AbstractContextManager[None]]:
    """Let the system write not a single byte into any file, as on a full disk."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")

    @contextmanager
    def limited() -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


TABLE = make_points([[1.0, 2.0], [3.0, 4.0]], (0.5, 0.5), source="manual")
STACK = make_stack(np.random.default_rng(0).normal(size=(2, 16, 16)), [0, 1], 0.5)


def small_model() -> Model:
    return Model(ModelConfig(name="small", network=NetworkConfig(channels=(4,), convolutions=(1,), key_channels=2)))


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.csv": lambda path: save_points(TABLE, path),
    "a.nc": lambda path: save_stack(STACK, path),
    "a.zarr": lambda path: save_stack(STACK, path),
    "a.3ds": lambda path: write_nanonis_grid(STACK, path),
    "a.png": lambda path: draw_points(STACK, TABLE, path),
    "a.roi": lambda path: export_imagej(TABLE, path, 0.5),
    "a.json": lambda path: compare(TABLE, TABLE).to_json(path),
    "b.json": lambda path: surface_statistics(TABLE, STACK).to_json(path),
    "a.safetensors": lambda path: small_model().save(path),
    "windows.nc": lambda path: simulate_dataset(path, FriedelConfig(), 2),
    "report": lambda path: write_report(path, STACK, TABLE, date="2020-01-01"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_line_and_leaves_nothing(name, full_disk, tmp_path):
    with pytest.raises(StmError) as caught, full_disk():
        WRITERS[name](tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: cannot be written ({os.strerror(errno.EFBIG)})"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", WRITERS)
def test_what_stood_there_before_stays_on_a_full_disk(name, full_disk, tmp_path):
    WRITERS[name](tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(StmError), full_disk():
        WRITERS[name](tmp_path / name)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "report"])
def test_a_folder_of_that_name_is_refused(name, tmp_path):
    (tmp_path / name / "kept").mkdir(parents=True)
    with pytest.raises(StmError, match=r"folder|exists already"):
        WRITERS[name](tmp_path / name)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device")
def test_a_device_is_written_to_and_not_replaced():
    before = os.stat("/dev/full").st_rdev
    with pytest.raises(StmError, match="No space left"):
        compare(TABLE, TABLE).to_json("/dev/full")
    assert os.stat("/dev/full").st_rdev == before


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few people make links")
def test_what_a_link_points_to_is_written(tmp_path):
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "a.csv", tmp_path / "a.csv"
    real.touch()
    link.symlink_to(real)
    save_points(TABLE, link)
    assert link.is_symlink()
    assert "manual" in real.read_text()
