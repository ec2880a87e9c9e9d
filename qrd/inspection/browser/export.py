"""The one export that may be under way, in a thread: all rows that are listed may be many."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

from qrd.errors import QrdError
from qrd.inspection.book import Book
from qrd.inspection.browser.view import View
from qrd.inspection.exporting import CalledOff, export

LISTED_LOOKED_FOR_S = 0.05


class Exporter:
    """Writes rows to a file."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._told: str | None = None
        self._called_off = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether a file is being written."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, handles: Iterable[int], name: str) -> None:
        """Begin to write; returns at once."""
        self._called_off.clear()
        self._thread = threading.Thread(target=self._write, args=(handles, name), daemon=True)
        self._thread.start()

    def call_off(self) -> None:
        """Leave everything as it was."""
        self._called_off.set()

    def news(self) -> str | None:
        """What came of it, told once."""
        told, self._told = self._told, None
        return told

    def join(self) -> None:
        """Wait until the file is closed."""
        if self._thread is not None:
            self._thread.join()

    def _write(self, handles: Iterable[int], name: str) -> None:
        try:
            number = export(self.book, handles, name, self._called_off.is_set)
            self._told = f"{number:,} rows written to {name}"
        except CalledOff:
            self._told = "export called off; nothing was written"
        except QrdError as error:
            self._told = f"nothing was written: {error}"


def listed(view: View) -> Iterator[int]:
    """The handles of a view, those that are still to come too."""
    row = 0
    while True:
        was_whole = view.is_whole
        while row < view.num_rows:
            yield view.handle(row)
            row += 1
        if was_whole:
            return
        time.sleep(LISTED_LOOKED_FOR_S)
