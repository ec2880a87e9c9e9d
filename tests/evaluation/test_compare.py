import itertools
import random
from collections import Counter
from math import comb

import pytest

from qrd.evaluation import compare


def signs_as_extreme(better, worse):
    """The p-value by counting every way in which the questions could have gone."""
    total = better + worse
    ways = [abs(2 * sum(way) - total) for way in itertools.product((0, 1), repeat=total)]
    return sum(way >= abs(better - worse) for way in ways) / len(ways)


def exact_interval(differences, confidence=0.95):
    """The interval of all resamples there are, by adding one draw at a time to the distribution of the sum."""
    sums = {0: 1.0}
    for _ in differences:
        added = Counter()
        for (sum_, share), drawn in itertools.product(sums.items(), differences):
            added[sum_ + drawn] += share / len(differences)
        sums = added
    ends, below = [], 0.0
    for sum_, share in sorted(sums.items()):
        below += share
        for at in ((1 - confidence) / 2, (1 + confidence) / 2)[len(ends) :]:
            if below >= at:
                ends.append(sum_ / len(differences))
    return tuple(ends)


@pytest.mark.parametrize(
    ("better", "worse", "expected"),
    [(0, 0, 1.0), (1, 1, 1.0), (5, 0, 2 / 32), (6, 0, 2 / 64), (1, 9, 2 * 11 / 1024), (9, 1, 2 * 11 / 1024)],
)
def test_the_test_gives_what_was_worked_by_hand(better, worse, expected):
    assert compare.mcnemar(better, worse) == expected


def test_the_test_equals_a_count_of_all_ways():
    for better, worse in itertools.product(range(7), repeat=2):
        assert compare.mcnemar(better, worse) == pytest.approx(signs_as_extreme(better, worse), abs=1e-12)


def test_the_test_takes_thousands_of_questions():
    assert 0 < compare.mcnemar(2100, 1900) < 0.01
    assert compare.mcnemar(5000, 0) == 0.0, "too small for a float"


def test_holm_gives_what_was_worked_by_hand_in_the_order_given():
    assert compare.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert compare.holm([0.9, 0.6]) == [1.0, 1.0]
    assert compare.holm([]) == []


def test_one_p_value_is_not_corrected():
    assert compare.holm([0.02]) == [0.02]


@pytest.mark.parametrize("differences", [[1] * 8 + [-1] * 3 + [0] * 19, [1] * 5 + [0] * 5, [-1] * 20 + [1] * 20])
def test_the_bootstrap_meets_the_interval_of_all_resamples(differences):
    found = compare.bootstrap(differences, seed=1)
    step = 1 / len(differences)
    assert found == pytest.approx(exact_interval(differences), abs=1.01 * step)


def test_the_bootstrap_draws_fractions_as_plain_resampling_does():
    differences = [0.5] * 30 + [0.25] * 20 + [0.0] * 30 + [-0.75] * 20
    draw = random.Random(3)
    means = sorted(sum(draw.choices(differences, k=100)) / 100 for _ in range(4000))
    assert compare.bootstrap(differences, seed=1) == pytest.approx((means[100], means[-101]), abs=0.015)


def test_the_bootstrap_is_a_function_of_its_seed():
    differences = [1] * 40 + [-1] * 30 + [0] * 30
    first, again, other = (compare.bootstrap(differences, seed=seed, resamples=500) for seed in (1, 1, 2))
    assert first == again
    assert first != other or compare.bootstrap(differences, seed=3, resamples=500) != first


def test_equal_models_have_an_interval_of_nothing():
    assert compare.bootstrap([0, 0, 0], seed=0) == (0.0, 0.0)


def test_the_smallest_difference_solves_connors_equation():
    # 1.96 sqrt(0.3) + 0.8416 sqrt(0.3 - 0.01) = 1.5267 = (0.1 - 1/n) sqrt(n) for n = 252.7: so many questions show 10
    # points where 30 % differ.
    assert compare.smallest_difference(253, 0.3) == pytest.approx(0.1, abs=1e-4)
    assert compare.smallest_difference(1000, 0.3) < compare.smallest_difference(253, 0.3)


def power_of_the_exact_test(n, discordant, difference):
    """The chance that n questions give p <= 0.05, summed over all that they may come to."""
    better, power = (1 + difference / discordant) / 2, 0.0
    for differ in range(n + 1):
        chance = comb(n, differ) * discordant**differ * (1 - discordant) ** (n - differ)
        for won in range(differ + 1):
            if compare.mcnemar(won, differ - won) <= 0.05:
                power += chance * comb(differ, won) * better**won * (1 - better) ** (differ - won)
    return power


@pytest.mark.parametrize(("n", "discordant"), [(8, 0.1), (16, 0.1), (16, 0.5), (32, 0.3), (32, 0.5), (64, 0.3)])
def test_the_exact_test_finds_the_smallest_difference_with_the_power_stated_on_few_questions(n, discordant):
    difference = compare.smallest_difference(n, discordant)
    assert power_of_the_exact_test(n, max(discordant, difference), difference) >= 0.8


def test_the_smallest_difference_is_found_with_the_power_stated():
    n, discordant = 400, 0.25
    difference = compare.smallest_difference(n, discordant)
    draw, num_found = random.Random(5), 0
    for _ in range(300):
        kinds = draw.choices(
            (1, -1, 0), ((discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant), k=n
        )
        num_found += compare.mcnemar(kinds.count(1), kinds.count(-1)) < 0.05
    assert 0.7 < num_found / 300 < 0.87


def test_five_questions_can_show_nothing():
    assert compare.mcnemar(5, 0) > 0.05
    assert compare.smallest_difference(5, 0.0) is None
    assert compare.smallest_difference(6, 0.0) is not None


def test_models_are_compared_on_their_common_questions_only():
    scores = {
        "a": {"1": 1.0, "2": 1.0, "3": 0.0, "5": 1.0},
        "b": {"1": 0.0, "2": 1.0, "3": 0.0, "4": 1.0},
        "c": {"9": 1.0},
    }
    (found,) = compare.compared({"f": [("a", "b"), ("a", "c")]}, scores, seed=0)
    assert (found.questions, found.better, found.worse, found.p) == (3, 1, 0, 1.0)
    assert found.difference == pytest.approx(1 / 3)
    assert found.interval[0] <= found.difference <= found.interval[1]


def test_several_comparisons_are_corrected_together():
    scores = {
        "a": dict.fromkeys("12345678", 1.0),
        "b": dict.fromkeys("12345678", 0.0),
        "c": dict.fromkeys("12345678", 0.0),
    }
    found = compare.compared({"f": [("a", "b"), ("a", "c"), ("b", "c")]}, scores, seed=0)
    assert [c.p for c in found] == [2 / 256, 2 / 256, 1.0]
    assert [c.p_holm for c in found] == [6 / 256, 6 / 256, 1.0]


def test_halves_of_a_difference_show_smaller_ones():
    whole = {"a": dict.fromkeys(map(str, range(200)), 0.5), "b": {str(n): float(n % 2) for n in range(200)}}
    (found,) = compare.compared({"f": [("a", "b")]}, whole, seed=0)
    assert found.smallest_difference == compare.smallest_difference(200, 0.25)
    assert found.better == found.worse == 100
