"""Two models on the same questions: is one better, by how much, and could so few questions have shown it?

The unit is the question, since the samples of one question are not independent of each other. A model's score on a
question is the share of its samples that are right; with one sample it is 0 or 1.
Everything is computed here: scipy comes with the extra `filter` only, and an evaluation should not need it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from random import Random
from statistics import NormalDist
from typing import Any

from qrd.evaluation.families import Families, Pair

RESAMPLES = 10_000  # Efron and Tibshirani (1993, chapter 13) want 1,000 at least for the ends of a 95 % interval
POWER, LEVEL = 0.8, 0.05
SHARE_BITS = 32  # of a probability that is drawn with: an error of 2^-32 is far below that of 10,000 resamples

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Comparison:
    """`model` against `other` on the questions that both answered.

    `better` and `worse` count questions; `difference` is accuracy minus the other's, from -1 to 1, with its 95 %
    `interval`; `p` is the exact test's, `p_holm` corrected for all comparisons of its `family`.
    `smallest_difference` is what so many questions show with power 0.8; None where they can show none.
    """

    model: str
    other: str
    questions: int
    better: int
    worse: int
    difference: float
    interval: tuple[float, float]
    p: float
    p_holm: float
    family: str
    smallest_difference: float | None

    def as_json(self) -> dict[str, Any]:
        """The comparison as a record."""
        return {**asdict(self), "interval": list(self.interval)}


def compared(families: Families, scores: Mapping[str, Scores], *, seed: int) -> list[Comparison]:
    """The comparison of each pair of models, family by family; pairs without a common question are left out.

    `scores` maps each model to its questions' scores.
    """
    return [found for family, pairs in families.items() for found in _compared(family, pairs, scores, seed)]


def _compared(family: str, pairs: Sequence[Pair], scores: Mapping[str, Scores], seed: int) -> list[Comparison]:
    found = []
    for model, other in pairs:
        mine, its = scores.get(model, {}), scores.get(other, {})
        if differences := [mine[name] - its[name] for name in mine if name in its]:
            found.append((model, other, differences))
    tests = [mcnemar(*_better_and_worse(differences)) for _, _, differences in found]
    corrected = holm(tests)
    return [_comparison(*what, p, p_holm, family, seed) for what, p, p_holm in zip(found, tests, corrected)]


def _comparison(
    model: str, other: str, differences: Sequence[float], p: float, p_holm: float, family: str, seed: int
) -> Comparison:
    num_questions, (better, worse) = len(differences), _better_and_worse(differences)
    return Comparison(
        model=model,
        other=other,
        questions=num_questions,
        better=better,
        worse=worse,
        difference=sum(differences) / num_questions,
        interval=bootstrap(differences, seed=seed),
        p=p,
        p_holm=p_holm,
        family=family,
        smallest_difference=smallest_difference(num_questions, sum(d * d for d in differences) / num_questions),
    )


def _better_and_worse(differences: Sequence[float]) -> tuple[int, int]:
    return sum(d > 0 for d in differences), sum(d < 0 for d in differences)


def mcnemar(better: int, worse: int) -> float:
    """The two-sided p-value of so many questions won and lost; questions on which the two agree say nothing.

    With one sample a question this is McNemar's exact test, with several the sign test over questions.
    Math: min(1, 2 P(X <= min(better, worse))) with X of the binomial distribution (better + worse, 1/2).
    Source: McNemar 1947, Psychometrika 12, 153-157, in its exact form.
    """
    total, ways, term = better + worse, 0, 1
    for chosen in range(min(better, worse) + 1):
        ways += term
        term = term * (total - chosen) // (chosen + 1)
    return min(1.0, 2 * ways / (1 << total))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for being several, in their order: the chance of any false alarm stays what it says.

    Example: 0.01, 0.04, 0.03 become 0.03, 0.06, 0.06.
    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    corrected, worst = [0.0] * len(p_values), 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, p_values[position] * (len(p_values) - rank)))
        corrected[position] = worst
    return corrected


def bootstrap(
    differences: Sequence[float], *, seed: int, resamples: int = RESAMPLES, confidence: float = 0.95
) -> tuple[float, float]:
    """The percentile interval of the mean difference when questions are drawn anew, with replacement.

    A resample is how often each distinct difference is drawn, so it costs the same for any number of equal ones.
    Source: Efron 1979, Annals of Statistics 7, 1-26.
    """
    random, kinds, total = Random(seed), sorted(Counter(differences).items()), len(differences)
    means = sorted(_resampled_sum(random, kinds, total) / total for _ in range(resamples))
    tail = int(resamples * (1 - confidence) / 2)
    return means[tail], means[-1 - tail]


def _resampled_sum(random: Random, kinds: Sequence[tuple[float, int]], total: int) -> float:
    """The sum of `total` draws from differences of which there are so many of each kind."""
    draws, remaining, found = total, total, 0.0
    for value, count in kinds:
        drawn = draws if count == remaining else _binomial(random, draws, count / remaining)
        draws, remaining, found = draws - drawn, remaining - count, found + value * drawn
    return found


def _binomial(random: Random, trials: int, share: float) -> int:
    """How many of the trials succeed, each with probability `share`: all of them at once, as bits of a long number.

    Math: with the binary digits of the share from the last to the first, OR with fair bits maps q to (1 + q) / 2 and
    AND maps it to q / 2, which builds the share digit by digit.
    Example: 0.75 = 0.11 in binary: 0, OR gives 1/2, OR gives 3/4.
    """
    if not trials:
        return 0
    digits, bits = round(share * 2**SHARE_BITS), 0
    for place in range(SHARE_BITS):
        fair = random.getrandbits(trials)
        bits = bits | fair if digits >> place & 1 else bits & fair
    return bits.bit_count()


def smallest_difference(num_questions: int, discordant: float) -> float | None:
    """The smallest true difference that a test at level 0.05 finds with power 0.8 on so many questions.

    `discordant` is the mean square of the differences: with one sample the share of questions on which the two differ,
    with several less, since shares vary less than coins. It is taken to be at least the difference itself.
    None where even a difference of 1 would not be found: with 5 questions no exact test reaches the level. A normal
    approximation, not corrected for several comparisons.
    Math: (d - 1/n) sqrt(n) = z_a sqrt(psi) + z_b sqrt(psi - d^2), solved for d; psi the discordant share. 1/n is the
    correction for continuity: without it the exact test finds d on 32 questions with power 0.7, not 0.8.
    Source: Connor 1987, Biometrics 43, 207-211; the correction is that of Edwards 1948, Psychometrika 13, 185-187.
    """
    low, high = 0.0, 1.0
    if not _is_shown(high, num_questions, discordant):
        return None
    for _ in range(50):
        middle = (low + high) / 2
        if _is_shown(middle, num_questions, discordant):
            high = middle
        else:
            low = middle
    return high


def _is_shown(difference: float, num_questions: int, discordant: float) -> bool:
    z_level, z_power = NormalDist().inv_cdf(1 - LEVEL / 2), NormalDist().inv_cdf(POWER)
    psi = max(discordant, difference)
    spread = z_level * sqrt(psi) + z_power * sqrt(psi - difference * difference)
    return (difference - 1 / num_questions) * sqrt(num_questions) >= spread
