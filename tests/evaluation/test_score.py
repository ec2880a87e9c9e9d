"""Intervals of shares, where a question may have been asked several times."""

from __future__ import annotations

import random

import pytest

from qrd.evaluation import accuracy, wilson
from qrd.evaluation.samples import sampled
from qrd.evaluation.score import effective


def asked(*questions: str):
    """The rows of questions whose samples are letters: 1 is right, 0 wrong."""
    return [(name, letter == "1", True) for name, letters in enumerate(questions) for letter in letters]


def test_wilson_gives_what_was_worked_by_hand() -> None:
    # 8 of 10 with z = 1.96: (0.8 + 0.19208 -+ 1.96 sqrt(0.016 + 0.0096)) / 1.38416.
    assert wilson(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0.0, 0) == (0.0, 1.0)


def test_one_sample_a_question_has_wilsons_interval() -> None:
    found = accuracy(asked(*"1111111100"))
    assert found.interval == pytest.approx(wilson(0.8, 10))


def test_samples_that_only_repeat_each_other_narrow_nothing() -> None:
    once, often = accuracy(asked(*"1101")), accuracy(asked("11111", "11111", "00000", "11111"))
    assert often.num_rows == 20
    assert often.interval == pytest.approx(once.interval)
    assert accuracy(asked("111", "111")).interval == pytest.approx(wilson(1.0, 2)), "all right says no more than 2 of 2"


def test_samples_that_vary_within_questions_alone_count_in_full() -> None:
    assert accuracy(asked("10", "01", "10")).interval == pytest.approx(wilson(0.5, 6))


def test_the_effective_number_was_worked_by_hand() -> None:
    # Shares 1, 1/2, 0, 1/2 of two samples each: p = 1/2, v = (1 + 0 + 1 + 0) / 64, 0.25 * 32 = 8, all eight rows;
    # with 1, 1, 0, 1/2: p = 5/8, v = (9 + 9 + 25 + 1) / 16 / 64, (15 / 64) / v = 60 / 11.
    assert effective([(2, 2), (1, 2), (0, 2), (1, 2)], most=8) == pytest.approx(8)
    assert effective([(2, 2), (2, 2), (0, 2), (1, 2)], most=8) == pytest.approx(60 / 11)


def test_rows_without_gold_are_no_rows() -> None:
    assert accuracy([("a", True, True), ("b", None, True)]).interval == wilson(1.0, 1)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    draw, num_held = random.Random(7), 0
    for _ in range(400):
        # Chances of being right spread as Beta(1, 2/3), mean 0.6: samples of a question are much alike.
        chances = [draw.betavariate(1, 2 / 3) for _ in range(60)]
        letters = ["".join("01"[draw.random() < chance] for _ in range(5)) for chance in chances]
        low, high = accuracy(asked(*letters)).interval
        num_held += low <= 0.6 <= high
    assert 0.92 <= num_held / 400 <= 0.98


def test_pass_at_one_is_the_accuracy_with_its_interval() -> None:
    letters = ["110", "100", "111", "010"]
    rows = {
        str(name): [
            {"task": "text", "prediction": letter, "correct": letter == "1", "logprob": None} for letter in samples
        ]
        for name, samples in enumerate(letters)
    }
    told, whole = sampled(rows), accuracy(asked(*letters))
    assert told is not None
    assert told["pass"]["1"] == pytest.approx(whole.share)
    assert told["pass_interval"]["1"] == pytest.approx(list(whole.interval))
    assert told["pass_interval"]["3"] == pytest.approx(list(wilson(1.0, 4)))
