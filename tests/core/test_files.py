"""A reader never meets half a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.files import folder_written_whole, written_whole


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
        with pytest.raises(StmError, match="stands there already and is no album"):
            fail_in_folder(tmp_path / name)
    with pytest.raises(StmError, match="does not exist"):
        fail_in_folder(tmp_path / "none" / "out")
    assert sorted(os.listdir(tmp_path)) == ["file", "out"]
    assert os.listdir(tmp_path / "out") == ["thesis.tex"]
