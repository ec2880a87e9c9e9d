"""Processes that sift blocks of lines beside the one that reads and writes.

They are forks: hashes of texts are keyed by process, and only forks share the key. A worker that is not there, or dies,
costs time alone, since what was not sifted goes the usual way.
"""

from __future__ import annotations

import gc
import io
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from qrd.filters import Rules
from qrd.filters.sifting import Sifted, sift
from qrd.reader import Block

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MOST_HELPERS = 3  # more than these wait for the one that reads


class Workers:
    """As many workers as there are processors to use, up to MOST_HELPERS; a context manager."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._ends: list[Connection] = []
        self._children: list[Any] = []

    def __enter__(self) -> Workers:
        import multiprocessing

        if "fork" in multiprocessing.get_all_start_methods():
            context = multiprocessing.get_context("fork")
            for _ in range(min(MOST_HELPERS, len(os.sched_getaffinity(0)))):
                ours, theirs = context.Pipe()
                self._ends.append(ours)
                child = context.Process(target=_work, args=(theirs, self._ends, self.rules), daemon=True)
                child.start()
                theirs.close()
                self._children.append(child)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for end in self._ends:
            end.close()  # the worker reads the end of its input and leaves
        for child in self._children:
            child.join()

    def sift(self, blocks: Iterable[Block]) -> Iterator[tuple[Block, Sifted | None]]:
        """Each block, in order, with what a worker says of it; None where no worker can."""
        waiting: deque[tuple[Block, Connection | None]] = deque()
        for number, block in enumerate(blocks):
            # A worker has one block at a time: were it sent a second while its answer fills the pipe, both would wait.
            done = _answered(*waiting.popleft()) if waiting and len(waiting) >= len(self._ends) else None
            end = self._ends[number % len(self._ends)] if self._ends else None
            waiting.append((block, end if end is not None and _sent(end, block) else None))
            if done is not None:
                yield done
        while waiting:
            yield _answered(*waiting.popleft())


def _sent(end: Connection, block: Block) -> bool:
    """Whether a worker was told where the block stands: to read it again is cheaper than to send it."""
    if block.offset is None:
        return False
    try:
        end.send((block.file, block.offset, sum(map(len, block.lines))))
    except OSError:
        return False
    return True


def _answered(block: Block, end: Connection | None) -> tuple[Block, Sifted | None]:
    try:
        sifted: Sifted | None = end.recv() if end is not None else None
    except (EOFError, OSError):
        return block, None
    return block, sifted if sifted is not None and len(sifted.kinds) == len(block.lines) else None


def _work(end: Connection, of_parent: list[Connection], rules: Rules) -> None:
    """Answer blocks until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and closes the input
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for inherited in of_parent:
        inherited.close()  # else no worker would ever read the end of its input
    gc.disable()  # rows hold no cycles, and looking for them takes a quarter of the time
    try:
        while True:
            end.send(sift(_lines_at(*end.recv()), rules))
    except (EOFError, OSError):
        return


def _lines_at(file: str, offset: int, size: int) -> io.BytesIO:
    with open(file, "rb", buffering=0) as stream:
        return io.BytesIO(os.pread(stream.fileno(), size, offset))
