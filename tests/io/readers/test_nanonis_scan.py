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


@pytest.mark.parametrize(
    ("names", "header", "default"),
    [
        (["LI_Demod_2_X"], {"Harmonic D1": "1", "Harmonic D2": "2"}, "Z"),
        (["LI_Demod_2_X"], {}, "Z"),
        (["LI_Demod_2_X"], {"Harmonic D2": "1"}, "LI_Demod_2_X"),
        (["LI_Demod_1_X", "LI_Demod_2_X"], {"Harmonic D1": "2", "Harmonic D2": "1"}, "LI_Demod_2_X"),
        (["LI_Demod_1_X", "LI_Demod_2_X"], {"Harmonic D1": "1", "Harmonic D2": "2"}, "LI_Demod_1_X"),
        (["LI_Demod_1_X", "LI_Demod_2_X"], {"Harmonic D1": "3", "Harmonic D2": "2"}, "Z"),
        (["LI_Demod_1_Phi", "LI_Demod_1_R"], {}, "LI_Demod_1_R"),
        (["LI_Demod_1_Y", "LI_Demod_1_Phi"], {}, "Z"),
        (["LIX_n_omega", "LIX_1_omega"], {"Harmonic": "2"}, "LIX_1_omega"),
        (["LIX_1_omega"], {"Lock-in status": "OFF"}, "Z"),
        (["LIX_1_omega", "Lockin_X"], {"Lock-in status": "OFF"}, "Lockin_X"),
    ],
)
def test_the_demodulators_by_the_header(scan_file, names, header, default):
    table = [Z, *(f"{20 + i}\t{name}\tA\tboth\t1.0E+0\t0.0E+0" for i, name in enumerate(names))]
    header = {f"Lock-in>{name}": text for name, text in header.items()}
    recording = open_recording(scan_file([ramp()] * 2 * len(table), table=table, header=header))
    assert recording.default == default
    assert bool([one for one in recording.assumed() if one.about == "channel"]) == (default in ("Z", "LI_Demod_1_R"))


def passes(n_passes: int, *names: str) -> tuple[list[str], list[np.ndarray]]:
    """The table of channels of a multi-pass scan, and images whose values encode the pass, channel and direction."""
    table, images = [], []
    for number in range(1, n_passes + 1):
        for i, name in enumerate(names or ("Z", "LI_Demod_1_X")):
            table.append(f"{i}\t[P{number}]_{name}\tA\tboth\t1.0E+0\t0.0E+0")
            images += [ramp() + 100 * number + 1000 * i, (ramp() + 100 * number + 1000 * i + 50)[:, ::-1]]
    return table, images


def overrides(*rows: tuple[str, str]) -> dict[str, str]:
    """The table of the passes, a row for each direction: the flag and the bias in V."""
    columns = "Record-Ch\tPlayback\tBOL-delay_[cycles]\tBias_override\tBias_override_value\tSpeed_factor"
    lines = [columns, *(f"-1\tFALSE\t1\t{flag}\t{value}\t1.000" for flag, value in rows)]
    return {"Multipass-Config": "\n".join(f"\t{line}" for line in lines)}


@pytest.mark.parametrize("direction", ["down", "up"])
def test_passes_at_different_biases_are_a_stack(scan_file, direction):
    table, images = passes(3)
    rows = [("TRUE", v) for v in ("2.0E-1", "2.0E-1", "-2.0E-1", "-2.0E-1", "5.0E-3", "5.0E-3")]
    path = scan_file(images, table=table, bias_v=-0.05, header={**overrides(*rows), "SCAN_DIR": direction})
    recording = open_recording(path)
    assert [one.name for one in recording.channels] == ["Z", "Z [bwd]", "LI_Demod_1_X", "LI_Demod_1_X [bwd]"]
    assert recording.default == "LI_Demod_1_X"
    assert recording.assumed() == ()
    stack = recording.stack()
    assert stack.bias.values.tolist() == [-200.0, 5.0, 200.0]
    upright = ramp() if direction == "down" else ramp()[::-1]
    np.testing.assert_array_equal(stack.values, [upright + 1000 + 100 * number for number in (2, 3, 1)])
    np.testing.assert_array_equal(
        read_stack(path, "Z [bwd]").values, [upright + 50 + 100 * number for number in (2, 3, 1)]
    )


def test_a_pass_that_does_not_override_the_bias_has_that_of_the_header(scan_file):
    table, images = passes(2)
    rows = [("FALSE", "2.0E-1"), ("FALSE", "2.0E-1"), ("TRUE", "-2.0E-1"), ("TRUE", "-2.0E-1")]
    stack = read_stack(scan_file(images, table=table, bias_v=-0.05, header=overrides(*rows)))
    assert stack.bias.values.tolist() == [-200.0, -50.0]
    np.testing.assert_array_equal(stack.values[1], ramp() + 1000 + 100)


@pytest.mark.parametrize("override", [("TRUE", "1.0E-1"), ("FALSE", "0.0E+0")])
def test_passes_at_one_bias_stay_channels_of_their_own(scan_file, override):
    table, images = passes(2)
    recording = open_recording(scan_file(images, table=table, bias_v=0.1, header=overrides(*[override] * 4)))
    assert recording.bias_mv == (100.0,)
    assert [one.name for one in recording.channels[:4]] == [
        "[P1]_Z", "[P1]_Z [bwd]", "[P1]_LI_Demod_1_X", "[P1]_LI_Demod_1_X [bwd]"
    ]  # fmt: skip
    assert recording.default == "[P1]_LI_Demod_1_X"
    np.testing.assert_array_equal(recording.stack("[P2]_LI_Demod_1_X").values[0], ramp() + 1000 + 200)
    np.testing.assert_array_equal(recording.stack("[P2]_Z [bwd]").values[0], ramp() + 200 + 50)


@pytest.mark.parametrize("prefix", ["", "[P1]_"])
def test_backward_images_at_another_bias_are_left_out_with_a_warning(scan_file, prefix):
    table = [f"14\t{prefix}Z\tm\tboth\t1.0E-8\t0.0E+0"]
    header = overrides(("TRUE", "2.0E-1"), ("FALSE", "0"))
    path = scan_file([ramp(), ramp()[:, ::-1] + 50], table=table, bias_v=-0.05, header=header)
    recording = open_recording(path)
    assert recording.bias_mv == (200.0,)
    assert [one.name for one in recording.channels] == ["Z"]
    assert "left out: Z [bwd] (-50 mV)" in " ".join(recording.warnings)
    # with a bias that is given, each image can be read
    back = read_stack(path, f"{prefix}Z [bwd]", bias_mv=-50)
    assert back.bias.values.tolist() == [-50.0]
    np.testing.assert_array_equal(back.values[0], ramp() + 50)


def test_forward_and_backward_images_that_swap_their_biases_share_the_axis(scan_file):
    table, images = passes(2, "Z")
    rows = [("TRUE", "0.2"), ("TRUE", "-0.2"), ("TRUE", "-0.2"), ("TRUE", "0.2")]
    path = scan_file(images, table=table, header=overrides(*rows))
    np.testing.assert_array_equal(read_stack(path, "Z").values, [ramp() + 200, ramp() + 100])
    np.testing.assert_array_equal(read_stack(path, "Z [bwd]").values, [ramp() + 150, ramp() + 250])


def test_a_channel_that_a_pass_did_not_record_is_missing_there(scan_file):
    table = ["14\t[P1]_Z\tm\tboth\t1\t0", "14\t[P2]_Z\tm\tboth\t1\t0", "20\t[P2]_LI_Demod_1_X\tA\tforward\t1\t0"]
    images = [ramp() + i for i in range(5)]
    rows = [("TRUE", "0.2"), ("TRUE", "0.2"), ("TRUE", "-0.2"), ("TRUE", "-0.2")]
    recording = open_recording(scan_file(images, table=table, header=overrides(*rows)))
    assert recording.default == "LI_Demod_1_X"
    stack = recording.stack()
    np.testing.assert_array_equal(stack.values[0], ramp() + 4)
    assert np.isnan(stack.values[1]).all()
    assert "LI_Demod_1_X was not recorded at 200 mV" in " ".join(recording.warnings)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({}, "give bias_mv"),
        (
            overrides(("TRUE", "0.2"), ("TRUE", "0.2")),
            "[P2]_Z is of pass 2, of which the table Multipass-Config has no rows",
        ),
        (overrides(*[("TRUE", "ten")] * 4), "cannot be read: '-1 FALSE 1 TRUE ten 1.000'; give bias_mv"),
        (overrides(*[("TRUE", "nan")] * 4), "cannot be read"),
        (overrides(*[("perhaps", "0.2")] * 4), "cannot be read"),
        ({**overrides(*[("FALSE", "0")] * 4), "BIAS": None}, "does not state the bias"),
    ],
)
def test_passes_whose_biases_are_not_stated_are_refused_in_one_line(scan_file, header, says):
    table, images = passes(2)
    path = scan_file(images, table=table, header=header)
    with pytest.raises(ReadError) as error:
        read_stack(path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    # and can be given
    assert read_stack(path, bias_mv=[30, -10]).bias.values.tolist() == [-10.0, 30.0]
    with pytest.raises(ReadError, match="2 passes need as many biases, got 3"):
        read_stack(path, bias_mv=[1, 2, 3])


def test_two_of_three_passes_at_one_bias_are_refused_in_one_line(scan_file):
    table, images = passes(3)
    rows = [("TRUE", v) for v in ("0.2", "0.2", "-0.2", "-0.2", "-0.2", "-0.2")]
    path = scan_file(images, table=table, header=overrides(*rows))
    with pytest.raises(ReadError, match=r"Z was recorded in 3 passes at 2 biases \(200, -200, -200 mV\)"):
        read_stack(path)


def test_channels_that_do_not_say_their_pass_are_refused_where_the_passes_differ(scan_file):
    rows = [("TRUE", v) for v in ("0.2", "0.2", "-0.2", "-0.2")]
    with pytest.raises(ReadError, match="the channel Z does not state which of the 2 passes it belongs to"):
        read_stack(scan_file([ramp(), ramp()], header=overrides(*rows)))
    same = scan_file([ramp(), ramp()], header=overrides(*[("TRUE", "0.2")] * 4))
    assert read_stack(same).bias.values.tolist() == [200.0]


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
