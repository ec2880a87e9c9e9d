"""What every verb does with its rows: which of them it takes, how it holds them, which are bad."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

import msgspec

from qrd.console import Console
from qrd.rows.lines import bad_lines
from qrd.rows.reader import Reader, Row
from qrd.rows.records import Identified, checked, in_shard

Q = TypeVar("Q", bound=Identified)


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
