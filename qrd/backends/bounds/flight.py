"""How many calls of a run are under way, and how many a provider works on when it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Flight:
    """Counts that the threads of a run share. `num_left` are requests in batches, which a later run collects."""

    def __init__(self) -> None:
        self.num_calls = self.num_left = 0
        self._lock = threading.Lock()

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """One call is under way within this context."""
        with self._lock:
            self.num_calls += 1
        try:
            yield
        finally:
            with self._lock:
                self.num_calls -= 1

    def add(self, number: int) -> None:
        """So many more calls are under way, or fewer."""
        with self._lock:
            self.num_calls += number

    def leave(self, number: int) -> None:
        """So many more requests are left with a provider."""
        with self._lock:
            self.num_left += number
