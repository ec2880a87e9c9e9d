"""How many answers are right, and how sure that number is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True)
class Accuracy:
    """Right answers of `num_rows` rows, of which `num_found` had an answer at all; shares from 0 to 1.

    `num_effective` is how many independent rows they are worth (`effective`).
    """

    num_right: int
    num_rows: int
    num_found: int
    num_effective: float

    @property
    def share(self) -> float:
        """Share of right answers; 0 without rows."""
        return self.num_right / self.num_rows if self.num_rows else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share."""
        return wilson(self.share, self.num_effective)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def accuracy(graded: Iterable[tuple[Hashable, bool | None, bool]]) -> Accuracy:
    """The accuracy over (question, correct, answer found) of each row; rows without gold (None) do not count."""
    rows = [row for row in graded if row[1] is not None]
    right: Counter[Hashable] = Counter(question for question, correct, _ in rows if correct)
    asked = Counter(question for question, _, _ in rows)
    worth = effective([(right[question], num) for question, num in asked.items()], most=len(rows))
    return Accuracy(right.total(), len(rows), sum(found for _, _, found in rows), worth)


def effective(questions: Sequence[tuple[float, int]], *, most: int) -> float:
    """How many independent rows the rows of these questions are worth, each question as (score, its rows).

    The samples of a question are alike, so the question is the unit: four samples of each of 100 questions are worth
    100 rows where a question's samples are all right or all wrong, up to 400 (`most`) where they are coins. With one
    sample a question it is the number of rows.
    Math: p (1 - p) / v with p the mean over rows and v = sum_q (score_q - rows_q p)^2 / rows^2, its variance when
    questions are drawn; the number of questions where p is 0 or 1, since v is then 0 for want of evidence.
    Source: Korn and Graubard 1998, Survey Methodology 24, 193-201 (the effective sample size); Dean and Pagano 2015,
    Journal of Survey Statistics and Methodology 3, 484-503 (in Wilson's interval).
    """
    rows = sum(num for _, num in questions)
    share = sum(score for score, _ in questions) / rows if rows else 0.0
    if not 0 < share < 1:
        return float(len(questions))
    variance = sum((score - num * share) ** 2 for score, num in questions) / rows**2
    return min(float(most), share * (1 - share) / variance) if variance else float(most)


def wilson(share: float, num_rows: float, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a share, from 0 to 1; (0, 1) without rows. `num_rows` may be an effective number.

    Math: (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
    Source: Wilson 1927, JASA 22, 209-212.
    """
    if num_rows == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    pull = z * z / num_rows
    middle = share + pull / 2
    spread = z * (share * (1 - share) / num_rows + pull / (4 * num_rows)) ** 0.5
    return max(0.0, (middle - spread) / (1 + pull)), min(1.0, (middle + spread) / (1 + pull))
