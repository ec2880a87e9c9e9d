"""Whether two expressions are equal, where text and exact arithmetic can tell; None where they cannot.

No computer algebra is needed here, and no text is evaluated: numbers are read by one grammar into fractions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from qrd.answers import latex

_MAX_DIGITS = 60
_INTEGER = rf"\d{{1,{_MAX_DIGITS}}}"
_DECIMAL = re.compile(rf"([+-]?)\s*(\d{{0,{_MAX_DIGITS}}})\.?(\d{{0,{_MAX_DIGITS}}})")
_FRACTION = re.compile(
    rf"([+-]?)\s*(?:({_INTEGER})\s*(?=\\)|({_INTEGER})\s+(?=\d))?(?:\\frac\{{\s*([+-]?{_INTEGER})\s*\}}\{{\s*([+-]?{_INTEGER})\s*\}}|({_INTEGER})\s*/\s*({_INTEGER}))"
)
_SCIENTIFIC = re.compile(
    r"([+-]?\d{1,20}(?:\.\d{1,20})?)\s*(?:\\times|\\cdot|\*)\s*10\s*\^\s*(?:\{\s*([+-]?\d{1,2})\s*\}|(\d))"
)
_ASSIGNED = re.compile(r"\\?[a-zA-Z]{1,8}(?:_\{?\w{1,4}\}?)?(?:\([a-zA-Z]\))?\s*(?:=|\\in(?![a-z]))\s*([^=<>]+)")
_RELATION = re.compile(r"[=<>]|\\(?:le|ge|ne|lt|gt|in)(?![a-zA-Z])")
_MATRIX = re.compile(r"\\begin\{([pb])matrix\}(.*)\\end\{\1matrix\}", re.DOTALL)
# Two numbers side by side (a mixed number is read before this is asked), a clock or a ratio, a number in some base:
# each is equal to itself as written, and algebra would read it as something else.
_WORD_FOR_WORD = re.compile(r"(?<![_^\w.])\d[\d.]*\s+\d|\d\s*:\s*\d|\d\s*_")
_MIN_PLACES = 6  # decimals that a rounded value must show before it may stand for an exact one

Compare = Callable[[str, str], "bool | None"]


class Number(NamedTuple):
    """An exact value, how many decimals it was written with (None: not as a decimal), and whether in percent."""

    value: Fraction
    places: int | None
    percent: bool


def number(expression: str) -> Number | None:
    """The exact value of an integer, decimal, fraction, mixed number or power of ten; None for anything else."""
    text = expression.strip()
    percent = text.endswith("%")
    text = text.removesuffix("%").strip().removeprefix("+")
    if (match := _DECIMAL.fullmatch(text)) and (match[2] or match[3]):
        value = Fraction(int(match[2] + match[3] or "0"), 10 ** len(match[3]))
        places = len(match[3]) if match[3] else None
        return Number(-value if match[1] == "-" else value, places, percent)
    if match := _SCIENTIFIC.fullmatch(text):
        power = int(match[2] or match[3])
        return Number(Fraction(match[1].replace("+", "")) * Fraction(10) ** power, None, percent)
    return _fraction(text, percent=percent)


def _fraction(text: str, *, percent: bool) -> Number | None:
    match = _FRACTION.fullmatch(text)
    if not match or int(match[5] or match[7]) == 0:
        return None
    value = Fraction(int(match[4] or match[6]), int(match[5] or match[7]))
    whole = int(match[2] or match[3] or 0)
    if whole and value < 0:
        return None
    value += whole
    return Number(-value if match[1] == "-" else value, None, percent)


def _same_number(one: Number, other: Number) -> bool:
    """Whether two numbers are one answer: equal, or but for a percent sign or a rounding to six decimals."""
    a, b = (n.value / 100 if n.percent else n.value for n in (one, other))
    if a == b or _rounds_to(a, one.places, b, other) or _rounds_to(b, other.places, a, one):
        return True
    if one.percent is other.percent or one.value != other.value:
        return False
    return abs(one.value) >= 1 or one.value == 0


def _rounds_to(rounded: Fraction, places: int | None, exact: Fraction, source: Number) -> bool:
    """Whether a decimal with enough places is the value of a fraction to that many; decimals round to nothing."""
    if places is None or places < _MIN_PLACES or source.places is not None or exact.denominator == 1:
        return False
    return abs(rounded - exact) * 2 <= Fraction(1, 10**places) and abs(exact) * 1000 >= 1


def _too_small(decimal: Number | None) -> bool:
    """Whether a decimal is so small that algebra, which compares to six decimals, would take it for others."""
    return decimal is not None and decimal.places is not None and 0 < abs(decimal.value) * 1000 < 1


def compare(prediction: str, gold: str, leaf: Compare | None = None) -> bool | None:
    """Whether two light forms are one answer; None where only algebra can tell and no `leaf` is given to do it.

    Lists without brackets and sets compare in any order, tuples, intervals and matrices in theirs; "x = 5" and 5 are
    one answer, "x = 5" and "y = 5" are not; a unit may be missing on one side but not differ.
    """
    if latex.compact(prediction) == latex.compact(gold):
        return True
    (left, left_unit), (right, right_unit) = latex.split_unit(prediction), latex.split_unit(gold)
    if left_unit != right_unit and latex.is_known_unit(left_unit) and latex.is_known_unit(right_unit):
        return False
    left, right = _unassigned(left, right)
    if latex.compact(left) == latex.compact(right):
        return True
    one, other = number(left), number(right)
    if one and other:
        return _same_number(one, other)
    if any(_WORD_FOR_WORD.search(side) for side in (left, right)) or _too_small(one) or _too_small(other):
        return False
    words = latex.words_of(left), latex.words_of(right)
    if any(words):
        return words[0] == words[1]
    return _parts(left, right, leaf)


def _unassigned(left: str, right: str) -> tuple[str, str]:
    """Both sides without "x =", unless both have it for different names."""
    one, other = _ASSIGNED.fullmatch(left), _ASSIGNED.fullmatch(right)
    if one and other and latex.compact(left[: one.start(1)]) != latex.compact(right[: other.start(1)]):
        return left, right
    if (one and not other and _RELATION.search(right)) or (other and not one and _RELATION.search(left)):
        return left, right
    return (one[1].strip() if one else left), (other[1].strip() if other else right)


def _parts(left: str, right: str, leaf: Compare | None) -> bool | None:
    """The comparison of matrices, unions, lists and tuples by their parts, and of the rest by `leaf`."""
    one, other = _MATRIX.fullmatch(left), _MATRIX.fullmatch(right)
    if one and other:
        return _rows(one[2], other[2], leaf)
    unions = latex.split_top(left, "\\cup"), latex.split_top(right, "\\cup")
    if max(map(len, unions)) > 1:
        return _any_order(*unions, leaf) if len(unions[0]) == len(unions[1]) else _leaf(left, right, leaf)
    (opens, inner, closes), (gold_opens, gold_inner, gold_closes) = (
        latex.unbracket(left),
        latex.unbracket(right),
    )
    items, gold_items = latex.split_top(inner, ","), latex.split_top(gold_inner, ",")
    if len(items) == 1 and len(gold_items) == 1:
        return _leaf(left, right, leaf) if opens + gold_opens != "[[" else compare(inner, gold_inner, leaf)
    if len(items) != len(gold_items):
        return _leaf(left, right, leaf) if "\\pm" in left + right or _RELATION.search(left + right) else False
    loose, gold_loose = opens + closes in ("", "{}"), gold_opens + gold_closes in ("", "{}")
    if loose and gold_loose:
        return _any_order(items, gold_items, leaf)
    if opens + closes != gold_opens + gold_closes and (opens or (gold_opens and gold_opens + gold_closes != "()")):
        return False
    return _in_order(items, gold_items, leaf)


def _leaf(left: str, right: str, leaf: Compare | None) -> bool | None:
    return leaf(left, right) if leaf else None


def _rows(left: str, right: str, leaf: Compare | None) -> bool | None:
    cells = [[row.split("&") for row in text.strip().removesuffix("\\\\").split("\\\\")] for text in (left, right)]
    if [len(row) for row in cells[0]] != [len(row) for row in cells[1]]:
        return False
    flat = [[cell.strip() for row in rows for cell in row] for rows in cells]
    return _in_order(flat[0], flat[1], leaf)


def _in_order(left: list[str], right: list[str], leaf: Compare | None) -> bool | None:
    """Whether all pairs are equal: False as soon as one is not, None where one cannot be told."""
    told = [compare(a, b, leaf) for a, b in zip(left, right, strict=True)]
    return False if False in told else None if None in told else True


def _any_order(left: list[str], right: list[str], leaf: Compare | None) -> bool | None:
    """Whether the parts of both sides pair off in some order; each is tried against those still free."""
    free, untold = list(right), False
    for part in left:
        told = [compare(part, other, leaf) for other in free]
        if True in told:
            free.pop(told.index(True))
        elif None in told:
            untold = True
        else:
            return False
    return None if untold else True
