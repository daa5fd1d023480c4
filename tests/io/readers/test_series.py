"""Several files with one map each become one stack, or the odd file is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_stm_impurities.core.errors import ReadError, StmError
from napari_stm_impurities.io.readers import Assumption, describe, open_recording, read_stack
from napari_stm_impurities.io.readers.series import as_series


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
    # the bias of a header has more digits than the controller
    again = scan_file([np.ones((3, 4))] * 2, header={"BIAS": "5.0000001E-3"}, name="again.sxm")
    with pytest.raises(ReadError, match=r"has the bias 5 mV, and so has"):
        read_stack([*three, again])


def test_a_file_with_several_maps_is_no_part_of_a_series(grid_file, three):
    grid = grid_file(np.ones((3, 4, 1, 2)))
    with pytest.raises(ReadError, match=r"grid.3ds: holds 2 maps"):
        read_stack([*three, grid])


def with_lock_in(scan_file, mv, *, lock_in="LI Demod 1 X", unit="A", status="ON", values=None):
    """A scan of the topography and a lock-in channel whose values are the bias."""
    table = ["14\tZ\tm\tboth\t1.0E-8\t0.0E+0"] + ([f"20\t{lock_in}\t{unit}\tboth\t1.0E+0\t0.0E+0"] if lock_in else [])
    image = np.full((3, 4), mv if values is None else values)
    return scan_file(
        [image - 1000, image - 1000, image, image][: 2 * len(table)],
        table=table,
        bias_v=mv / 1000,
        header={"Lock-in>Lock-in status": status},
        name=f"{mv}.sxm",
    )


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ({"lock_in": ""}, r"has no LI Demod 1 X, which the others have \(it has Z\); leave it out, or name .*\(Z, Z"),
        (
            {"status": "OFF"},
            r"its LI Demod 1 X was recorded with the lock-in off, and so is not the dI/dV that the others",
        ),
        ({"lock_in": "LI Demod 2 X"}, r"has no LI Demod 1 X, which the others have \(it has Z, LI Demod 2 X\)"),
        ({"lock_in": "SRX (Lockin-X)"}, r"has no LI Demod 1 X, which the others have"),
        ({"unit": "V"}, r"has LI Demod 1 X in V, which is no multiple of A, the unit of the others"),
        ({"unit": ""}, r"has LI Demod 1 X in no unit, which is no multiple of A"),
    ],
)
def test_the_file_that_lacks_the_lock_in_signal_is_named(scan_file, odd, says, place):
    paths = [with_lock_in(scan_file, mv, **(odd if i == place else {})) for i, mv in enumerate((10.0, 20.0, 30.0))]
    for read in (read_stack, describe):
        with pytest.raises(ReadError, match=says) as error:
            read(paths)
        assert str(error.value).startswith(str(paths[place]))
        assert "\n" not in str(error.value)
    # a channel by its name is what was asked for
    np.testing.assert_allclose(read_stack(paths, "Z").values[:, 0, 0], [-990, -980, -970])


def test_the_topography_of_files_without_a_lock_in_is_a_series_and_an_assumption(scan_file):
    paths = [with_lock_in(scan_file, mv, status="OFF") for mv in (10.0, 20.0)]
    recording = open_recording(paths)
    assert recording.default == "Z"
    assert "(2 of 2 files)" in " ".join(recording.warnings)
    assert [one.about for one in recording.assumed()] == ["channel"]


def test_one_signal_with_blanks_and_with_underscores(scan_file):
    paths = [with_lock_in(scan_file, mv, lock_in=name) for mv, name in ((10.0, "LI Demod 1 X"), (20.0, "LI_Demod_1_X"))]
    stack = read_stack(paths)
    assert stack.name == "LI Demod 1 X"
    assert stack.values[:, 0, 0].tolist() == [10.0, 20.0]
    assert stack.attrs["assumptions"] == []


@pytest.mark.parametrize(
    ("units", "unit", "values"),
    [
        (("A", "nA", "A"), "A", (2e-10, 0.2, 2e-10)),
        (("pA", "pA", "nA"), "pA", (200.0, 200.0, 0.2)),
        (("nS", "pA/mV", "A/V"), "nS", (0.2, 0.2, 2e-10)),
    ],
)
def test_multiples_of_one_unit_are_converted(scan_file, units, unit, values):
    rows = zip((10.0, 20.0, 30.0), units, values, strict=True)
    paths = [with_lock_in(scan_file, mv, unit=own, values=value) for mv, own, value in rows]
    stack = read_stack(paths)
    assert stack.attrs["units"] == unit
    np.testing.assert_allclose(stack.values[:, 0, 0], values[0], rtol=1e-6)
    assert f"to {unit}" in " ".join(stack.attrs["history"])


def test_a_channel_in_units_of_two_kinds_is_left_out_and_said(scan_file):
    table = ["14\tZ\tm\tboth\t1.0E-8\t0.0E+0", "20\tInput 3\t{}\tboth\t1.0E+0\t0.0E+0"]
    paths = [
        scan_file([np.full((3, 4), mv)] * 4, table=[table[0], table[1].format(u)], bias_v=mv / 1000, name=f"{mv}.sxm")
        for mv, u in ((1.0, "V"), (2.0, "A"))
    ]
    recording = open_recording(paths)
    assert [one.name for one in recording.channels] == ["Z", "Z [bwd]"]
    assert "Input 3 is left out: 2.0.sxm has it in A, not V" in recording.warnings


def test_only_the_way_back_is_no_part_of_a_series_of_ways_there(tmp_path, made):
    for mv, title in ((-5, "LDOS -5 mV"), (20, "LDOS 20 mV [bwd]")):
        parts = {"/0/data": made.gwy_field(np.full((8, 8), float(mv)), 1e-9), "/0/data/title": title}
        made.gwyddion(tmp_path / f"{mv}.gwy", parts)
    with pytest.raises(ReadError, match=r"has no LDOS -5 mV, which the others have|has no LDOS 20 mV \[bwd\]"):
        read_stack(tmp_path)


def test_a_topography_is_no_part_of_a_series_of_didv(tmp_path, made):
    for mv, title, unit in ((-5, "dI/dV -5 mV", "A"), (20, "Z 20 mV", "m")):
        parts = {"/0/data": made.gwy_field(np.full((8, 8), float(mv)), 1e-9, unit), "/0/data/title": title}
        made.gwyddion(tmp_path / f"{mv}.gwy", parts)
    with pytest.raises(ReadError, match=r"20\.gwy: has no dI/dV -5 mV"):
        read_stack(tmp_path)


def test_titles_that_differ_in_more_than_the_bias_are_an_assumption(tmp_path, made):
    for mv, title in ((-5, "first map -5 mV"), (20, "second map 20 mV")):
        parts = {"/0/data": made.gwy_field(np.full((8, 8), float(mv)), 1e-9), "/0/data/title": title}
        made.gwyddion(tmp_path / f"{mv}.gwy", parts)
    stack = read_stack(tmp_path)
    assert stack.values[:, 0, 0].tolist() == [-5.0, 20.0]
    assert "first map, second map are taken for one signal" in " ".join(stack.attrs["assumptions"])
    with pytest.raises(ReadError, match="strict reading refuses"):
        read_stack(tmp_path, strict=True)


def test_assumptions_of_every_file_are_kept(three):
    first, *others = sorted((open_recording(path) for path in three), key=lambda one: one.bias_mv)
    bias = Assumption("bias", "taken from the name", "give bias_mv")
    own = Assumption("unit", "taken for nm", "give pixel_size_nm")
    series = as_series([first, *(replace(one, assumptions=(bias,)) for one in others)])
    assert [str(one) for one in series.assumptions] == ["bias: taken from the name (2 of 3 files)"]
    series = as_series([first, others[0], replace(others[1], assumptions=(bias, own))])
    assert [one.text for one in series.assumptions] == [
        "taken from the name (1 of 3 files: 20.0.sxm)",
        "taken for nm (1 of 3 files: 20.0.sxm)",
    ]
    with pytest.raises(ReadError, match="strict reading refuses"):
        series.stack(strict=True)


def test_many_assumptions_of_one_kind_are_one_line(scan_file):
    recordings = [
        replace(
            open_recording(scan_file([np.ones((3, 4))] * 2, bias_v=mv / 1000, name=f"{mv}.sxm")),
            assumptions=(Assumption("bias", f"{mv} mV, from the name", "give bias_mv"),),
        )
        for mv in range(1, 6)
    ]
    (line,) = as_series(recordings).assumptions
    assert line.text == "1 mV, from the name (1 of 5 files: 1.sxm, and likewise in 4 more)"


def controller(on: str) -> str:
    return f"\tName\ton\tSetpoint\tP-gain\n\tlog Current\t{on}\t1.000E-10 A\t2.000E-12 m"


@pytest.mark.parametrize(
    ("on", "off"),
    [
        ({"Z-CONTROLLER": controller("1")}, {"Z-CONTROLLER": controller("0")}),
        ({"Z-Controller>Controller status": "ON"}, {"Z-Controller>Controller status": "OFF"}),
    ],
)
def test_constant_height_among_constant_current_is_said(scan_file, on, off):
    def recording(mv, header):
        return open_recording(scan_file([np.ones((3, 4))] * 2, bias_v=mv / 1000, header=header, name=f"{mv}.sxm"))

    mixed = as_series([recording(10, on), recording(20, off), recording(30, on)])
    (warning,) = mixed.warnings
    assert warning.startswith("20.sxm was scanned at constant height and the others at constant current")
    assert not as_series([recording(10, on), recording(20, on)]).warnings
    # a file that does not say how is not doubted
    assert not as_series([recording(10, on), recording(20, {})]).warnings


def test_constant_height_of_createc_images_is_known(tmp_path, made):
    data = np.ones((2, 8, 9))
    paths = [
        made.createc(
            tmp_path / f"{mv}.dat", data, bias_mv=mv, header={"CHMode / CHMode": mode, "CHModeBias[mV]": str(mv)}
        )
        for mv, mode in ((10.0, "0"), (20.0, "1"))
    ]
    assert [open_recording(path).feedback_on for path in paths] == [True, False]
    assert "was scanned at constant" in " ".join(open_recording(paths).warnings)


def test_frames_whose_position_nobody_states_are_an_assumption(tmp_path, three):
    for mv in (-230, 20):
        tifffile.imwrite(tmp_path / f"{mv}mV.tif", np.full((8, 9), mv, np.float32))
    given = {"pixel_size_nm": 0.5, "bias_mv": [-230, 20]}
    stack = read_stack(sorted(tmp_path.glob("*.tif")), **given)
    assert "position: all maps are taken to show one frame, though no file states" in " ".join(
        stack.attrs["assumptions"]
    )
    # a header states it
    assert not any(text.startswith("position") for text in read_stack(three).attrs["assumptions"])


def test_hidden_files_are_no_part_of_a_folder(three):
    (three[0].parent / "._10.sxm").write_bytes(b"resource fork")
    assert read_stack(three[0].parent).sizes["bias"] == 3


def test_files_of_two_formats_are_no_series(three, tmp_path, made):
    (odd,) = [made.gwyddion(tmp_path / "odd.gwy", {"/0/data": made.gwy_field(np.ones((3, 4)), 4e-10)})]
    with pytest.raises(ReadError, match=r"odd\.gwy: is of the format Gwyddion"):
        read_stack([*three, odd], bias_mv=[1, 2, 3, 4])


def test_two_suffixes_of_one_format_are_one_kind(tmp_path):
    for name, mv in (("-230mV.tif", -230.0), ("20mV.tiff", 20.0)):
        tifffile.imwrite(tmp_path / name, np.full((8, 9), mv, np.float32))
    assert read_stack(tmp_path, pixel_size_nm=0.5).values[:, 0, 0].tolist() == [-230.0, 20.0]


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
