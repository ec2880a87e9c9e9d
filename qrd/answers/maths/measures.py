r"""A quantity taken apart: the expression alone, and what stands before or behind it ("\$5 an hour", "loss of 5").

Magnitudes belong to the number ("5 million" is 5000000, not 5); currencies, units and words to its unit.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from qrd.answers.maths import exact, latex, numerals, units
from qrd.answers.maths.latex import TEXT
from qrd.answers.maths.unit_names import SIDES
from qrd.answers.maths.units import Unit

_CURRENCY = (
    r"(?:(?:[A-Z]{2,3}\s?)?\$|[€£¥₹₩₽]|\\(?:pounds|euro|yen)(?![a-zA-Z])"
    r"|(?:USD|EUR|GBP|JPY|CNY|INR|AUD|CAD|CHF)(?![A-Za-z])\s?\$?|Rs\.?(?![a-z]))"
)
_PRICE = re.compile(
    rf"([-+]?)\s*(?:{TEXT}\{{\s*)?({_CURRENCY})\s*\}}?\s*([-+]?)\s*(?=[\d.(]|\\frac|\\sqrt)", re.IGNORECASE
)
_THOUSANDFOLD = re.compile(r"(?<=\d)\s?([kKmMbB])n?(?![a-zA-Z])")
LEAD = re.compile(
    rf"(?:{TEXT}\{{\s*)?(?:(?:an?|the|net)\s+){{0,2}}({'|'.join(SIDES)})\s+(?:of|by)\b\s*\}}?\s*", re.IGNORECASE
)
_SIGN_WORD = re.compile(rf"(?:{TEXT}\{{\s*)?(?:negative|minus)\s*\}}?\s*(?=[\d.$€£\\(])", re.IGNORECASE)
_WHOLE_WORDS = re.compile(rf"{TEXT}\{{([^{{}}]*)\}}")
_NUMBER_FIRST = re.compile(r"\s*[-+]?\s*[$€£¥₹]?\s*\d")
_MAGNITUDES = "|".join(sorted(numerals.MAGNITUDES, key=len, reverse=True))
_MAGNITUDE = re.compile(rf"\s*(?:{TEXT}\{{\s*)?(?<![A-Za-z])({_MAGNITUDES})s?(?![A-Za-z])(?:\s*\}})?", re.IGNORECASE)
_TRIGONOMETRIC = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-zA-Z])")
_BEHIND_NUMBER = re.compile(
    r"(?<=[\d)}%iπ\]])(?=\s*[A-Za-z\\^$€£¥₹₩₽¢%円元])|(?<=\\pi)(?=[\s\\])|(?<=\d)\.(?=\s[A-Za-z])"
)
_CODES = {"US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD"}
_SHORT_NAMES = {"k": "thousand", "m": "million", "b": "billion"}
_MAX_STARTS = 40


class Measured(NamedTuple):
    """The expression without its unit, and that unit."""

    value: str
    unit: Unit


@lru_cache(maxsize=4096)
def measured(expression: str) -> Measured:
    """The quantity and its unit; the expression as it is, and no unit, where none can be told from it."""
    text, sides = latex.exactly(expression), Unit()
    if (whole := _WHOLE_WORDS.fullmatch(text)) and _NUMBER_FIRST.match(whole[1]):
        text = whole[1].strip()
    if lead := LEAD.match(text):
        text, sides = text[lead.end() :], Unit(sides=frozenset({SIDES[lead[1].lower()]}))
    if sign := _SIGN_WORD.match(text):
        text = f"-{text[sign.end() :]}"
    text, money = _priced(_in_digits(text))
    value, unit = _split(text)
    if value.endswith("%"):
        unit = unit.joined(Unit(frozenset({(frozenset({"percent"}), 1)})))
    elif "percent" in {name for names, power in unit.factors for name in names if power == 1}:
        value = f"{value}%"
    return Measured(value, sides.joined(money).joined(unit))


def _in_digits(text: str) -> str:
    """The text with the number that its first words say in digits ("two dozen eggs" is "24 eggs")."""
    whole = _WHOLE_WORDS.fullmatch(text)
    words = whole[1] if whole else text
    if not words[:1].isalpha() and not words[:1].isspace():
        return text
    said = numerals.leading(words)
    if said is None or (said[1].strip() and units.read(said[1]) is None):
        return text
    return f"{numerals.written(said[0])}{said[1]}"


def _priced(text: str) -> tuple[str, Unit]:
    """The text without the currency before its number, and that currency."""
    price = _PRICE.match(text)
    if not price:
        return text, Unit()
    sign = "-" if "-" in price[1] + price[3] else ""
    code = price[2].strip()
    unit = units.read(f" {_CODES.get(code.upper(), code)}") or Unit()
    rest = text[price.end() :]
    if short := _THOUSANDFOLD.search(rest):
        rest = f"{rest[: short.start()]} {_SHORT_NAMES[short[1].lower()]}{rest[short.end() :]}"
    return sign + rest, unit._replace(loose=False)


def _split(text: str) -> Measured:
    """The text up to the unit that ends it, magnitudes between them multiplied in."""
    starts = [match.start() for match in _BEHIND_NUMBER.finditer(text)][-_MAX_STARTS:]
    for start in starts:
        head, tail = text[:start], text[start:]
        if latex.depth(head) and not _is_closed(head):
            continue
        head, tail = _scaled(head, tail)
        unit = units.read(tail) if tail.strip(" }") else Unit()
        if unit is not None and not (unit.factors and _TRIGONOMETRIC.search(head)):
            return Measured(head.strip(), unit)
    return Measured(text, Unit())


def _is_closed(head: str) -> bool:
    return sum(head.count(c) for c in "([{") == sum(head.count(c) for c in ")]}")


def _scaled(head: str, tail: str) -> tuple[str, str]:
    """The number times the magnitudes at the head of its tail ("5", " million dollars" is "5000000", " dollars")."""
    while magnitude := _MAGNITUDE.match(tail):
        value = exact.number(head)
        if value is None or value.percent:
            break
        scaled = value.value * numerals.MAGNITUDES[magnitude[1].lower()]
        if abs(scaled.numerator) >= 10**60 or scaled.denominator >= 10**60:
            break
        wrapped = magnitude[0].lstrip().startswith("\\") and not magnitude[0].endswith("}")
        head, tail = numerals.written(scaled), ("\\text{" if wrapped else "") + tail[magnitude.end() :]
    return head, tail
