"""Createc images, packed here byte by byte; no real file is at hand."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import describe, open_recording, read_stack

IMAGES = np.arange(1, 4 * 8 * 10 + 1, dtype=float).reshape(4, 8, 10)


@pytest.mark.parametrize("kind", ["Parameter", "Paramet32", "Paramco32"])
def test_each_kind_of_file(tmp_path, made, kind):
    path = made.createc(tmp_path / "a.dat", IMAGES, kind=kind)
    recording = open_recording(path)
    assert [one.name for one in recording.channels] == ["Topography", "Current", "Topography [bwd]", "Current [bwd]"]
    stack = read_stack(path)
    assert stack.bias.values.tolist() == [-100.0]
    assert stack.attrs["pixel_size_nm"] == [0.5, 0.5]
    assert stack.attrs["frame_angle_deg"] == 5.0
    np.testing.assert_array_equal(stack.values[0], IMAGES[0])
    np.testing.assert_array_equal(read_stack(path, "Current").values[0], IMAGES[1])


def test_heights_are_in_nm_where_the_header_tells_the_step(tmp_path, made):
    path = made.createc(tmp_path / "a.dat", IMAGES, header={"Dacto[A]z / Dacto[A]z": "0.01"})
    stack = read_stack(path)
    assert stack.attrs["units"] == "nm"
    np.testing.assert_allclose(stack.values[0], IMAGES[0] * 0.001, rtol=1e-6)


def test_lines_that_were_not_scanned_are_missing(tmp_path, made):
    images = IMAGES.copy()
    images[:, 6:] = 0
    facts = describe(made.createc(tmp_path / "a.dat", images))
    assert facts["missing_share"] == 0.25
    assert facts["shape"] == [1, 8, 10]


def test_a_series_is_a_stack(tmp_path, made):
    for mv in (20.0, -10.0, 5.0):
        made.createc(tmp_path / f"{mv}.dat", np.full((2, 8, 10), mv), bias_mv=mv)
    stack = read_stack(tmp_path)
    assert stack.bias.values.tolist() == [-10.0, 5.0, 20.0]
    assert stack.values[:, 0, 0].tolist() == [-10.0, 5.0, 20.0]


@pytest.mark.parametrize("kind", ["Parameter", "Paramet32", "Paramco32"])
def test_a_cut_file_is_refused(tmp_path, made, kind):
    path = made.createc(tmp_path / "a.dat", IMAGES, kind=kind)
    whole = path.read_bytes()
    for keep in (100, 16384, len(whole) - 20):
        path.write_bytes(whole[:keep])
        with pytest.raises(ReadError, match="cut"):
            read_stack(path)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"Num.X / Num.X": "ten"}, "num.x"),
        ({"Num.X / Num.X": "1000000"}, "expected"),
        ({"Length x[A]": ""}, "pixel_size_nm"),
    ],
)
def test_a_header_that_lacks_something_is_refused(tmp_path, made, header, says):
    with pytest.raises(ReadError, match=says):
        read_stack(made.createc(tmp_path / "a.dat", IMAGES, header=header))
