"""One entry for all tasks: the answer of a reply, its gold form, and whether the two are equal."""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, TypeVar

from qrd.answers.readers import reader_of
from qrd.answers.reading.envelopes import opened
from qrd.answers.reading.gloss import in_english
from qrd.answers.reading.glyphs import legible
from qrd.answers.reading.thoughts import split_thoughts
from qrd.answers.workers import Pool, Ticket
from qrd.forks import Forks

_WINDOW = 256  # items read ahead of the oldest ungraded one: bounds memory and keeps every worker busy
_SENT_CHARACTERS = 2**20
Mark = TypeVar("Mark")


class Grade(NamedTuple):
    """The answer found (None: none) and whether it is right (None: there is no gold to tell)."""

    prediction: str | None
    correct: bool | None


class GradeItem(NamedTuple):
    """What one reply is graded on."""

    task: str
    response: str
    answer: str | None = None
    choices: Sequence[str] | None = None


def extract(task: str, response: str, choices: Sequence[str] | None = None) -> str | None:
    """The canonical answer the reply settles on; None where it settles on none.

    Raises: ValueError for an unknown task.
    """
    reader = reader_of(task)
    answer = split_thoughts(legible(response)).answer
    return None if answer is None else reader.extract(in_english(opened(answer)), choices)


def canonical_gold(task: str, answer: str, choices: Sequence[str] | None = None) -> str | None:
    """The gold answer in the form `extract` gives; None where it is not of the task's form.

    Raises: ValueError for an unknown task.
    """
    return reader_of(task).canonical(legible(answer), choices)


def _begun(item: GradeItem) -> Grade | tuple[str, str]:
    """The item's grade if it can be told at once, else its prediction and the gold answer to compare it with."""
    prediction = extract(item.task, item.response, item.choices)
    gold = None if item.answer is None else canonical_gold(item.task, item.answer, item.choices)
    if gold is None or prediction is None:
        return Grade(prediction, None if gold is None else False)
    told = reader_of(item.task).equal(prediction, gold)
    return (prediction, gold) if told is None else Grade(prediction, told)


def _all_begun(items: list[GradeItem]) -> list[Grade | tuple[str, str]]:
    return [_begun(item) for item in items]


def _is_short(items: list[GradeItem]) -> bool:
    return sum(len(item.response) for item in items) <= _SENT_CHARACTERS


class Grader:
    """A grader of many replies; a context manager, since it may hold worker processes until it is closed.

    Workers start with the first comparison that needs algebra: without one, none ever does.
    """

    def __init__(self, num_workers: int | None = None, timeout_s: float = 2.0) -> None:
        self._pool = Pool(num_workers or min(os.cpu_count() or 1, 8), timeout_s)
        self._lock = threading.Lock()

    def __enter__(self) -> Grader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing; the workers are gone afterwards, and start again if the grader is used again."""
        with self._lock:
            self._pool.close()

    def equal(self, task: str, prediction: str, gold: str) -> bool:
        """Whether two canonical answers are equal; False where the comparison does not end in time."""
        told = reader_of(task).equal(prediction, gold)
        if told is None:
            with self._lock:
                told = self._pool.result(self._pool.submit(prediction, gold))
        return told

    def grade_many(self, items: Iterable[GradeItem]) -> Iterator[Grade]:
        """The grade of each item, in the order of the items; at most 256 are read ahead of a slow one."""
        waiting: deque[Grade | tuple[str, Ticket]] = deque()
        for item in items:
            with self._lock:
                waiting.append(self._submitted(_begun(item)))
                self._pool.poll()
            while waiting and (len(waiting) >= _WINDOW or _is_done(waiting[0])):
                yield self._finish(waiting.popleft())
        while waiting:
            yield self._finish(waiting.popleft())

    def grade_lists(self, lists: Iterable[tuple[Mark, list[GradeItem]]]) -> Iterator[tuple[Mark, list[Grade]]]:
        """As `grade_many`, list by list and on every core; a mark comes back with its list, in their order.

        Where a core has one list, as many lists are read ahead as there are cores. A list of more than a megabyte is
        graded here, so that memory does not grow with the cores.
        """
        with Forks(_all_begun) as forks:
            asked = (((mark, items), items if _is_short(items) else None) for mark, items in lists)
            for (mark, items), begun in forks.answers(asked):
                with self._lock:
                    waiting = [self._submitted(one) for one in begun or map(_begun, items)]
                yield mark, [self._finish(one) for one in waiting]

    def _submitted(self, begun: Grade | tuple[str, str]) -> Grade | tuple[str, Ticket]:
        return begun if isinstance(begun, Grade) else (begun[0], self._pool.submit(*begun))

    def _finish(self, begun: Grade | tuple[str, Ticket]) -> Grade:
        if isinstance(begun, Grade):
            return begun
        with self._lock:
            return Grade(begun[0], self._pool.result(begun[1]))


def _is_done(begun: Grade | tuple[str, Ticket]) -> bool:
    return isinstance(begun, Grade) or begun[1].equal is not None


class _Shared:
    """The grader behind `grade` and `equal`: made on first use, and anew in a forked child."""

    def __init__(self) -> None:
        self._grader: Grader | None = None
        self._pid = 0

    def get(self) -> Grader:
        """The grader of this process; its workers end with the process."""
        if self._grader is None or self._pid != os.getpid():
            self._grader, self._pid = Grader(), os.getpid()
            atexit.register(self._grader.close)
        return self._grader


_shared = _Shared()


def equal(task: str, prediction: str, gold: str) -> bool:
    """Whether two canonical answers are equal; for math, False where the comparison does not end in time."""
    return _shared.get().equal(task, prediction, gold)


def grade(task: str, response: str, answer: str | None, choices: Sequence[str] | None = None) -> Grade:
    """The answer of one reply and whether it is right: None without gold, False without an answer.

    A gold answer that is not of the task's form counts as none.
    Raises: ValueError for an unknown task.
    """
    return next(_shared.get().grade_many([GradeItem(task, response, answer, choices)]))
