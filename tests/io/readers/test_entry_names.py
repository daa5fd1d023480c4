"""What names of entries say."""

from __future__ import annotations

import pytest

from napari_stm_impurities.io.readers.entry_names import meaning_of


@pytest.mark.parametrize(
    ("name", "what", "axis", "factor"),
    [
        ("bias", "bias", "", None),
        ("V", "bias", "", None),
        ("E", "bias", "", None),
        ("energies", "bias", "", None),
        ("sample_voltage", "bias", "", None),
        ("obj.bias_mV", "bias", "", 1.0),
        ("energy_eV", "bias", "", 1000.0),
        ("Bias [V]", "bias", "", 1000.0),
        ("meV", "bias", "", 1.0),
        ("axis_mV", "bias", "", 1.0),
        ("bias_step", "", "", None),
        ("bias_modulation_mV", "", "", None),
        ("Vmod", "", "", None),
        ("voltage_gain", "", "", None),
        ("x", "position", "x", None),
        ("Y", "position", "y", None),
        ("x_nm", "position", "x", 1.0),
        ("xaxis", "position", "x", None),
        ("y_position_m", "position", "y", 1e9),
        ("pixel_size", "pixel", "", None),
        ("pixelSize_nm", "pixel", "", 1.0),
        ("px_nm", "pixel", "", 1.0),
        ("pixel_size_x_nm", "pixel", "x", 1.0),
        ("pixel_width_nm", "pixel", "x", 1.0),
        ("dx", "pixel", "x", None),
        ("dy_A", "pixel", "y", 0.1),
        ("x_step", "pixel", "x", None),
        ("step_y_nm", "pixel", "y", 1.0),
        ("step_nm", "pixel", "", 1.0),
        ("resolution_nm", "pixel", "", 1.0),
        ("nm_per_pixel", "pixel", "", 1.0),
        ("scan_size", "size", "", None),
        ("scan_size_nm", "size", "", 1.0),
        ("image_width_nm", "size", "x", 1.0),
        ("xrange", "size", "x", None),
        ("Ly", "size", "y", None),
        # numbers of pixels, or lengths of anything
        ("resolution", "", "", None),
        ("length", "", "", None),
        ("step", "", "", None),
        ("size", "", "", None),
        ("pixels", "", "", None),
        ("n_pixels", "", "", None),
        ("npx", "", "", None),
        ("comment", "", "", None),
        ("", "", "", None),
        ("___", "", "", None),
    ],
)
def test_a_name(name, what, axis, factor):
    meaning = meaning_of(name)
    assert (meaning.what, meaning.axis) == (what, axis)
    assert meaning.factor == (None if factor is None else pytest.approx(factor))


def test_pixels_in_a_length():
    meaning = meaning_of("pixels_per_nm")
    assert (meaning.what, meaning.inverse, meaning.factor) == ("pixel", True, 1.0)
