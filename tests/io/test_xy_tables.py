"""Tables of other programs in cells: separators, quotes, names and decimal marks."""

from __future__ import annotations

import pytest

from napari_stm_impurities import StmError
from napari_stm_impurities.io.xy_tables import parse_table

NUMBERS = [[3.0, 4.5], [5.0, 6.25]]


def numbers(text: str) -> list[list[float]]:
    table = parse_table(text)
    return [list(row) for row in zip(table.numbers(0), table.numbers(1), strict=True)]


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", ", ", "; ", "   "])
@pytest.mark.parametrize("names", ["", "x{}y\n", "# x{}y\n", "# made by a program\nx{}y\n"])
def test_any_separator_with_and_without_names(separator, names):
    text = names.format(separator) + "\n".join(separator.join(map(str, row)) for row in NUMBERS)
    assert numbers(text) == NUMBERS
    assert parse_table(text).names == (("x", "y") if names else ())


@pytest.mark.parametrize("separator", [";", "\t", " ", "; "])
@pytest.mark.parametrize("names", ["", "x{}y\n"])
def test_decimal_commas_between_other_separators(separator, names):
    rows = "\n".join(separator.join(str(v) for v in row) for row in NUMBERS).replace(".", ",")
    assert numbers(names.format(separator) + rows) == NUMBERS


def test_quoted_cells_hold_commas():
    assert numbers('x,y\n"3,0","4,5"\n"5,0","6,25"\n') == NUMBERS
    assert numbers('x,y\n"1,234,567","1,234"\n') == [[1234567.0, 1234.0]]


def test_excel_tells_its_separator_first():
    assert numbers("sep=;\nx;y\n3,0;4,5\n5,0;6,25\n") == NUMBERS


def test_cells_that_excel_left_out_at_the_end_are_empty():
    table = parse_table("x,y,note\n1,2\n3,4,,\n")
    assert table.rows == (("1", "2", ""), ("3", "4", ""))


@pytest.mark.parametrize("text", ["x,y\n18,545,28,624\n", "y_nm,x_nm\n4,5,3,0\n"])
def test_more_cells_than_names_are_refused(text):
    with pytest.raises(StmError, match=r"4 cells under 2 names .* put ; or tabs"):
        parse_table(text)


@pytest.mark.parametrize("text", ['x,y\n"18,545","28,624"\n', "x\ty\n18,545\t28,624\n"])
def test_commas_that_may_be_thousands_are_refused(text):
    with pytest.raises(StmError, match=r"'18,545' may be 18\.545 or 18545"):
        parse_table(text).numbers(0)


def test_semicolons_make_commas_decimal_and_that_is_said():
    table = parse_table("x;y\n18,545;28,624\n")
    assert table.numbers(1) == [28.624]
    assert "decimal mark" in table.assumptions[0]
    assert parse_table("x;y\n18,5;28,624\n").assumptions == ()


def test_names_of_several_lines_end_with_the_units():
    table = parse_table("POSITION_X,POSITION_Y\nX,Y\n(micron),(micron)\n1,2\n")
    assert table.more_names == (("X", "Y"), ("(micron)", "(micron)"))
    assert table.numbers(0) == [1.0]
    assert parse_table("x,y\none,two\n").more_names == ()


@pytest.mark.parametrize("text", ["", "\n \n", ";;;\n"])
def test_nothing_is_no_table(text):
    with pytest.raises(StmError, match="it is empty"):
        parse_table(text)


def test_a_cell_that_is_no_number_is_named():
    with pytest.raises(StmError, match="the column 'y' holds 'two', which is no number"):
        parse_table("x,y\n1,two\n").numbers(1)
