"""The bias in names and in notes: the right number, or none, in the spellings that laboratories have."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from napari_stm_impurities.io.readers.bias_names import bias_in_name, bias_in_note

DASHES = "-\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}\N{FULLWIDTH HYPHEN-MINUS}"


@pytest.mark.parametrize("dash", DASHES)
@pytest.mark.parametrize(
    "name", ["dIdV_{}200mV", "{}200 mV", "map ({}0.2 V)", "{}0,2V_50pA", "{}2e2mV", "bias={}200mV"]
)
def test_any_minus_sign_in_a_name(dash, name):
    assert bias_in_name(name.format(dash)) == -200.0


@pytest.mark.parametrize(
    ("name", "mv"),
    [
        ("dIdV_5e-1V", 500.0),
        ("dIdV_1.5e3mV", 1500.0),
        ("-2.3E-1 V", -230.0),
        ("5x10^-3 V", 5.0),
        ("topo_m0p5V_50pA", -500.0),
        ("minus200mV", -200.0),
        ("neg_200mV", -200.0),
        ("230 \N{MICRO SIGN}V", 0.23),
        ("230 \N{GREEK SMALL LETTER MU}V", 0.23),
        ("230uV", 0.23),
        ("-500\N{SQUARE MV}", -500.0),
        ("-0.2 Volts", -200.0),
        ("-200 millivolts", -200.0),
        ("-200mV/100pA", -200.0),
        ("[-500 mV]", -500.0),
        ("-500 mV, 100 pA", -500.0),
        ("1'200 mV", 1200.0),
        ("scan 12 200mV", 200.0),
        ("map_012_200mV", 200.0),
        ("LI Demod 1 X -200 mV", -200.0),
        ("lockinX_-200mV", -200.0),
        ("0mV", 0.0),
        ("-200mV_5mVrms", -200.0),
        ("5mVrms_-200mV", -200.0),
        ("5 mV_pp -200 mV", -200.0),
        ("-200mV_mod5mV", -200.0),
        ("mod5mV_-200mV", -200.0),
        ("-200mV_rms5mV", -200.0),
        ("5mV amplitude, 200mV", 200.0),
        ("- 200 mV", -200.0),
        ("Vmod=5mV, -200 mV", -200.0),
        ("-200 mV 5 mV @ 973 Hz", -200.0),
        ("dI/dV (lock-in), bias -200 mV", -200.0),
        ("rms 5 mV, bias -200 mV", -200.0),
        ("5mVmod bias -100mV", -100.0),
    ],
)
def test_the_bias_in_a_name(name, mv):
    assert bias_in_name(name) == pytest.approx(mv, rel=1e-12)


@pytest.mark.parametrize(
    "name",
    [
        "run 12",
        "mV",
        "10mV_20mV",
        "-0.5 V to 0.5 V",
        "-200 to 200 mV",
        "100\N{EN DASH}200mV",
        "100...200 mV",
        "\N{PLUS-MINUS SIGN}200 mV",
        "+/-200mV",
        "?200 mV",
        "\u00e2\u02c6\u2019200 mV",  # a minus sign that was decoded wrongly
        "1,500 mV",
        "scan 1 200mV",
        "grid3e-10mV",
        "from_-0.5V_to_0.5V",
        "dI/dV - 200 mV",
        "<200 mV",
        "10^3 mV",
        "5 mV/s",
        "5 mV/nm",
        "5mV^2",
        "200mVx",
        "200 pA",
        "-500mV_pp",
        "5 mV p-p",
        "5 mVrms",
        "5 mV (rms)",
        "5 mV @ 973 Hz",
        "mod 5mV",
        "amplitude=5mV",
        "lock-in 5 mV",
        "Bias modulation, 5 mV",
        "-200mV_mod_5mV",  # either could be the modulation
        "pulse_3V",
        "range 10V",
        "bias_m200_100_0mV",
    ],
)
def test_a_name_without_one_plain_bias_has_none(name):
    assert bias_in_name(name) is None


def test_other_names_tell_what_a_comma_is():
    assert bias_in_name("1,500 mV", "decimal") == 1.5
    assert bias_in_name("1,500 mV", "thousands") == 1500.0


@pytest.mark.parametrize(
    ("note", "mv"),
    [
        ("Bias: -200 mV", -200.0),
        ("Bias:\t-0,200 V", -200.0),
        ("Bias [V]: -0,230", -230.0),
        ("Bias (mV): -200 Current (pA): 50", -200.0),
        ("Bias / V: -0.2", -200.0),
        ("Bias in mV: -20", -20.0),
        ("BIAS_MV=230", 230.0),
        ('"bias_mV": -200,', -200.0),
        ("Biasvolt[mV]: 230", 230.0),
        ("Bias>Bias (V): -200E-3\nBias>Calibration (V/V): 1\nBias>Offset (V): 0", -200.0),
        ("EEPA::GapVoltageControl.Voltage [V]: -0.25", -250.0),
        ("Gap voltage = -0.25 V", -250.0),
        ("Sample bias: -0.3 V", -300.0),
        ("Vbias = -0.2 V", -200.0),
        ("V_bias [mV] = 20", 20.0),
        ("U = -200 mV", -200.0),
        ("Voltage: 0.3 V", 300.0),
        ("Bias: 230 \N{MICRO SIGN}V", 0.23),
        ("Bias: -230 mV;", -230.0),
        ("Bias: 200 mV [setpoint]", 200.0),
        ("Bias: - 200 mV", -200.0),
        ("Bias: \N{EN DASH} 200 mV", -200.0),
        ("Bias: 1e-1 V", 100.0),
        ("Bias: 1.234,5 mV", 1234.5),
        ("Bias: 1,234 mV\nX-range: 30,5 nm", 1.234),
        ("Bias: 0.2 V\nBias: 200 mV", 200.0),
        ("STM image taken at bias = -200 mV and 100 pA; lock-in 5 mV rms, 973 Hz", -200.0),
        ("bias set to -200 mV", -200.0),
        ("imaged with a sample bias of -200 mV", -200.0),
        ("Feedback: V = -200 mV, I = 100 pA, lock-in: 5 mV", -200.0),
        ("V_s = -200 mV, I_s = 100 pA, V_mod = 5 mV", -200.0),
        ("Bias = -200 [mV]", -200.0),
        ("Bias (DC): -200 mV\nBias (AC): 5 mV", -200.0),
        ("Modulationsspannung: 5 mV\nBiasspannung: -0,2 V", -200.0),
    ],
)
def test_the_bias_in_a_note(note, mv):
    assert bias_in_note(note) == pytest.approx(mv, rel=1e-12)


MODULATIONS = [
    "Bias modulation: 5 mV",
    "Bias modulation amplitude: 5 mV",
    "Bias mod. amplitude (mV): 5",
    "Bias mod [mV] = 5",
    "Modulation of the bias: 5 mV",
    "Bias oscillation = 5 mV",
    "AC bias: 5 mV",
    "Bias AC amplitude 5 mV",
    "Bias excitation: 5 mV",
    "Bias: 5 mV rms",
    "Bias: 5 mVrms @ 973 Hz",
    "Bias: 5 mV (peak-to-peak)",
    "Bias: 5 mV_pp",
    "bias 5 mV modulation",
    "Lock-in amplitude 5 mV",
    "lock-in bias 5 mV",
    "Vmod = 5 mV",
    "V_mod: 5 mV",
    "Vac: 5 mV",
    "Biasmodulation: 5 mV",
    "Bias wobble: 5 mV",
    "Bias LI: 5 mV",
    "Bias p-p: 5 mV",
    "Bias (rms): 5 mV",
    "Bias [AC]: 5 mV",
    "Wobble of the bias: 5 mV",
]
OTHERS = [
    "Bias offset: 3 mV",
    "Bias range: 2 V",
    "Bias calibration: 1 V",
    "Bias sweep start: -1 V",
    "Bias sweep end (V): 1",
    "Bias step: 5 mV",
    "Bias slew rate: 2 V",
    "Bias pulse: 3 V",
    "Bias limit: 10 V",
    "initial bias: 1 V",
    "HV Voltage: 3 V",
    "Piezo voltage: 120 V",
    "Setpoint: 50 pA",
]


@pytest.mark.parametrize("other", MODULATIONS + OTHERS)
@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_no_other_voltage_is_taken_for_the_bias(other, end):
    assert bias_in_note(other) is None
    assert bias_in_note(f"{other}{end}Bias: -200 mV{end}") == -200.0
    assert bias_in_note(f"Bias: -200 mV{end}{other}{end}") == -200.0
    assert bias_in_note(f"{other}; sample bias -0.2 V") == -200.0


@pytest.mark.parametrize("modulation", MODULATIONS)
def test_no_modulation_is_the_bias_of_an_image_by_its_title(modulation):
    assert bias_in_name(modulation) is None


@pytest.mark.parametrize(
    "note",
    [
        "",
        "Bias: -0.2",
        "Bias: 1,234 mV",
        "Bias: 1 200 mV",
        "Bias: 100-200 mV",
        "Bias: 100\N{EN DASH}200 mV",
        "Bias: -0.5 V to 0.5 V",
        "Bias: -0.5 V - 0.5 V",
        "Bias: -200, -100, 0 mV",
        "Bias: \N{PLUS-MINUS SIGN}200 mV",
        "Bias \N{EN DASH} 200 mV",
        "Bias - 200 mV",
        "Bias -200 mV mod 5 mV",
        "Bias: 0.2 V\nBias: 300 mV",
        "Bias: 20 pA",
        "Bias: 10 mV/div",
        "axis start = -2.5, end = 2.53356, unit = V",
        "-200 mV",
    ],
)
def test_a_note_without_one_plain_bias_has_none(note):
    assert bias_in_note(note) is None


@given(st.integers(-9999, 9999), st.integers(1, 50), st.sampled_from(MODULATIONS), st.booleans())
def test_the_order_of_bias_and_modulation_does_not_matter(bias, amplitude, modulation, first):
    assume(bias != amplitude)
    lines = [f"Bias: {bias / 1000:.4f} V", modulation.replace("5", str(amplitude))]
    assert bias_in_note("\r".join(lines if first else lines[::-1])) == pytest.approx(bias)
