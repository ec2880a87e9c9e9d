"""A judge set against known labels: what it lets pass, what it catches, and how far that is beyond chance."""

from __future__ import annotations

from collections import Counter
from typing import Any

from qrd.evaluation.score import wilson

VALID, INVALID = "valid", "invalid"


class Against:
    """Pairs of (label, verdict) of one judge. A verdict that could not be read lets nothing pass."""

    def __init__(self) -> None:
        self.pairs: Counter[tuple[str, str]] = Counter()

    def add(self, label: str, verdict: str) -> None:
        """Count one path."""
        self.pairs[label, verdict] += 1

    @property
    def num_paths(self) -> int:
        """Paths with a label that were judged."""
        return self.pairs.total()

    def precision(self) -> float | None:
        """The share of valid paths among those that pass; None where none passes."""
        return self._share((VALID, VALID), [pair for pair in self.pairs if pair[1] == VALID])

    def recall(self) -> float | None:
        """The share of the valid paths that pass."""
        return self._share((VALID, VALID), [pair for pair in self.pairs if pair[0] == VALID])

    def caught(self) -> float | None:
        """The share of the invalid paths that do not pass."""
        let_pass = self._share((INVALID, VALID), [pair for pair in self.pairs if pair[0] == INVALID])
        return None if let_pass is None else 1 - let_pass

    def kappa(self) -> float | None:
        """Agreement beyond chance: 1 for all alike, 0 for chance; None where both know one word only.

        Math: (a - c) / (1 - c) with a the share of equal pairs and c = sum over words of p(label) p(verdict).
        Example: of 4 valid paths 3 pass, of 2 invalid ones 1: a = 4/6, c = (4 * 4 + 2 * 2) / 36, kappa = 0.25.
        Source: Cohen 1960, Educational and Psychological Measurement 20, 37-46.
        """
        number = self.num_paths
        if not number:
            return None
        alike = sum(count for (label, verdict), count in self.pairs.items() if label == verdict) / number
        labels, verdicts = (self._margin(side) for side in (0, 1))
        by_chance = sum(labels[word] * verdicts[word] for word in labels) / number**2
        return None if by_chance == 1 else (alike - by_chance) / (1 - by_chance)

    def as_json(self) -> dict[str, Any]:
        """All of it, with the 95 % intervals of the shares and every count."""
        shares = {
            "precision": (self.precision(), self._margin(1)[VALID]),
            "recall": (self.recall(), self._margin(0)[VALID]),
        }
        shares["caught"] = (self.caught(), self._margin(0)[INVALID])
        told: dict[str, Any] = {"paths": self.num_paths, "kappa": self.kappa()}
        for name, (share, number) in shares.items():
            told[name] = share
            told[f"{name}_interval"] = None if share is None else list(wilson(share, number))
        told["pairs"] = [{"label": a, "verdict": b, "paths": count} for (a, b), count in sorted(self.pairs.items())]
        return told

    def _margin(self, side: int) -> Counter[str]:
        counts: Counter[str] = Counter()
        for pair, count in self.pairs.items():
            counts[pair[side]] += count
        return counts

    def _share(self, hit: tuple[str, str], among: list[tuple[str, str]]) -> float | None:
        number = sum(self.pairs[pair] for pair in among)
        return self.pairs[hit] / number if number else None
