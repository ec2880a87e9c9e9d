"""Whether two expressions are equal, where text and exact arithmetic can tell; None where they cannot.

No computer algebra is needed here, and no text is evaluated: numbers are read by one grammar into fractions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from qrd.answers.maths import exact, latex, units
from qrd.answers.maths.exact import Number, number
from qrd.answers.maths.measures import Measured, measured

_NAME = r"\\?[a-zA-Z]{1,8}(?:_\{?\w{1,4}\}?)?(?:\s?\([a-zA-Z]\))?"
_ASSIGNED = re.compile(
    rf"({_NAME}|\((?:{_NAME}\s*,\s*){{1,3}}{_NAME}\))\s*(?:=|\\approx(?![a-z])|\\in(?![a-z]))\s*([^=<>]+)"
)
_RELATION = re.compile(r"[=<>]|\\(?:le|ge|ne|lt|gt|in)(?![a-zA-Z])")
_BELOW, _ABOVE = r"(<|\\le(?![a-zA-Z])|\\lt(?![a-zA-Z]))", r"(>|\\ge(?![a-zA-Z])|\\gt(?![a-zA-Z]))"
_SIDE = r"([^<>=,]+?)"
_RANGES = [  # lower bound, sign, name, sign, upper bound; a bound that is missing is infinite
    (re.compile(rf"{_SIDE}\s*{_BELOW}\s*({_NAME})\s*{_BELOW}\s*{_SIDE}"), (1, 2, 3, 4, 5)),
    (re.compile(rf"{_SIDE}\s*{_ABOVE}\s*({_NAME})\s*{_ABOVE}\s*{_SIDE}"), (5, 4, 3, 2, 1)),
    (re.compile(rf"({_NAME})\s*{_BELOW}\s*{_SIDE}"), (0, 0, 1, 2, 3)),
    (re.compile(rf"({_NAME})\s*{_ABOVE}\s*{_SIDE}"), (3, 2, 1, 0, 0)),
    (re.compile(rf"{_SIDE}\s*{_BELOW}\s*({_NAME})"), (1, 2, 3, 0, 0)),
    (re.compile(rf"{_SIDE}\s*{_ABOVE}\s*({_NAME})"), (0, 0, 3, 2, 1)),
]
_MATRIX = re.compile(r"\\begin\{([pb])matrix\}(.*)\\end\{\1matrix\}", re.DOTALL)
# Two numbers side by side (a mixed number is read before this is asked), a clock or a ratio, a number in some base:
# each is equal to itself as written, and algebra would read it as something else.
_WORD_FOR_WORD = re.compile(r"(?<![_^\w.])\d[\d.]*\s+\d|\d\s*:\s*\d|\d\s*_")
_CONJUNCTION = re.compile(
    rf"\s*,?\s*{latex.TEXT}\{{\s*,?\s*(?:and|or)\s*\}}\s*|\s*,?\s(?:and|or)\s+|\s*;\s*|\s*,?\s*\\(?:land|lor|wedge|vee)\s+"
)
_WORDS = re.compile(rf"{latex.TEXT}\{{([^{{}}]*)\}}")
_OR = re.compile(rf"\s*,?\s*{latex.TEXT}\{{\s*or\s*\}}\s*|\s*,?\sor\s+|\s*\\(?:lor|vee)\s+")
_AND = re.compile(rf"{latex.TEXT}\{{\s*and\s*\}}|\sand\s|\\(?:land|wedge)(?![a-z])")
_COMPOUND = re.compile(r"(?<=\d)(\s*[A-Za-z]+\.?)\s+(?=\d)")
_ONLY_NUMBERS = re.compile(r"[-+]?[\d.]+(?:,[-+]?[\d.]+)+")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?")
_LETTER = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]")
_CURRENCY = re.compile(r"\\?[$€£¥]")
_MIN_PLACES = 6  # decimals that a rounded value must show before it may stand for an exact one
_MAX_UNLIKE = 40  # parts of two lists that are tried one against another: the square of it bounds the time
_LOSSES = frozenset({"loss", "decrease", "down", "below"})
_NO_BRACKETS = ("", "{}")

Compare = Callable[[str, str], "bool | None"]


def compare(prediction: str, gold: str, leaf: Compare | None = None) -> bool | None:
    """Whether two light forms are one answer; None where only algebra can tell and no `leaf` is given to do it.

    Lists without brackets and sets compare in any order, tuples, intervals and matrices in theirs; "x = 5" and 5 are
    one answer, "x = 5" and "y = 5" are not; a unit may be missing on one side but not differ. Where commas may group
    digits or part a list ("100,200"), each reading is tried.
    """
    if latex.compact(prediction) == latex.compact(gold):
        return True
    if max(latex.depth(prediction), latex.depth(gold)) > latex.MAX_DEPTH:
        return None
    told = [_compare(left, right, leaf) for left in _readings(prediction) for right in _readings(gold)]
    return True if True in told else None if None in told else False


def _readings(text: str) -> list[str]:
    """The text with commas that group digits left out, with them as they are, or both where it may be either."""
    grouped = exact.ungrouped(text)
    if grouped == text or (latex.unbracket(text)[0] and ", " not in text):
        return [text]
    return [grouped, text] if _ONLY_NUMBERS.fullmatch(text) else [grouped]


def _compare(left: str, right: str, leaf: Compare | None) -> bool | None:
    left, right = _unassigned(latex.based(left), latex.based(right))
    one, other = _range(left), _range(right)
    if one and other:
        return one.name == other.name and _parts(one.interval, other.interval, leaf)
    return _parts(_as_range(left, one, right), _as_range(right, other, left), leaf)


class _Range(NamedTuple):
    """An inequality as an interval, and the name of what lies in it."""

    interval: str
    name: str


def _range(text: str) -> _Range | None:
    """The inequality, or inequalities joined by "or", as intervals; None for anything else."""
    pieces = [_both_ways(_AND.split(piece)) for piece in _OR.split(text)]
    found = [piece for piece in pieces if piece]
    if len(found) != len(pieces) or len({piece.name for piece in found}) > 1:
        return None
    return _Range(" \\cup ".join(piece.interval for piece in found), found[0].name)


def _both_ways(texts: list[str]) -> _Range | None:
    """The interval of one inequality, or of two that bound one name from below and from above."""
    found = [_one_range(text.strip(" ,")) for text in texts]
    if len(found) == 1 or None in found:
        return found[0] if len(found) == 1 else None
    lower = [piece for piece in found if piece and piece.interval.endswith("\\infty)")]
    upper = [piece for piece in found if piece and piece.interval.startswith("(-\\infty")]
    if not (len(found) == 2 and len(lower) == len(upper) == 1 and lower[0].name == upper[0].name):
        return None
    return _Range(f"{lower[0].interval.partition(',')[0]},{upper[0].interval.partition(',')[2]}", lower[0].name)


def _one_range(text: str) -> _Range | None:
    for pattern, places in _RANGES:
        if match := pattern.fullmatch(text):
            lower, opens, name, closes, upper = (match[place] if place else "" for place in places)
            lower = ("[" if opens.endswith("e") else "(") + (lower or "-\\infty")
            upper = (upper or "\\infty") + ("]" if closes.endswith("e") else ")")
            return _Range(f"{lower}, {upper}", name)
    return None


def _as_range(text: str, found: _Range | None, other: str) -> str:
    """The inequality as an interval where the other side is one; else the text as it is."""
    return found.interval if found and "," in other and latex.unbracket(other.split("\\cup")[0].strip())[0] else text


def _unassigned(left: str, right: str) -> tuple[str, str]:
    """Both sides without "x =", unless both have it for different names."""
    one, other = _ASSIGNED.fullmatch(left), _ASSIGNED.fullmatch(right)
    if one and other and latex.compact(one[1]) != latex.compact(other[1]):
        return left, right
    if (one and not other and _RELATION.search(right)) or (other and not one and _RELATION.search(left)):
        return left, right
    return (one[2].strip() if one else left), (other[2].strip() if other else right)


def _parts(left: str, right: str, leaf: Compare | None) -> bool | None:
    """The comparison of matrices, unions, lists and tuples by their parts, and of the rest as one quantity each."""
    one, other = _MATRIX.fullmatch(left), _MATRIX.fullmatch(right)
    if one and other:
        return _rows(one[2], other[2], leaf)
    unions = latex.split_top(left, "\\cup"), latex.split_top(right, "\\cup")
    if max(map(len, unions)) > 1:
        return _any_order(*unions, leaf) if len(unions[0]) == len(unions[1]) else _leaf(left, right, leaf)
    return _lists(_listed(left), _listed(right), left, right, leaf)


class _List(NamedTuple):
    """What stands between commas at the top of an expression, its brackets ("" for none), and the items' names."""

    brackets: str
    items: list[str]
    names: list[str]

    @property
    def named(self) -> bool:
        """Whether each item is given for a name of its own ("x = 5, y = 6")."""
        return len(self.items) > 1 and len(set(self.names)) == len(self.items)


def _listed(text: str) -> _List:
    words = _WORDS.fullmatch(text)
    opens, inner, closes = latex.unbracket(words[1] if words and _CONJUNCTION.search(words[1]) else text)
    plain = inner if opens else _COMPOUND.sub(_parted, inner)
    items = [item for item in latex.split_top(_CONJUNCTION.sub(", ", plain), ",") if item]
    if len(items) == 1 and items[0].count("\\pm") == 1 and not _RELATION.search(items[0]):
        items = [items[0].replace("\\pm", sign).strip().removeprefix("+").strip() for sign in "+-"]
    names = [match[1].strip() for item in items if (match := _ASSIGNED.fullmatch(item))]
    return _List(opens + closes, items, names)


def _parted(match: re.Match[str]) -> str:
    """The unit between two quantities of one length, time or weight with a comma behind it ("5 ft 6 in")."""
    return f"{match[1]}, " if units.read(f" {match[1].strip()}") else match[0]


def _lists(one: _List, other: _List, left: str, right: str, leaf: Compare | None) -> bool | None:
    if max(len(one.items), len(other.items)) <= 1:
        if one.items and other.items and (one.brackets == other.brackets != "" or _is_set_of_one(one, other)):
            return compare(one.items[0], other.items[0], leaf)
        return _quantities(left, right, leaf)
    if len(one.items) != len(other.items):
        return _leaf(left, right, leaf) if _RELATION.search(left + right) else False
    if one.named is not other.named:
        return _by_name(one, other, leaf)
    if one.brackets in _NO_BRACKETS and other.brackets in _NO_BRACKETS:
        return _any_order(one.items, other.items, leaf)
    if one.brackets != other.brackets and (one.brackets or other.brackets not in ("", "()")):
        return False
    return _in_order(one.items, other.items, leaf)


def _is_set_of_one(one: _List, other: _List) -> bool:
    return {one.brackets, other.brackets} <= {"{}", "()", ""} and one.brackets != other.brackets


def _by_name(one: _List, other: _List, leaf: Compare | None) -> bool | None:
    """The comparison of "x = 5, y = 6" with "5, 6" or "(5, 6)": the values in the order of their names."""
    if one.brackets not in ("", "()") or other.brackets not in ("", "()") or (one.names and other.names):
        return False
    sides = [
        [item for _, item in sorted(zip(side.names, side.items, strict=True))] if side.named else side.items
        for side in (one, other)
    ]
    return _in_order(sides[0], sides[1], leaf)


def _quantities(left: str, right: str, leaf: Compare | None) -> bool | None:
    """The comparison of one number, expression or word with another, and of the units behind them."""
    one, other = measured(left), measured(right)
    if _is_factor(one, other) or _is_factor(other, one):
        one, other = Measured(left, units.Unit()), Measured(right, units.Unit())
    if not units.agree(one.unit, other.unit):
        return False
    if (clocks := _same_clock(one, other)) is not None:
        return clocks
    if latex.compact(one.value) == latex.compact(other.value):
        return True
    numbers = number(one.value), number(other.value)
    if numbers[0] and numbers[1]:
        return _same_number(numbers[0], numbers[1]) or _is_loss(one, other, numbers[0], numbers[1])
    if any(_WORD_FOR_WORD.search(side.value) for side in (one, other)):
        return False
    words = latex.words_of(one.value), latex.words_of(other.value)
    if any(words):
        return words[0] == words[1]
    return _leaf(_CURRENCY.sub("", one.value), _CURRENCY.sub("", other.value), leaf)


def _is_factor(one: Measured, other: Measured) -> bool:
    """Whether what looks like a unit is rather a letter of an expression: "5 m" beside "5m" or "m^2 - m"."""
    return one.unit.loose and not other.unit.is_said() and bool(_LETTER.search(other.value))


def _same_clock(one: Measured, other: Measured) -> bool | None:
    """Whether two times of day are one; None where neither says "am" or "pm", or one is no time."""
    halves = [side.unit.sides & {"am", "pm"} for side in (one, other)]
    times = _CLOCK.fullmatch(one.value), _CLOCK.fullmatch(other.value)
    if not any(halves) or not times[0] or not times[1]:
        return None
    told = [(int(time[1]), int(time[2] or 0), "pm" in half) for time, half in zip(times, halves, strict=True) if time]
    if not all(halves):
        hour = told[1 if halves[0] else 0][0]
        if not 12 < hour < 24:
            return told[0][:2] == told[1][:2]
        told = [(hour % 12, minute, pm or hour > 12) for hour, minute, pm in told]
    return (told[0][0] % 12, *told[0][1:]) == (told[1][0] % 12, *told[1][1:])


def _same_number(one: Number, other: Number) -> bool:
    """Whether two numbers are one answer: equal, or but for a percent sign or a rounding to six decimals."""
    a, b = (n.value / 100 if n.percent else n.value for n in (one, other))
    if a == b or _rounds_to(a, one.places, b, other) or _rounds_to(b, other.places, a, one):
        return True
    if one.percent is other.percent or one.value != other.value:
        return False
    return abs(one.value) >= 1 or one.value == 0


def _is_loss(one: Measured, other: Measured, value: Number, gold: Number) -> bool:
    """Whether one side says in words what the other says by its sign: a loss of 5, and -5."""
    said = [bool(side.unit.sides & _LOSSES) for side in (one, other)]
    return said[0] is not said[1] and value.value == -gold.value and (value if said[1] else gold).value < 0


def _rounds_to(rounded: Fraction, places: int | None, exact: Fraction, source: Number) -> bool:
    """Whether a decimal with enough places is the value of a fraction to that many; decimals round to nothing.

    A decimal that ends in noughts ("0.500000") is a value of its own.
    """
    if places is None or places < _MIN_PLACES or source.places is not None or exact.denominator == 1:
        return False
    if (rounded * 10 ** (places - 2)).denominator == 1:
        return False
    return abs(rounded - exact) * 2 <= Fraction(1, 10**places) and abs(exact) * 1000 >= 1


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
    untold = False
    for a, b in zip(left, right, strict=True):
        told = compare(a, b, leaf)
        if told is False:
            return False
        untold |= told is None
    return None if untold else True


def _any_order(left: list[str], right: list[str], leaf: Compare | None) -> bool | None:
    """Whether the parts of both sides pair off in some order; each is tried against those still free."""
    left, free = _unlike(left, right), _unlike(right, left)
    if len(left) > _MAX_UNLIKE:
        return False
    untold = False
    for part in left:
        told = [compare(part, other, leaf) for other in free]
        if True in told:
            free.pop(told.index(True))
        elif None in told:
            untold = True
        else:
            return False
    return None if untold else True


def _unlike(parts: list[str], others: list[str]) -> list[str]:
    """The parts that are written like none of the others; of those written alike, each stands for one."""
    left = Counter(map(latex.compact, others))
    kept = []
    for part in parts:
        form = latex.compact(part)
        left[form] -= 1
        if left[form] < 0:
            kept.append(part)
    return kept
