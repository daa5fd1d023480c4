"""Reading masks: label images as napari and ImageJ save them, and arrays of numpy."""

from __future__ import annotations

import os

import numpy as np
from skimage.io import imread
from tifffile import TiffFileError

from ..core.arguments import path_of
from ..core.errors import ReadError

#: Suffixes of masks: images of labels, black-and-white pictures, and arrays of numpy.
SUFFIXES = (".tif", ".tiff", ".png", ".npy")
#: Numbers of channels of which the last one is opacity, which is no label.
_WITH_ALPHA = (2, 4)


def read_mask(path: str | os.PathLike[str]) -> np.ndarray:
    """The mask in a file, shape (y, x): every number but 0 excludes its pixel.

    Parameters
    ----------
    path
        ``.tif``, ``.tiff`` or ``.png`` as napari saves a labels layer, or any picture that is black where pixels are
        kept; or ``.npy``.

    Raises
    ------
    ReadError
        If the file is missing, is none of these, or is no single image.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "mask.npy"
    >>> np.save(path, np.eye(2, dtype=int))
    >>> read_mask(path).tolist()
    [[1, 0], [0, 1]]
    """
    file = path_of(path, "a mask")
    expected = f"expected a mask of labels ({', '.join(SUFFIXES)})"
    if not file.is_file():
        raise ReadError(file, f"no such file; {expected}")
    if file.suffix.lower() not in SUFFIXES:
        raise ReadError(file, f"{expected}, got a file ending in {file.suffix!r}")
    try:
        values = np.load(file, allow_pickle=False) if file.suffix.lower() == ".npy" else np.asarray(imread(file))
    except (OSError, ValueError, EOFError, KeyError, TypeError, SyntaxError, TiffFileError) as error:
        raise ReadError(file, f"{expected}, but it cannot be read ({str(error).splitlines()[0]})") from None
    if file.suffix.lower() == ".png" and values.ndim == 3:
        colours = values[..., :-1] if values.shape[-1] in _WITH_ALPHA else values
        values = colours.max(axis=-1)
    values = np.squeeze(values)
    if values.ndim != 2:
        raise ReadError(file, f"{expected} of one image (y, x), found the shape {values.shape}")
    return values
