"""Counts of a file's records, in memory that does not grow with the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from qrd.inspection.kinds import PATHS
from qrd.inspection.where import value_at
from qrd.rows.outcomes import NO_ANSWER, OUTCOMES, RIGHT, WRONG, outcome_of
from qrd.rows.records import Fields

COUNTED = ("task", "meta.dataset", "finish_reason", "verdict", "reject_reason")
GROUPED = ("style", "teacher", "model")
REPLIES = (*PATHS, "prediction")
MAX_VALUES = 1000
REST = "(other values)"
NONE = "(none)"

Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


@dataclass
class Group:
    """Replies that share a style, teacher or model."""

    num_rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    num_answered: int = 0
    num_graded: int = 0
    num_counted: int = 0
    tokens: float = 0
    num_priced: int = 0
    cost_usd: float = 0.0

    def add(self, fields: Fields) -> None:
        """Count one reply; what it does not say is left open, not taken for zero."""
        self.num_rows += 1
        self.outcomes[outcome_of(fields)] += 1
        self.num_graded += "prediction" in fields
        self.num_answered += fields.get("prediction") is not None
        tokens, cost_usd = value_at(fields, "usage.completion_tokens"), value_at(fields, "usage.cost_usd")
        if tokens is not None:
            self.num_counted, self.tokens = self.num_counted + 1, self.tokens + tokens
        if cost_usd is not None:
            self.num_priced, self.cost_usd = self.num_priced + 1, self.cost_usd + cost_usd

    def cells(self) -> tuple[str, ...]:
        """The row of a table, as `GROUP_COLUMNS` names it."""
        num_told = sum(self.outcomes[outcome] for outcome in (RIGHT, WRONG, NO_ANSWER))
        return (
            f"{self.num_rows:,}",
            *(f"{self.outcomes[outcome]:,}" for outcome in OUTCOMES),
            _share(self.outcomes[RIGHT], num_told),
            _share(self.num_answered, self.num_graded),
            f"{self.tokens / self.num_counted:,.0f}" if self.num_counted else "-",
            f"{self.cost_usd:.4f}" if self.num_priced else "-",
        )


GROUP_COLUMNS = ("rows", *OUTCOMES, "right %", "answer found %", "tokens each", "cost $")


@dataclass
class Overview:
    """Counts by kind, by the fields of COUNTED, and replies grouped by the fields of GROUPED."""

    kinds: Counter[str] = field(default_factory=Counter)
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTED})
    groups: dict[str, dict[str, Group]] = field(default_factory=lambda: {name: {} for name in GROUPED})

    def add(self, kind: str, fields: Fields) -> None:
        """Count one record."""
        self.kinds[kind] += 1
        for name, counts in self.counts.items():
            if value_at(fields, name) is not None or name in fields:
                counts[_bounded(value_at(fields, name), counts)] += 1
        if kind not in REPLIES:
            return
        for name, groups in self.groups.items():
            if name in fields:
                groups.setdefault(_bounded(fields[name], groups), Group()).add(fields)

    def tables(self) -> list[Table]:
        """(title, columns, rows) of each table that has rows, the largest counts first."""
        tables: list[Table] = [("Records", ("kind", "rows"), _rows(self.kinds))]
        for name, groups in self.groups.items():
            ranked = sorted(groups.items(), key=lambda item: (-item[1].num_rows, item[0]))
            rows = [(value, *group.cells()) for value, group in ranked]
            tables.append((f"Replies by {name}", (name, *GROUP_COLUMNS), rows))
        tables += [(f"By {name}", (name, "rows"), _rows(counts)) for name, counts in self.counts.items()]
        return [table for table in tables if table[2]]


def _bounded(value: Any, known: Any) -> str:
    """The value as a text, or REST where too many others are counted already."""
    text = NONE if value is None else value if isinstance(value, str) else repr(value)
    return text if text in known or len(known) < MAX_VALUES else REST


def _rows(counts: Counter[str]) -> list[tuple[str, ...]]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(value, f"{number:,}") for value, number in ranked]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"
