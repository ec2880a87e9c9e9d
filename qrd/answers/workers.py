"""A pool of processes that compare expressions, each of which can be killed at any moment.

A worker is a fresh interpreter that reads one JSON line per comparison and writes one line back. It bounds its own
memory, and sets an alarm that ends it should its parent be gone. The parent kills a worker whose time is up and
starts another; a comparison that ends in any way but an answer counts as "not equal".
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field

_START_S = 300.0  # importing the algebra takes 2 s on an idle machine, a minute on one with fifteen jobs
_MEMORY_BYTES = 512 << 20  # six times what a worker needs at rest
_ORPHAN_S = 30
_READY = b"ready\n"


@dataclass(eq=False)
class Ticket:
    """One comparison asked for; `equal` is None until it has been told."""

    prediction: str
    gold: str
    equal: bool | None = None


@dataclass(eq=False)
class _Worker:
    """A worker process, the ticket it is at, and the moment its time is up."""

    process: subprocess.Popen[bytes]
    deadline: float
    ready: bool = False
    ticket: Ticket | None = None
    received: bytes = field(default=b"")


class Pool:
    """Worker processes and the comparisons that wait for one. Not for use from two threads at once."""

    def __init__(self, num_workers: int, timeout_s: float) -> None:
        self._num_workers = num_workers
        self._timeout_s = timeout_s
        self._queue: deque[Ticket] = deque()
        self._workers: list[_Worker] = []
        self._selector: selectors.BaseSelector | None = None
        self._start_failures = 0

    def submit(self, prediction: str, gold: str) -> Ticket:
        """A ticket for the comparison, which begins as soon as a worker is free."""
        ticket = Ticket(prediction, gold)
        self._queue.append(ticket)
        self._dispatch()
        return ticket

    def result(self, ticket: Ticket) -> bool:
        """Whether the ticket's two sides are equal, once that is known; waits for it."""
        while ticket.equal is None:
            self._step(self._patience())
        return ticket.equal

    def poll(self) -> None:
        """Nothing; takes in what the workers have told so far, without waiting."""
        if self._workers:
            self._step(0.0)

    def close(self) -> None:
        """Nothing; every worker is killed, and what still waited counts as not equal."""
        for worker in list(self._workers):
            self._end(worker)
        while self._queue:
            self._queue.popleft().equal = False
        if self._selector:
            self._selector.close()
            self._selector = None

    def _patience(self) -> float:
        """Seconds until the next deadline."""
        return max(0.0, min((worker.deadline for worker in self._workers), default=0.0) - time.monotonic())

    def _step(self, wait_s: float) -> None:
        """Take in replies for at most `wait_s`, kill what is late, hand out what waits."""
        if self._selector:
            for key, _ in self._selector.select(wait_s):
                self._receive(key.data)
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.deadline <= now and (worker.ticket or not worker.ready):
                self._end(worker)
        self._dispatch()

    def _dispatch(self) -> None:
        """Give each free worker the next comparison, and start workers while more wait than are at hand."""
        for worker in list(self._workers):
            if self._queue and worker.ready and worker.ticket is None:
                self._hand(worker, self._queue.popleft())
        starting = sum(not worker.ready for worker in self._workers)
        while len(self._workers) < self._num_workers and len(self._queue) > starting:
            self._start()
            starting += 1

    def _hand(self, worker: _Worker, ticket: Ticket) -> None:
        worker.ticket = ticket
        worker.deadline = time.monotonic() + self._timeout_s
        line = json.dumps([ticket.prediction, ticket.gold]).encode() + b"\n"
        try:
            assert worker.process.stdin is not None
            worker.process.stdin.write(line)
            worker.process.stdin.flush()
        except BrokenPipeError:  # it died idle: the comparison has not begun
            worker.ticket = None
            self._queue.appendleft(ticket)
            self._end(worker)

    def _start(self) -> None:
        """Start one worker, which is ready once it has said so.

        Raises: RuntimeError when the last three ended before they were ready.
        """
        if self._start_failures >= 3:
            raise RuntimeError("the processes that compare expressions do not start: is math-verify installed?")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        process = subprocess.Popen(
            [sys.executable, "-c", "from qrd.answers.workers import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the parent, which ends its workers itself
        )
        worker = _Worker(process, time.monotonic() + _START_S)
        self._workers.append(worker)
        self._selector = self._selector or selectors.DefaultSelector()
        assert process.stdout is not None
        self._selector.register(process.stdout, selectors.EVENT_READ, worker)

    def _receive(self, worker: _Worker) -> None:
        """Take in what a worker wrote: that it is ready, an answer, or (nothing) that it has died."""
        assert worker.process.stdout is not None
        data = os.read(worker.process.stdout.fileno(), 64)
        if not data:
            self._end(worker)
            return
        worker.received += data
        if not worker.received.endswith(b"\n"):
            return
        message, worker.received = worker.received, b""
        if message == _READY:
            worker.ready = True
            self._start_failures = 0
        elif worker.ticket:
            worker.ticket.equal = message == b"1\n"
            worker.ticket = None
        worker.deadline = float("inf")

    def _end(self, worker: _Worker) -> None:
        """Kill a worker; the comparison it was at counts as not equal."""
        self._workers.remove(worker)
        assert self._selector is not None
        assert worker.process.stdout is not None
        self._selector.unregister(worker.process.stdout)
        worker.process.kill()
        worker.process.wait()
        worker.process.stdout.close()
        _close_quietly(worker.process)
        if worker.ticket:
            worker.ticket.equal = False
        self._start_failures += not worker.ready


def _close_quietly(process: subprocess.Popen[bytes]) -> None:
    """Close a dead worker's input; what was still buffered for it is lost, as it should be."""
    try:
        assert process.stdin is not None
        process.stdin.close()
    except BrokenPipeError:
        pass


def _bound_memory() -> None:
    """Nothing; this process cannot take more than its share of memory from here on."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = _MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(_MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def serve() -> None:
    """Nothing; answers comparisons from standard input until it ends. The body of a worker."""
    from qrd.answers.maths.symbols import equal_by_algebra
    from qrd.answers.maths.values import compare

    _bound_memory()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    equal_by_algebra("x+1", "1+x")  # loads the parser before the clock runs
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not look like an answer
    answers.write(_READY)
    for line in sys.stdin.buffer:
        prediction, gold = json.loads(line)
        signal.alarm(_ORPHAN_S)
        told = compare(prediction, gold, equal_by_algebra)
        signal.alarm(0)
        answers.write(b"1\n" if told else b"0\n")
