"""Numbers in words: "two dozen", "negative five", "three hundred and six thousand", "two thirds"."""

from __future__ import annotations

import re
from fractions import Fraction

_BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_TWENTY_AND_ON = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: value for value, word in enumerate(_BELOW_TWENTY.split())}
_TENS = {word: 10 * value for value, word in enumerate(_TWENTY_AND_ON.split(), start=2)}
MAGNITUDES = {
    "dozen": 12, "score": 20, "hundred": 100, "gross": 144, "thousand": 10**3, "lakh": 10**5, "million": 10**6,
    "mn": 10**6, "crore": 10**7, "billion": 10**9, "bn": 10**9, "trillion": 10**12,
}  # fmt: skip
_IN_WORDS = frozenset({"dozen", "hundred", "thousand", "lakh", "million", "crore", "billion", "trillion"})
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10, "twelfth": 12,
}  # fmt: skip
_WORD = re.compile(r"[\s-]*([A-Za-z]+)")
_MAX_WORDS = 24


def leading(text: str) -> tuple[Fraction, str] | None:
    """The number that the first words of the text say, and the rest of it; None where they say none."""
    words = _words(text)
    sign, start = (-1, 1) if words and words[0][0] in ("negative", "minus") else (1, 0)
    for end in range(len(words), start, -1):
        value = _value([word for word, _ in words[start:end]])
        if value is not None:
            return sign * value, text[words[end - 1][1] :]
    return None


def _words(text: str) -> list[tuple[str, int]]:
    """The words at the head of the text, in lower case, and where each ends."""
    words: list[tuple[str, int]] = []
    position = 0
    while len(words) < _MAX_WORDS and (match := _WORD.match(text, position)):
        words.append((match[1].lower(), position := match.end()))
    return words


def _value(words: list[str]) -> Fraction | None:
    """What all the words say together; None where they are no one number."""
    if words[-1] == "dozen" and words[:-1] == ["half", "a"]:
        return Fraction(6)
    part = _PARTS.get(words[-1]) or _PARTS.get(words[-1].removesuffix("s"))
    if not part:
        whole = _cardinal(words)
        return None if whole is None else Fraction(whole)
    if words[-3:-1] == ["and", "a"] or words[-3:-1] == ["and", "one"]:
        whole = _cardinal(words[:-3]) if words[:-3] else None
        return None if whole is None else whole + Fraction(1, part)
    above = 1 if words[:-1] in (["a"], ["an"]) or words == ["half"] else _cardinal(words[:-1]) if words[:-1] else None
    return Fraction(above, part) if above else None


def _cardinal(words: list[str]) -> int | None:
    """The whole number the words say, each magnitude below the one before it; None where they say none."""
    total, current, last = 0, 0, ""
    for word in words:
        kind = _kind(word)
        if kind not in _FOLLOWS[last]:
            return None
        if kind in _BELOW_HUNDRED:
            current += _SMALL.get(word) or _TENS.get(word) or 0
        elif word in ("dozen", "hundred"):
            current = max(current, 1) * MAGNITUDES[word]
        elif kind == "scale":
            total, current = total + max(current, 1) * MAGNITUDES[word], 0
        last = kind
    return total + current if last not in ("", "a", "and") else None


def _kind(word: str) -> str:
    if word in _SMALL:
        return "digit" if 0 < _SMALL[word] < 10 else "teen"
    if word in _TENS:
        return "tens"
    if word in ("dozen", "hundred"):
        return word
    return "scale" if word in _IN_WORDS else word if word in ("a", "and") else "none"


_BELOW_HUNDRED = {"digit", "teen", "tens"}
# What may stand behind each kind of word: "five six" and "two and five" are two numbers.
_FOLLOWS: dict[str, set[str]] = {
    "": _BELOW_HUNDRED | {"a", "hundred", "dozen", "scale"},
    "a": {"hundred", "dozen", "scale"},
    "digit": {"hundred", "dozen", "scale"},
    "teen": {"hundred", "dozen", "scale"},
    "tens": {"digit", "dozen", "scale"},
    "hundred": _BELOW_HUNDRED | {"and", "scale"},
    "scale": _BELOW_HUNDRED | {"and", "scale"},
    "and": _BELOW_HUNDRED,
    "dozen": set(),
    "none": set(),
}
