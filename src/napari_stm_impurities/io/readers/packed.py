"""A check for compressed files and archives, before a format is chosen."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from ...core.errors import ReadError

_BEGINNINGS = {
    rb"\x1f\x8b\x08": "gzip",
    rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)": "bzip2",
    rb"\xfd7zXZ\x00": "xz",
    rb"7z\xbc\xaf\x27\x1c": "7z",
    rb"Rar!\x1a\x07": "rar",
    rb"\x28\xb5\x2f\xfd": "zstd",
    rb"(?s:.{257})ustar": "tar",
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
#: The number of names of an archive in a message.
_MAX_NAMES = 4


def refuse_packed(path: Path, head: bytes) -> None:
    """Raise an error for a compressed file, or an archive of files; a numpy archive, which is a zip file, is none.

    Raises
    ------
    ReadError
        With a request to unpack it.
    """
    kind = next((kind for pattern, kind in _BEGINNINGS.items() if re.match(pattern, head)), None)
    if kind is not None:
        raise ReadError(path, f"is a packed file ({kind}); unpack it and open the file that it holds")
    if not head.startswith(_ZIP) or path.suffix.lower() == ".npz":
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return
    if any(name.endswith(".npy") for name in names):
        return
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    held = ", ".join(names[:_MAX_NAMES]) or "nothing"
    raise ReadError(path, f"is a packed file (zip, with {held}{more}); unpack it and open the files that it holds")
