"""The meaning of the name of an entry: a bias, the size of a pixel or of the frame, or positions, and its unit.

Arrays in MATLAB, numpy, HDF5 and NetCDF files of laboratories are identified by their names alone. A name without any
of these meanings has none: ``step`` may be that of the bias, ``resolution`` and ``length`` are
as often numbers of pixels as lengths.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ...core.units import bias_factor_mv, length_factor_nm, unit_mv, unit_nm

What = Literal["bias", "pixel", "size", "position", ""]

_BIAS_WORDS = {"en", "vs", "vb", "vt", "vbias", "vsample", "vtip", "vgap", "ub", "ubias", "samplebias", "tipbias"}
_BIAS_WORDS |= {"gapvoltage", "sweep", "mv", "mev", "ev"}
#: One letter is a bias only as the whole name, or before one of these words.
_BIAS_LETTERS, _AFTER_LETTER = {"v", "e", "u"}, {"axis", "bias", "sample", "tip", "gap", "vec", "values", "list"}
#: Words of quantities that are related to the bias but are not the bias.
_NOT_THE_BIAS = {"mod", "modulation", "rms", "ac", "pp", "lockin", "lock", "offset", "gain", "amp", "amplitude"}
_NOT_THE_BIAS |= {"step", "steps", "stepsize", "delta", "start", "stop", "begin", "end", "min", "max", "range", "span"}
_NOT_THE_BIAS |= {"width", "delay", "time", "rate", "n", "num", "number", "points", "point", "count", "index", "idx"}
_NOT_THE_BIAS |= {"scale", "divider", "noise", "limit", "resolution", "size", "unit", "units"}
_POSITIONS = "s|axis|ax|pos|positions?|coords?|coordinates?|vec|vector|values|grid|lookup|scale"
_POSITION = re.compile(rf"(?:positions?|pos|coords?|coordinates?|axis|real|sample)?(?P<axis>[xy])(?:{_POSITIONS})?")
_STEP = "steps?|stepsize|spacing|inc|increment|sampling|delta|pitch"
_PIXEL = re.compile(
    rf"(?P<a>[xy])?(?:scan|image|map)?(?:pixel|pix|px)(?:size|spacing|pitch|scale|step|length|dim|(?P<side>width|height))?"
    rf"(?P<b>[xy])?|(?:d|delta)(?P<c>[xy])|(?P<d>[xy])(?:{_STEP})|(?:{_STEP})(?P<e>[xy])"
)
_PIXEL_WITH_UNIT = re.compile(rf"(?:grid|scan|map|image|lateral)?(?:{_STEP}|resolution)")
_SIZE = re.compile(
    r"(?P<a>[xy])?(?P<of>scan|image|img|frame|map|field|topo|grid|area)?"
    r"(?:size|range|length|extent|area|span|real|fov|(?P<side>width|height))(?P<b>[xy])?|l(?P<c>[xy])|(?P<of2>fov)"
)
_SIDES = {"width": "x", "height": "y"}


@dataclass(frozen=True)
class Meaning:
    """The meaning of a name.

    Attributes
    ----------
    what
        ``bias``, ``pixel`` (the size of one), ``size`` (of the frame), ``position`` (a list of them), or nothing.
    axis
        ``x`` or ``y`` where it is of one axis only.
    factor
        The factor of its numbers to mV or nm, None where the name states no unit.
    inverse
        Whether it counts pixels in a length, as ``pixels_per_nm`` does.
    """

    what: What = ""
    axis: str = ""
    factor: float | None = None
    inverse: bool = False


def meaning_of(name: str) -> Meaning:
    """The meaning of the last part of a name such as ``scan.pixel_size_nm``.

    Examples
    --------
    >>> meaning_of("bias_mV").what, meaning_of("bias_mV").factor
    ('bias', 1.0)
    >>> [meaning_of(name).what for name in ("info.dx", "scan_size", "x_nm", "resolution", "bias_step")]
    ['pixel', 'size', 'position', '', '']
    """
    leaf = re.split(r"[./]", name.strip())[-1]
    words = _words(leaf)
    if not words:
        return Meaning()
    per = _per_pixel(words)
    if per is not None:
        return per
    bias = _stated_mv(leaf, words)
    length = None if bias is not None else _stated_nm(leaf, words)
    if _is_bias(words, has_unit=bias is not None):
        return Meaning("bias", factor=bias)
    base_name = "".join(words if length is None else _without_unit(words))
    position = _POSITION.fullmatch(base_name)
    if position:
        return Meaning("position", position["axis"], length)
    pixel = _PIXEL.fullmatch(base_name)
    if pixel:
        axis = next((pixel[group] for group in "abcde" if pixel[group]), "") or _SIDES.get(pixel["side"] or "", "")
        return Meaning("pixel", axis, length)
    if length is not None and _PIXEL_WITH_UNIT.fullmatch(base_name):
        return Meaning("pixel", factor=length)
    size = _SIZE.fullmatch(base_name)
    if size:
        axis = next((size[group] for group in "abc" if size[group]), "") or _SIDES.get(size["side"] or "", "")
        named = size["of"] or size["of2"] or any(size[group] for group in "abc")
        return Meaning("size", axis, length) if named or length is not None else Meaning()
    return Meaning()


def _words(leaf: str) -> list[str]:
    """The words of a name in small letters: ``pixelSize_nm`` has three."""
    words: list[str] = []
    for part in re.split(r"[\W\d_]+", leaf):
        # a mV is one word, whatever its capitals
        is_unit = unit_mv(part) is not None
        words += [part] if is_unit else re.findall(r"[A-Z]?[^A-Z]+|[A-Z]+(?![^A-Z])|[A-Z]", part)
    return [word.lower() for word in words]


def _per_pixel(words: list[str]) -> Meaning | None:
    """The meaning of ``nm_per_pixel`` and of ``pixels_per_nm``."""
    if "per" not in words[1:-1]:
        return None
    at = words.index("per")
    before, after = words[at - 1], words[at + 1]
    pixels = re.compile(r"(pixel|pix|px)s?")
    if pixels.fullmatch(after) and unit_nm(before):
        return Meaning("pixel", factor=unit_nm(before))
    if pixels.fullmatch(before) and unit_nm(after):
        return Meaning("pixel", factor=unit_nm(after), inverse=True)
    return Meaning()


def _stated_mv(leaf: str, words: list[str]) -> float | None:
    stated = bias_factor_mv(leaf)
    if stated is None:
        # a V alone is the quantity, a mV alone its unit; some write the unit without any gap
        joined = re.fullmatch(r"(?:v?bias|voltage|energy|sweep)_?(m?e?v|[uµ]v)", leaf, re.IGNORECASE)
        alone = len(words) > 1 or words[-1] in ("mv", "mev", "ev")
        stated = unit_mv(joined[1]) if joined else unit_mv(words[-1]) if alone else None
    return stated


def _stated_nm(leaf: str, words: list[str]) -> float | None:
    stated = length_factor_nm(leaf)
    return unit_nm(words[-1]) if stated is None and len(words) > 1 else stated


def _without_unit(words: list[str]) -> list[str]:
    kept = words[:-1]
    return kept[:-1] if kept[-1:] == ["in"] else kept


def _is_bias(words: list[str], *, has_unit: bool) -> bool:
    if _NOT_THE_BIAS & set(words):
        return False
    if has_unit or _BIAS_WORDS & set(words) or any(word.startswith(("bias", "volt", "energ")) for word in words):
        return True
    return words[0] in _BIAS_LETTERS and set(words[1:]) <= _AFTER_LETTER
