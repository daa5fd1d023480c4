"""The curve of a training, which grows with each epoch."""

from __future__ import annotations

from ...plots.training import plot_training, training_table
from .canvas import TWO_SIDED, PlotCanvas

_HEIGHT_PX = 150


class TrainingCurve(PlotCanvas):
    """Two figures over the epochs; it is hidden until a training begins."""

    def __init__(self) -> None:
        super().__init__("training", height_px=_HEIGHT_PX, margins=TWO_SIDED)
        self.names = ("", "")
        self.epochs: list[tuple[float | None, float | None]] = []
        self.setVisible(False)

    def begin(self, *names: str) -> None:
        """Show an empty plot for the two figures of these names."""
        left, right = names
        self.names, self.epochs = (left, right), []
        self._show_epochs()
        self.setVisible(True)

    def add_epoch(self, left: float | None, right: float | None) -> None:
        """Go one epoch on; None where there is no figure."""
        self.epochs.append((left, right))
        self._show_epochs()

    def _show_epochs(self) -> None:
        self.show_plot(plot_training, training_table, self.names, tuple(self.epochs))
