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


def constant_height(applied_mv: str | None, **more: str) -> dict[str, str]:
    applied = {} if applied_mv is None else {"CHModeBias[mV] / CHModeBias[mV]": applied_mv}
    return {"CHMode / CHMode": "1", **applied, **more}


@pytest.mark.parametrize("kind", ["Parameter", "Paramet32", "Paramco32"])
def test_at_constant_height_the_bias_is_the_one_that_was_applied_then(tmp_path, made, kind):
    made.createc(tmp_path / "a.dat", IMAGES, kind=kind, bias_mv=20.0, header=constant_height("45.00"))
    made.createc(tmp_path / "b.dat", IMAGES, kind=kind, bias_mv=20.0, header=constant_height("-175,5"))
    made.createc(tmp_path / "c.dat", IMAGES, kind=kind, bias_mv=20.0, header=constant_height("0.00"))
    assert read_stack(tmp_path).bias.values.tolist() == [-175.5, 0.0, 45.0]
    assert not [one for one in open_recording(tmp_path / "a.dat").assumptions if one.about == "bias"]


def test_with_the_feedback_on_the_bias_of_constant_height_does_not_count(tmp_path, made):
    header = {**constant_height("1000.00"), "CHMode / CHMode": "0"}
    assert open_recording(made.createc(tmp_path / "a.dat", IMAGES, bias_mv=20.0, header=header)).bias_mv == (20.0,)


def test_a_bias_that_is_not_stated_at_constant_height_is_an_assumption(tmp_path, made):
    path = made.createc(tmp_path / "a.dat", IMAGES, bias_mv=20.0, header=constant_height(None, Channelselectval="3"))
    recording = open_recording(path)
    assert recording.bias_mv == (20.0,)
    assert [(one.about, one.remedy) for one in recording.assumptions] == [("bias", "give bias_mv")]
    given = open_recording(path, bias_mv=45)
    assert (given.bias_mv, given.assumptions) == ((45.0,), ())


@pytest.mark.parametrize(
    ("selected", "n_images", "names"),
    [
        (1, 1, "Topography"),
        (1, 2, "Topography, Topography [bwd]"),
        (2, 1, "Current"),
        (3, 2, "Topography, Current"),
        (3, 4, "Topography, Current, Topography [bwd], Current [bwd]"),
        (34, 2, "Current, Lock-in"),
        (34, 4, "Current, Lock-in, Current [bwd], Lock-in [bwd]"),
        (35, 3, "Topography, Current, Lock-in"),
        (32, 1, "Lock-in"),
        (7, 3, "Topography, Current, Channel bit 2"),
        (96, 2, "Lock-in, Channel bit 6"),
        (899, 5, "Topography, Current, Channel bit 7, Channel bit 8, Channel bit 9"),
        (899, 10, "Topography, Current, Channel bit 7, Channel bit 8, Channel bit 9, Topography [bwd], Current [bwd],"
         " Channel bit 7 [bwd], Channel bit 8 [bwd], Channel bit 9 [bwd]"),
    ],
)  # fmt: skip
def test_the_bits_of_the_header_say_what_the_images_are(tmp_path, made, selected, n_images, names):
    images = np.arange(1, n_images * 80 + 1, dtype=float).reshape(n_images, 8, 10)
    header = {"Channelselectval / Channelselectval": str(selected), "Dacto[A]z": "0.01"}
    recording = open_recording(made.createc(tmp_path / "a.dat", images, header=header))
    assert ", ".join(one.name for one in recording.channels) == names
    assert recording.assumptions == ()
    for i, channel in enumerate(recording.channels):
        topography = channel.name.startswith("Topography")
        assert (channel.unit == "nm", channel.what == "topography") == (topography, topography)
        assert channel.is_didv == channel.name.startswith("Lock-in")
        np.testing.assert_allclose(recording.stack(channel.name).values[0], images[i] * (1e-3 if topography else 1))
    default = "Lock-in" if selected & 32 else "Topography" if selected & 1 else "Current"
    assert recording.default == default


def test_bits_that_are_not_as_many_as_the_images_identify_none(tmp_path, made):
    header = {"Channelselectval / Channelselectval": "34", "Dacto[A]z": "0.01"}
    recording = open_recording(made.createc(tmp_path / "a.dat", IMAGES[:3], header=header))
    assert [(one.name, one.unit, one.what) for one in recording.channels] == [
        (f"Image {i}", "DAC", "other") for i in (1, 2, 3)
    ]
    assert "names 2 signals (Current, Lock-in), but the file has 3 images" in " ".join(recording.warnings)
    assert [one.about for one in recording.assumed()] == ["channel"]
    assert recording.assumed("Image 2") == ()


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ({}, "Topography, Current, Topography [bwd], Current [bwd]"),
        ({"ScanXMode / ScanXMode": "1"}, "Topography, Current, Image 3, Image 4"),
        ({"Chan(1,2,4) / Chan(1,2,4)": "4"}, "Topography, Current, Image 3, Image 4"),
        ({"Chan(1,2,4)": "2", "ScanXMode / ScanXMode": "1"}, "Topography, Current, Topography [bwd], Current [bwd]"),
    ],
)
def test_an_older_header_without_the_bits_leaves_the_images_to_an_assumption(tmp_path, made, header, names):
    recording = open_recording(
        made.createc(tmp_path / "a.dat", IMAGES, header={"ScanXMode / ScanXMode": "2", **header})
    )
    assert ", ".join(one.name for one in recording.channels) == names
    assert [one.about for one in recording.assumptions] == ["channel"]
    assert not any(one.is_didv for one in recording.channels)
    with pytest.raises(ReadError, match="does not say what was recorded"):
        recording.stack("Current", strict=True)


@pytest.mark.parametrize("kind", ["Parameter", "Paramet32", "Paramco32"])
@pytest.mark.parametrize("header_bytes", [600, 16270, 16384, 17000, 40000])
@pytest.mark.parametrize("comment", ["", "DATA of Monday", "DATAx^ and DATA"])
def test_the_images_begin_after_the_mark(tmp_path, made, kind, header_bytes, comment):
    header = {"memo:0": comment, "Channelselectval": "3"}
    path = made.createc(tmp_path / "a.dat", IMAGES, kind=kind, header=header, header_bytes=header_bytes)
    recording = open_recording(path)
    np.testing.assert_array_equal(recording.stack("Topography").values[0], IMAGES[0])
    np.testing.assert_array_equal(recording.stack("Current [bwd]").values[0], IMAGES[3])


@pytest.mark.parametrize("kind", ["Parameter", "Paramet32", "Paramco32"])
def test_a_header_of_the_usual_length_needs_no_mark(tmp_path, made, kind):
    path = made.createc(tmp_path / "a.dat", IMAGES, kind=kind, mark=b"")
    np.testing.assert_array_equal(read_stack(path).values[0], IMAGES[0])


def test_a_damaged_beginning_of_the_images_is_refused_in_one_line(tmp_path, made):
    path = made.createc(tmp_path / "a.dat", IMAGES, header_bytes=9000)
    whole = path.read_bytes()
    path.write_bytes(whole[:9000] + b"\0\0\0\0" + whole[9004:])
    with pytest.raises(ReadError, match="expected a header that ends with DATA and the images after it") as error:
        read_stack(path)
    assert "\n" not in str(error.value)


def test_angstrom_with_its_own_letter(tmp_path, made):
    letter = "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}"
    header = {"Length x[A]": "", "Length y[A]": "", f"Length x[{letter}]": "50", f"Length y[{letter}]": "40"}
    stack = read_stack(made.createc(tmp_path / "a.dat", IMAGES, header={**header, f"Dacto[{letter}]z": "0.01"}))
    assert stack.attrs["pixel_size_nm"] == [0.5, 0.5]
    assert stack.attrs["units"] == "nm"


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
