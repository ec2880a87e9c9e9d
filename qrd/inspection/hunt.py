"""A search in a thread of its own: what it found grows while it runs, and it can be called off at any time."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator

from qrd.inspection.book import Book
from qrd.inspection.wanted import Wanted


class Hunt:
    """The handles in `found` of the lines that are wanted, in the order of `step`.

    It begins behind the line `begin` (before it with step -1), or at the first line (the last) where that is None. With
    `most` it ends at that many, and goes round at the end of the book: `has_wrapped`.
    """

    def __init__(
        self, book: Book, wanted: Wanted, *, begin: int | None = None, step: int = 1, most: int | None = None
    ) -> None:
        self.book, self.wanted, self.begin, self.step, self.most = book, wanted, begin, step, most
        self.found = array("Q")
        self.has_wrapped = False
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Hunt:
        """Begin; returns at once."""
        self._thread.start()
        return self

    def cancel(self) -> None:
        """Stop as soon as can be; what was found stays."""
        self._cancelled.set()

    @property
    def is_running(self) -> bool:
        """Whether more may be found."""
        return self._thread.is_alive()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was called off."""
        return self._cancelled.is_set()

    def wait(self) -> Hunt:
        """The hunt when it has ended."""
        self._thread.join()
        return self

    def handles(self) -> Iterator[int]:
        """What is found, as it is found, to the end."""
        place = 0
        while True:
            was_running = self.is_running
            while place < len(self.found):
                yield self.found[place]
                place += 1
            if not was_running:
                return
            self._thread.join(0.01)

    def _run(self) -> None:
        for handle in self._handles():
            self.found.append(handle)
            if self.most is not None and len(self.found) >= self.most:
                return

    def _handles(self) -> Iterator[int]:
        yield from self._pass(self.begin)
        if self.begin is not None and self.most is not None and not self.is_cancelled:
            self.has_wrapped = True
            for handle in self._pass(None):
                if (handle - self.begin) * self.step > 0:
                    return
                yield handle

    def _pass(self, begin: int | None) -> Iterator[int]:
        for first, chunk in self.book.chunks(begin, self.step, self._cancelled.is_set):
            if not self.wanted.may_be_in(chunk.data):
                continue
            for handle, raw in list(enumerate(chunk.lines(), first))[:: self.step]:
                if (begin is None or (handle - begin) * self.step > 0) and self.wanted.holds(raw):
                    yield handle
