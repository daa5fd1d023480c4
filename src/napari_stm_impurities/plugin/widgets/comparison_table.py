"""The table of a comparison: every pair, missed and extra point as a row that can be sorted and chosen."""

from __future__ import annotations

import math
from typing import Any, Literal

import pandas as pd
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from ..layers.comparison import LOOKS

#: Column of the table of rows, its title, and how its numbers are written.
COLUMNS = (
    ("kind", "Kind", ""),
    ("distance_nm", "d (nm)", ".3f"),
    ("confidence", "Conf.", ".2f"),
    ("y_nm", "y (nm)", ".2f"),
    ("x_nm", "x (nm)", ".2f"),
)
TIPS = {
    "kind": "matched: a pair; missed: a reference point without a partner; extra: a point without one",
    "distance_nm": "The distance between the two of a pair, in nm",
    "confidence": "The model's confidence in the point",
}


class RowsModel(QAbstractTableModel):
    """The rows as Qt wants them, in the order that the person chose."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows = pd.DataFrame(columns=[name for name, _, _ in COLUMNS])
        # what asks for a look comes first: a point without a partner, then the widest pair
        self._by, self._ascending = "distance_nm", False

    def show(self, rows: pd.DataFrame) -> None:
        """Show other rows, in the same order."""
        self.beginResetModel()
        self.rows = self._sorted(rows)
        self.endResetModel()

    def rowCount(self, _parent: QModelIndex | None = None) -> int:
        """How many rows there are."""
        return len(self.rows)

    def columnCount(self, _parent: QModelIndex | None = None) -> int:
        """How many columns there are."""
        return len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What stands in a cell, how it is aligned, and the colour of its kind."""
        name, _, form = COLUMNS[index.column()]
        value: Any = self.rows[name].iat[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return str(value) if not form else "" if math.isnan(value) else format(float(value), form)
        if role == Qt.ItemDataRole.DecorationRole and name == "kind":
            return QColor(LOOKS[str(value)][0])
        if role == Qt.ItemDataRole.TextAlignmentRole and form:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The titles of the columns."""
        if orientation == Qt.Orientation.Horizontal:
            name, title, _ = COLUMNS[section]
            if role == Qt.ItemDataRole.DisplayRole:
                return title
            if role == Qt.ItemDataRole.ToolTipRole:
                return TIPS.get(name, title)
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the rows by a column."""
        self._by, self._ascending = COLUMNS[column][0], order == Qt.SortOrder.AscendingOrder
        self.show(self.rows)

    def _sorted(self, rows: pd.DataFrame) -> pd.DataFrame:
        # no distance is farther than any
        last: Literal["last", "first"] = "last" if self._ascending else "first"
        return rows.sort_values(self._by, ascending=self._ascending, na_position=last, kind="stable", ignore_index=True)


class ComparisonTable(QTableView):
    """The rows, the worst first until a title is clicked.

    Signals
    -------
    chosen(object)
        The row (a :class:`pandas.Series`) that was clicked, or gone to with the arrow keys.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._rows = RowsModel(self)
        self.setModel(self._rows)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setToolTip("Click a row to go to its point, or walk through them with the arrow keys")
        self.setMinimumHeight(120)
        vertical, header = self.verticalHeader(), self.horizontalHeader()
        assert vertical is not None
        assert header is not None
        vertical.setVisible(False)
        vertical.setDefaultSectionSize(22)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSortIndicator(1, Qt.SortOrder.DescendingOrder)
        self.setSortingEnabled(True)
        self._refreshing = False
        self.clicked.connect(self._choose)

    def show_rows(self, rows: pd.DataFrame) -> None:
        """Show other rows; the view stays where it is, and so does the line that the person is at.

        Parameters
        ----------
        rows
            With the columns `kind`, `distance_nm`, `confidence`, `y_nm`, `x_nm`, and whatever `chosen` shall hand on.
        """
        bar = self.verticalScrollBar()
        assert bar is not None
        line, at = self.currentIndex().row(), bar.value()
        self._refreshing = True
        self._rows.show(rows)
        if line >= 0 and len(rows):
            self.setCurrentIndex(self._rows.index(min(line, len(rows) - 1), 0))
        bar.setValue(at)
        self._refreshing = False

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Go to the row that a click or the arrow keys have reached."""
        super().currentChanged(current, previous)
        self._choose(current)

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid() and not self._refreshing:
            self.chosen.emit(self._rows.rows.iloc[index.row()])
