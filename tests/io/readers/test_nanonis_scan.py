"""Nanonis scans: orientation, directions, missing lines and the lock-in trap; then the real files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray_nanonis

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import open_recording, read_stack
from napari_stm_impurities.prepare import level_lines, level_planes

CO = "jjacobe2__PyAutoSTM"
Z = "14\tZ\tm\tboth\t1.0E-8\t0.0E+0"
LOCK_IN = "20\tLI Demod 1 X\tA\tboth\t1.0E+0\t0.0E+0"


def ramp(n_y: int = 3, n_x: int = 4) -> np.ndarray:
    return 1.0 + np.arange(n_y * n_x, dtype=float).reshape(n_y, n_x)


def test_a_scan_downwards_has_its_first_line_on_top(scan_file):
    stack = read_stack(scan_file([ramp(), ramp()[:, ::-1]]))
    assert stack.shape == (1, 3, 4)
    assert stack.bias.values.tolist() == [10.0]
    np.testing.assert_array_equal(stack.values[0], ramp())
    np.testing.assert_allclose(stack.attrs["pixel_size_nm"], [0.2, 0.1])
    assert stack.attrs["frame_center_nm"] == [10.0, -20.0]
    assert stack.attrs["frame_angle_deg"] == 3.17


def test_a_scan_upwards_is_turned_over_and_a_backward_image_is_mirrored(scan_file):
    path = scan_file([ramp(), ramp()[:, ::-1]], header={"SCAN_DIR": "up"})
    np.testing.assert_array_equal(read_stack(path).values[0], ramp()[::-1])
    np.testing.assert_array_equal(read_stack(path, "Z [bwd]").values[0], ramp()[::-1])


def test_channels_that_were_saved_in_one_direction_only(scan_file):
    table = [Z, "0\tCurrent\tA\tforward\t1.0E-9\t0.0E+0", "8\tBias\tV\tbackward\t1.0E+0\t0.0E+0"]
    path = scan_file([ramp(), ramp(), 2 * ramp(), 3 * ramp()], table=table)
    assert [channel.name for channel in open_recording(path).channels] == ["Z", "Z [bwd]", "Current", "Bias [bwd]"]
    np.testing.assert_array_equal(read_stack(path, "Current").values[0], 2 * ramp())
    np.testing.assert_array_equal(read_stack(path, "Bias [bwd]").values[0], 3 * ramp()[:, ::-1])


def test_lines_that_were_not_scanned_are_missing_and_said(scan_file):
    image = ramp(4, 4)
    image[3] = np.nan
    recording = open_recording(scan_file([image, image]))
    assert np.isnan(recording.stack().values[0, 3]).all()
    assert "25.0% of the lines were not scanned" in " ".join(recording.warnings)


@pytest.mark.parametrize(("status", "default"), [("ON", "LI Demod 1 X"), ("OFF", "Z"), (None, "LI Demod 1 X")])
def test_a_lock_in_that_was_off_gives_way_to_the_topography(scan_file, status, default):
    header = {} if status is None else {"Lock-in>Lock-in status": status}
    recording = open_recording(scan_file([ramp()] * 4, table=[Z, LOCK_IN], header=header))
    assert recording.default == default
    assert ("not dI/dV" in " ".join(recording.warnings)) == (status == "OFF")


def test_a_second_harmonic_is_no_didv(scan_file):
    header = {"Lock-in>Lock-in status": "ON", "Lock-in>Harmonic D1": "2"}
    recording = open_recording(scan_file([ramp()] * 4, table=[Z, LOCK_IN], header=header))
    assert recording.default == "Z"


def test_comments_and_line_ends_of_another_system(scan_file):
    path = scan_file([ramp()] * 2, header={"COMMENT": ":-) 5 \xb5m\nsecond line\n:BIAS of nothing"}, end="\r\n")
    assert read_stack(path).bias.values.tolist() == [10.0]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"SCAN_PIXELS": None}, "SCAN_PIXELS"),
        ({"SCAN_PIXELS": "4 minus"}, "SCAN_PIXELS='4 minus'"),
        ({"SCAN_PIXELS": "1000000 1000000"}, "GiB"),
        ({"SCAN_PIXELS": "40 30"}, "the file is cut"),
        ({"SCAN_PIXELS": "2 2"}, "bytes were added"),
        ({"SCAN_RANGE": "0 0"}, "give pixel_size_nm"),
        ({"BIAS": "ten"}, "give bias_mv"),
        ({"DATA_INFO": ""}, "names no channels"),
        ({"DATA_INFO": "\tChannel\n\t14\tZ"}, "DATA_INFO"),
        ({"SCANIT_TYPE": "DOUBLE"}, "says 'DOUBLE'"),
    ],
)
def test_a_damaged_header_is_told_in_one_line(scan_file, header, says):
    path = scan_file([ramp(), ramp()], header=header)
    with pytest.raises(ReadError) as error:
        read_stack(path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_swapped_bytes_are_refused(scan_file):
    noise = np.random.default_rng(0).normal(size=(16, 16))
    path = scan_file([noise, noise], header={"SCANIT_TYPE": "FLOAT LSBFIRST"})
    with pytest.raises(ReadError, match="bytes were lost or swapped"):
        read_stack(path)


def test_what_the_header_lacks_can_be_given(scan_file):
    path = scan_file([ramp(), ramp()], header={"BIAS": None, "SCAN_RANGE": None})
    stack = read_stack(path, bias_mv=-5, pixel_size_nm=0.3)
    assert stack.bias.values.tolist() == [-5.0]
    assert stack.attrs["pixel_size_nm"] == [0.3, 0.3]


def test_every_real_scan_as_another_reader_sees_it(shared_data):
    paths = sorted(shared_data.glob("*/*.sxm"))
    assert len(paths) >= 9
    for path in paths:
        theirs = xarray_nanonis.Read_NanonisFile(path).dataset
        recording = open_recording(path)
        assert recording.default == "Z"
        assert len(recording.channels) == 2 * len(theirs.data_vars)
        for name, images in theirs.data_vars.items():
            for direction, suffix in enumerate(("", " [bwd]")):
                # theirs begins with the lowest line of the frame
                expected = images.values[direction][::-1].astype(np.float32)
                np.testing.assert_array_equal(recording.stack(f"{name}{suffix}").values[0], expected)


@pytest.mark.parametrize(("name", "missing"), [("Topo038", 0.254), ("unnamed0001", 0.668), ("Topo014", 0.0)])
def test_the_real_missing_lines(shared_data, name, missing):
    stack = read_stack(shared_data / CO / f"{name}.sxm")
    assert float(np.isnan(stack.values).mean()) == pytest.approx(missing, abs=0.002)


def test_the_marked_molecules_lie_on_the_dark_dots_of_the_real_scan(shared_data):
    flat = level_lines(level_planes(read_stack(shared_data / CO / "Topo014.sxm")))
    marked = pd.read_csv(shared_data / CO / "Topo014_positions.csv")
    at = flat.values[0][marked["row_px"].round().astype(int), marked["col_px"].round().astype(int)]
    assert np.median(at) < -3e-11
    size = flat.attrs["pixel_size_nm"]
    np.testing.assert_allclose(marked["row_px"] * size[0], marked["y_nm"], atol=1e-3)
    np.testing.assert_allclose(marked["col_px"] * size[1], marked["x_nm"], atol=1e-3)
