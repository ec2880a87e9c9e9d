"""Numbers in words: "two dozen", "negative five", "three hundred and six thousand", "two thirds"."""

from __future__ import annotations

import re
from fractions import Fraction

_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_NAMES_OF_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
BELOW_TWENTY = {word: value for value, word in enumerate(_NAMES.split())}
_TENS = {word: 10 * value for value, word in enumerate(_NAMES_OF_TENS.split(), start=2)}
MAGNITUDES = {"dozen": 12, "score": 20, "hundred": 100, "gross": 144, "thousand": 10**3, "lakh": 10**5}
MAGNITUDES |= {"million": 10**6, "mn": 10**6, "crore": 10**7, "billion": 10**9, "bn": 10**9, "trillion": 10**12}
_IN_WORDS = frozenset({"dozen", "hundred", "thousand", "lakh", "million", "crore", "billion", "trillion"})
_ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth"
_PARTS = {"half": 2, "halves": 2, "quarter": 4, "twelfth": 12, "hundredth": 100}
_PARTS |= {word: value for value, word in enumerate(_ORDINALS.split(), start=3)}
_WORD = re.compile(r"[\s-]*([A-Za-z]+)")
_MAX_WORDS = 24
_SIGN_WORD = re.compile(r"(?:negative|minus)\s+(?=[\\$]{0,2}[\d.])", re.IGNORECASE)
_UNCOUNTED = frozenset({"a", "an", "half"})


def in_digits(words: str) -> str:
    """The words with the number they begin with in digits ("five apples" gives "5 apples"); others as they are.

    Where another number follows at once ("two three"), or nothing is counted ("half an hour"), they say no one number.
    """
    if sign := _SIGN_WORD.match(words):
        return f"-{words[sign.end() :]}"
    said = leading(words) if words[:1].isalpha() else None
    if said is None or (said[1] and _goes_on(words, said[1])):
        return words
    return f"{written(said[0])}{said[1]}"


def written(value: Fraction) -> str:
    """The number in digits: "25", "-2/3"."""
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def _goes_on(words: str, rest: str) -> bool:
    """Whether more than a unit may follow the number that the words say."""
    further = [word for word, _ in _words(rest) if word != "and"]
    is_number = bool(further) and (_kind(further[0]) not in ("none", "a") or further[0] in _PARTS)
    return is_number or rest[0].isalnum() or _words(words)[0][0] in _UNCOUNTED


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
            current += BELOW_TWENTY.get(word) or _TENS.get(word) or 0
        elif word in ("dozen", "hundred"):
            current = max(current, 1) * MAGNITUDES[word]
        elif kind == "scale":
            if 0 < total < MAGNITUDES[word]:
                return None
            total, current = total + max(current, 1) * MAGNITUDES[word], 0
        last = kind
    return total + current if last not in ("", "a", "and") else None


def _kind(word: str) -> str:
    if word in BELOW_TWENTY:
        return "digit" if 0 < BELOW_TWENTY[word] < 10 else "teen"
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
    "scale": _BELOW_HUNDRED | {"and"},
    "and": _BELOW_HUNDRED,
    "dozen": set(),
    "none": set(),
}
