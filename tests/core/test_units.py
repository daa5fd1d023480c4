"""Numbers and units in every spelling that a laboratory's files have."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_stm_impurities.core.units import (
    AmbiguousNumber,
    comma_between_digits,
    decode,
    is_pixel,
    length_factor_nm,
    number,
    plain,
    quantity,
    unit_mv,
    unit_nm,
)

MINUS_SIGNS = "-\N{MINUS SIGN}\N{EN DASH}\N{EM DASH}\N{FIGURE DASH}\N{FULLWIDTH HYPHEN-MINUS}\N{SMALL HYPHEN-MINUS}"
MINUS_SIGNS += "\N{NON-BREAKING HYPHEN}\N{SUPERSCRIPT MINUS}"


@pytest.mark.parametrize("minus", MINUS_SIGNS)
@pytest.mark.parametrize("digits", ["200", "0.2", ".2", "2e-1", " 200"])
def test_any_minus_sign_is_one(minus, digits):
    assert number(minus + digits) == -float(digits)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0,5", 0.5),
        ("-0,230", -0.23),
        (",5", 0.5),
        ("12,5", 12.5),
        ("1234,567", 1234.567),
        ("1,2345", 1.2345),
        ("1,234e-3", 1.234e-3),
        ("1.234", 1.234),
        ("1,234.5", 1234.5),
        ("1,234,567", 1234567.0),
        ("1.234,5", 1234.5),
        ("1.234.567", 1234567.0),
        ("1.234.567,5", 1234567.5),
        ("1'234.5", 1234.5),
        ("1\N{RIGHT SINGLE QUOTATION MARK}234,5", 1234.5),
        ("1 234,5", 1234.5),
        ("1\N{NO-BREAK SPACE}234.5", 1234.5),
        ("1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567", 1234567.0),
        ("1.5e3", 1500.0),
        ("1.5E+03", 1500.0),
        ("1e\N{MINUS SIGN}3", 1e-3),
        ("5x10^-3", 5e-3),
        ("5*10^-3", 5e-3),
        ("5 \N{MULTIPLICATION SIGN} 10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT THREE}", 5e-3),
        ("\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}", 12.0),
        ("+5", 5.0),
        ("5.", 5.0),
    ],
)
def test_a_number_is_read_by_its_own_marks(text, value):
    assert number(text) == pytest.approx(value, rel=1e-15)
    assert number(f" {text}\t") == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("text", ["1,234", "-1,234", "123,456", "12,000"])
def test_a_comma_that_may_be_either_is_refused(text):
    with pytest.raises(AmbiguousNumber, match="write it with a decimal point"):
        number(text)
    digits = text.replace(",", "")
    assert number(text, "thousands") == float(digits)
    assert number(text, "decimal") == float(text.replace(",", "."))


@pytest.mark.parametrize(
    "text",
    ["", "-", "five", "5 mV", "1,2,3", "1..2", "5\N{EN DASH}10", "1.2.3", "0x10", "1_000", "--5", "inf", "1e999"],
)
def test_what_is_no_number_is_none(text):
    assert number(text) is None


def test_not_a_number_is_one():
    assert math.isnan(number("NaN") or 0.0)


def test_the_first_number_that_leaves_no_choice_says_what_a_comma_is():
    assert comma_between_digits(["1,234", "9,762", "0,811"]) == "decimal"
    assert comma_between_digits(["1,234", "20,75"]) == "decimal"
    assert comma_between_digits(["1,234", "1,234.5"]) == "thousands"
    assert comma_between_digits(["1.5", "2"]) is None
    assert comma_between_digits(["Date: 3,4,5", "Bias 1,234 mV"]) is None


@given(
    st.integers(-(10**9), 10**9), st.integers(0, 999), st.sampled_from([(",", "."), (".", ","), ("'", "."), (" ", ",")])
)
def test_grouped_digits_are_the_same_number(whole, thousandths, marks):
    group, decimal = marks
    text = f"{whole:,}.{thousandths:03d}".replace(",", "G").replace(".", decimal).replace("G", group)
    value = float(f"{whole}.{thousandths:03d}")
    if abs(whole) < 1000 and decimal == "," and not text.lstrip("-").startswith("0"):
        with pytest.raises(AmbiguousNumber):
            number(text)
        assert number(text, "decimal") == value
    else:
        assert number(text) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_that_python_writes_is_the_same_to_the_last_bit(value):
    assert number(repr(value)) == value


MICRO = ["\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}", "u", "\\u00B5", "\\u03bc"]
ANGSTROM = ["\N{LATIN CAPITAL LETTER A WITH RING ABOVE}", "\N{ANGSTROM SIGN}", "A\N{COMBINING RING ABOVE}", "\\u00C5"]
ANGSTROM += ["A", "Ang", "ang.", "angstrom", "Angstroms", "\u00c5ngstr\u00f6m", "\u00e5ngstrom"]
AROUND = ["{}", " {} ", "[{}]", "({})", "{}]", "{},", "{};", "{}.", '"{}"', "{}\0", "<{}>"]


@pytest.mark.parametrize("around", AROUND)
def test_a_unit_is_known_with_what_stands_around_it(around):
    for micro in MICRO:
        assert unit_mv(around.format(f"{micro}V")) == 1e-3
        assert unit_nm(around.format(f"{micro}m")) == 1e3
    for angstrom in ANGSTROM:
        assert unit_nm(around.format(angstrom)) == 0.1
    assert unit_mv(around.format("mV")) == 1.0


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("V", 1000.0),
        ("volts", 1000.0),
        ("mV", 1.0),
        ("millivolt", 1.0),
        ("meV", 1.0),
        ("eV", 1000.0),
        ("nV", 1e-06),
        ("kV", 1000000.0),
        ("㎷", 1.0),
        ("㎶", 0.001),
        ("mVolt", 1.0),
    ],
)
def test_units_of_the_bias(unit, factor):
    assert unit_mv(unit) == factor
    assert unit_nm(unit) is None


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("m", 1000000000.0),
        ("metres", 1000000000.0),
        ("mm", 1000000.0),
        ("cm", 10000000.0),
        ("micron", 1000.0),
        ("micrometer", 1000.0),
        ("nm", 1.0),
        ("Nanometers", 1.0),
        ("pm", 0.001),
        ("㎚", 1.0),
        ("㎛", 1000.0),
    ],
)
def test_units_of_length(unit, factor):
    assert unit_nm(unit) == factor
    assert unit_mv(unit) is None


@pytest.mark.parametrize(
    "unit", ["", "mV_pp", "mVrms", "mV/s", "V^2", "V\N{SUPERSCRIPT TWO}", "furlong", "px", "nA", "\u00c2\u00b5m"]
)
def test_what_is_no_plain_unit_is_not_known(unit):
    assert unit_mv(unit) is None
    assert unit_nm(unit) is None


def test_pixels_are_no_length():
    assert all(is_pixel(unit) for unit in ("px", "pixel", "Pixels", "(pix)", "[px]"))
    assert not any(is_pixel(unit) for unit in ("pm", "p", "", "nm"))


def test_a_length_by_each_pixel_is_a_length():
    assert length_factor_nm("pixel size (nm/px)") == length_factor_nm("pixel size [nm per pixel]") == 1.0
    assert length_factor_nm("size (\N{MICRO SIGN}m)") == 1e3


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("30,5 nm", 30.5, "nm"),
        ("\N{MINUS SIGN}0,23V", -0.23, "V"),
        ("1.5e3mV", 1500.0, "mV"),
        ("0.0305 \N{MICRO SIGN}m]", 0.0305, "\N{GREEK SMALL LETTER MU}m]"),
        ("30.5", 30.5, ""),
        ("1 234,5 nm", 1234.5, "nm"),
        ("5 mV rms", 5.0, "mV rms"),
    ],
)
def test_a_quantity_is_a_number_and_what_follows(text, value, unit):
    assert quantity(text) == (value, unit)


@pytest.mark.parametrize("text", ["nm", "", "-", "one 5"])
def test_a_quantity_begins_with_a_number(text):
    assert quantity(text) is None


TEXT = "X [\N{MICRO SIGN}m] \u00c5 \u00b12\N{DEGREE SIGN}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-32"])
def test_a_text_is_the_same_in_every_encoding(encoding):
    assert decode(TEXT.encode(encoding)) == TEXT


def test_the_marks_of_either_byte_order_are_known():
    assert decode(b"\xff\xfe" + "\N{MINUS SIGN}5".encode("utf-16-le")) == "\N{MINUS SIGN}5"
    assert decode(b"\xfe\xff" + "\N{MINUS SIGN}5".encode("utf-16-be")) == "\N{MINUS SIGN}5"


def test_the_dash_of_windows_is_one_and_any_byte_has_a_character():
    assert plain(decode(b"\x96200 mV")) == "-200 mV"
    assert len(decode(bytes(range(256)))) == 256


def test_a_dash_is_a_sign_a_range_or_neither():
    dash = "\N{EN DASH}"
    assert plain(f"{dash}200") == "-200"
    assert plain(f"Bias: {dash} 200") == "Bias: - 200"
    assert plain(f"100{dash}200 mV") == "100..200 mV"
    assert plain(f"Bias {dash} 200 mV") == f"Bias {dash} 200 mV"
