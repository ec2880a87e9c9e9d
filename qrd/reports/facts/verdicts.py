"""What judges said: counts for each, how often two of them say the same, and a few cases to read."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations

from qrd.reports.facts.sample import Json, shown
from qrd.rows.records import Path, Verdict, digest

VERDICTS = ("valid", "invalid", "unscored")
SPLIT = "judges differ"
SHOWN_EACH = 3


@dataclass
class Verdicts:
    """All verdicts, each path once."""

    by_judge: dict[str, Counter[str]] = field(default_factory=dict)
    pairs: dict[tuple[str, str], Counter[bool]] = field(default_factory=dict)
    by_answer: Counter[tuple[str, str]] = field(default_factory=Counter)
    num_judged: int = 0
    _cases: dict[str, list[tuple[int, str, Json]]] = field(default_factory=dict)

    def add(self, path: Path, answer: str) -> None:
        """Count the verdicts on one path whose answer is `answer`."""
        said = path.verdicts or []
        if not said:
            return
        self.num_judged += 1
        self.by_answer[(answer, str(path.verdict))] += 1
        for verdict in said:
            self.by_judge.setdefault(verdict.judge, Counter())[verdict.verdict] += 1
        for one, other in combinations(said, 2):
            pair = (min(one.judge, other.judge), max(one.judge, other.judge))
            if "unscored" not in (one.verdict, other.verdict):
                self.pairs.setdefault(pair, Counter())[one.verdict == other.verdict] += 1
        self._offer(path, said)

    def _offer(self, path: Path, said: list[Verdict]) -> None:
        """Keep the path as a case if its rank, a hash, is among the lowest of its kind."""
        kind = SPLIT if len({verdict.verdict for verdict in said}) > 1 else str(path.verdict)
        cases = self._cases.setdefault(kind, [])
        rank = -int(digest([path.path_id])[:16], 16)
        if len(cases) < SHOWN_EACH or rank > cases[0][0]:
            heapq.heappush(cases, (rank, f"{path.path_id}{len(cases)}", _case(path, said, kind)))
            if len(cases) > SHOWN_EACH:
                heapq.heappop(cases)

    def cases(self) -> list[Json]:
        """A few paths of each kind, those on which judges differ first."""
        order = (SPLIT, "invalid", "unscored", "valid")
        return [case for kind in order for _, _, case in sorted(self._cases.get(kind, ()), key=lambda c: c[:2])]


def _case(path: Path, said: list[Verdict], kind: str) -> Json:
    return {
        "kind": kind,
        "style": shown(path.style),
        "question": shown(path.question),
        "answer": shown(path.answer),
        "response": shown(path.response),
        "verdicts": [{"judge": shown(v.judge), "verdict": v.verdict, "reason": shown(v.reason)} for v in said],
    }
