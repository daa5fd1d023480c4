"""Points for ImageJ, read back as ImageJ's own decoder reads them."""

from __future__ import annotations

import struct

import numpy as np
import pandas as pd
import pytest

from napari_stm_impurities import StmError
from napari_stm_impurities.data.points import make_points
from napari_stm_impurities.io.imagej import export_imagej
from napari_stm_impurities.io.tables import load_points

POINTS = make_points([[2, 4], [10.25, 7.5]], (0.5, 0.25), source="model", score=1.0, confidence=0.5)


def test_results_are_measured_from_the_corner_of_the_first_pixel(tmp_path):
    table = pd.read_csv(export_imagej(POINTS, tmp_path / "a.csv", (0.5, 0.25)))
    np.testing.assert_allclose(table["X"], [1.125, 2.0])
    np.testing.assert_allclose(table["Y"], [1.25, 5.375])
    np.testing.assert_allclose(table["X_px"], [4.5, 8.0])
    assert table["Unit"].tolist() == ["nm", "nm"]


def test_a_selection_of_points(tmp_path):
    raw = export_imagej(POINTS, tmp_path / "a.roi", (0.5, 0.25)).read_bytes()
    magic, version, kind, top, left, bottom, right, n = struct.unpack_from(">4shBx4hH", raw)
    assert (magic, version, kind, n) == (b"Iout", 227, 10, 2)
    assert (top, left, bottom, right) == (2, 4, 11, 8)
    assert struct.unpack_from(">h", raw, 50)[0] & 128
    # whole pixels from the corner of the box, then both axes exactly
    assert struct.unpack_from(">4h", raw, 64) == (0, 4, 0, 9)
    np.testing.assert_allclose(struct.unpack_from(">4f", raw, 72), [4.5, 8.0, 2.5, 10.75])
    assert len(raw) == 64 + 8 + 16


def test_what_cannot_be_written_is_told(tmp_path):
    with pytest.raises(StmError, match=r"as \.csv \(results\) or \.roi"):
        export_imagej(POINTS, tmp_path / "a.txt", 0.5)
    with pytest.raises(StmError, match="must be positive"):
        export_imagej(POINTS, tmp_path / "a.csv", 0)
    assert len(pd.read_csv(export_imagej(POINTS.iloc[:0], tmp_path / "b.csv", 0.5))) == 0


@pytest.mark.parametrize("pixel", [(0.5, 0.25), (0.46875, 0.46875)])
def test_results_are_read_back_where_the_points_were(tmp_path, pixel):
    points = make_points([[0, 0], [2, 4], [10.25, 7.5]], pixel, source="model", score=1.0, confidence=0.5)
    back = load_points(export_imagej(points, tmp_path / "a.csv", pixel))
    np.testing.assert_allclose(back[["y_nm", "x_nm"]], points[["y_nm", "x_nm"]], atol=1e-12)
    np.testing.assert_allclose(back[["y_px", "x_px"]], points[["y_px", "x_px"]], atol=1e-12)
    assert back.attrs["assumptions"] == []
