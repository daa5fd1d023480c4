"""The bias in text: in the name of a file, the title of an image or the label of a page, and in a file's notes.

A number counts only with a unit of voltage, and the text around it decides its meaning. The lock-in's modulation, the
ends and steps of a sweep and a range of biases are not the bias of a map; an ambiguous text gives no bias, and the
user has to provide it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ...core.units import MV, AmbiguousNumber, Comma, comma_between_digits, number, plain, unit_mv

#: No electronics of a microscope go further, so 12 200 mV is two numbers.
_MAX_BIAS_MV = 10_000.0

_UNITS = "|".join(sorted((name.replace("u", "[uμ]", 1) if name[0] == "u" else name for name in MV), key=len)[::-1])
#: A space may follow the sign of a number at the beginning or after a colon or the like.
_SIGN = r"[-+](?:(?<=^[-+])\s|(?<=[:=(\[,;|][-+])\s|(?<=[:=(\[,;|]\s[-+])\s)?"
_EXPONENT = r"(?:e[-+]?\d{1,3}(?!\d)|\s?[x*·]\s?10\s?\^?\(?[-+]?\d{1,3}\)?)?"
#: What follows a unit of the modulation: 5 mV rms, 5mVpp, 5 mV (modulation), 5 mV @ 973 Hz.
_AMPLITUDE = (
    r"(?P<gap>[ _(]*)(?:(?P<word>(?:mod|ampl|lock|osc)[a-z-]*|ac(?![a-z])|amp(?![a-z]))"
    r"|(?:rms|p[-2]?p|pk|pk-?pk|0-?p|ptp)(?![a-z])|peak[a-z-]*)"
    r"|(?:\s?@|,?\s(?:at\s)?)\s?[\d.,]+\s?k?hz"
)
_AFTER = rf"(?P<unit>{_UNITS})(?:(?P<after>{_AMPLITUDE})|(?![a-zμ0-9]))(?!\s?\^|\s?[/·*]\s?[a-zμ(])"
#: In a name a letter may be the sign (m, p, n) or the decimal mark (p).
_IN_NAME = re.compile(
    rf"(?P<sign>{_SIGN}|(?<![a-z0-9])(?:m|p|n|minus[ _]?|neg(?:ative)?[ _]?|plus[ _]?|pos(?:itive)?[ _]?)(?=\d))?"
    rf"(?<![\d.,'])(?<!\dp)(?P<number>(?:\d+(?:p\d+|(?:[.,']\d+)*)|\.\d+){_EXPONENT})[ _]?[\[(]?{_AFTER}",
    re.IGNORECASE,
)
_IN_TEXT = re.compile(
    rf"(?P<sign>{_SIGN})?(?<![\d.,'])"
    rf"(?P<number>(?:\d+(?:[.,']\d+)*|\.\d+){_EXPONENT})"
    rf"(?:\s?[\[(]?{_AFTER}|(?![\w%°])(?![.,']\d)(?!\s?[pnuμmk]?(?:a|m|hz|%|°|k|s)\b))",
    re.IGNORECASE,
)
_UNIT_IN_LABEL = re.compile(rf"[\[(_/,\s]\s?(?P<unit>{_UNITS})\s?[\])]?[\"'\s_]*[:=]?[\"'\s_]*$", re.IGNORECASE)
#: Text before a number that leaves its sign open, or makes it the end of a range or the rest of a larger number.
_UNSIGNED = re.compile(
    r"(?:±|[-+]/|\+\s?-?|[^\x00-\x7fμ°≈≅]|[?^<>]|\de\s)$|[-\N{EN DASH}\N{EM DASH}]\s+$", re.IGNORECASE
)
_RANGE = r"(?:\.\.+|to|until|bis|~)"
_RANGE_BEFORE = re.compile(rf"\d[\s_]*(?:{_UNITS})?[\s_]*{_RANGE}[\s_]*$|\d-$", re.IGNORECASE)
_RANGE_AFTER = re.compile(rf"[\s_]*{_RANGE}[\s_]*[-+]?[\d.]|\s?-\s?[\d.,]+\s?(?:{_UNITS})\b", re.IGNORECASE)

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-zäöüß]+")
_BIAS = re.compile(
    r"[vu]?bias|bias(?:volt|voltage|spannung)|(?:sample|tip)bias|(?:gap|sample)voltage|(?:gap|proben|tunnel)spannung"
    r"|[vu](?:b|s|gap|sample|tip)"
)
_OF_VOLTAGE = {"sample", "tip", "gap", "tunnel", "tunneling", "tunnelling", "junction", "stm"}
_VOLTAGE = {"voltage", "volt", "volts", "spannung", "potential", "v", "u"}
#: Words behind which a phrase begins that has nothing to do with the words before.
_BEGINS = {"at", "with", "and", "for", "using", "to", "by", "a"}
_CONNECTING = {"set", "setpoint", "point", "value", "applied", "dc", "scan", "imaging", "control", "the", "is", "was"}
_CONNECTING |= {"of", "an", "actual", "mean", "nominal", "mv", "in", "about", "ca", "equals"}
_NEUTRAL = _OF_VOLTAGE | _VOLTAGE | _BEGINS | _CONNECTING
#: Words, or their beginnings, of a modulation; and of other voltages that have to do with the bias.
_OF_BIAS = r"(?:[vu]|bias|gap)?"
_MODULATION = re.compile(
    rf"{_OF_BIAS}(?:mod(?!e(?:$|l))|ampl|amp$|rms|ac$|pp$|pk|peak|osc|excit|dither|wiggl|wobbl|jitter"
    r"|tickl|perturb|sine$|sinus|ripple|noise|lock|lia$)",
    re.IGNORECASE,
)
_LOCK_IN = re.compile(rf"{_OF_BIAS}(?:lock|lia$)", re.IGNORECASE)
_OTHER = re.compile(
    rf"{_OF_BIAS}(?:offset|range|calib|sweep|start|stop|step|begin|end$|from$|init|final|first|last|incr|delta|min$|max$"
    r"|minimum|maximum|lower|upper|limit|puls|slew|rate|ramp|speed|resol|gain|sensi|err|corr|divid|freq|period|phase"
    r"|delay|time|drive|factor|scal|prev|old|second|piezo|hv|anfang|ende|bereich|schritt)",
    re.IGNORECASE,
)

_Kind = Literal["stated", "mentioned", "bare"]


@dataclass(frozen=True)
class _Mention:
    """A voltage in a text, and whether its label is exactly the bias, contains it, or does not; None is ambiguous."""

    kind: _Kind
    value_mv: float | None


def bias_in_name(name: str, comma: Comma | None = None) -> float | None:
    """The bias in mV in the name of a file, a title or a label, or None when there is none, or several.

    A number with the word bias before it wins over others.

    Parameters
    ----------
    name
        Without the suffix of a file.
    comma
        The meaning of a comma, where it is known from other names of the series.

    Examples
    --------
    >>> [bias_in_name(name) for name in ("map_-230mV", "m0p23V", "+20 meV", "Au 0,5V", "dIdV_m5_mV", "run 12")]
    [-230.0, -230.0, 20.0, 500.0, -5.0, None]
    >>> bias_in_name("5mVmod bias -100mV"), bias_in_name("10mV_20mV"), bias_in_name("1,500 mV")
    (-100.0, None, None)
    """
    return _decide(_mentions(plain(name), _IN_NAME, comma), ("stated", "mentioned", "bare"))


def bias_in_note(text: str, comma: Comma | None = None) -> float | None:
    r"""The bias in mV in the notes of a file, where a number is labelled as the bias; None when none is, or several.

    Parameters
    ----------
    text
        Lines such as ``Bias: -200 mV`` or ``Sample bias [V] = -0,2``, or prose.
    comma
        The meaning of a comma, where it is known from other numbers of the file.

    Examples
    --------
    >>> bias_in_note("Bias modulation: 5 mV\rBias: -200 mV"), bias_in_note("V_bias [mV] = 20"), bias_in_note("Bias: 20")
    (-200.0, 20.0, None)
    """
    comma = comma or comma_between_digits([text])
    lines = re.split(r"[\r\n]+", plain(text))
    found = [mention for line in lines for mention in _mentions(line, _IN_TEXT, comma)]
    return _decide(found, ("stated", "mentioned"))


def _decide(mentions: Iterable[_Mention], kinds: tuple[_Kind, ...]) -> float | None:
    mentions = list(mentions)
    for kind in kinds:
        values = {mention.value_mv for mention in mentions if mention.kind == kind}
        if values:
            return values.pop() if len(values) == 1 else None
    return None


def _mentions(text: str, pattern: re.Pattern[str], comma: Comma | None) -> Iterator[_Mention]:
    """Every voltage in a text that may be the bias."""
    at = 0
    for match in pattern.finditer(text):
        label = text[at : match.start()]
        unit = match["unit"]
        if unit is None:
            in_label = _UNIT_IN_LABEL.search(label)
            if in_label is None:
                continue
            unit, label = in_label["unit"], label[: in_label.start()]
        labelled = _labelled_number(match, text)
        # a word that may belong to either number excludes both
        at = match.end() if labelled == "this" else match.end("unit")
        kind = _kind(label, has_unit=match["unit"] is not None, prose=pattern is _IN_NAME)
        if kind is None or (match["after"] and labelled != "next"):
            continue
        before = text[: match.start()]
        unsure = (
            _UNSIGNED.search(before)
            or _RANGE_BEFORE.search(before + ("-" if pattern is _IN_TEXT and match["sign"] else ""))
            or _RANGE_AFTER.match(text, match.end())
            or _is_thousands_group(before, match)
            or (kind != "bare" and re.search(r"\d", _clause(label)))
            or (_glued(text, match) and "e" in match["number"].lower())
        )
        yield _Mention(kind, None if unsure else _value_mv(match, unit, comma))


def _labelled_number(match: re.Match[str], text: str) -> Literal["this", "next", "unclear"]:
    """The number that the word after a unit labels: the next one in ``-200mV_mod5mV``, ``-200 mV (mod. 5 mV)``."""
    if not match["gap"]:
        return "this"
    rest = text[match.end("after") :]
    if match["word"] is None:
        return "next" if re.match(r"[\d.]", rest) else "this"
    in_brackets = r"[\s.]*" if "(" in match["gap"] else ""
    if re.match(rf"[\s_]*[:=]|{in_brackets}[-+]?[\d.]", rest):
        return "next"
    return "unclear" if re.match(r"[\s_.]*[-+]?[\d.]", rest) else "this"


def _is_thousands_group(before: str, match: re.Match[str]) -> bool:
    """Whether a number may be the last three digits of one that is written with spaces: 1 200 mV."""
    digits = re.search(r"(?<![\w.,])([1-9]\d{0,2}) $", before)
    if digits is None or match["sign"] or not re.fullmatch(r"\d{3}(?:[.,]\d+)?", match["number"]):
        return False
    factor = unit_mv(match["unit"] or "") or 1.0
    return float(digits[1] + match["number"][:3]) * factor <= _MAX_BIAS_MV


def _glued(text: str, match: re.Match[str]) -> bool:
    """Whether a number directly follows a letter that is not its sign, as in a sample's name."""
    before = text[match.start("number") - 1 : match.start("number")] if not match["sign"] else ""
    return before.isalpha()


def _value_mv(match: re.Match[str], unit: str, comma: Comma | None) -> float | None:
    digits = re.sub(r"(?<=\d)p(?=\d)", ".", match["number"], flags=re.IGNORECASE)
    try:
        value = number(digits, comma)
    except AmbiguousNumber:
        return None
    factor = unit_mv(unit)
    if value is None or factor is None:
        return None
    minus = (match["sign"] or "+")[0].lower() in "-mn"
    return round((-value if minus else value) * factor, 9) + 0.0


def _kind(label: str, *, has_unit: bool, prose: bool) -> _Kind | None:
    """The kind of mention, from the text before a number; None when it is another voltage than the bias.

    In `prose`, such as a name, unknown words may precede the bias.
    """
    clause = _clause(label)
    words = _words(clause)
    if not _names_bias(words, clause):
        if not has_unit or (words and _OTHER.match(words[-1])):
            return None
        # a lock-in is a channel, too, unless it directly precedes the number
        channel = [word for word in words if not _LOCK_IN.match(word)]
        adjacent = re.search(r"(?:lock-?in|lia)[\s:=_]*$", label, re.IGNORECASE)
        return None if adjacent or any(_MODULATION.match(word) for word in channel) else "bare"
    if any(_MODULATION.match(word) or _OTHER.match(word) for word in words):
        return None
    naming = [i for i, word in enumerate(words) if _BIAS.fullmatch(word)] or [
        i for i, w in enumerate(words) if w in _VOLTAGE
    ]
    unknown = [i for i, word in enumerate(words) if not (_BIAS.fullmatch(word) or word in _NEUTRAL)]
    if not unknown:
        return "stated"
    begins = max((i for i, word in enumerate(words[: naming[-1]]) if word in _BEGINS), default=-1)
    return "mentioned" if max(unknown) < (naming[-1] if prose else begins) else None


def _clause(label: str) -> str:
    """The last part of a label, where that alone names the bias; else the whole label."""
    parts = re.split(r"[;|,(](?!\d)", label)
    if not any(_MODULATION.match(word) for word in _words(parts[-1])):
        parts += re.split(r":(?=.*\w)", parts[-1])
    return parts[-1] if _names_bias(_words(parts[-1]), parts[-1]) else label


def _words(label: str) -> list[str]:
    # V_s and V_b are words of their own
    return [word.lower() for word in _WORD.findall(re.sub(r"\b([VU])_(?=[sb]\b)", r"\1", label, flags=re.IGNORECASE))]


def _names_bias(words: list[str], clause: str) -> bool:
    if any(_BIAS.fullmatch(word) for word in words) or (set(words) & _OF_VOLTAGE and set(words) & _VOLTAGE):
        return True
    # a voltage or V alone before a colon
    return bool(words) and set(words) <= _VOLTAGE and bool(re.search(r"[:=]\s*$", clause))
