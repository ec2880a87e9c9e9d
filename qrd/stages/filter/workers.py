"""Blocks of lines sifted by forks: where the lines stand is sent, what the rules say of them comes back."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator
from functools import partial
from types import TracebackType

from qrd.filters import Rules
from qrd.filters.sifting import Sifted, Sifter
from qrd.forks import Forks
from qrd.rows.lines import MAX_LINE_BYTES
from qrd.rows.reader import Block

MOST_HELPERS = 3  # more than these wait for the one that reads
AHEAD = 2  # so that a helper never waits for its next block
Place = tuple[str, int, int]


class Workers:
    """Forks that sift blocks; a context manager."""

    def __init__(self, rules: Rules) -> None:
        answer = partial(_sift_at, Sifter(rules))
        self.forks: Forks[Place, Sifted | None] = Forks(answer, ahead=AHEAD, most=MOST_HELPERS)

    def __enter__(self) -> Workers:
        self.forks.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.forks.__exit__(kind, error, trace)

    def sift(self, blocks: Iterable[Block]) -> Iterator[tuple[Block, Sifted | None]]:
        """Each block, in order, with what a fork says of it; None where none can, and the block goes the usual way."""
        for block, sifted in self.forks.answers((block, _place(block)) for block in blocks):
            yield block, sifted if sifted is not None and len(sifted.kinds) == len(block.lines) else None


def _place(block: Block) -> Place | None:
    """Where the lines stand, if that is known: to read them again is cheaper than to send them.

    Lines that may be longer than is allowed are left to the one who says so.
    """
    size = sum(map(len, block.lines))
    return None if block.offset is None or size > MAX_LINE_BYTES else (block.file, block.offset, size)


def _sift_at(sifter: Sifter, place: Place) -> Sifted | None:
    gc.disable()  # rows hold no cycles, and looking for them takes a quarter of the time
    file, offset, size = place
    with open(file, "rb", buffering=0) as stream:
        return sifter.sift(os.pread(stream.fileno(), size, offset))
