"""How many calls of a run are under way: shown to people, and nothing depends on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Flight:
    """A count that the threads of a run share."""

    def __init__(self) -> None:
        self.num_calls = 0
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
