"""What every verb does with its rows: which of them it takes, what it holds of them, how many it counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec

from qrd.console import Console
from qrd.rows.lines import bad_lines
from qrd.rows.reader import Reader, Row
from qrd.rows.records import Fields, Identified, checked, in_shard
from qrd.stages.outcomes import Outcomes

Q = TypeVar("Q", bound=Identified)


@dataclass
class Tally:
    """Counts of one run; `reasons` says why rows are not in the output, `num_left` are requests in batches."""

    num_in: int = 0
    num_out: int = 0
    num_kept: int = 0
    num_bad: int = 0
    num_left: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    cost_usd: float = 0.0
    failed: list[Fields] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Outcomes)

    @property
    def is_partial(self) -> bool:
        """Whether some rows failed, were set aside or are still to come (exit 3)."""
        return bool(self.num_bad or self.failed or self.num_left)

    def add_usage(self, fields: Fields) -> None:
        """Count the cost that a row carries."""
        self.cost_usd += cost_usd([fields.get("usage")])


def cost_usd(usages: Iterable[Any]) -> float:
    """The sum of the costs that rows tell."""
    return sum(usage.get("cost_usd") or 0.0 for usage in usages if isinstance(usage, dict))


def selected(reader: Reader[Q], config: Any) -> Iterator[Row[Q]]:
    """The rows of --limit and --shard: the first N of this part."""
    part, total = config.shard_parts()
    taken = 0
    for row in reader:
        if not in_shard(row.record.id, part, total):
            continue
        if config.limit is not None and taken >= config.limit:
            if not reader.is_stream:
                continue
            return
        taken += 1
        yield row


class Held(Generic[Q]):
    """Rows that can be gone through again and again; held as the bytes of their lines, which are a tenth of them."""

    def __init__(self, rows: Iterable[Row[Q]], kind: type[Q]) -> None:
        self._kind = kind
        self._lines = [(row.raw, row.file, row.line) for row in rows]

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Row[Q]]:
        return self.since(0)

    def since(self, number: int) -> Iterator[Row[Q]]:
        """The rows from that number on, counted from 0."""
        for raw, file, line in islice(self._lines, number, None):
            fields = msgspec.json.decode(raw)
            yield Row(fields, checked(fields, self._kind, file=file, line=line), file, line, raw)


def report_bad(reader: Reader[Any], console: Console) -> None:
    """Name the lines that --skip-bad set aside."""
    if reader.bad:
        console.say(f"{len(reader.bad)} bad lines set aside:\n{bad_lines(reader.bad)}")
