"""Values as labelled rows: the one form in which reports, the console and the widgets show them."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One value with its name.

    Attributes
    ----------
    label
        In small letters, as in a table on the console.
    value
        With its unit.
    note
        What it means, or how it was computed; may be empty.
    """

    label: str
    value: str
    note: str = ""

    @property
    def title(self) -> str:
        """The label with a capital, as in a widget or on a page."""
        return self.label[:1].upper() + self.label[1:]
