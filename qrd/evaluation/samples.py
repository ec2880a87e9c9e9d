"""What several samples of one model tell: their majority, and whether any of so many is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from typing import Any

from qrd.evaluation.ensemble import by_vote
from qrd.evaluation.score import accuracy, effective, wilson

Fields = dict[str, Any]


def sampled(questions: Mapping[str, Sequence[Fields]]) -> Fields | None:
    """maj@N and pass@k of a model's samples of each question; None where it has one sample of each.

    Questions with fewer than N samples, which failed, are counted as `incomplete` and left out; so are those
    without gold. `ties` are questions on which two answers led: there the surest of them counts.
    """
    num = max(map(len, questions.values()), default=0)
    if num < 2:
        return None
    graded = [rows for rows in questions.values() if all(row["correct"] is not None for row in rows)]
    whole = [rows for rows in graded if len(rows) == num]
    votes = [by_vote(rows) for rows in whole]
    majority = accuracy((n, winner["correct"], winner["prediction"] is not None) for n, (winner, _) in enumerate(votes))
    rights = [sum(row["correct"] for row in rows) for rows in whole]
    passed = {str(k): [pass_at(k, num, right) for right in rights] for k in counts(num) if rights}
    return {
        "n": num,
        "questions": len(whole),
        "incomplete": len(graded) - len(whole),
        "maj": {"accuracy": majority.share, "interval": list(majority.interval), "ties": sum(tie for _, tie in votes)},
        "pass": {k: sum(chances) / len(chances) for k, chances in passed.items()},
        "pass_interval": {k: _interval(chances, num) for k, chances in passed.items()},
    }


def _interval(chances: Sequence[float], num: int) -> list[float]:
    """The 95 % interval of the mean chance over questions."""
    worth = effective([(chance, 1) for chance in chances], most=num * len(chances))
    return list(wilson(sum(chances) / len(chances), worth))


def pass_at(k: int, num: int, right: int) -> float:
    """The chance that k of `num` samples, drawn without replacement, hold one of the `right` ones.

    Math: 1 - C(num - right, k) / C(num, k), which is without bias where 1 - (1 - right / num)^k is too low.
    Source: Chen et al. 2021 (arXiv 2107.03374), section 2.1, equation 1.
    """
    return 1 - comb(num - right, k) / comb(num, k)


def counts(num: int) -> list[int]:
    """1, 2, 4, ... and `num` itself: the k of pass@k that are shown."""
    return sorted({2**power for power in range(num.bit_length()) if 2**power <= num} | {num})
