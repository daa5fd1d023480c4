"""Parser of text tables into cells: separator, quotes, header and decimal mark."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.errors import StmError
from ..core.units import AmbiguousNumber, Comma, comma_between_digits, number

#: TrackMate writes three more lines under the names of its columns: two with other names, one with the units.
_MAX_MORE_NAMES = 3
#: A comment is a line of names where two of them are of an axis.
_OF_AN_AXIS = re.compile(r"(?:^|[\W_])[xy](?:[\W_]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class PlainTable:
    """A table in cells.

    Attributes
    ----------
    names
        The names of the columns; empty where the file has none.
    more_names
        Lines without a number between the names and the rows.
    rows
        Each with as many cells as there are columns.
    comma
        The meaning of a comma within a number; None where it is ambiguous.
    assumptions
        The assumptions, one sentence each.
    """

    names: tuple[str, ...]
    more_names: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    comma: Comma | None
    assumptions: tuple[str, ...] = ()

    def numbers(self, column: int) -> list[float]:
        """The numbers in a column; an empty cell is NaN.

        Raises
        ------
        StmError
            If a cell holds something else, or a number that may mean two.
        """
        values = []
        for row in self.rows:
            value = number(row[column], self.comma) if row[column] else float("nan")
            if value is None:
                name = self.names[column] if self.names else column + 1
                raise StmError(f"the column {name!r} holds {row[column][:40]!r}, which is no number")
            values.append(value)
        return values


def parse_table(text: str) -> PlainTable:
    r"""The cells of a table.

    Parameters
    ----------
    text
        Columns with tabs, semicolons, commas or spaces between them, with or without a line of names, which may be
        a comment (#).

    Raises
    ------
    StmError
        If it is empty, or a line has more cells than there are columns.

    Examples
    --------
    >>> parse_table("x;y\n0,5;1\n").names, parse_table('"18,5","2"\n').rows, parse_table("# x y\n1\t2\n").names
    (('x', 'y'), (('18,5', '2'),), ('x', 'y'))
    """
    if "\0" in text:
        raise StmError("expected a table of points (CSV), found a binary file")
    lines = [line for line in text.splitlines() if line.strip('#;, \t"')]
    hint = re.fullmatch(r'"?sep=(\S)"?', lines[0].strip(), re.IGNORECASE) if lines else None
    # Excel may state its separator in the first line
    lines = lines[1:] if hint else lines
    body = [line for line in lines if not line.lstrip().startswith("#")]
    comments = [line for line in lines if line.lstrip().startswith("#")]
    if not body:
        body, comments = [line.lstrip().lstrip("#") for line in comments[-1:]], []
    if not body:
        raise StmError("expected a table of points (CSV), but it is empty")
    separator = hint[1] if hint else _separator(body[0])
    rows = _cells(body, separator)
    names: list[str] = []
    if not _is_row(rows[0]):
        names, rows = rows[0], rows[1:]
        if separator is None and rows:
            names = split_names(body[0], len(rows[0])) or names
    elif comments:
        comment_names = split_names(comments[-1], len(rows[0]))
        names = comment_names if sum(bool(_OF_AN_AXIS.search(name)) for name in comment_names) > 1 else []
    n_more = _more_names(rows) if names else 0
    fitted = [_fitted(row, len(names) or len(rows[0]), separator) for row in rows]
    numeric = [cell for row in fitted for cell in row if _is_numeric(cell)]
    comma = comma_between_digits(numeric)
    assumptions: tuple[str, ...] = ()
    if comma is None and separator == ";" and any("," in cell for cell in numeric):
        comma, assumptions = "decimal", ("number: the comma is taken as a decimal mark, since semicolons separate",)
    return PlainTable(tuple(names), tuple(fitted[:n_more]), tuple(fitted[n_more:]), comma, assumptions)


def split_names(line: str, n_columns: int) -> list[str]:
    r"""The names of `n_columns` columns in a line; names may contain spaces, and a unit in brackets belongs to it.

    Examples
    --------
    >>> split_names("# x (nm)  y (nm)", 2), split_names("X[nm]\tY[nm]\tZ[nm]", 3), split_names("a comment", 3)
    (['x (nm)', 'y (nm)'], ['X[nm]', 'Y[nm]', 'Z[nm]'], [])
    """
    line = line.strip().lstrip("#").strip()
    for separator in (r"\t", ";", ",", r"\s{2,}", r"\s+(?![\[(])"):
        names = [name.strip().strip('"') for name in re.split(separator, line)]
        if len(names) == n_columns:
            return names
    return []


def _separator(line: str) -> str | None:
    """The separator of the columns; None for spaces."""
    for separator in ("\t", ";"):
        if separator in line:
            return separator
    if "," not in line:
        return None
    cells = _cells([line], ",")[0]
    # between numbers with decimal commas there are spaces
    return None if len(line.split()) > 1 and re.search(r"\d,\d", line) and not _is_row(cells) else ","


def _cells(lines: Sequence[str], separator: str | None) -> list[list[str]]:
    if separator is None:
        return [[cell.strip('"') for cell in line.split()] for line in lines]
    try:
        rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, skipinitialspace=True))
    except csv.Error as error:
        raise StmError(f"expected a table of points (CSV), but its cells cannot be separated: {error}") from None
    return [[cell.strip() for cell in row] for row in rows]


def _is_numeric(cell: str) -> bool:
    try:
        return number(cell) is not None
    except AmbiguousNumber:
        return True


def _is_row(cells: Sequence[str]) -> bool:
    """Whether a line is a row of numbers and no names of columns."""
    return len(cells) > 1 and all(_is_numeric(cell) for cell in cells[:2])


def _more_names(rows: list[list[str]]) -> int:
    """The number of further lines of names: TrackMate ends them with a line of units in brackets."""
    for n in range(min(_MAX_MORE_NAMES, len(rows)), 0, -1):
        wordy = not any(_is_numeric(cell) for row in rows[:n] for cell in row)
        if wordy and any(re.fullmatch(r"\(.*\)|\[.*\]", cell) for cell in rows[n - 1]):
            return n
    return 0


def _fitted(row: list[str], width: int, separator: str | None) -> tuple[str, ...]:
    # Excel leaves empty cells at the end out, or adds some
    if any(row[width:]):
        advice = "; where the comma is a decimal mark, put ; or tabs between the columns" if separator == "," else ""
        raise StmError(f"a line has {len(row)} cells under {width} names ({', '.join(row)[:60]}){advice}")
    return (*row[:width], *[""] * (width - len(row)))
