"""Each row of the contract for ``.3ds``, on files written byte by byte; then the real file."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import xarray_nanonis

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import open_recording, read_stack

REAL = "pycroscopy__SciFiDatasets/NanonisReader_STS_grid_lockin.3ds"


def numbered(n_y: int, n_x: int, n_channels: int, n_points: int) -> np.ndarray:
    """Values that tell where they belong: 1000 row + 100 column + 10 channel + point."""
    y, x, c, p = np.ogrid[:n_y, :n_x, :n_channels, :n_points]
    return 1.0 + 1000 * y + 100 * x + 10 * c + p


def test_shape_axis_pixel_and_values(grid_file):
    stack = read_stack(grid_file(numbered(3, 4, 1, 5), center_m=(8e-8, -3e-8)))
    assert stack.shape == (5, 3, 4)
    assert stack.bias.values.tolist() == [-100.0, -50.0, 0.0, 50.0, 100.0]
    assert stack.y.values.tolist() == [0.0, 0.5, 1.0]
    assert float(stack[2, 1, 3]) == 1.0 + 1000 + 300 + 2
    assert stack.attrs["frame_center_nm"] == [80.0, -30.0]
    assert stack.attrs["sweep_signal"] == "Bias (V)"
    assert stack.attrs["units"] == "A"


@pytest.mark.parametrize("values_of_last_pixel", [0, 2, 7], ids=["between pixels", "in its parameters", "in its data"])
def test_an_aborted_grid_is_missing_where_nothing_was_measured(grid_file, values_of_last_pixel):
    path = grid_file(numbered(3, 4, 1, 5))
    # of 12 pixels with 10 values, 5 whole ones are kept
    path.write_bytes(path.read_bytes()[: -4 * (7 * 10 - values_of_last_pixel)])
    recording = open_recording(path)
    stack = recording.stack()
    measured = np.isfinite(stack.values)
    assert measured[:, 0].all()
    assert measured[:, 1, 0].all()
    assert measured[:, 1, 1].tolist() == [point < values_of_last_pixel - 5 for point in range(5)]
    assert not measured[:, 1, 2:].any()
    assert not measured[:, 2].any()
    assert "aborted" in " ".join(recording.warnings)
    assert "were not measured" in " ".join(recording.warnings)


def test_pixels_that_were_written_beforehand_as_zeros_are_missing(grid_file):
    path = grid_file(numbered(2, 2, 1, 4))
    path.write_bytes(path.read_bytes()[: -4 * 9] + bytes(4 * 9))
    recording = open_recording(path)
    assert np.isnan(recording.stack().values[:, 1, 1]).all()
    assert np.isfinite(recording.stack().values[:, 1, 0]).all()
    assert "25.0%" in " ".join(recording.warnings)


SEGMENTS = "Segment Start (V), Segment End (V), Settling (s), Integration (s), Steps (xn), Lockin, Init. Settling (s)"


def test_the_axis_of_a_sweep_of_segments_is_built_from_them(grid_file):
    text = "-100E-3,-20E-3,15E-3,360E-3,3,0E+0,0E+0;-20E-3,20E-3,15E-3,360E-3,3,0E+0,0E+0"
    path = grid_file(numbered(2, 2, 1, 5), end_v=0.02, header={"Filetype": "MLS", SEGMENTS: text})
    stack = read_stack(path)
    assert stack.bias.values.tolist() == [-100.0, -60.0, -20.0, 0.0, 20.0]
    assert stack.values[:, 0, 0].tolist() == [1, 2, 3, 4, 5]


def test_points_that_two_segments_share_are_averaged(grid_file):
    text = "-100E-3,-20E-3,15E-3,360E-3,3;-20E-3,20E-3,15E-3,360E-3,3"
    path = grid_file(numbered(2, 2, 1, 6), end_v=0.02, header={"Filetype": "MLS", SEGMENTS: text})
    stack = read_stack(path)
    assert stack.bias.values.tolist() == [-100.0, -60.0, -20.0, 0.0, 20.0]
    assert stack.values[:, 0, 0].tolist() == [1, 2, 3.5, 5, 6]
    assert "averaged" in " ".join(stack.attrs["history"])


def test_a_recorded_bias_wins_over_the_header(grid_file):
    values = numbered(2, 2, 2, 4)
    values[:, :, 1] = [-0.11, -0.05, 0.02, 0.1]
    stack = read_stack(grid_file(values, channels="LI Demod 1 X (A);Bias (V)"))
    assert stack.bias.values.tolist() == [-110.0, -50.0, 20.0, 100.0]


def test_a_recorded_bias_may_bend_far_from_the_line_between_its_ends(grid_file):
    values = numbered(2, 2, 2, 5)
    values[:, :, 1] = [-0.1, -0.09, -0.085, -0.08, 0.1]
    stack = read_stack(grid_file(values, channels="LI Demod 1 X (A);Bias (V)"))
    assert stack.bias.values.tolist() == [-100.0, -90.0, -85.0, -80.0, 100.0]


def test_a_channel_that_is_only_called_bias_does_not_win(grid_file):
    values = numbered(2, 2, 2, 3)
    values[:, :, 1] = [-0.0065, -0.0064, -0.0066]
    recording = open_recording(grid_file(values, channels="LI Demod 1 X (A);Bias_m (V)"))
    assert recording.bias_mv == (-100.0, 0.0, 100.0)
    assert "Bias_m does not follow the sweep" in " ".join(recording.warnings)


def test_a_sweep_of_something_else_is_refused(grid_file):
    path = grid_file(numbered(2, 2, 1, 4), start_v=0.0, end_v=1e-9, header={"Sweep Signal": '"Z rel (m)"'})
    with pytest.raises(ReadError, match=r"the sweep is of Z rel \(m\) from 0 to 1e-09, not of the bias"):
        read_stack(path)


@pytest.mark.parametrize(("n_y", "n_x"), [(2, 7), (7, 2), (1, 6), (6, 1)])
def test_oblong_grids_and_lines(grid_file, n_y, n_x):
    stack = read_stack(grid_file(numbered(n_y, n_x, 1, 3), step_m=(0.25e-9, 0.5e-9)))
    assert stack.shape == (3, n_y, n_x)
    assert float(stack[1, n_y - 1, n_x - 1]) == 1 + 1000 * (n_y - 1) + 100 * (n_x - 1) + 1
    assert stack.attrs["pixel_size_nm"] == [0.25, 0.5]


def test_a_rotated_frame_keeps_its_rotation_and_pixel_size(grid_file):
    stack = read_stack(grid_file(numbered(4, 4, 1, 2), angle_deg=30.0, center_m=(1e-7, 2e-7)))
    assert stack.attrs["frame_angle_deg"] == 30.0
    assert stack.attrs["frame_center_nm"] == [100.0, 200.0]
    assert stack.attrs["pixel_size_nm"] == [0.5, 0.5]


def test_a_sweep_downwards_is_sorted_with_its_data(grid_file):
    stack = read_stack(grid_file(numbered(2, 2, 1, 3), start_v=0.1, end_v=-0.1))
    assert stack.bias.values.tolist() == [-100.0, 0.0, 100.0]
    assert stack.values[:, 0, 0].tolist() == [3, 2, 1]


def test_the_forward_unfiltered_lock_in_channel_is_taken_and_the_choice_said(grid_file):
    names = ["Current (A)", "LI Demod 1 X [bwd] (A)", "LI Demod 1 X [filt] (A)", "LI Demod 1 Y (A)", "LI Demod 1 X (A)"]
    recording = open_recording(grid_file(numbered(2, 2, 5, 3), channels=";".join(names)))
    assert [f"{c.name} ({c.unit})" for c in recording.channels] == names
    assert recording.default == "LI Demod 1 X"
    assert "lock-in" in recording.why
    assert float(recording.stack()[0, 0, 0]) == 41
    assert float(recording.stack("li demod 1 x [BWD]")[0, 0, 0]) == 11
    with pytest.raises(ReadError, match="there is no channel 'dIdV'; there are Current, LI Demod 1 X"):
        recording.stack("dIdV")


def test_didv_comes_from_the_current_only_when_asked_for(grid_file):
    # I = V^3: dI/dV = 3 V^2, which a parabola through seven points meets up to a small constant
    volts = np.linspace(-0.1, 0.1, 41)
    values = np.broadcast_to(volts**3, (2, 2, 1, 41)).copy()
    recording = open_recording(grid_file(values, channels="Current (A)"))
    assert recording.default == "Current"
    assert "dI/dV (numerical)" in " ".join(recording.warnings)
    didv = recording.stack("dI/dV (numerical)")
    assert didv.attrs["units"] == "A/V"
    np.testing.assert_allclose(didv.values[5:-5, 0, 0], 3 * volts[5:-5] ** 2, atol=2e-4)


def test_a_lock_in_that_was_off_is_no_didv(grid_file):
    path = grid_file(
        numbered(2, 2, 2, 3), channels="Current (A);LI Demod 1 X (A)", header={"Lock-in>Lock-in status": '"OFF"'}
    )
    recording = open_recording(path)
    assert recording.default == "Current"
    assert "lock-in was off" in " ".join(recording.warnings)
    assert not any(channel.is_didv for channel in recording.channels)


def test_a_header_with_latin_1_and_without_optional_entries(grid_file):
    path = grid_file(
        numbered(2, 2, 1, 3),
        header={
            "Comment": '"Au(111), 5 \xb5m\r\nPoints=99"',
            "Sweep Signal": None,
            "# Parameters (4 byte)": None,
            "Experiment size (bytes)": None,
        },
    )
    assert read_stack(path).bias.values.tolist() == [-100.0, 0.0, 100.0]


def test_ends_of_the_sweep_that_stand_only_in_the_header(grid_file):
    path = grid_file(
        numbered(2, 2, 1, 3),
        header={
            "Fixed parameters": '"A;B"',
            "Bias Spectroscopy>Sweep Start (V)": "-50E-3",
            "Bias Spectroscopy>Sweep End (V)": "50E-3",
        },
    )
    assert read_stack(path).bias.values.tolist() == [-50.0, 0.0, 50.0]


def test_no_bias_at_all_has_to_be_given(grid_file):
    path = grid_file(numbered(2, 2, 1, 3), header={"Fixed parameters": '"A;B"'})
    with pytest.raises(ReadError, match=r"neither the ends of the sweep nor its segments.*give bias_mv"):
        read_stack(path)


def test_the_sweep_ends_stored_per_pixel_are_honoured_and_must_agree(grid_file):
    header = {"Bias Spectroscopy>Sweep Start (V)": "-1", "Bias Spectroscopy>Sweep End (V)": "1"}
    assert read_stack(grid_file(numbered(2, 2, 1, 3), header=header)).bias.values.tolist() == [-100.0, 0.0, 100.0]
    starts = np.array([[-0.1, -0.1], [-0.1, -0.2]])
    with pytest.raises(ReadError, match=r"the sweep differs between pixels: its start runs from -0\.2 to -0\.1"):
        read_stack(grid_file(numbered(2, 2, 1, 3), start_v=starts))


def split(path):
    data = path.read_bytes()
    end = data.index(b":HEADER_END:\r\n") + len(b":HEADER_END:\r\n")
    return data[:end], data[end:]


@pytest.mark.parametrize(
    "mangle",
    [
        lambda body: body.replace(b"\x0a", b"\x0d\x0a"),
        lambda body: body.replace(b"\x0d\x0a", b"\x0a").replace(b"\x41", b"", 1),
        lambda body: np.frombuffer(body, "<f4").astype(">f4").tobytes(),
    ],
    ids=["bytes added", "a byte lost", "bytes swapped"],
)
def test_mangled_numbers_are_refused(grid_file, mangle):
    values = np.random.default_rng(0).normal(size=(8, 8, 1, 64)) * 1e-9
    path = grid_file(values)
    header, body = split(path)
    path.write_bytes(header + mangle(body))
    with pytest.raises(ReadError, match="bytes were"):
        read_stack(path)


def test_a_wrong_number_of_bytes_says_what_was_expected_and_found(grid_file):
    path = grid_file(numbered(2, 2, 1, 3))
    path.write_bytes(path.read_bytes() + b"1234")
    with pytest.raises(ReadError, match=r"expected 128 bytes of data \(4 pixels of 8 values\), found 132"):
        read_stack(path)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"Grid dim": None}, "Grid dim"),
        ({"Grid dim": '"two x 2"'}, "Grid dim='two x 2'"),
        ({"Grid dim": '"-2 x 2"'}, "Grid dim='-2 x 2'"),
        ({"Grid dim": '"400000 x 400000"'}, "GiB"),
        ({"Grid dim": '"4000 x 4000"', "Points": "100", "Experiment size (bytes)": "400"}, "not one whole pixel"),
        ({"Points": "1e99"}, "Points='1e99'"),
        ({"Points": "nan"}, "Points='nan'"),
        ({"Points": "4"}, "contradicts itself"),
        ({"Points": None, "Experiment size (bytes)": None}, "Points"),
        ({"Channels": None}, "names no channels"),
        ({"Grid settings": None, "Experiment parameters": None}, "give pixel_size_nm"),
        ({"Filetype": "MLS", SEGMENTS: "-0.1,0,0,0,9;0,1,0,0,9"}, "segments of the sweep"),
        ({"Filetype": "MLS", SEGMENTS: "a,b;c"}, "segments of the sweep cannot be read"),
    ],
)
def test_a_damaged_header_is_told_in_one_line(grid_file, header, says):
    path = grid_file(numbered(2, 2, 1, 3), header=header)
    with pytest.raises(ReadError) as error:
        read_stack(path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(str(path))


def test_an_aborted_file_that_asks_for_gigabytes_is_refused_before_they_are_taken(grid_file):
    path = grid_file(numbered(2, 2, 1, 100), header={"Grid dim": '"4000 x 4000"'})
    with pytest.raises(ReadError, match="the header or the file is damaged"):
        read_stack(path)


def test_a_file_without_its_numbers_or_its_header_end(grid_file):
    path = grid_file(numbered(2, 2, 1, 3))
    header, body = split(path)
    path.write_bytes(header)
    with pytest.raises(ReadError, match="not one whole pixel was measured"):
        read_stack(path)
    path.write_bytes(header[:60])
    with pytest.raises(ReadError, match="ends inside its header"):
        read_stack(path)
    path.write_bytes(body)
    with pytest.raises(ReadError, match="has no header of a Nanonis grid"):
        read_stack(path)


def test_the_recorded_positions_decide_where_the_header_leaves_it_open(grid_file):
    # a program that puts the outermost points onto the edges of the frame, 3 gaps for 4 points
    on_edges = {"Grid settings": "0;0;1.5E-9;1.5E-9;0"}
    assert read_stack(grid_file(numbered(4, 4, 1, 2), header=on_edges)).attrs["pixel_size_nm"] == [0.5, 0.5]
    none = {"Grid settings": None}
    assert read_stack(grid_file(numbered(4, 4, 1, 2), header=none)).attrs["pixel_size_nm"] == pytest.approx([0.5, 0.5])
    wrong = {"Grid settings": "0;0;9E-9;9E-9;0"}
    recording = open_recording(grid_file(numbered(4, 4, 1, 2), header=wrong))
    assert recording.frame.pixel_size_nm == pytest.approx((0.5, 0.5))
    assert [one.about for one in recording.assumptions] == ["pixel size", "pixel size"]
    assert "the positions are used" in str(recording.assumptions[0])
    path = grid_file(numbered(4, 4, 1, 2), header=wrong)
    assert open_recording(path, pixel_size_nm=0.5).assumptions == ()


def test_what_the_person_gives_wins(grid_file):
    path = grid_file(numbered(2, 2, 1, 3))
    stack = read_stack(path, bias_mv=[30, 20, 10], pixel_size_nm=(0.1, 0.2))
    assert stack.bias.values.tolist() == [10, 20, 30]
    assert stack.values[:, 0, 0].tolist() == [3, 2, 1]
    assert stack.attrs["pixel_size_nm"] == [0.1, 0.2]
    with pytest.raises(ReadError, match="3 points a spectrum need as many biases, got 2"):
        read_stack(path, bias_mv=[1, 2])


def corner_to_corner(n_y: int, n_x: int, *, columns: bool, meander: bool, left: bool, top: bool) -> list:
    """Pixels (row, column) in the order of a scan that begins in a corner, row by row or column by column."""
    n_slow, n_fast = (n_x, n_y) if columns else (n_y, n_x)
    order = []
    for slow in range(n_slow):
        fast = range(n_fast)[::-1] if meander and slow % 2 else range(n_fast)
        order += [(one, slow) if columns else (slow, one) for one in fast]
    return [(n_y - 1 - y if top else y, x if left else n_x - 1 - x) for y, x in order]


CORNERS = [(left, top) for left in (True, False) for top in (True, False)]


@pytest.mark.parametrize(("left", "top"), CORNERS)
@pytest.mark.parametrize("meander", [True, False])
@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize(("n_y", "n_x", "angle_deg"), [(4, 4, 0.0), (3, 5, 30.0), (5, 3, -70.0)])
def test_each_pixel_lies_where_it_was_recorded(grid_file, n_y, n_x, angle_deg, columns, meander, left, top):
    order = corner_to_corner(n_y, n_x, columns=columns, meander=meander, left=left, top=top)
    values = numbered(n_y, n_x, 1, 2)
    path = grid_file(values, order=order, angle_deg=angle_deg, step_m=(5e-10, 4e-10), center_m=(1e-7, -2e-7))
    recording = open_recording(path)
    stack = recording.stack()
    np.testing.assert_array_equal(stack.values[0], values[:, :, 0, 0])
    np.testing.assert_array_equal(stack.values[1], values[:, :, 0, 1])
    assert stack.attrs["pixel_size_nm"] == pytest.approx([0.5, 0.4])
    assert stack.attrs["frame_angle_deg"] == angle_deg
    assert recording.assumptions == ()
    assert ("recorded positions" in str(stack.attrs["history"])) == (order != sorted(order))


@pytest.mark.parametrize(("left", "top"), CORNERS)
@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize("n_measured", [3, 7, 11])
@pytest.mark.parametrize("how", ["cut", "zeros", "NaN"])
def test_an_aborted_meander_is_missing_where_it_did_not_come(grid_file, columns, left, top, n_measured, how):
    n_y, n_x = 5, 4
    order = corner_to_corner(n_y, n_x, columns=columns, meander=True, left=left, top=top)
    values = numbered(n_y, n_x, 1, 2)
    path = grid_file(values, order=order, center_m=(1e-7, -2e-7))
    rest = 4 * 7 * (n_y * n_x - n_measured)
    kept = path.read_bytes()[:-rest]
    path.write_bytes(kept + {"cut": b"", "zeros": bytes(rest), "NaN": b"\x7f\xc0\0\0" * (rest // 4)}[how])
    recording = open_recording(path)
    expected = np.full((n_y, n_x), np.nan)
    for row, column in order[:n_measured]:
        expected[row, column] = values[row, column, 0, 0]
    np.testing.assert_array_equal(recording.stack().values[0], expected)
    assert f"{1 - n_measured / 20:.1%} of its pixels were not measured" in " ".join(recording.warnings)


def test_a_meander_whose_header_has_no_frame_or_another_one(grid_file):
    order = corner_to_corner(4, 6, columns=False, meander=True, left=True, top=False)
    values = numbered(4, 6, 1, 2)
    for header in ({"Grid settings": None}, {"Grid settings": "1;1;1.5E-9;2.5E-9;0"}, {"Grid settings": "0;0;9;9;0"}):
        stack = read_stack(grid_file(values, order=order, header=header))
        np.testing.assert_array_equal(stack.values[0], values[:, :, 0, 0])
        assert stack.attrs["pixel_size_nm"] == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("meander", [True, False])
@pytest.mark.parametrize("turned_deg", [-30.0, 20.0])
def test_positions_that_lie_along_another_angle_than_the_header_s(grid_file, turned_deg, meander):
    order = corner_to_corner(4, 6, columns=False, meander=meander, left=True, top=False)
    values = numbered(4, 6, 1, 2)
    recording = open_recording(grid_file(values, order=order, angle_deg=30.0, turned_deg=turned_deg))
    np.testing.assert_array_equal(recording.stack().values[0], values[:, :, 0, 0])
    assert recording.frame.angle_deg == pytest.approx(turned_deg, abs=0.01)
    assert "the header gives an angle of 30 degrees" in str(recording.assumptions[0])


def test_positions_that_scatter_by_a_fifth_of_a_pixel(grid_file):
    order = corner_to_corner(6, 6, columns=False, meander=True, left=True, top=True)
    values = numbered(6, 6, 1, 2)
    stack = read_stack(grid_file(values, order=order, jitter_px=0.2))
    np.testing.assert_array_equal(stack.values[0], values[:, :, 0, 0])


def test_positions_that_drift_away_leave_rows_upwards_as_they_are(grid_file):
    path = grid_file(numbered(6, 6, 1, 2))
    header, body = split(path)
    rows = np.frombuffer(body, ">f4").reshape(36, 7).copy()
    rows[:, 2] += np.linspace(0, 2e-9, 36) ** 2 / 1e-9
    path.write_bytes(header + rows.tobytes())
    np.testing.assert_array_equal(read_stack(path).values[0], numbered(6, 6, 1, 2)[:, :, 0, 0])


def test_positions_that_make_no_grid_are_refused_in_one_line(grid_file):
    path = grid_file(numbered(6, 6, 1, 2))
    header, body = split(path)
    rows = np.frombuffer(body, ">f4").reshape(36, 7).copy()
    rows[:, 2:4] = np.random.default_rng(0).uniform(0, 3e-9, (36, 2))
    path.write_bytes(header + rows.tobytes())
    with pytest.raises(ReadError, match=r"do not make a grid of 6 x 6 pixels.*check Grid dim") as error:
        read_stack(path)
    assert "\n" not in str(error.value)


def test_positions_that_were_not_recorded_are_an_assumption(grid_file):
    path = grid_file(numbered(3, 4, 1, 2), header={"Experiment parameters": '"A;B;Z (m)"'})
    recording = open_recording(path)
    assert [one.about for one in recording.assumptions] == ["position"]
    np.testing.assert_array_equal(recording.stack().values[0], numbered(3, 4, 1, 2)[:, :, 0, 0])
    with pytest.raises(ReadError, match="positions of the pixels were not recorded"):
        recording.stack(strict=True)


def test_a_pixel_without_a_recorded_position_is_missing(grid_file):
    order = corner_to_corner(4, 4, columns=False, meander=True, left=True, top=False)
    path = grid_file(numbered(4, 4, 1, 2), order=order)
    header, body = split(path)
    rows = np.frombuffer(body, ">f4").reshape(16, 7).copy()
    rows[5, 2:4] = np.nan
    path.write_bytes(header + rows.tobytes())
    recording = open_recording(path)
    expected = numbered(4, 4, 1, 2)[:, :, 0, 0]
    expected[order[5]] = np.nan
    np.testing.assert_array_equal(recording.stack().values[0], expected)
    assert "1 pixels without a recorded position" in " ".join(recording.warnings)


@pytest.mark.parametrize(("kept", "filler"), [(0, 0.0), (0, np.nan), (2, np.nan), (5, np.nan)])
def test_a_grid_of_which_no_pixel_was_measured(grid_file, kept, filler):
    path = grid_file(numbered(3, 4, 2, 3), channels="Current (A);LI Demod 1 X (A)")
    header, body = split(path)
    rows = np.frombuffer(body, ">f4").reshape(12, 11).copy()
    rows[:, kept:] = filler
    path.write_bytes(header + rows.tobytes())
    with pytest.raises(ReadError, match="every value is zero or NaN: no pixel was measured") as error:
        read_stack(path)
    assert "\n" not in str(error.value)


def test_pixels_that_were_written_beforehand_as_nan_are_missing_and_said(grid_file):
    path = grid_file(numbered(2, 2, 1, 4))
    path.write_bytes(path.read_bytes()[: -4 * 9] + b"\x7f\xc0\0\0" * 9)
    recording = open_recording(path)
    assert np.isnan(recording.stack().values[:, 1, 1]).all()
    assert "25.0%" in " ".join(recording.warnings)


def test_a_recorded_bias_of_nan_leaves_the_bias_to_the_header(grid_file):
    values = numbered(2, 2, 2, 3)
    values[:, :, 1] = np.nan
    recording = open_recording(grid_file(values, channels="LI Demod 1 X (A);Bias (V)"))
    assert recording.bias_mv == (-100.0, 0.0, 100.0)
    assert "Bias does not follow the sweep" in " ".join(recording.warnings)


OFF = {"Lock-in>Lock-in status": "OFF", "Bias Spectroscopy>Lock-In run": "FALSE", "Lock-in>Harmonic": "2"}


@pytest.mark.parametrize(
    ("channels", "header", "default"),
    [
        ("Current (A);7280DSP Lockin-X (V);7280DSP Lockin-Y (V)", OFF, "7280DSP Lockin-X"),
        ("Current (A);Lock-in Y (V);Lock-in X (V)", OFF, "Lock-in X"),
        ("Current (A);SR830 X (V);SR830 Y (V)", OFF, "SR830 X"),
        ("Current (A);LI Demod 1 X (A);SR830 X (V)", OFF, "SR830 X"),
        ("Current (A);LIX 1 omega (A);LIY 1 omega (A)", OFF, "Current"),
        ("Current (A);LIX 1 omega (A);LIY 1 omega (A)", {**OFF, "Bias Spectroscopy>Lock-In run": "TRUE"},
         "LIX 1 omega"),
        ("Current (A);LI Demod 1 X (A);LI Demod 2 X (A)", {"Lock-in>Harmonic D1": "2", "Lock-in>Harmonic D2": "1"},
         "LI Demod 2 X"),
        ("Current (A);LI Demod 1 Phi (deg);LI Demod 1 R (A)", {}, "LI Demod 1 R"),
        ("Current (A);LI Demod 2 X (A);LI Demod 1 Phi (deg)", {}, "Current"),
    ],
)  # fmt: skip
def test_the_settings_of_the_controller_s_lock_in_concern_its_own_channels(grid_file, channels, header, default):
    recording = open_recording(grid_file(numbered(2, 2, 3, 3), channels=channels, header=header))
    assert recording.default == default
    own = channels.count("LI")
    assert ("lock-in was off" in " ".join(recording.warnings)) == bool(own and header == OFF)


def test_the_real_grid_against_its_own_bytes(shared_data):
    path = shared_data / REAL
    stack = read_stack(path)
    header, body = split(path)
    assert b"Points=200" in header
    assert stack.shape == (200, 30, 30)
    assert (float(stack.bias[0]), float(stack.bias[-1])) == (-220.0, 220.0)
    assert stack.attrs["pixel_size_nm"] == [5 / 30, 5 / 30]
    assert stack.attrs["frame_angle_deg"] == 45.0
    # pixel (row 17, column 4): 10 parameters, then Current, then LockinX with 200 points each
    start = 4 * ((17 * 30 + 4) * 810 + 10 + 200)
    assert stack.values[:, 17, 4].tolist() == list(struct.unpack(">200f", body[start : start + 800]))
    assert (stack.values == 10.0).sum() == 49


def test_the_real_grid_as_another_reader_sees_it(shared_data):
    path = shared_data / REAL
    theirs = xarray_nanonis.Read_NanonisFile(path).dataset
    for name in ("Current", "LockinX", "LockinY", "Bias_m"):
        ours = read_stack(path, name)
        np.testing.assert_array_equal(ours.values, theirs[name].transpose("bias", "y", "x").values.astype(np.float32))
    np.testing.assert_allclose(ours.bias.values / 1000, theirs["bias"].values, atol=1e-7)


def test_the_numerical_derivative_of_the_real_current_is_what_the_lock_in_measured(shared_data):
    path = shared_data / REAL
    measured, computed = read_stack(path), read_stack(path, "dI/dV (numerical)")
    inside = slice(20, 180)
    assert np.corrcoef(measured.values[inside].ravel(), computed.values[inside].ravel())[0, 1] > 0.98
    assert "Bias_m does not follow the sweep" in " ".join(open_recording(path).warnings)
