"""Numbers in English words, said in digits: "minus twenty-five" is -25, "two thirds" 2/3."""

from __future__ import annotations

import re

_FIRST_NAMES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TEN_NAMES = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_UNITS = {name: value for value, name in enumerate(_FIRST_NAMES)}
_TENS = {name: 10 * value for value, name in enumerate(_TEN_NAMES, start=2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10, "hundredth": 100,
}  # fmt: skip
_WORD = rf"(?:{'|'.join((*_UNITS, *_TENS, 'hundred', *_SCALES))})\b"
_SPELLED = re.compile(
    rf"(?P<sign>(?:negative|minus)\s+)?(?P<words>{_WORD}(?:(?:\s*-\s*|\s+and\s+|\s+){_WORD}){{0,12}})"
    rf"(?P<part>[\s-]+(?:{'|'.join(_PARTS)})s?\b)?",
    re.IGNORECASE,
)
_SIGNED = re.compile(r"(?:negative|minus)\s+(?=[\\$]{0,2}[\d.])", re.IGNORECASE)
_WORDS = re.compile(rf"{_WORD}|and", re.IGNORECASE)
_ALONE = {"half": "1/2", "dozen": "12", "hundred": "100", "thousand": "1000", "million": "1000000"}


def in_digits(words: str) -> str:
    """The words with the number they begin with in digits ("five apples" gives "5 apples"); others as they are."""
    if signed := _SIGNED.match(words):
        return f"-{words[signed.end() :]}"
    if alone := _ALONE.get(words.lower().removeprefix("a ").strip()):
        return alone
    match = _SPELLED.match(words)
    value = _value(_WORDS.findall(match["words"].lower())) if match else None
    if match is None or value is None:
        return words
    sign = "-" if match["sign"] else ""
    part = f"/{_PARTS[_one(match['part'])]}" if match["part"] else ""
    return f"{sign}{value}{part}{words[match.end() :]}"


def _one(part: str) -> str:
    name = part.strip(" -\t").lower()
    return name if name in _PARTS else name.removesuffix("s")


def _value(words: list[str]) -> int | None:
    """What the words come to; None where they are no one number ("two three", "one and two")."""
    total, group, last = 0, 0, 1000
    for word in words:
        if word in _UNITS or word in _TENS:
            step = _UNITS.get(word, _TENS.get(word, 0))
            if step >= (10 if last == 20 else last):
                return None
            group, last = group + step, 20 if step >= 20 else 0
        elif word == "hundred":
            if not 0 < group < 100:
                return None
            group, last = group * 100, 100
        elif word in _SCALES:
            if not group or (total and total < _SCALES[word]):
                return None
            total, group, last = total + group * _SCALES[word], 0, 1000
        elif last < 100:
            return None
    return total + group
