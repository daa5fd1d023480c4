"""Points for ImageJ, and selections of points from it: read by another library, and packed here by hand."""

from __future__ import annotations

import struct
import zipfile

import numpy as np
import pandas as pd
import pytest
import roifile

from napari_stm_impurities import ReadError, StmError
from napari_stm_impurities.data.points import make_points, positions_nm
from napari_stm_impurities.io.imagej import export_imagej, import_imagej_roi, is_selection
from napari_stm_impurities.io.tables import load_points

POINTS = make_points([[2, 4], [10.25, 7.5]], (0.5, 0.25), source="model", score=1.0, confidence=0.5)


def test_results_are_measured_from_the_corner_of_the_first_pixel(tmp_path):
    table = pd.read_csv(export_imagej(POINTS, tmp_path / "a.csv", (0.5, 0.25)))
    np.testing.assert_allclose(table["X"], [1.125, 2.0])
    np.testing.assert_allclose(table["Y"], [1.25, 5.375])
    np.testing.assert_allclose(table["X_px"], [4.5, 8.0])
    assert table["Unit"].tolist() == ["nm", "nm"]


def test_a_selection_counts_from_the_centre_of_a_pixel_as_imagej_does(tmp_path):
    selection = roifile.ImagejRoi.fromfile(export_imagej(POINTS, tmp_path / "a.roi", (0.5, 0.25)))
    assert selection.roitype == roifile.ROI_TYPE.POINT
    assert selection.subpixelresolution
    np.testing.assert_allclose(selection.coordinates(), [[4, 2], [7.5, 10.25]])
    assert (selection.top, selection.left, selection.bottom, selection.right) == (2, 4, 11, 9)


def test_a_selection_comes_back(tmp_path):
    back = import_imagej_roi(export_imagej(POINTS, tmp_path / "a.roi", (0.5, 0.25)), (0.5, 0.25))
    np.testing.assert_allclose(positions_nm(back), positions_nm(POINTS))
    np.testing.assert_allclose(back[["y_px", "x_px"]], POINTS[["y_px", "x_px"]])
    assert back["source"].tolist() == ["reference"] * 2
    pd.testing.assert_frame_equal(load_points(tmp_path / "a.roi", pixel_size_nm=(0.5, 0.25)), back)


def point_selection(x: list[int], y: list[int]) -> bytes:
    """A selection of whole pixels as ImageJ 1.44 and its like wrote it: a box, then the offsets from its corner."""
    left, top = min(x), min(y)
    header = b"Iout" + struct.pack(">hBx4hH", 218, 10, top, left, max(y) + 1, max(x) + 1, len(x))
    offsets = [*(one - left for one in x), *(one - top for one in y)]
    return header.ljust(64, b"\0") + struct.pack(f">{2 * len(x)}h", *offsets)


def test_whole_pixels_are_centres(tmp_path):
    (tmp_path / "a.roi").write_bytes(point_selection([4, 9, 4], [2, 30, 7]))
    back = load_points(tmp_path / "a.roi", pixel_size_nm=0.5)
    assert back[["x_px", "y_px"]].values.tolist() == [[4, 2], [9, 30], [4, 7]]
    assert back[["x_nm", "y_nm"]].values.tolist() == [[2, 1], [4.5, 15], [2, 3.5]]


def test_all_points_of_the_roi_manager(tmp_path):
    with zipfile.ZipFile(tmp_path / "RoiSet.zip", "w") as archive:
        archive.writestr("0002-0004.roi", point_selection([4], [2]))
        archive.writestr("__MACOSX/._0002-0004.roi", b"Mac OS X")
        archive.writestr("notes.txt", "which map it was")
        archive.writestr("0030-0009.roi", point_selection([9, 1], [30, 3]))
    assert is_selection(tmp_path / "RoiSet.zip")
    back = load_points(tmp_path / "RoiSet.zip", pixel_size_nm=1.0)
    assert back[["x_px", "y_px"]].values.tolist() == [[4, 2], [9, 30], [1, 3]]


def outline() -> bytes:
    return roifile.ImagejRoi(roitype=roifile.ROI_TYPE.OVAL, name="ring", right=4, bottom=4).tobytes()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (outline(), "the selection 'ring' is of the kind oval; mark points"),
        (b"", "expected a selection of ImageJ"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "expected a selection of ImageJ"),
        (point_selection([4, 9], [2, 30])[:66], "expected a selection of ImageJ"),
    ],
)
def test_what_is_no_selection_of_points_is_refused_in_one_line(tmp_path, content, says):
    (tmp_path / "a.roi").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.roi", content)
    for path in (tmp_path / "a.roi", tmp_path / "a.zip"):
        with pytest.raises(ReadError, match=says) as caught:
            load_points(path, pixel_size_nm=0.5)
        assert str(caught.value).startswith(str(path))


def test_a_selection_needs_the_pixel_size_of_its_map(tmp_path):
    (tmp_path / "a.roi").write_bytes(point_selection([4], [2]))
    with pytest.raises(ReadError, match="in pixels; give pixel_size_nm"):
        load_points(tmp_path / "a.roi")
    with pytest.raises(ReadError, match="no such file"):
        load_points(tmp_path / "b.roi", pixel_size_nm=1.0)


def test_an_archive_of_something_else_is_no_selection(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("notes.txt", "no points")
    (tmp_path / "b.zip").write_bytes(b"PK")
    for name in ("a.zip", "b.zip", "c.zip"):
        assert not is_selection(tmp_path / name)
    with pytest.raises(ReadError, match="holds no selection"):
        load_points(tmp_path / "a.zip", pixel_size_nm=1.0)


def test_what_cannot_be_written_is_told(tmp_path):
    with pytest.raises(StmError, match=r"as \.csv \(results\) or \.roi"):
        export_imagej(POINTS, tmp_path / "a.txt", 0.5)
    with pytest.raises(StmError, match="must be positive"):
        export_imagej(POINTS, tmp_path / "a.csv", 0)
    with pytest.raises(StmError, match="no points"):
        export_imagej(POINTS.iloc[:0], tmp_path / "b.roi", 0.5)
    assert not (tmp_path / "b.roi").exists()
    assert len(pd.read_csv(export_imagej(POINTS.iloc[:0], tmp_path / "b.csv", 0.5))) == 0


@pytest.mark.parametrize("pixel", [(0.5, 0.25), (0.46875, 0.46875)])
def test_results_are_read_back_where_the_points_were(tmp_path, pixel):
    points = make_points([[0, 0], [2, 4], [10.25, 7.5]], pixel, source="model", score=1.0, confidence=0.5)
    back = load_points(export_imagej(points, tmp_path / "a.csv", pixel))
    np.testing.assert_allclose(back[["y_nm", "x_nm"]], points[["y_nm", "x_nm"]], atol=1e-12)
    np.testing.assert_allclose(back[["y_px", "x_px"]], points[["y_px", "x_px"]], atol=1e-12)
    assert back.attrs["assumptions"] == []
