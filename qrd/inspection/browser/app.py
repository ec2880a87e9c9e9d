"""The program on the terminal: it opens the first screen, and ends it whatever comes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from qrd.errors import Interrupted
from qrd.inspection.book import Book
from qrd.inspection.browser.main import Main
from qrd.inspection.marks import Marks


class Browser(App[int]):
    """A book on the screen, with the marks of each of its files; `query` is the filter it opens with."""

    TITLE = "qrd inspect"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(120, "-wide")]  # noqa: RUF012  textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "quit", show=False, priority=True)]

    def __init__(self, book: Book, marks: Sequence[Marks], query: str = "") -> None:
        super().__init__()
        self.book, self.main = book, Main(book, marks, query)

    def get_default_screen(self) -> Screen[None]:
        """The list and the record."""
        return self.main


def browse(names: Sequence[str], query: str = "") -> int:
    """The number of rows seen, once the person at the terminal quits.

    Raises: ConfigError where a file cannot be read; DataError where marks are damaged; Interrupted by SIGTERM.
    """
    book = Book(names)
    try:
        browser = Browser(book, [Marks(name) for name in names], query)
        if asyncio.run(_ended(browser)) is not None:
            raise Interrupted("stopped by a signal", signal_number=signal.SIGTERM)
        return book.num_rows
    finally:
        book.close()


async def _ended(browser: Browser) -> int | None:
    """What the browser ends with, the terminal given back; SIGTERM ends it too."""
    with contextlib.suppress(NotImplementedError):  # not a POSIX system
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: browser.exit(int(signal.SIGTERM)))
    return await browser.run_async()
