"""The text header of a Nanonis grid: read leniently, and checked where a number is needed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import ReadError

END = b":HEADER_END:"
#: No header comes near this; what has no end by then is another format.
_MAX_BYTES = 4 * 2**20
_MAX_COUNT = 10**9


@dataclass(frozen=True)
class Header:
    """The entries of a header, and where the numbers begin.

    Attributes
    ----------
    path
        The file, for the errors.
    entries
        Name to text, without the quotes.
    data_offset
        Bytes before the first number.
    """

    path: Path
    entries: dict[str, str]
    data_offset: int

    def text(self, *names: str) -> str | None:
        """The first of these entries that exists."""
        return next((self.entries[name] for name in names if name in self.entries), None)

    def starting_with(self, name: str) -> str | None:
        """The first entry whose name begins with `name`."""
        return next((text for key, text in self.entries.items() if key.startswith(name) and text), None)

    def whole(self, name: str) -> int | None:
        """A whole number above 0, or None when the entry is missing.

        Raises
        ------
        ReadError
            If it is there and is anything else.
        """
        text = self.entries.get(name)
        if text is None:
            return None
        number = self.number(name)
        if number is None or number != int(number) or not 0 < number <= _MAX_COUNT:
            raise ReadError(self.path, f"the header says {name}={text[:40]!r}; expected a whole number above 0")
        return int(number)

    def number(self, name: str) -> float | None:
        """A finite number, or None when the entry is missing or is none."""
        try:
            number = float(self.entries.get(name, "").replace(",", "."))
        except ValueError:
            return None
        return number if math.isfinite(number) else None

    def list(self, name: str) -> list[str]:
        """A list with ``;`` between its parts; empty when the entry is missing."""
        return [part.strip() for part in self.entries.get(name, "").split(";") if part.strip()]


def read_header(path: Path) -> Header:
    """The header of a ``.3ds`` file.

    Raises
    ------
    ReadError
        If the file has no such header.
    """
    with path.open("rb") as file:
        head = file.read(_MAX_BYTES)
    match = re.search(rb"(?:^|\n)" + END + rb"(\r\n|\n|\r)", head)
    if match is None:
        what = "ends inside its header" if b"Grid dim=" in head else "has no header of a Nanonis grid"
        raise ReadError(path, f"expected a Nanonis grid (.3ds), but the file {what} (no {END.decode()} line)")
    # Nanonis writes the encoding of the machine it runs on; Latin-1 reads any byte
    return Header(path, parse_entries(head[: match.start()].decode("latin-1")), match.end())


def parse_entries(text: str) -> dict[str, str]:
    r"""The entries of a header; a quoted text may go over several lines, and the first of a name counts.

    Examples
    --------
    >>> parse_entries('Points=3\r\nComment="a=b\r\nPoints=9"\r\nEmpty=')
    {'Points': '3', 'Comment': 'a=b\nPoints=9', 'Empty': ''}
    """
    entries: dict[str, str] = {}
    lines = iter(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    for line in lines:
        name, sign, value = line.partition("=")
        if not sign:
            continue
        value = value.strip()
        if value.startswith('"') and name == "Comment":
            while not (len(value) > 1 and value.endswith('"')):
                more = next(lines, None)
                if more is None:
                    break
                value += "\n" + more.rstrip()
        entries.setdefault(name.strip(), value.strip('"'))
    return entries


def split_unit(name: str) -> tuple[str, str]:
    """The name and the unit of a channel.

    Examples
    --------
    >>> split_unit("LI Demod 1 X [bwd] (A)")
    ('LI Demod 1 X [bwd]', 'A')
    """
    match = re.fullmatch(r"(.*?)\s*\(([^()]*)\)\s*", name)
    return (match.group(1), match.group(2)) if match else (name, "")
