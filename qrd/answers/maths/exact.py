r"""The exact value of an expression of numbers alone: sums, products, powers, factorials and fractions of integers.

No text is evaluated: one grammar reads it, and whatever lies outside it, or would take more than a bounded number of
digits, has no value here. Values may be as small or as large as they like: 1/2^{70} and 1/2^{69} are two fractions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from qrd.answers.maths import latex

_MAX_BITS = 1 << 16  # of a numerator or denominator: 10^9999 and 3000! are within, towers are not
_MAX_WORK = 1 << 20  # bits computed for one expression, all steps together
_MAX_FACTORIAL = 3000
_GROUPED = r"\d{1,3}(?:,\d{3})+"
_INDIAN = r"\d{1,2}(?:,\d{2})+,\d{3}"
_THOUSANDS = re.compile(rf"(?<![\d.,])(?:{_GROUPED}|{_INDIAN})(?!\d|,\d)")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:\\overline\s?\{\d+\}|[eE][+-]?\d{1,4}(?![\d.]))?)"
    r"|(?P<times>\\times(?![a-zA-Z])|\\cdot(?![a-zA-Z])|\*)|(?P<over>/|\\div(?![a-zA-Z]))"
    r"|(?P<name>\\frac(?![a-zA-Z])|\\binom(?![a-zA-Z]))|(?P<sign>[-+^!(){}]))"
)
_OPENS = re.compile(r"[(\[]|\\\{")  # within brackets a comma parts what is a pair or a set
_DECIMAL = re.compile(r"[-+]?\s*(?:\d+\.\d+|\.\d+)")
_MIXED = re.compile(r"(\d+)\s+(\d+)\s*/\s*(\d+)")


class Number(NamedTuple):
    """An exact value, how many decimals it was written with (None: not as a decimal), and whether in percent."""

    value: Fraction
    places: int | None
    percent: bool


class _Unreadable(Exception):
    """The text is no expression of the grammar, or its value would be too long."""


@lru_cache(maxsize=4096)
def number(expression: str) -> Number | None:
    """The exact value of an expression of numbers alone, in percent or not; None for anything else."""
    if len(expression) > latex.MAX_CHARS or latex.depth(expression) > latex.MAX_DEPTH:
        return None
    text = expression.strip() if _OPENS.search(expression) else ungrouped(expression.strip())
    percent = text.endswith("%")
    text = text.removesuffix("%").strip()
    try:
        value = _Reader(text).value()
    except (_Unreadable, ZeroDivisionError):
        return None
    decimal = _DECIMAL.fullmatch(text)
    return Number(value, len(text.rpartition(".")[2]) if decimal else None, percent)


def ungrouped(text: str) -> str:
    """The text with its numbers freed of commas that group thousands ("1,000" or, as in India, "1,00,000")."""
    return _THOUSANDS.sub(lambda m: m[0].replace(",", ""), text)


class _Reader:
    """A reader of one expression by recursive descent; a position in its tokens, and the work still allowed."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._num_towers = 0
        self._work = _MAX_WORK

    def value(self) -> Fraction:
        """The value of the whole text.

        Raises: _Unreadable where it is none of the grammar's.
        """
        value = self._sum()
        if self._at < len(self._tokens):
            raise _Unreadable
        return value

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *expected: str) -> str:
        token = self._peek()
        if not token or (expected and token not in expected):
            raise _Unreadable
        self._at += 1
        return token

    def _bounded(self, value: Fraction) -> Fraction:
        """The value, its length charged to the work allowed."""
        bits = max(value.numerator.bit_length(), value.denominator.bit_length())
        self._work -= bits
        if bits > _MAX_BITS or self._work < 0:
            raise _Unreadable
        return value

    def _sum(self) -> Fraction:
        value = self._product()
        while self._peek() in ("+", "-"):
            sign = self._take()
            other = self._product()
            value = self._bounded(value + other if sign == "+" else value - other)
        return value

    def _product(self) -> Fraction:
        value = self._signed()
        while (token := self._peek()) in ("*", "/", "(", "\\frac", "\\binom"):
            if token in "*/":
                self._take()
            other = self._signed()
            value = self._bounded(value / other if token == "/" else value * other)
        return value

    def _signed(self) -> Fraction:
        sign = 1
        while self._peek() in ("+", "-"):
            sign = -sign if self._take() == "-" else sign
        return sign * self._power()

    def _power(self) -> Fraction:
        base = self._atom()
        if self._peek() == "!":
            self._take()
            base = self._bounded(_factorial(base))
        if self._peek() == "!":  # 5!! is 5 * 3 * 1, not a factorial of a factorial
            raise _Unreadable
        if self._peek() != "^":
            return base
        self._take("^")
        self._num_towers += 1
        if self._num_towers > latex.MAX_DEPTH:
            raise _Unreadable
        exponent = self._signed() if self._peek() != "{" else self._group()
        self._num_towers -= 1
        if self._peek() == "!":
            raise _Unreadable
        return self._bounded(_power(base, exponent))

    def _atom(self) -> Fraction:
        token = self._take()
        if token == "(":
            value = self._sum()
            self._take(")")
            return value
        if token in ("\\frac", "\\binom"):
            above, below = self._group(), self._group()
            return self._bounded(above / below if token == "\\frac" else _binomial(above, below))
        if token == "{":
            self._at -= 1
            return self._group()
        return self._mixed(token)

    def _mixed(self, token: str) -> Fraction:
        """The value of a number, and of a fraction right behind an integer: "2\\frac{1}{2}" is two and a half."""
        value = self._bounded(_literal(token))
        if self._peek() == "\\frac" and token.isdigit() and all(part.isdigit() for part in self._next_fraction()):
            value += self._atom()
        return value

    def _next_fraction(self) -> tuple[str, str]:
        parts = self._tokens[self._at + 1 : self._at + 7]
        plain = len(parts) == 6 and parts[0] == parts[3] == "{" and parts[2] == parts[5] == "}"
        return (parts[1], parts[4]) if plain else ("", "")

    def _group(self) -> Fraction:
        self._take("{")
        value = self._sum()
        self._take("}")
        return value


def _tokens(text: str) -> list[str]:
    """The tokens of the text, signs of multiplication and division as "*" and "/"."""
    text = _MIXED.sub(r"\1\\frac{\2}{\3}", text)
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise _Unreadable
        kind = match.lastgroup or ""
        tokens.append({"times": "*", "over": "/"}.get(kind) or match[kind])
        position = match.end()
    return tokens


def _literal(token: str) -> Fraction:
    """The value of a number as written: with a power of ten ("3e8") or a period ("0.1\\overline{6}") too."""
    head, _, period = token.partition("\\overline")
    if not head[:1].isdigit() and head[:1] != ".":
        raise _Unreadable
    if not period:
        return Fraction(head.removesuffix("."))
    if "." not in head:
        raise _Unreadable
    digits = period.strip(" {}")
    places = len(head.rpartition(".")[2])
    return Fraction(head.removesuffix(".")) + Fraction(int(digits), (10 ** len(digits) - 1) * 10**places)


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise _Unreadable
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) * bits > 2 * _MAX_BITS:
        raise _Unreadable
    return base ** int(exponent)


def _factorial(value: Fraction) -> Fraction:
    return _of_integers(lambda n, _: math.factorial(n), value, Fraction(0))


def _binomial(above: Fraction, below: Fraction) -> Fraction:
    return _of_integers(math.comb, above, below)


def _of_integers(function: Callable[[int, int], int], one: Fraction, other: Fraction) -> Fraction:
    if any(value.denominator != 1 or not 0 <= value <= _MAX_FACTORIAL for value in (one, other)):
        raise _Unreadable
    return Fraction(function(int(one), int(other)))
