"""Several files with one map each become one stack, or the odd file is named."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_stm_impurities.core.errors import ReadError, StmError
from napari_stm_impurities.io.readers import open_recording, read_stack

Z_AND_LOCK_IN = ["14\tZ\tm\tboth\t1.0E-8\t0.0E+0", "20\tLI Demod 1 X\tA\tboth\t1.0E+0\t0.0E+0"]


@pytest.fixture
def three(scan_file):
    """Three scans whose values are their bias in mV, out of order."""
    return [scan_file([np.full((3, 4), mv)] * 2, bias_v=mv / 1000, name=f"{mv}.sxm") for mv in (20.0, -10.0, 5.0)]


def test_a_list_of_files_is_sorted_by_bias(three):
    stack = read_stack(three)
    assert stack.bias.values.tolist() == [-10.0, 5.0, 20.0]
    assert stack.values[:, 0, 0].tolist() == [-10.0, 5.0, 20.0]
    assert "3 files put together" in " ".join(stack.attrs["history"])
    assert read_stack([str(path) for path in three]).identical(stack)


def test_a_folder_is_the_series_that_it_holds(three):
    (three[0].parent / "notes.txt").write_text("not a map")
    assert read_stack(three[0].parent).bias.values.tolist() == [-10.0, 5.0, 20.0]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"SCAN_RANGE": "5.0E-9 6.0E-10"}, "its size is"),
        ({"SCAN_OFFSET": "1.5E-8 -2.0E-8"}, "its centre lies 5 nm away"),
        ({"SCAN_ANGLE": "8"}, "it is rotated by 8 degrees instead of 3.17"),
    ],
)
@pytest.mark.parametrize("place", [0, 2])
def test_the_file_with_another_frame_is_named(scan_file, three, header, says, place):
    odd = scan_file([np.ones((3, 4))] * 2, bias_v=0.1, header=header, name="odd.sxm")
    with pytest.raises(ReadError, match=says) as error:
        read_stack([*three[:place], odd, *three[place:]])
    assert str(error.value).startswith(str(odd))


def test_another_number_of_pixels_is_named(scan_file, three):
    odd = scan_file([np.ones((3, 3))] * 2, bias_v=0.1, name="odd.sxm")
    with pytest.raises(ReadError, match=r"odd.sxm: .*3 x 3 pixels instead of 3 x 4"):
        read_stack([*three, odd])


def test_a_bias_that_two_files_have_is_named(scan_file, three):
    again = scan_file([np.ones((3, 4))] * 2, bias_v=0.005, name="again.sxm")
    with pytest.raises(ReadError, match=r"has the bias 5 mV, and so has"):
        read_stack([*three, again])


def test_a_file_with_several_maps_is_no_part_of_a_series(grid_file, three):
    grid = grid_file(np.ones((3, 4, 1, 2)))
    with pytest.raises(ReadError, match=r"grid.3ds: holds 2 maps"):
        read_stack([*three, grid])


def test_one_lock_in_that_was_off_turns_the_whole_series_to_the_topography(scan_file):
    paths = [
        scan_file(
            [np.full((3, 4), mv)] * 4,
            table=Z_AND_LOCK_IN,
            bias_v=mv / 1000,
            header={"Lock-in>Lock-in status": status},
            name=f"{mv}.sxm",
        )
        for mv, status in ((10.0, "ON"), (20.0, "OFF"))
    ]
    recording = open_recording(paths)
    assert recording.default == "Z"
    assert "(1 of 2 files)" in " ".join(recording.warnings)


def test_biases_can_be_given_one_a_file(three):
    assert read_stack(three, bias_mv=[1, 3, 2]).values[:, 0, 0].tolist() == [20.0, 5.0, -10.0]
    with pytest.raises(StmError, match="3 files need 3 biases"):
        read_stack(three, bias_mv=[1, 2])


def test_nothing_to_read_is_told(tmp_path):
    with pytest.raises(StmError, match="at least one file"):
        read_stack([])
    with pytest.raises(ReadError, match="holds no file that can be read"):
        read_stack(tmp_path)
    for name in ("a.sxm", "b.npz"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ReadError, match=r"several kinds \(\.npz, \.sxm\)"):
        read_stack(tmp_path)


def test_the_real_scans_of_two_frames_are_no_series(shared_data):
    folder = shared_data / "jjacobe2__PyAutoSTM"
    with pytest.raises(ReadError, match=r"Topo043\.sxm: does not show the frame of .*its centre lies 4\.47 nm away"):
        read_stack([folder / "Topo040.sxm", folder / "Topo043.sxm"])


def test_a_folder_of_any_image_format_takes_the_bias_from_the_names(tmp_path):
    for name, mv in (("map_-230mV", -230.0), ("map_m0p1V", -100.0), ("map_+20 meV", 20.0)):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.full((8, 9), mv, np.float32))
    stack = read_stack(tmp_path, pixel_size_nm=0.5)
    assert stack.bias.values.tolist() == [-230.0, -100.0, 20.0]
    assert stack.values[:, 3, 3].tolist() == [-230.0, -100.0, 20.0]
    (tmp_path / "map_-230mV.tif").rename(tmp_path / "map_one.tif")
    with pytest.raises(ReadError, match=r"map_one\.tif: .*give bias_mv"):
        read_stack(tmp_path, pixel_size_nm=0.5)


def test_titles_that_tell_the_bias_are_one_channel(tmp_path, made):
    for mv in (-5, 20):
        parts = {"/0/data": made.gwy_field(np.full((8, 8), float(mv)), 1e-9), "/0/data/title": f"LDOS {mv} mV"}
        made.gwyddion(tmp_path / f"{mv}.gwy", parts)
    stack = read_stack(tmp_path)
    assert stack.bias.values.tolist() == [-5.0, 20.0]
    assert stack.values[:, 0, 0].tolist() == [-5.0, 20.0]
