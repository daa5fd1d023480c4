"""The table of points, and its CSV that loses nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_stm_impurities.core.errors import ReadError, StmError
from napari_stm_impurities.data.points import COLUMNS, check_points, make_points, positions_nm
from napari_stm_impurities.io.tables import load_points, save_points


def test_positions_in_nm_follow_the_pixel_size_of_each_axis():
    points = make_points([[2, 4], [0, 1]], (0.5, 0.25), source="model", score=[3.0, 1.0], confidence=0.5)
    np.testing.assert_allclose(positions_nm(points), [[1.0, 1.0], [0.0, 0.25]])
    assert tuple(points.columns) == COLUMNS
    assert list(points["score"]) == [3.0, 1.0]


def test_an_empty_table_keeps_its_columns_and_types(tmp_path):
    points = make_points([], (1, 1), source="reference")
    path = save_points(points, tmp_path / "none.csv")
    back = load_points(path)
    assert len(back) == 0
    pd.testing.assert_frame_equal(back, points)


coordinate = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.tuples(coordinate, coordinate, coordinate, st.floats(0, 1)), max_size=8))
def test_csv_gives_every_bit_back(tmp_path_factory, rows):
    table = np.array(rows, dtype=float).reshape(-1, 4)
    points = make_points(table[:, :2], (0.1, 0.3), source="model", score=table[:, 2], confidence=table[:, 3])
    path = save_points(points, tmp_path_factory.mktemp("points") / "points.csv")
    pd.testing.assert_frame_equal(load_points(path), points, check_exact=True)


def test_missing_scores_stay_missing(tmp_path):
    points = make_points([[1, 2]], (1, 1), source="manual")
    back = load_points(save_points(points, tmp_path / "points.csv"))
    assert back["score"].isna().all()
    assert back["confidence"].isna().all()


def test_any_table_with_positions_is_read(tmp_path):
    path = tmp_path / "marked.csv"
    path.write_text("row_px,col_px,y_nm,x_nm,note\n3,4,1.5,2.0,dark\n")
    points = load_points(path)
    assert points.loc[0, ["y_px", "x_px", "source", "note"]].tolist() == [3.0, 4.0, "reference", "dark"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"y_nm": [np.nan]}, "not a finite number"),
        ({"confidence": [1.5]}, "outside 0 to 1"),
        ({"source": ["guess"]}, "'guess'"),
    ],
)
def test_a_bad_value_is_told(change, says):
    points = make_points([[1, 2]], (1, 1), source="manual").astype({"source": str}).assign(**change)
    with pytest.raises(StmError, match=says):
        check_points(points)


def test_a_missing_column_is_named():
    with pytest.raises(StmError, match="y_px is missing"):
        check_points(make_points([[1, 2]], (1, 1), source="manual").drop(columns="y_px"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "CSV|columns"),
        (b"a,b\n1,2\n", "found a, b"),
        (b"y_nm,x_nm\n1,abc\n", "abc"),
        (b"y_nm,x_nm\n1,\n", "not a finite number"),
    ],
)
def test_what_is_no_table_of_points_is_refused_in_one_line(tmp_path, content, says):
    path = tmp_path / "points.csv"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=says) as caught:
        load_points(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ReadError, match="no such file"):
        load_points(tmp_path / "points.csv")


def test_a_table_is_not_written_under_another_formats_name(tmp_path):
    with pytest.raises(StmError, match=r"name the file points\.csv"):
        save_points(make_points(np.array([[1.0, 2.0]]), (0.5, 0.5), source="manual"), tmp_path / "points.txt")
    assert not list(tmp_path.iterdir())


def test_a_table_that_is_wrong_is_not_written(tmp_path):
    with pytest.raises(StmError, match="columns"):
        save_points(pd.DataFrame({"y_nm": [1.0]}), tmp_path / "points.csv")
    assert list(tmp_path.iterdir()) == []
