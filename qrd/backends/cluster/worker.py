"""One model's share of a run in a process of a Ray cluster: a backend that is fed and emptied from afar.

It writes nothing and remembers nothing: what it was given and did not answer is lost with it, and its run, which knows
both, gives that to the process that takes its place.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from qrd import __version__
from qrd.backends.bounds.stopping import Stopping
from qrd.backends.protocol import Backend, Reply, Request
from qrd.backends.settings import BackendSettings
from qrd.errors import QrdError
from qrd.masking import one_line

MOST_TOGETHER = 16  # replies that travel together at most
LOW = 8  # requests at hand under which more are asked for: what is sent while they come
LOOKED_FOR_S = 1.0
MADE_TOGETHER_S = 0.02  # replies that come so close together travel together


@dataclass(frozen=True)
class Failure:
    """An error in a form that every process can read: the name of its class, and its text."""

    kind: str
    text: str


@dataclass(frozen=True)
class News:
    """What a worker has to tell. `is_lost`: it has no such session, since it took the place of one that had."""

    replies: tuple[Reply, ...] = ()
    is_hungry: bool = False
    is_over: bool = False
    is_lost: bool = False
    failure: Failure | None = None


@dataclass(frozen=True)
class Opened:
    """What a worker says of its model."""

    version: str = __version__
    guides: bool = False
    failure: Failure | None = None


class Session:
    """One use of a backend: requests go in, replies come out, each by a thread of its own."""

    def __init__(self, backend: Backend, student: str | None) -> None:
        self.stopping = Stopping(quiet=True)
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Reply | Failure | None] = queue.SimpleQueue()
        self._is_fed = self._is_over = False
        threading.Thread(target=self._run, args=(backend, student), daemon=True).start()

    def add(self, requests: tuple[Request, ...], *, is_last: bool) -> None:
        """Take more requests."""
        for request in requests:
            self._requests.put(request)
        if is_last:
            self._is_fed = True
            self._requests.put(None)

    def news(self) -> News:
        """What there is to tell, as soon as there is something, and after LOOKED_FOR_S anyway."""
        found: list[Reply] = []
        deadline = time.monotonic() + LOOKED_FOR_S
        while not self._is_over:
            try:
                item = self._replies.get(timeout=MADE_TOGETHER_S)
            except queue.Empty:
                if found or self._is_hungry() or time.monotonic() > deadline:
                    break
                continue
            if isinstance(item, Failure):
                return News(tuple(found), failure=item)
            if item is None:
                self._is_over = True
            else:
                found.append(item)
            if self._is_hungry() or len(found) == MOST_TOGETHER:
                break
        return News(tuple(found), is_hungry=self._is_hungry(), is_over=self._is_over)

    def _is_hungry(self) -> bool:
        return not self._is_fed and self._requests.qsize() < LOW

    def _drawn(self) -> Iterator[Request]:
        while (request := self._requests.get()) is not None and not self.stopping.is_set():
            yield request

    def _run(self, backend: Any, student: str | None) -> None:
        try:
            with nullcontext() if student is None else backend.student(student):
                for reply in backend.complete(self._drawn()):
                    self._replies.put(reply)
            self._replies.put(None)
        except Exception as error:  # noqa: BLE001  told to the run, which raises it again
            self._replies.put(_failure(error))


class Worker:
    """What Ray makes an actor of. Every call names its session: a worker that was started anew has none."""

    def __init__(self, model: str, settings: Mapping[str, Any]) -> None:
        self.model, self.settings = model, settings
        self.stopping = Stopping(quiet=True)
        self._backend: Any = None
        self._students: set[str] = set()
        self._session: tuple[str, Session] | None = None

    def open(self, students: Mapping[str, str]) -> Opened:
        """Have the model ready, with these adapters on it; whether it is."""
        from qrd.backends import open_backend

        try:
            if self._backend is None:
                self._backend = open_backend(self.model, BackendSettings(**self.settings, stopping=self.stopping))
            for name, folder in students.items():
                if name not in self._students:
                    self._backend.load_adapter(name, folder)
                    self._students.add(name)
        except Exception as error:  # noqa: BLE001  told to the run, which raises it again
            return Opened(failure=_failure(error))
        return Opened(guides=self._backend.guides)

    def effect(self, student: str) -> float | Failure:
        """What an adapter changes."""
        try:
            effect: float = self._backend.effect(student)
        except QrdError as error:
            return _failure(error)
        return effect

    def begin(self, session: str, students: Mapping[str, str], student: str | None) -> Opened:
        """Have the model ready and a session begun, in which this student answers."""
        opened = self.open(students)
        if opened.failure is None:
            self._session = session, Session(self._backend, student)
        return opened

    def exchange(self, session: str, requests: tuple[Request, ...], is_last: bool) -> News:
        """Take more requests, then tell what there is to tell."""
        if self._session is None or self._session[0] != session:
            return News(is_lost=True)
        if requests or is_last:
            self._session[1].add(requests, is_last=is_last)
        return self._session[1].news()

    def stop(self) -> None:
        """Send nothing more; replies under way may come."""
        self.stopping.set()
        if self._session is not None:
            self._session[1].stopping.set()
            self._session[1].add((), is_last=True)


def _failure(error: Exception) -> Failure:
    return Failure(type(error).__name__, one_line(error))
