"""Whether two LaTeX expressions are equal by computer algebra; runs in a worker process, which may be killed.

Expressions are evaluated to a fixed number of digits; relations, sets and matrices are math-verify's to compare.
`too_costly` runs in the parent and needs no algebra: what it refuses is never parsed. math-verify is asked without its
own time limit, which rests on SIGALRM and works in a main thread only; the limit is the parent's kill.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from qrd.answers.maths import latex

if TYPE_CHECKING:
    from sympy import Expr

_MAX_CHARS = 400
_DIGITS = 12  # 3.1415926 is not pi: only where twelve digits agree may a number that ends stand for one that does not
_PRECISE_DIGITS = 120  # of a value that is computed
_CLOSE_DIGITS = 100  # of two such values, to be one
_POINTS = (7, 11, -13, 3)  # a letter's value at each point is a number of its own over this
_LARGE = re.compile(
    r"\d{61}"  # a number no question asks for
    r"|(?:\^|\*\*)\s*[({\s+-]*\d{5}"  # a power with five digits or more in its exponent
    r"|(?:\^|\*\*)[\s({+-]*[\w.\\]+[\s)}]*(?:\^|\*\*|!)"  # a power of a power
    r"|\)\s*(?:\^|\*\*)\s*\{?\s*\d{3}|[a-zA-Z]\s*(?:\^|\*\*)\s*\{?\s*\d{4}"  # a sum or a symbol to a great power
    r"|\d{4}[\s)}]*!|!\s*[)}]*\s*!"  # a factorial of thousands, or of a factorial
    r"|\\(?:uparrow|binom\{\d{5})"
)
_SLOW = re.compile(r"\\(?:int|sum|prod|lim|iint|oint)(?![a-zA-Z])")


def too_costly(expression: str) -> bool:
    """Whether parsing or comparing the expression could take more than it is worth: long, deep, or a tower."""
    if len(expression) > _MAX_CHARS or _LARGE.search(expression) or _SLOW.search(expression):
        return True
    return latex.depth(expression) > latex.MAX_DEPTH


def equal_by_algebra(prediction: str, gold: str) -> bool:
    """Whether the two are equal once parsed and simplified; False where either cannot be parsed."""
    from sympy import Eq, Expr
    from sympy.core.relational import Relational
    from sympy.matrices.expressions.matexpr import MatrixExpr

    sides = [_parsed(side) for side in (gold, prediction)]
    if not all(sides):
        return False
    one, other = sides[0][0], sides[1][0]
    told = None
    if all(isinstance(side, Relational) for side in (one, other)):
        told = _same_relation(one, other, both_ways=isinstance(one, Eq))
    elif all(isinstance(side, Expr) and not isinstance(side, MatrixExpr) for side in (one, other)):
        told = _same_value(one, other)
    return _verified(*sides) if told is None else told


def _parsed(text: str) -> list[Any]:
    """What the text is as an expression, relation, set or matrix, in a list; empty where it is none."""
    from latex2sympy2_extended.latex2sympy2 import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse
    from sympy import Basic
    from sympy.matrices import MatrixBase

    as_written = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="all")
    target = [LatexExtractionConfig(boxed_match_priority=0, normalization_config=as_written)]
    found = parse(f"\\boxed{{{text}}}", target, parsing_timeout=None)
    return [item for item in found if isinstance(item, (Basic, MatrixBase))]


def _verified(gold: list[Any], prediction: list[Any]) -> bool:
    from math_verify import verify

    return bool(verify(gold, prediction, float_rounding=_DIGITS, timeout_seconds=None, allow_set_relation_comp=True))


def _same_relation(one: Any, other: Any, *, both_ways: bool) -> bool | None:
    """Whether two polynomial relations differ by a factor alone, which is positive for an inequality."""
    from sympy import Expr

    if not all(isinstance(part, Expr) for side in (one, other) for part in side.args):
        return None
    if one.func is not other.func:
        one = one.reversed
    (left, _), (right, _) = (_exact(side.lhs - side.rhs) for side in (one, other))
    letters = left.free_symbols | right.free_symbols
    if one.func is not other.func or not all(side.is_polynomial(*letters) for side in (left, right)):
        return None
    leading = [side.expand().as_poly(*sorted(letters, key=str)) for side in (left, right)]
    if not letters or any(polynomial.is_zero for polynomial in leading):
        return None
    factor = leading[0].LC() / leading[1].LC()
    return bool(both_ways or factor.is_positive) and _same_value(left, right * factor)


def _same_value(one: Expr, other: Expr) -> bool | None:
    """Whether two expressions have one value, at each of a few points where they hold letters; None if none tells.

    Values are compared in proportion to their size and to a hundred digits: 10^{-30} is not 10^{-31}, nor 1 - 2^{-60}
    one. Only where a decimal of twelve digits stands on one side alone do twelve digits do.
    """
    (one, is_rounded), (other, is_other_rounded) = _exact(one), _exact(other)
    digits = _CLOSE_DIGITS if is_rounded is is_other_rounded else _DIGITS
    if digits == _CLOSE_DIGITS and (told := _by_coefficients(one - other)) is not None:
        return told
    names = sorted({symbol.name for symbol in one.free_symbols | other.free_symbols} - {"i"})
    points = [[_at(side, names, point) for side in (one, other)] for point in _POINTS[: len(_POINTS) if names else 1]]
    closeness = [_are_close(left, right, digits) for left, right in points]
    return False if False in closeness else True if True in closeness else None


def _exact(expression: Expr) -> tuple[Expr, bool]:
    """The expression worked out, decimals as fractions, and whether one of these shows twelve digits."""
    from sympy import Float, Rational

    worked = expression.doit()
    written = {decimal: str(decimal) for decimal in worked.atoms(Float)}
    exact = worked.xreplace({decimal: Rational(text) for decimal, text in written.items()})
    return exact, any(map(_shows_digits, written.values()))


def _shows_digits(decimal: str) -> bool:
    return len(decimal.partition("e")[0].replace(".", "").strip("-0")) >= _DIGITS


def _by_coefficients(difference: Expr) -> bool | None:
    """Whether a polynomial with fractions as coefficients is nought; None for anything else."""
    if difference.is_Rational:
        return bool(difference == 0)
    letters = difference.free_symbols
    if not letters or any(letter.name == "i" for letter in letters) or not difference.is_polynomial(*letters):
        return None
    expanded = difference.expand()
    if expanded == 0:
        return True
    return False if all(part.is_Rational for part in expanded.as_poly(*letters).coeffs()) else None


def _at(expression: Expr, names: list[str], point: int) -> Expr:
    """The expression where its letters have their values at a point, the same for the same name."""
    from sympy import I, Rational

    values = {
        letter: I if letter.name == "i" else Rational(97 * names.index(letter.name) + 29, point)
        for letter in expression.free_symbols
    }
    return expression.xreplace(values)


def _are_close(one: Expr, other: Expr, digits: int) -> bool | None:
    """Whether two values agree in so many digits; None where one of them is no finite number."""
    if one == other:
        return True
    left, right = (side.evalf(_PRECISE_DIGITS, maxn=4 * _PRECISE_DIGITS) for side in (one, other))
    if not all(side.is_number and side.is_finite for side in (left, right)):
        return None
    if not (_is_accurate(left) and _is_accurate(right)):
        return bool((one - other).simplify() == 0)
    return bool(abs(left - right) * 10**digits <= 5 * max(abs(left), abs(right)))


def _is_accurate(value: Expr) -> bool:
    """Whether the digits of a value are its own: a difference that is nought, or too near it, has none."""
    from sympy import Float

    return all(part._prec > 1 for part in value.as_real_imag() if isinstance(part, Float))
