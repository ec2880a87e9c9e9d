r"""What stands behind a number: its unit, in whatever spelling, and the words beside it.

Nothing is converted: 100 cm is not 1 m here, since a question that names a unit asks for that one. What is in no table
is kept as words. Two units agree where one is missing, or where each could be the other: "pounds" may be money or a
weight, "£" and "lb" may not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from qrd.answers.maths.latex import TEXT
from qrd.answers.maths.unit_names import COMPOUNDS, ENDS, FILLERS, SIDES, meanings, singular

_PIECE = re.compile(
    r"(?P<blank>[\s()\x05\x06]+)|(?P<over>/|per\b)|(?P<times>\\cdot(?![a-zA-Z])|\\times(?![a-zA-Z])|\*|-)"
    r"|\^\s?\{?\s*(?P<power>[+-]?\d)\s*\}?"
    r"|(?P<circle>(?:\^\s?\{?\s*)?\\(?:circ|degree)(?![a-zA-Z])\s*\}?)"
    r"|(?P<half>[aApP]\.\s?[mM](?:\.|(?![a-zA-Z])))|(?P<word>[A-Za-zΩμ]+(?:'[a-z]+)?\.?|[$€£¥₹₩₽¢%円元])"
)
_WRAPPED = re.compile(rf"{TEXT}\{{([^{{}}]*)\}}")
_QUOTIENT = re.compile(rf"\\frac\{{({TEXT}\{{[^{{}}\d]*\}})\}}\{{({TEXT}\{{[^{{}}\d]*\}}(?:\^\{{?\d\}}?)?)\}}")
_JOINT = r"(?:[\s/]|\\[ ,;]|\\cdot)*"
_SET_APART = re.compile(
    rf"{_JOINT}(?:{_QUOTIENT.pattern}|(?:{_JOINT}{TEXT}\{{[^{{}}\d]*\}}(?:\^\{{?-?\d\}}?)?){{1,3}})"
)
_SPELLED = {"\\mu": "μ", "\\Omega": "Ω", "\\pounds": "£", "\\euro": "€", "\\yen": "¥", "per cent": "percent"}
_SPELLED_AT = re.compile(r"(\\(?:mu|Omega|pounds|euro|yen)(?![a-zA-Z])|per cent\b)\s?")
_PREPOSITION = re.compile(r"\bin\s+(?=[a-z]{2})")
_FENCED_POWER = re.compile(r"\$\s?(\^\s?\{?\d\}?)\s?\$")
_POWERS = {"square": 2, "squared": 2, "sq": 2, "cubic": 3, "cubed": 3, "cu": 3}
_BEHIND_DEGREE = {"celsius": "celsius", "c": "celsius", "fahrenheit": "fahrenheit", "f": "fahrenheit"}
_NARROWED = {"us": "usd", "american": "usd", "canadian": "cad", "australian": "aud", "sterling": "gbp"}
_NO_UNIT = frozenset(
    ["and", "or", "mod", "sin", "cos", "tan", "log", "ln", "exp", "sqrt", "pi", "infty", "otherwise", "choose", "base"]
)
_TIGHT = frozenset(
    [
        "cm",
        "mm",
        "km",
        "in",
        "ft",
        "yd",
        "mi",
        "kg",
        "mg",
        "lb",
        "lbs",
        "oz",
        "ml",
        "mL",
        "min",
        "hr",
        "hrs",
        "mph",
        "kph",
        "kmh",
    ]
)
_LETTERS = frozenset("mgshlLNJWV")
_SHORT_NOUN = re.compile(r"[b-df-hj-np-tv-z][aeiou][a-z]|egg|ant|owl|ice", re.IGNORECASE)
_QUANTITY = re.compile(r"[\d=<>]|\\(?!text|mathrm|circ)")  # what no words behind a unit may hold: another quantity
_MAX_CHARS = 120
_MAX_WORDS = 6

Factor = tuple[frozenset[str], int]


class Unit(NamedTuple):
    """Known units with their powers, other words, and words that say a side ("profit", "pm"); all empty: none.

    The first of a factor is every unit that its spelling may mean. `loose` holds where all of it is bare letters
    ("5 m"), which beside an expression with letters are rather factors of it.
    """

    factors: frozenset[Factor] = frozenset()
    words: frozenset[str] = frozenset()
    sides: frozenset[str] = frozenset()
    loose: bool = False

    def is_said(self) -> bool:
        """Whether it names anything, known or not."""
        return bool(self.factors or self.words)

    def joined(self, other: Unit) -> Unit:
        """The unit of both: what stands before a number, and what behind it."""
        factors = self.factors | frozenset(f for f in other.factors if not any(f[0] & g[0] for g in self.factors))
        return Unit(factors, self.words | other.words, self.sides | other.sides, self.loose or other.loose)


def agree(one: Unit, other: Unit) -> bool:
    """Whether both may be one unit: neither says what the other contradicts."""
    if one.sides and other.sides and one.sides != other.sides:
        return False
    if not one.is_said() or not other.is_said():
        return True
    if len(one.factors) != len(other.factors):
        return False
    if not all(any(power == p and names & n for n, p in other.factors) for names, power in one.factors):
        return False
    return not one.words or not other.words or one.words <= other.words or other.words <= one.words


def read(text: str) -> Unit | None:
    """The unit that the whole text is, as it stands behind a number; None where it is something else."""
    if len(text) > _MAX_CHARS:
        return None
    reader = _Reader()
    for kind, piece, texted, tight in _pieces(_flat(text)):
        if not reader.takes(kind, piece, texted, tight):
            return None
        if reader.ended:
            return None if _QUANTITY.search(text) else reader.unit()
    return reader.unit()


def leading(prose: str) -> str:
    """The words at the head of the prose that are a unit ("cents" of "cents in all"); "" where none is."""
    if (set_apart := _SET_APART.match(prose)) and read(set_apart[0]):
        return set_apart[0]
    reader, position, end = _Reader(), 0, 0
    while match := _PIECE.match(prose, position):
        kind = match.lastgroup or ""
        piece = match[kind]
        if _PREPOSITION.match(prose, match.start(kind)) or position > _MAX_CHARS:
            break
        if not reader.takes(kind, piece, len(piece) > 1, False) or reader.ended:
            break
        position = match.end()
        end = position if reader.is_significant else end
    return prose[:end].rstrip(".")


def _flat(text: str) -> str:
    """The text with what is set as words between control characters, and commands for signs as those signs."""
    text = _PREPOSITION.sub("", _FENCED_POWER.sub(r"\1", _QUOTIENT.sub(r"\1/\2", text)))
    return _WRAPPED.sub("\x05\\1\x06", _SPELLED_AT.sub(lambda m: _SPELLED[m[1]], text))


def _pieces(flat: str) -> Iterator[tuple[str, str, bool, bool]]:
    """Each piece: its kind, itself, whether it is set as words, and whether it touches the number before it."""
    position, texted = 0, False
    while position < len(flat):
        match = _PIECE.match(flat, position)
        if not match:
            yield "", flat[position], texted, False
            return
        texted = texted ^ bool((match[0].count("\x05") + match[0].count("\x06")) % 2)
        kind = match.lastgroup or ""
        if kind != "blank":
            yield kind, match[kind], texted, position == 0
        position = match.end()


class _Reader:
    """A reader of a unit piece by piece: what it is so far, and what the next piece is to be joined with."""

    def __init__(self) -> None:
        self.ended = False
        self.is_significant = False
        self._powers: dict[frozenset[str], int] = {}
        self._words: set[str] = set()
        self._sides: set[str] = set()
        self._last: frozenset[str] | None = None
        self._last_sign = 1
        self._sign = 1
        self._power = 1
        self._narrowed = ""
        self._num_letters = 0
        self._num_words = 0
        self._num_fillers = 0

    def unit(self) -> Unit | None:
        """What was read; None where it ends in the middle ("5 per") or is nothing."""
        if self._sign < 0 or self._power != 1 or not self._num_words + self._num_fillers:
            return None
        factors = frozenset((names, power) for names, power in self._powers.items() if power)
        loose = 0 < self._num_letters == self._num_words
        return Unit(factors, frozenset(self._words), frozenset(self._sides), loose)

    def takes(self, kind: str, piece: str, texted: bool, tight: bool) -> bool:
        """Whether the piece may stand where it does; it is taken in."""
        self.is_significant = False
        match kind:
            case "blank":
                return True
            case "over" | "times":
                self._sign = -1 if kind == "over" else self._sign
                return self._num_words > 0 or piece == "per"
            case "power":
                return self._raised(int(piece))
            case "circle":
                return self._factor(meanings("degree"))
            case "half":
                return self._side(piece[0].lower() + "m")
            case "word":
                return self._worded(piece, texted, tight)
        return False

    def _worded(self, word: str, texted: bool, tight: bool) -> bool:
        lower = word.lower().rstrip(".")
        if lower in _NO_UNIT or self._num_words >= _MAX_WORDS:
            return False
        if lower in ("a", "an") and (texted or len(lower) > 1 or self._num_words):
            self._sign = -1
            return True
        if lower in ENDS:
            self._num_fillers += lower in ("of", "for")
            self.ended = self._num_words > 0 or lower in ("of", "for")
            return self.ended
        if lower in _POWERS:
            return self._raised(_POWERS[lower]) if lower.endswith("ed") else self._awaits(_POWERS[lower])
        if self._last and "degree" in self._last and lower in _BEHIND_DEGREE:
            return self._replaced(_BEHIND_DEGREE[lower])
        if lower in _NARROWED:
            return self._replaced(_NARROWED[lower]) if self._is_money() else self._narrows(_NARROWED[lower])
        if lower in SIDES and (texted or not tight):
            return self._side(SIDES[lower])
        if lower in FILLERS and lower != "in":
            self._num_fillers += 1
            return texted or len(lower) > 1
        if lower in COMPOUNDS:
            return all(map(self._compounded, COMPOUNDS[lower]))
        return self._named(word, texted, tight)

    def _named(self, word: str, texted: bool, tight: bool) -> bool:
        """Whether the word names a unit, or is a word long enough to be no product of letters."""
        names = meanings(word)
        if not texted and len(word) == 1 and word.isalpha() and word.isascii():
            self._num_letters += 1
            if (tight or word not in _LETTERS) and not self._powers:
                return False
        elif (
            tight
            and not texted
            and word.isascii()
            and word.isalpha()
            and word not in _TIGHT
            and len(word) < (4 if names else 5)
        ):
            return False
        if names:
            return self._factor(names)
        if not texted and len(word) < 4 and not _SHORT_NOUN.fullmatch(word) and word.isascii():
            return False
        self._words.add(
            ("per " if self._sign < 0 else "") + singular(word) + (f"^{self._power}" if self._power > 1 else "")
        )
        return self._counted(None)

    def _counted(self, last: frozenset[str] | None) -> bool:
        self._last, self._last_sign = last, self._sign
        self._sign, self._power = 1, 1
        self._num_words += 1
        self.is_significant = True
        return True

    def _factor(self, names: frozenset[str], power: int = 1) -> bool:
        if self._narrowed in names:
            names, self._narrowed = frozenset({self._narrowed}), ""
        self._powers[names] = self._powers.get(names, 0) + self._sign * self._power * power
        return self._counted(names)

    def _compounded(self, part: tuple[str, int]) -> bool:
        return self._factor(frozenset({part[0]}), part[1])

    def _raised(self, power: int) -> bool:
        """Whether there is a unit for the power to stand on."""
        if self._last is None:
            return False
        self._powers[self._last] += self._last_sign * (power - 1)
        self.is_significant = True
        return True

    def _replaced(self, name: str) -> bool:
        assert self._last is not None
        self._powers[frozenset({name})] = self._powers.pop(self._last)
        self._last = frozenset({name})
        self.is_significant = True
        return True

    def _is_money(self) -> bool:
        return self._last is not None and bool(self._last & set(_NARROWED.values()))

    def _awaits(self, power: int) -> bool:
        self._power = power
        return True

    def _narrows(self, name: str) -> bool:
        self._narrowed = name
        return True

    def _side(self, side: str) -> bool:
        self._sides.add(side)
        self._num_words += 1
        self.is_significant = True
        return True
