from fractions import Fraction

import pytest

from qrd.answers.maths.numerals import in_digits, leading


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("five apples", "5 apples"),
        ("minus twenty-five", "-25"),
        ("negative $5", "-$5"),
        ("three hundred and six thousand", "306000"),
        ("two and a half hours", "5/2 hours"),
        ("seven hundredths", "7/100"),
        ("a dozen", "12"),
        ("half", "1/2"),
    ],
)
def test_a_number_in_words_is_said_in_digits(words, digits):
    assert in_digits(words) == digits


@pytest.mark.parametrize(
    "words", ["two three", "one and two", "half an hour", "a third party", "five thousand million", "none", "-five", ""]
)
def test_words_that_say_no_one_number_stay_as_they_are(words):
    assert in_digits(words) == words


def test_a_magnitude_that_is_not_below_the_one_before_is_left_to_the_rest():
    assert leading("five thousand million dollars") == (Fraction(5000), " million dollars")
