"""A reader never meets half a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from napari_stm_impurities.errors import StmError
from napari_stm_impurities.files import written_whole


def test_the_file_appears_only_after_the_block(tmp_path):
    path = tmp_path / "table.csv"
    with written_whole(path) as beside:
        beside.write_text("x")
        assert not path.exists()
        assert beside.parent == tmp_path
        assert beside.suffix == ".csv"
    assert path.read_text() == "x"
    assert os.listdir(tmp_path) == ["table.csv"]


def fail_half_way(path: Path) -> None:
    with written_whole(path) as beside:
        beside.write_text("half")
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
    with written_whole(path) as beside:
        beside.write_text("x")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "usual.csv").stat().st_mode)


def test_a_missing_folder_is_told_in_one_line(tmp_path):
    with pytest.raises(StmError, match="nowhere does not exist"):
        fail_half_way(tmp_path / "nowhere" / "a.csv")
