"""The best paths of each question."""

from __future__ import annotations

import heapq

from qrd.filters.length import num_tokens
from qrd.rows.ordinals import Ordinals
from qrd.rows.records import Path

_VERDICT = {"valid": 2, "unscored": 1}
Rank = tuple[float, int, float, int, int]


class TopK:
    """Which of the paths offered are among the `most` best of their question; the others are `below_top_k`.

    Better is, in this order: a larger share of judges that said valid; the verdict; a higher score of the judges; fewer
    tokens; an earlier place. A path's place is told only by all paths of its question, which may stand anywhere, so
    this is asked at the end.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._questions = Ordinals()
        self._best: list[list[Rank]] = []  # of each question, a heap with the worst of its best on top
        self._offered = 0
        self._below = bytearray()

    def offer(self, path: Path) -> int:
        """The number, from 0, of one more path in the contest."""
        question = self._questions.number(path.id)
        if question == len(self._best):
            self._best.append([])
        heap, rank = self._best[question], (*standing(path), -self._offered)
        self._offered += 1
        self._below.append(0)
        if len(heap) < self.most:
            heapq.heappush(heap, rank)
        else:
            self._below[-heapq.heappushpop(heap, rank)[-1]] = 1
        return self._offered - 1

    def is_below(self, offer: int) -> bool:
        """Whether the offer of this number lost; final when all are made."""
        return bool(self._below[offer])


def standing(path: Path) -> tuple[float, int, float, int]:
    """What paths of a question are compared by; more is better."""
    verdicts = path.verdicts or []
    said_valid = sum(verdict.verdict == "valid" for verdict in verdicts)
    share = said_valid / len(verdicts) if verdicts else 0.0
    return share, _VERDICT.get(str(path.verdict), 0), path.judge_score or 0.0, -num_tokens(path)
