"""The whole job on the sample surface, through real files."""

from __future__ import annotations

import pandas as pd
import pytest

from napari_stm_impurities.core.errors import StmError
from napari_stm_impurities.core.progress import Stopped
from napari_stm_impurities.io.readers import read_stack
from napari_stm_impurities.io.tables import load_points
from napari_stm_impurities.workflow.demo import run_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return run_demo(tmp_path_factory.mktemp("demo") / "results")


def test_it_is_the_surface_of_the_paper_in_real_files(demo):
    files = {path.name: path for path in demo.files}
    grid = read_stack(files["grid.3ds"])
    assert grid.shape == (126, 80, 80)
    assert [float(grid.bias[0]), float(grid.bias[-1])] == pytest.approx([-230, 20])
    assert float(grid.x[-1]) == pytest.approx(37.5 * 79 / 80)
    assert float(read_stack(files["bound_states.3ds"]).bias[0]) == pytest.approx(-520)


def test_everything_that_it_names_is_written(demo):
    for path in demo.files:
        assert path.stat().st_size > 0
    assert sorted(demo.files) == sorted(demo.files[0].parent.iterdir())
    assert next(p for p in demo.files if p.suffix == ".png").read_bytes().startswith(b"\x89PNG")


def test_the_tables_are_the_results(demo):
    files = {path.name: path for path in demo.files}
    pd.testing.assert_frame_equal(load_points(files["points.csv"]), demo.points, check_exact=True)
    figures = pd.read_csv(files["comparison.csv"], index_col="what")
    assert figures.loc["found against truth", "recall"] == pytest.approx(demo.against_truth.recall)
    assert figures.loc["reference against truth", "n_points"] == len(demo.reference)


def test_it_finds_what_was_put_there(demo):
    assert demo.reference_against_truth.recall > 0.85
    assert demo.reference_against_truth.precision > 0.9
    assert demo.against_truth.recall > 0.6
    assert demo.against_truth.precision > 0.6
    assert demo.against_reference.reference_ratio > 10 * demo.against_reference.chance_ratio


def test_it_can_be_stopped(tmp_path):
    with pytest.raises(Stopped):
        run_demo(tmp_path, should_stop=lambda: True)


def test_a_file_in_the_way_of_the_folder_is_told(tmp_path):
    (tmp_path / "results").touch()
    with pytest.raises(StmError, match="cannot be made"):
        run_demo(tmp_path / "results")
