"""The exact value of an expression of numbers alone, and what lies outside its grammar or its bounds."""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import pytest

from qrd.answers import Grader
from qrd.answers.maths.exact import number


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("\\frac{1}{2^{70}}", Fraction(1, 2**70)),
        ("2^{-70}", Fraction(1, 2**70)),
        ("\\frac{1}{25!}", Fraction(1, factorial(25))),
        ("\\frac{13^{4}}{52^{20}}", Fraction(13**4, 52**20)),
        ("1 - \\frac{1}{2^{60}}", 1 - Fraction(1, 2**60)),
        ("2\\frac{1}{2}", Fraction(5, 2)),
        ("-2 1/2", Fraction(-5, 2)),
        ("-2^2", Fraction(-4)),
        ("2^3^2", Fraction(512)),
        ("3e8", Fraction(3 * 10**8)),
        ("0.1\\overline{6}", Fraction(1, 6)),
        ("\\binom{52}{5}", Fraction(2598960)),
        ("1,00,000", Fraction(100000)),
    ],
)
def test_an_expression_of_numbers_has_its_exact_value(expression: str, value: Fraction) -> None:
    found = number(expression)
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(
    "expression",
    ["", "x", "2 3", "1.5.2", "2e", "1/0", "5!!", "9^{9^{9}}", "((5!)!)!", "99999!", "2^{1/2}", "(1,200)", "3 +",
     "2^" * 400 + "1", "(" * 400 + "1" + ")" * 400, "1" * 2000, "*".join(["3000!"] * 60)],
)  # fmt: skip
def test_what_is_no_such_expression_or_too_long_a_number_has_none(expression: str) -> None:
    assert number(expression) is None


def test_a_long_list_in_another_order_is_compared_and_one_of_other_numbers_is_refused() -> None:
    numbers = [str(n) for n in range(200)]
    with Grader(num_workers=1) as grader:
        assert grader.equal("math", ", ".join(numbers), ", ".join(reversed(numbers)))
        assert not grader.equal("math", ", ".join(numbers), ", ".join(f"{n}.5" for n in numbers))
