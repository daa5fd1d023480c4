"""HDF5 files that would hold the library for ever."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.data.images import make_stack
from napari_stm_impurities.io.readers import read_stack
from napari_stm_impurities.io.writers import save_stack


def test_a_heap_whose_objects_lost_their_sizes_is_refused(tmp_path):
    path = save_stack(make_stack(np.ones((3, 8, 9)), [0, 1, 2], 0.5), tmp_path / "a.nc")
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    assert read_stack(path).shape == (3, 8, 9)
    content[heap + 16 : heap + 66] = bytes(50)
    path.write_bytes(content)
    with pytest.raises(ReadError, match=rf"the HDF5 heap at byte {heap} is damaged"):
        read_stack(path)
