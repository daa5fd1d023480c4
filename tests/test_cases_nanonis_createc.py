"""Files of the kinds that were once read wrongly without a word, made by others; each folder says what is right."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stm_impurities.core.errors import ReadError
from napari_stm_impurities.io.readers import Recording, open_recording, read_stack


def kinds(recording: Recording) -> list[tuple[str, str, bool]]:
    return [(one.name, one.what, one.is_didv) for one in recording.channels]


def test_createc_at_constant_height_has_the_bias_of_that_mode(cases):
    paths = [cases / f"01_createc_constant_height_bias/map_{one}.dat" for one in "ab"]
    assert [open_recording(path).bias_mv for path in paths] == [(45.0,), (175.0,)]
    assert read_stack(paths).bias.values.tolist() == [45.0, 175.0]


def test_createc_images_are_what_the_bits_say(cases):
    recording = open_recording(cases / "02_createc_channel_bits/current_and_lockin.dat")
    assert kinds(recording) == [("Current", "current", False), ("Lock-in", "lock-in", True)]
    assert {one.unit for one in recording.channels} == {"DAC"}


def test_createc_images_begin_after_the_mark(cases):
    stack = read_stack(cases / "18_createc_short_header/short_header.dat")
    assert stack.shape == (1, 24, 24)
    assert stack.bias.values.tolist() == [100.0]


def test_passes_of_a_scan_have_the_biases_of_their_rows(cases):
    recording = open_recording(cases / "03_sxm_multipass/multipass.sxm")
    assert recording.bias_mv == (-200.0, 200.0)
    assert recording.default == "LI_Demod_1_X"


def test_a_second_harmonic_in_a_scan_is_no_didv(cases):
    recording = open_recording(cases / "05_sxm_second_demodulator/only_second_harmonic.sxm")
    assert kinds(recording)[2] == ("LI_Demod_2_X", "lock-in, harmonic 2", False)
    assert recording.default == "Z"


def test_a_grid_of_nan_is_refused_in_one_line(cases):
    with pytest.raises(ReadError, match="no pixel was measured") as error:
        read_stack(cases / "17_grid_of_nan/nothing_measured.3ds")
    assert "\n" not in str(error.value)


def test_a_meander_lies_where_it_was_recorded(cases):
    stack = read_stack(cases / "20_meander_grid/meander.3ds")
    x, y = np.meshgrid(np.arange(10), np.arange(8))
    for i in range(stack.sizes["bias"]):
        np.testing.assert_allclose(stack.values[i], 1e4 + x + 100 * y + i / 1000, atol=1e-3)
    assert stack.attrs["pixel_size_nm"] == pytest.approx([5.0, 4.0])


def test_an_external_lock_in_is_not_doubted_for_the_controller_s(cases):
    recording = open_recording(cases / "22_external_lock_in/external.3ds")
    assert recording.default == "7280DSP Lockin-X"
    assert recording.channel("7280DSP Lockin-Y").what == "lock-in, out of phase"
    assert not recording.warnings
