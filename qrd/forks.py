"""Processes that answer questions beside the one that reads and writes.

They are forks: what this process holds need not be sent to them, and they share its key for hashes of texts. A fork
that is not there, or dies, costs time alone, since what it did not answer is answered by the one who asked.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Mark = TypeVar("Mark")
Question = TypeVar("Question")
Answer = TypeVar("Answer")
MOST_FORKS = 8


class Forks(Generic[Question, Answer]):
    """As many forks as there are processors to use, up to `most`; a context manager.

    `ahead` is how many questions one is given before its first answer is read. More than 1 is for questions so short
    that they never fill a pipe: else both ends might wait, one with a question and one with an answer.
    """

    def __init__(self, answer: Callable[[Question], Answer], *, ahead: int = 1, most: int = MOST_FORKS) -> None:
        self.answer, self.ahead, self.most = answer, ahead, most
        self.children: list[Any] = []
        self._ends: list[Connection] = []

    def __enter__(self) -> Forks[Question, Answer]:
        import multiprocessing

        if "fork" in multiprocessing.get_all_start_methods():
            context = multiprocessing.get_context("fork")
            for _ in range(min(self.most, len(os.sched_getaffinity(0)))):
                ours, theirs = context.Pipe()
                self._ends.append(ours)
                child = context.Process(target=_work, args=(theirs, self._ends, self.answer), daemon=True)
                child.start()
                theirs.close()
                self.children.append(child)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for end in self._ends:
            end.close()  # the fork reads the end of its input and leaves
        for child in self.children:
            child.join()

    def answers(self, asked: Iterable[tuple[Mark, Question | None]]) -> Iterator[tuple[Mark, Answer | None]]:
        """Each mark, in order, with the answer to the question beside it; None where no fork gave one."""
        waiting: deque[tuple[Mark, Connection | None]] = deque()
        for number, (mark, question) in enumerate(asked):
            done = _answered(*waiting.popleft()) if waiting and len(waiting) >= self.ahead * len(self._ends) else None
            end = self._ends[number % len(self._ends)] if self._ends and question is not None else None
            waiting.append((mark, end if end is not None and _sent(end, question) else None))
            if done is not None:
                yield done
        while waiting:
            yield _answered(*waiting.popleft())


def _sent(end: Connection, question: Any) -> bool:
    try:
        end.send(question)
    except OSError:
        return False
    return True


def _answered(mark: Mark, end: Connection | None) -> tuple[Mark, Any]:
    try:
        return mark, end.recv() if end is not None else None
    except (EOFError, OSError):
        return mark, None


def _work(end: Connection, of_parent: list[Connection], answer: Callable[[Any], Any]) -> None:
    """Answer questions until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and closes the input
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for inherited in of_parent:
        inherited.close()  # else no fork would ever read the end of its input
    try:
        while True:
            end.send(answer(end.recv()))
    except (EOFError, OSError):
        return
