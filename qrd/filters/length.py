"""The response has a length worth learning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qrd.filters.decision import KEEP, Decision, drop
from qrd.rows.records import Path


def num_tokens(path: Path) -> int:
    """Tokens of the response as its backend counted them, or words between white space where it did not."""
    counted = path.usage.completion_tokens if path.usage else None
    return len((path.response or "").split()) if counted is None else counted


@dataclass(frozen=True)
class Length:
    """Drop what is `too_short` or `too_long`, in tokens as `count` counts them; None is no bound."""

    min_tokens: int | None = None
    max_tokens: int | None = None
    count: Callable[[Path], int] = num_tokens

    def __call__(self, path: Path) -> Decision:
        """Keep within the bounds, both included."""
        length = self.count(path)
        if self.min_tokens is not None and length < self.min_tokens:
            return drop("too_short")
        return drop("too_long") if self.max_tokens is not None and length > self.max_tokens else KEEP
