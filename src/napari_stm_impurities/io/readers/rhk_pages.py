"""The pages of an RHK file (``.sm4``): a list of objects with the offsets of headers, texts and numbers.

The file header names the page index, the index names for each page its header and its data, and the page header
names its texts and, for spectra, the position where each was measured. All numbers are little-endian, all texts UTF-16.

References
----------
RHK Technology, "SM4 file format" (as used by the readers of Gwyddion and of spym, whose field names these are).
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core.errors import ReadError, StmError
from .binary_reader import Cursor, mapped
from .recording import check_size

SIGNATURE = "STiMage".encode("utf-16-le")
_PAGE_INDEX_HEADER, _PAGE_INDEX_ARRAY, _PAGE_HEADER, _PAGE_DATA = 1, 2, 3, 4
_PLACES, _TEXTS = 8, 10
_IMAGE, _LINES = 0, 1
#: Spectra against the bias, among all things that RHK stores as lines.
_IV = 7
#: Kinds of line that are stored as float32; all others, and images, are int32.
_FLOAT_LINES = (1, 6, 9, 10, 11, 13, 18, 19, 21, 22)
_TEXT_NAMES = {0: "label", 5: "date", 6: "time", 7: "x_unit", 9: "z_unit", 13: "completed_lines"}
#: No file has more: a larger number is a damaged one.
_MAX_COUNT = 100_000


@dataclass(frozen=True)
class Page:
    """The content of a page's header, in the units of the file (m, V, A).

    Attributes
    ----------
    path
        The file.
    label, z_unit, x_unit, date
        Its texts.
    is_image, is_iv
        An image; or spectra against the bias.
    backward
        An image that was scanned from the other side.
    n_x, n_y
        Pixels of an image; points of a spectrum, and how many spectra.
    x_scale, y_scale, x_offset, y_offset
        Steps and origin of both axes.
    z_scale, z_offset
        From the stored number to the value.
    bias_v, angle_deg
        Of the tunnelling junction, and of the frame, counter-clockwise.
    grid
        Columns and rows of the spectra; (0, 0) where the file does not state them.
    offset, dtype
        The offset and the type of the numbers.
    places_m
        x and y of each spectrum, shape (n_y, 2); empty for an image.
    """

    path: Path
    label: str
    z_unit: str
    x_unit: str
    date: str
    is_image: bool
    is_iv: bool
    backward: bool
    n_x: int
    n_y: int
    x_scale: float
    y_scale: float
    x_offset: float
    y_offset: float
    z_scale: float
    z_offset: float
    bias_v: float
    angle_deg: float
    grid: tuple[int, int]
    offset: int
    dtype: str
    places_m: np.ndarray

    def raw(self) -> np.ndarray:
        """The stored numbers, shape (n_y, n_x), as a memory map."""
        return np.memmap(self.path, dtype=self.dtype, mode="r", offset=self.offset, shape=(self.n_y, self.n_x))


def read_pages(path: Path) -> list[Page]:
    """The images and the spectra of an RHK file.

    Raises
    ------
    ReadError
        If it is no such file, is cut, or its header is damaged.
    """
    with mapped(path) as data:
        cursor = Cursor(data)
        (size,) = cursor.take("H")
        if not cursor.raw(36).startswith(SIGNATURE):
            raise ReadError(path, "expected an RHK file (.sm4), but it does not begin with STiMage")
        _, n_objects, _ = cursor.take("3I")
        cursor.at = size + 2
        cursor.at = _objects(cursor, n_objects).get(_PAGE_INDEX_HEADER, (0, 0))[0]
        n_pages, n_objects, _, _ = cursor.take("4I")
        cursor.at = _objects(cursor, n_objects).get(_PAGE_INDEX_ARRAY, (0, 0))[0]
        _refuse_count(n_pages, "pages")
        pages = []
        for _ in range(n_pages):
            cursor.raw(16)
            kind, _, n_objects, _ = cursor.take("4I")
            objects = _objects(cursor, n_objects)
            # texts, films and sequences are no maps
            if kind in (_IMAGE, _LINES) and _PAGE_HEADER in objects and _PAGE_DATA in objects:
                pages.append(_page(path, data, kind, objects[_PAGE_HEADER][0], objects[_PAGE_DATA][0]))
    return pages


def _objects(cursor: Cursor, count: int) -> dict[int, tuple[int, int]]:
    """The offset and the size of each object of a list, by its kind."""
    _refuse_count(count, "objects")
    objects: dict[int, tuple[int, int]] = {}
    for _ in range(count):
        kind, offset, size = cursor.take("3I")
        objects.setdefault(kind, (offset, size))
    return objects


def _refuse_count(count: int, what: str) -> None:
    if count > _MAX_COUNT:
        raise StmError(f"the header announces {count} {what}; it is damaged")


def _page(path: Path, data: mmap.mmap, kind: int, header_at: int, data_at: int) -> Page:
    cursor = Cursor(data, header_at)
    _, n_texts, _, _, line, _, _, n_x, n_y, _, scan, _, n_bytes, _, _ = cursor.take("2H13I")
    x_scale, y_scale, z_scale, _, x_offset, y_offset, z_offset, _, bias, _, angle = cursor.take("11f")
    _, grid_x, grid_y, n_objects = cursor.take("4I")
    cursor.raw(64)
    objects = _objects(cursor, n_objects)
    texts = _texts(Cursor(data, objects[_TEXTS][0]), n_texts) if _TEXTS in objects else {}
    what = f"the page {texts.get('label', '')!r} of {n_x} x {n_y} values"
    if not n_x or not n_y or 4 * n_x * n_y != n_bytes:
        raise ReadError(path, f"{what} should have {4 * n_x * n_y} bytes, its header says {n_bytes}; it is damaged")
    check_size(path, n_x * n_y, what)
    if data_at + n_bytes > len(data):
        found = max(0, len(data) - data_at)
        raise ReadError(path, f"{what} needs {n_bytes} bytes, found {found}; the file is cut: copy it again")
    places = np.zeros((0, 2))
    if kind == _LINES and _PLACES in objects:
        records = Cursor(data, objects[_PLACES][0]).raw(28 * n_y)
        places = np.frombuffer(records, dtype="<f4").reshape(n_y, 7)[:, 1:3].astype(np.float64)
    return Page(
        path=path,
        label=texts.get("label", "").strip() or f"page at byte {data_at}",
        z_unit=texts.get("z_unit", ""),
        x_unit=texts.get("x_unit", ""),
        date=" ".join(filter(None, (texts.get("date"), texts.get("time")))),
        is_image=kind == _IMAGE,
        is_iv=kind == _LINES and line == _IV,
        backward=scan == 1,
        n_x=n_x,
        n_y=n_y,
        x_scale=x_scale,
        y_scale=y_scale,
        x_offset=x_offset,
        y_offset=y_offset,
        z_scale=z_scale,
        z_offset=z_offset,
        bias_v=bias,
        angle_deg=angle,
        grid=(grid_x, grid_y),
        offset=data_at,
        dtype="<f4" if line in _FLOAT_LINES else "<i4",
        places_m=places,
    )


def _texts(cursor: Cursor, count: int) -> dict[str, str]:
    texts = {}
    for i in range(min(count, max(_TEXT_NAMES) + 1)):
        (length,) = cursor.take("H")
        text = cursor.raw(2 * length).decode("utf-16-le", errors="replace").rstrip("\0")
        if i in _TEXT_NAMES:
            texts[_TEXT_NAMES[i]] = text
    return texts
