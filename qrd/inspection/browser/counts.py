"""The counts that a pipe gets, for what is listed; they come in as the file is read."""

from __future__ import annotations

import threading
from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from qrd.console import CELL_CHARS, clean
from qrd.inspection.book import Book, read
from qrd.inspection.overview import Overview
from qrd.inspection.wanted import Wanted

TABLE_ROWS = 30


class Counts(Screen[None]):
    """Tables of all rows that are wanted."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,t", "dismiss(None)", "back")]

    def __init__(self, book: Book, wanted: Wanted) -> None:
        super().__init__()
        self.book, self.wanted = book, wanted
        self.tally, self.num_bad = Overview(), 0
        self._lock, self._cancelled = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._count, daemon=True)

    def compose(self) -> ComposeResult:
        """One page."""
        with VerticalScroll():
            yield Static(id="counts", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to count."""
        self.query_one(VerticalScroll).focus()
        self._thread.start()
        self.timer = self.set_interval(0.2, self.look)

    def on_unmount(self) -> None:
        """Stop counting."""
        self._cancelled.set()

    def look(self) -> None:
        """Show the counts so far."""
        is_running = self._thread.is_alive()
        with self._lock:
            tables, num_rows = self.tally.tables(), self.tally.kinds.total()
        state = f"{num_rows:,} records, {self.num_bad:,} bad rows" + (" so far ..." if is_running else "")
        shown = [_table(*table) for table in tables]
        self.query_one("#counts", Static).update(Group(Text(state), *shown))
        if not is_running:
            self.timer.stop()

    def _count(self) -> None:
        for first, chunk in self.book.chunks(None, 1, self._cancelled.is_set):
            if not self.wanted.may_be_in(chunk.data):
                continue
            entries = (read(first, "", 1, raw) for raw in chunk.lines() if self.wanted.holds(raw))
            with self._lock:
                for entry in entries:
                    self.num_bad += entry.kind == "bad"
                    if entry.kind not in ("bad", "blank"):
                        self.tally.add(entry.kind, entry.fields)


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(title=Text(clean(title)), title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(Text(clean(column)), justify="right" if number else "left")
    for row in rows[:TABLE_ROWS]:
        table.add_row(*(Text(" ".join(clean(cell[:CELL_CHARS]).split())) for cell in row))
    if len(rows) > TABLE_ROWS:
        table.add_row(Text(f"... and {len(rows) - TABLE_ROWS} more"))
    return table
