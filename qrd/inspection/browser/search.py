"""The one search that may be under way, and where it has led."""

from __future__ import annotations

from qrd.inspection.book import Book
from qrd.inspection.browser.view import Filtered, View
from qrd.inspection.hunt import Hunt
from qrd.inspection.wanted import All, Wanted


class Search:
    """Looks for one row at a time, among the rows that a view lists."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.wanted: Wanted | None = None
        self._hunt: Hunt | None = None
        self._awaited: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether a row is looked for."""
        return self._hunt is not None

    def start(self, wanted: Wanted, view: View, begin: int | None, step: int) -> None:
        """Look for the next row behind `begin`, or with step -1 before it."""
        self.call_off()
        self.wanted = wanted
        both = All([view.wanted, wanted]) if isinstance(view, Filtered) else wanted
        self._hunt = Hunt(self.book, both, begin=begin, step=step, most=1).start()

    def call_off(self) -> None:
        """Look no more."""
        if self._hunt is not None:
            self._hunt.cancel()
        self._hunt = self._awaited = None

    def news(self) -> str | None:
        """What is to be told since the last call: that nothing was found, or where; else None."""
        hunt = self._hunt
        if hunt is None or hunt.is_running:
            return None
        self._hunt = None
        if not hunt.found:
            return "not found"
        self._awaited = hunt.found[0]
        return "found only from the other end on" if hunt.has_wrapped else None

    def row(self, view: View) -> int | None:
        """The row that was found, once the view lists it; told once."""
        if self._awaited is None or not (view.is_whole or view.row(self._awaited) < view.num_rows):
            return None
        handle, self._awaited = self._awaited, None
        return view.row(handle)
