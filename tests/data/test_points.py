"""The table of points, and its CSV that loses nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_stm_impurities.core.errors import ReadError, StmError
from napari_stm_impurities.data.points import COLUMNS, check_points, make_points, positions_nm
from napari_stm_impurities.io.tables import is_points_table, load_points, save_points


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


CELLS = st.text(
    st.sampled_from("0123456789.,;'-+eE xyXY_nmpu\t\n\"#[]()\N{MINUS SIGN}\N{EN DASH}\N{MICRO SIGN}"), max_size=60
)


@given(CELLS, st.sampled_from(["", "x,y\n", "y_nm,x_nm\n", "x [um];y [um]\n", " ,X,Y\n", "sep=;\n"]))
def test_whatever_a_table_holds_it_is_read_or_refused_in_one_line(tmp_path_factory, text, names):
    path = tmp_path_factory.mktemp("points") / "a.csv"
    path.write_text(names + text, encoding="utf-8")
    is_points_table(path)
    said = ""
    try:
        assert np.isfinite(positions_nm(load_points(path))).all()
    except ReadError as error:
        said = str(error)
    assert "\n" not in said


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_that_excel_has_saved_again_is_the_same(tmp_path, encoding, separator):
    points = make_points([[2, 4], [10.25, 7.5]], (0.5, 0.25), source="manual", score=[np.nan, 2.5])
    path = save_points(points.assign(note=["na\u00efve", ""]), tmp_path / "points.csv")
    text = path.read_text(encoding="utf-8").replace(",", separator)
    path.write_text(text if separator == "," else text.replace(".", ","), encoding=encoding)
    back = load_points(path)
    pd.testing.assert_frame_equal(back[list(COLUMNS)], points, check_exact=True)
    assert back["note"].tolist()[0] == "na\u00efve"
    assert back["note"].tolist()[1] == ""
    assert back.attrs["assumptions"] == []


def test_columns_that_are_kept_have_the_types_of_their_cells(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("y_nm,x_nm,checked,seen,n\n1,2,accepted,True,3\n4,5,,False,6\n")
    points = load_points(path)
    assert points["seen"].tolist() == [True, False]
    assert points["n"].tolist() == [3, 6]
    assert points["checked"].tolist() == ["accepted", ""]


def test_positions_in_pixels_are_in_both_units_once_the_size_is_known(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("y,x,mass,size,frame\n4,2,1,1,0\n")
    points = load_points(path, pixel_size_nm=(0.5, 0.25))
    assert points.loc[0, ["y_nm", "x_nm", "y_px", "x_px"]].tolist() == [2.0, 0.5, 4.0, 2.0]
    assert "trackpy" in points.attrs["assumptions"][0]
    with pytest.raises(ReadError, match=r"a\.csv: .*are in pixels; give pixel_size_nm"):
        load_points(path)
    with pytest.raises(ReadError, match="must be positive"):
        load_points(path, pixel_size_nm=0)


RECTANGLE = "\n".join(f"{x},{y},{x * y}" for y in range(5) for x in range(6))


@pytest.mark.parametrize(
    ("text", "is_table"),
    [
        ("y_nm,x_nm\n1,2\n", True),
        ("\ufeffy_nm,x_nm\n1,2\n", True),
        ("y_nm;x_nm\n1,5;2,5\n", True),
        ("y,x,mass,size,frame\n1,2,1,1,0\n", True),
        (" ,X,Y\n1,2,3\n", True),
        ("x,y\n18,545,28,624\n", True),
        ("1,2\n3,4\n", True),
        ("1,2,3\n3,4,5\n", False),
        (f"x,y,z\n{RECTANGLE}\n", False),
        (f"x,y,z\n{RECTANGLE}\n1.5,2.5,3\n", True),
        ("index,axis-0,axis-1\n0,1.0,2.0\n", False),
        ("# Width: 3 nm\n1,2,3\n4,5,6\n", False),
        ("", False),
    ],
)
def test_what_is_a_table_of_points(tmp_path, text, is_table):
    path = tmp_path / "a.csv"
    for encoding in ("utf-8", "utf-16"):
        path.write_text(text, encoding=encoding)
        assert is_points_table(path) is is_table
    assert not is_points_table(tmp_path / "none.csv")
    assert not is_points_table(path.rename(tmp_path / "a.txt"))


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
