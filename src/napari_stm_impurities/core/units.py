"""Numbers and units in text: one parser of both, for every file format and every table.

Characters come first (encodings, the many minus signs, micro and angstrom), then numbers (decimal comma, thousands
separators, exponents), then units. An ambiguous number is refused, never interpreted by its size.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from .errors import StmError

#: Meaning of a comma between digits.
Comma = Literal["decimal", "thousands"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    # the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Characters with the same meaning everywhere.
_SAME = str.maketrans(
    dict.fromkeys("\N{MINUS SIGN}\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{HEAVY MINUS SIGN}", "-")
    | {"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{MULTIPLICATION SIGN}": "x"}
)
#: A dash is a sign at the beginning of a number, a range between two, and else neither.
_DASH = "[\N{FIGURE DASH}\N{EN DASH}\N{EM DASH}\N{HORIZONTAL BAR}]"
_DASH_AS_SIGN = re.compile(rf"(?<!\d){_DASH}(?=[\d.,])|(?:(?<=[:=(\[,;|]\s)|(?<=[:=(\[,;|])|^){_DASH}(?=\s[\d.,])")
_DASH_AS_RANGE = re.compile(rf"(?<=\d){_DASH}(?=[-+]?\d)")
_SUPERSCRIPT = re.compile("[\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")

_EXPONENT = r"(?:\s?(?:e|[x*·]\s?10\s?\^?)\s?\(?[-+]?\d{1,3}\)?)?"
_PLAIN = re.compile(rf"([-+]?)\s?(\d+\.?\d*|\.\d+)({_EXPONENT})", re.IGNORECASE)
_WITH_COMMA = re.compile(rf"([-+]?)\s?(\d*,\d+)({_EXPONENT})", re.IGNORECASE)
_GROUPED = tuple(
    re.compile(rf"([-+]?)\s?({body})({_EXPONENT})", re.IGNORECASE)
    for body in (
        r"[1-9]\d{0,2}(?:[ ']\d{3})+(?:[.,]\d+)?",
        r"[1-9]\d{0,2}(?:,\d{3})+\.\d+|[1-9]\d{0,2}(?:,\d{3}){2,}",
        r"[1-9]\d{0,2}(?:\.\d{3})+,\d+|[1-9]\d{0,2}(?:\.\d{3}){2,}",
    )
)
_MAY_BE_EITHER = re.compile(r"[-+]?\s?[1-9]\d{0,2},\d{3}")
#: What Windows has in place of the control characters of Latin-1; it leaves five of them undefined.
_WINDOWS = {
    code: character
    for code in range(0x80, 0xA0)
    if (character := bytes([code]).decode("cp1252", errors="replace")) != "\N{REPLACEMENT CHARACTER}"
}
_TOKEN = re.compile(r"(?<![\w.,'])\d[\d.,']*(?<=\d)(?:e[-+]?\d+)?(?![\d.,]*\d)", re.IGNORECASE)

_EXPONENTS = {"p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3}
_SPELLED = {"pico": -12, "nano": -9, "micro": -6, "milli": -3, "": 0, "kilo": 3}


def _table(symbols: Iterable[str], words: Iterable[str], unit_exponent: int) -> dict[str, float]:
    """The factor of each unit, with every prefix, to the unit of the exponent `unit_exponent`."""
    short = {f"{prefix}{symbol}": exponent for symbol in symbols for prefix, exponent in _EXPONENTS.items()}
    spelled = {
        f"{prefix}{word}{plural}": exponent
        for word in words
        for prefix, exponent in (_EXPONENTS | _SPELLED).items()
        for plural in ("", "s")
    }
    return {name: float(f"1e{exponent - unit_exponent}") for name, exponent in (short | spelled).items()}


#: The factors of units to mV and to nm; the names in small letters, the micro sign as u, without accents.
MV = _table(("v", "ev"), ("volt", "electronvolt"), -3)
NM = (
    _table(("m",), ("meter", "metre"), -9)
    | dict.fromkeys(("a", "ang", "angs", "angstrom", "angstroms", "angstroem"), 0.1)
    | dict.fromkeys(("micron", "microns"), 1e3)
    | {"cm": 1e7}
)
_PIXELS = {"px", "pix", "pxl", "pixel", "pixels"}


class AmbiguousNumber(StmError):
    """A number with a comma that may be a decimal mark or a thousands separator."""


def decode(raw: bytes) -> str:
    r"""The text in bytes: by its byte order mark, else UTF-8, else the Latin-1 of Windows.

    Examples
    --------
    >>> [decode(raw) for raw in ("µm".encode("utf-8-sig"), "µm".encode("utf-16"), b"\xb5m")]
    ['µm', 'µm', 'µm']
    """
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1").translate(_WINDOWS)


def plain(text: str) -> str:
    r"""The text in plain characters: one minus sign, one micro sign (Greek mu), one angstrom, ASCII digits.

    A dash at the beginning of a number is its sign; between two numbers it is a range (two points).

    Examples
    --------
    >>> plain("\N{MINUS SIGN}5 \N{EN DASH}3 ㎷"), plain("5\N{EN DASH}10"), plain("10⁻³")
    ('-5 -3 mV', '5..10', '10^-3')
    """
    if not text.isascii():
        text = _SUPERSCRIPT.sub(lambda match: "^" + unicodedata.normalize("NFKC", match[0]), text)
        text = unicodedata.normalize("NFKC", text).translate(_SAME)
        text = _DASH_AS_RANGE.sub("..", _DASH_AS_SIGN.sub("-", text))
    # ImageJ writes characters beyond ASCII as escapes
    return _ESCAPED.sub(lambda match: plain(chr(int(match[1], 16))), text) if "\\u" in text else text


def comma_between_digits(texts: Iterable[str]) -> Comma | None:
    """The meaning of commas, from the first unambiguous number; None where there is none.

    Examples
    --------
    >>> [comma_between_digits(["1,234", other]) for other in ("0,5", "1,234,567", "5.5")]
    ['decimal', 'thousands', None]
    """
    for text in texts:
        for match in _TOKEN.finditer(plain(text)) if "," in text else ():
            token = match[0]
            if _GROUPED[1].fullmatch(token):
                return "thousands"
            if _WITH_COMMA.fullmatch(token) and not _MAY_BE_EITHER.fullmatch(token):
                return "decimal"
            if _GROUPED[2].fullmatch(token) and "," in token:
                return "decimal"
    return None


def number(text: str, comma: Comma | None = None) -> float | None:
    """The number in a text, or None when it holds none.

    Parameters
    ----------
    text
        The number alone.
    comma
        The meaning of a comma in this file; with None a number such as 1,234 is ambiguous.

    Raises
    ------
    AmbiguousNumber
        If the comma may be either.

    Examples
    --------
    >>> [number(text) for text in ("-0,23", "1.5e3", "1'234.5", "1,234,567", "5x10⁻³", "nan", "5 mV")]
    [-0.23, 1500.0, 1234.5, 1234567.0, 0.005, nan, None]
    >>> number("1,234", "decimal"), number("1,234", "thousands")
    (1.234, 1234.0)
    """
    text = plain(text).strip()
    if text.lower() in ("nan", "+nan", "-nan"):
        return math.nan
    match = _PLAIN.fullmatch(text)
    if match:
        return _value(match)
    if comma is None and _MAY_BE_EITHER.fullmatch(text):
        whole, thousandths = text.split(",")
        raise AmbiguousNumber(
            f"{text!r} may be {whole}.{thousandths} or {whole}{thousandths}; write it with a decimal point"
        )
    match = _WITH_COMMA.fullmatch(text)
    if match:
        if comma != "thousands":
            return _value(match, decimal=",")
        return _value(match, groups=",") if _MAY_BE_EITHER.fullmatch(text) else None
    for pattern, groups in zip(_GROUPED, (" '", ",", "."), strict=True):
        match = pattern.fullmatch(text)
        if match:
            consistent = comma is None or "," not in text or ("thousands" if groups == "," else "decimal") == comma
            return _value(match, groups=groups, decimal="," if groups != "," else ".") if consistent else None
    return None


def _value(match: re.Match[str], groups: str = "", decimal: str = ".") -> float | None:
    digits = match[2].translate({ord(separator): None for separator in groups}).replace(decimal, ".")
    exponent = re.search(r"[-+]?\d+(?=\)?$)", match[3])
    value = float(f"{match[1]}{digits}e{exponent[0]}" if exponent else f"{match[1]}{digits}")
    return value if math.isfinite(value) else None


def quantity(text: str, comma: Comma | None = None) -> tuple[float, str] | None:
    """The number at the beginning of a text, and the unit after it as written; None when there is no number.

    Raises
    ------
    AmbiguousNumber
        As :func:`number` does.

    Examples
    --------
    >>> quantity("-0,23 V"), quantity("30.5"), quantity("nm")
    ((-0.23, 'V'), (30.5, ''), None)
    """
    text = plain(text).strip()
    match = re.match(rf"[-+]?\s?(?:\d[\d.,']*(?: \d{{3}}(?!\d))*(?:[.,]\d+)?|[.,]\d+){_EXPONENT}", text, re.IGNORECASE)
    if match is None:
        return None
    digits = match[0].rstrip(".,' ")
    value = number(digits, comma)
    return None if value is None else (value, text[len(digits) :].strip())


def _name_of(unit: str) -> str:
    """A unit in small letters, without accents and surrounding characters; capitals are ignored."""
    letters = unicodedata.normalize("NFKD", plain(unit).strip(" \t\r\n\0\"'[](){}<>.,;:#"))
    without_accents = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return without_accents.lower().replace("\N{GREEK SMALL LETTER MU}", "u")


def unit_mv(unit: str) -> float | None:
    """The factor of a unit to mV, or None when it is no unit of the bias.

    Examples
    --------
    >>> unit_mv("V"), unit_mv("meV"), unit_mv("µV]"), unit_mv("mV_pp"), unit_mv("nm")
    (1000.0, 1.0, 0.001, None, None)
    """
    return MV.get(_name_of(unit))


def unit_nm(unit: str) -> float | None:
    """The factor of a unit to nm, or None when it is no unit of length.

    Examples
    --------
    >>> unit_nm("m"), unit_nm("Å"), unit_nm("Ang"), unit_nm("µm,"), unit_nm("V")
    (1000000000.0, 0.1, 0.1, 1000.0, None)
    """
    return NM.get(_name_of(unit))


def is_pixel(unit: str) -> bool:
    """Whether a unit is the pixel.

    Examples
    --------
    >>> is_pixel("px"), is_pixel("(pixels)"), is_pixel("pm")
    (True, True, False)
    """
    return _name_of(unit) in _PIXELS


def bias_factor_mv(name: str) -> float | None:
    """The factor to mV from the unit at the end of a name, or None when there is none.

    Examples
    --------
    >>> bias_factor_mv("bias_mV"), bias_factor_mv("V (V)"), bias_factor_mv("energy")
    (1.0, 1000.0, None)
    """
    unit = _last_part(name)
    return None if unit is None else unit_mv(unit)


def length_factor_nm(name: str) -> float | None:
    """The factor to nm from the unit at the end of a name, or None when there is none.

    Examples
    --------
    >>> length_factor_nm("pixel_nm"), length_factor_nm("size (nm/px)"), length_factor_nm("pixel")
    (1.0, 1.0, None)
    """
    unit = _last_part(re.sub(r"\s?(?:/|per)\s?(?:px|pix|pixel|point)s?(?=\W*$)", "", name, flags=re.IGNORECASE))
    return None if unit is None else unit_nm(unit)


def _last_part(name: str) -> str | None:
    match = re.search(r"[\s_(\[/,]([^\s_()\[\]/,]+)[)\]]?\s*$", name)
    return match[1] if match else None
