"""Tables of positions as other programs write them."""

from __future__ import annotations

import pytest

from napari_stm_impurities import ReadError, load_points


@pytest.mark.parametrize(
    "text",
    [
        "3.0 4.5\n5.0 6.5\n",
        "x\ty\n3.0\t4.5\n5.0\t6.5\n",
        "X,Y,area\n3.0,4.5,9\n5.0,6.5,9\n",
        " ,Area,X,Y\n1,0,3.0,4.5\n2,0,5.0,6.5\n",
        "y [m];x [m]\n4.5e-9;3.0e-9\n6.5e-9;5.0e-9\n",
        "# a comment of a program\n3e-9 4.5e-9\n5e-9 6.5e-9\n",
        "x_um,y_um\n0.003,0.0045\n0.005,0.0065\n",
    ],
)
def test_positions_come_in_nm(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    points = load_points(tmp_path / "a.csv")
    assert points["x_nm"].round(9).tolist() == [3.0, 5.0]
    assert points["y_nm"].round(9).tolist() == [4.5, 6.5]
    assert points["source"].tolist() == ["reference"] * 2


@pytest.mark.parametrize(
    ("text", "says"),
    [("a,b\n1,2\n", "expected the columns y_nm and x_nm, or x and y, found a, b"), ("x,y\n1,two\n", "no number")],
)
def test_what_is_no_table_of_positions_is_told(tmp_path, text, says):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ReadError, match=says):
        load_points(tmp_path / "a.csv")
