"""Which rows are listed: all of a book, or those that a filter finds."""

from __future__ import annotations

from bisect import bisect_left
from typing import Protocol

from qrd.inspection.book import Book
from qrd.inspection.hunt import Hunt
from qrd.inspection.wanted import Wanted


class View(Protocol):
    """A growing list of handles."""

    @property
    def num_rows(self) -> int:
        """Rows known so far."""

    @property
    def is_whole(self) -> bool:
        """Whether no more will come."""

    def handle(self, row: int) -> int:
        """The handle of a row."""

    def row(self, handle: int) -> int:
        """The place of a handle; where it is not listed, of the next one that is."""


class Filtered:
    """The rows of a book that are wanted; they come as they are found."""

    def __init__(self, book: Book, wanted: Wanted, query: str) -> None:
        self.wanted, self.query = wanted, query
        self.hunt = Hunt(book, wanted).start()

    @property
    def num_rows(self) -> int:
        """As View."""
        return len(self.hunt.found)

    @property
    def is_whole(self) -> bool:
        """As View."""
        return not self.hunt.is_running

    def handle(self, row: int) -> int:
        """As View."""
        return self.hunt.found[row]

    def row(self, handle: int) -> int:
        """As View."""
        return bisect_left(self.hunt.found, handle)
