"""How many answers are right, and how sure that number is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True)
class Accuracy:
    """Right answers of `num_rows` rows, of which `num_found` had an answer at all; shares from 0 to 1."""

    num_right: int
    num_rows: int
    num_found: int

    @property
    def share(self) -> float:
        """Share of right answers; 0 without rows."""
        return self.num_right / self.num_rows if self.num_rows else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share."""
        return wilson(self.num_right, self.num_rows)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def accuracy(correct: Iterable[tuple[bool | None, bool]]) -> Accuracy:
    """The accuracy over (correct, answer found) of each row; rows without gold (None) do not count."""
    rows = [(right, found) for right, found in correct if right is not None]
    return Accuracy(sum(right for right, _ in rows), len(rows), sum(found for _, found in rows))


def wilson(num_right: int, num_rows: int, confidence: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a share, from 0 to 1; (0, 1) without rows.

    Math: (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) with p = num_right / n.
    Source: Wilson 1927, JASA 22, 209-212.
    """
    if num_rows == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, pull = num_right / num_rows, z * z / num_rows
    middle = share + pull / 2
    spread = z * (share * (1 - share) / num_rows + pull / (4 * num_rows)) ** 0.5
    return max(0.0, (middle - spread) / (1 + pull)), min(1.0, (middle + spread) / (1 + pull))
