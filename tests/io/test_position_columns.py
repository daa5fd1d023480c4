"""Which columns are the positions, in which unit, and what of it has to be assumed."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities import ReadError, StmError, load_points
from napari_stm_impurities.io.position_columns import axis_of, positions_in
from napari_stm_impurities.io.xy_tables import parse_table

PIXEL = (0.25, 0.5)
TRACKMATE = """LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y
Label,Spot ID,Track ID,Quality,X,Y
Label,Spot ID,Track ID,Quality,X,Y
,,,(quality),({0}),({0})
ID1,1,,5,{1},{2}
ID2,2,,5,{3},{4}
"""


def read(names: str, rows: list[list[float]], pixel: tuple[float, float] | None = None):
    lines = [names, *(",".join(map(str, row)) for row in rows)]
    found = positions_in(parse_table("\n".join(lines)), pixel)
    return np.column_stack([found.x_nm, found.y_nm]).round(9).tolist(), list(found.assumptions)


@pytest.mark.parametrize(
    "pattern", ["x [{}]", "X ({})", "x_{}", "x/{}", "X in {}", "x{}", "pos_x_{}", "POSITION_X ({})"]
)
@pytest.mark.parametrize(
    ("unit", "factor"),
    [("nm", 1.0), ("um", 1e3), ("\N{MICRO SIGN}m", 1e3), ("\N{GREEK SMALL LETTER MU}m", 1e3), ("pm", 1e-3)],
)
def test_a_length_in_the_names_is_certain(pattern, unit, factor):
    x = pattern.format(unit)
    y = x.replace("x", "y").replace("X", "Y")
    assert read(f"{x},{y}", [[3, 4.5]]) == ([[round(3 * factor, 9), round(4.5 * factor, 9)]], [])


@pytest.mark.parametrize("unit", ["\u00c5", "\N{ANGSTROM SIGN}", "A", "Ang", "angstrom"])
def test_angstrom_in_the_names(unit):
    assert read(f"X [{unit}],Y [{unit}]", [[30, 45]]) == ([[3.0, 4.5]], [])


@pytest.mark.parametrize(
    "names",
    ["x_px,y_px", "X (px),Y (px)", "x [pixel],y [pixel]", "X_pixels,Y_pixels", "col,row", "column,row", "xpx,ypx"],
)
def test_pixels_need_their_size(names):
    assert read(names, [[6, 18]], PIXEL) == ([[3.0, 4.5]], [])
    with pytest.raises(StmError, match="are in pixels; give pixel_size_nm"):
        read(names, [[6, 18]])


@pytest.mark.parametrize(
    ("program", "names", "row"),
    [
        ("trackpy", "y,x,mass,size,frame", [18, 6, 1, 2, 0]),
        ("trackpy", ",y,x,mass,size,ecc,signal,raw_mass,ep", [0, 18, 6, 1, 2, 0, 0, 0, 0]),
        ("ParticleTracker", ",Trajectory,Frame,x,y,z,m0,m1", [1, 1, 0, 6, 18, 0, 1, 1]),
        ("photutils", "id,xcentroid,ycentroid,sharpness", [1, 6, 18, 0.5]),
    ],
)
def test_programs_that_count_in_pixels_are_known_by_their_columns(program, names, row):
    positions, (assumption,) = read(names, [row], PIXEL)
    assert positions == [[3.0, 4.5]]
    assert program in assumption
    with pytest.raises(StmError, match="are in pixels; give pixel_size_nm"):
        read(names, [row])


def test_trackmate_writes_its_unit_under_the_names():
    def of(text):
        found = positions_in(parse_table(text), PIXEL)
        return np.column_stack([found.x_nm, found.y_nm]).round(9).tolist(), found.assumptions

    assert of(TRACKMATE.format("micron", 0.003, 0.0045, 0.005, 0.0065)) == ([[3.0, 4.5], [5.0, 6.5]], ())
    assert of(TRACKMATE.format("pixel", 6, 18, 10, 26)) == ([[3.0, 4.5], [5.0, 6.5]], ())
    with pytest.raises(StmError, match="write the unit behind the names"):
        read("LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y", [[1, 1, 1, 5, 3, 4.5]])


@pytest.mark.parametrize(
    "names", ["x,y", "X,Y", "POSITION_X,POSITION_Y", "x center,y center", "Pos. X,Pos. Y", "xc,yc"]
)
def test_positions_without_a_unit_are_assumed_in_nm(names):
    positions, (assumption,) = read(names, [[3, 4.5]])
    assert positions == [[3.0, 4.5]]
    assert "taken in nm" in assumption


@pytest.mark.parametrize("scale", [1e-9, 1e-7])
def test_positions_within_a_picometre_are_assumed_in_metres(scale):
    positions, (assumption,) = read("x,y", [[1218.5 * scale, 428.5 * scale]])
    np.testing.assert_allclose(positions, [[1218.5 * scale * 1e9, 428.5 * scale * 1e9]])
    assert "taken in m" in assumption


def test_columns_without_names_are_x_and_y_and_that_is_said():
    found = positions_in(parse_table("3 4.5\n5 6.5\n"), None)
    assert found.x_nm.tolist() == [3.0, 5.0]
    assert "no names" in found.assumptions[0]
    with pytest.raises(StmError, match="4 columns without names"):
        positions_in(parse_table("1,2,3,4\n5,6,7,8\n"), None)


@pytest.mark.parametrize(
    ("names", "row"),
    [
        ("y_px,x_px,y_um,x_um", [1, 2, 0.0045, 0.003]),
        ("x,y,x_nm,y_nm", [6, 18, 3, 4.5]),
        ("x_nm,y_nm,x_std,y_std", [3, 4.5, 9, 9]),
        ("id,x_nm,y_nm,x_px,y_px", [1, 3, 4.5, 6, 18]),
        ("x_nm,y_um", [3, 0.0045]),
        ("x,y,Unit", [3, 4.5, "nm"]),
        ("x,y,Unit", [0.003, 0.0045, "micron"]),
    ],
)
def test_the_columns_that_tell_most_are_taken(names, row):
    assert read(names, [row]) == ([[3.0, 4.5]], [])


@pytest.mark.parametrize("names", ["x [furlong],y [furlong]", "x (V),y (V)"])
def test_a_unit_that_is_not_known_is_refused(names):
    with pytest.raises(StmError, match="is not known; name them x_nm and y_nm"):
        read(names, [[1, 2]])


@pytest.mark.parametrize("names", ["a,b", "index,axis-0,axis-1", "x,mass", "max,may"])
def test_a_table_without_positions_says_what_it_has(names):
    with pytest.raises(StmError, match=f"expected the columns y_nm and x_nm, or x and y, found {names.split(',')[0]}"):
        read(names, [[1] * (names.count(",") + 1)])


@pytest.mark.parametrize("name", ["mass", "max", "y_std", "dx", "size", "ecc", "xy", "", "index", "axis-0"])
def test_other_columns_are_no_axis(name):
    assert axis_of(name) is None


class TestImageJ:
    """ImageJ counts from the corner of the first pixel."""

    @pytest.mark.parametrize("names", [" ,Area,X,Y", " ,Label,X,Y", ",Area,Mean,XM,YM"])
    def test_half_a_pixel_is_taken_off(self, names):
        row = [1, *[0] * (names.count(",") - 2), 3.25, 4.625]
        positions, assumptions = read(names, [row], PIXEL)
        assert positions == [[3.0, 4.5]]
        assert "position" not in "".join(assumptions).replace("positions", "")

    def test_without_a_pixel_size_that_is_said(self):
        positions, assumptions = read(" ,Area,X,Y", [[1, 0, 3.25, 4.625]])
        assert positions == [[3.25, 4.625]]
        assert "half a pixel" in assumptions[-1]

    def test_the_size_is_read_off_positions_of_both_kinds(self):
        rows = [[1, 3.25, 4.625, 6.5, 18.5, "nm"], [2, 0.25, 0.125, 0.5, 0.5, "nm"]]
        assert read(" ,X,Y,X_px,Y_px,Unit", rows) == ([[3.0, 4.5], [0.0, 0.0]], [])


@pytest.mark.parametrize("names", ["x_nm,x_nm,y_nm", "x [nm],y [nm],y (nm)"])
def test_two_columns_for_one_axis_are_refused(names, tmp_path):
    (tmp_path / "a.csv").write_text(f"{names}\n1,2,3\n")
    with pytest.raises(ReadError, match="are both columns of one axis"):
        load_points(tmp_path / "a.csv")
