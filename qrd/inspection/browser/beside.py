"""All replies to one question beside each other: styles, teachers, samples, or models."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalScroll, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from qrd.console import clean
from qrd.inspection.book import Book, Entry
from qrd.inspection.browser.page import Page, cut
from qrd.inspection.glance import title
from qrd.inspection.hunt import Hunt
from qrd.inspection.wanted import Id

MOST_COLUMNS, COLUMN_WIDTH = 48, 38
LOOK_EVERY_S = 0.05


class Beside(Screen[None]):
    """A column for each reply to the question of an id, as a hunt through the whole book finds them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,s", "dismiss(None)", "back"),
        Binding("left,h", "step(-1)", "column left", priority=True),  # else an arrow scrolls what it stands in
        Binding("right,l", "step(1)", "column right", priority=True),
    ]
    DEFAULT_CSS = """
    Beside > #asked { height: auto; max-height: 30%; padding: 0 1; background: $surface; }
    Beside .column { width: 38; border-left: solid $surface-lighten-2; padding: 0 1; }
    Beside .column > Static { text-style: bold; height: auto; }
    Beside .column:focus-within { border-left: thick $accent; }
    """

    def __init__(self, book: Book, question_id: str) -> None:
        super().__init__()
        self.book, self.question_id = book, question_id
        self.hunt = Hunt(book, Id(question_id)).start()
        self._num_looked_at = self.num_columns = 0
        self._asked = ""

    def compose(self) -> ComposeResult:
        """The question above, the columns below."""
        yield Static(Content(""), id="asked")
        yield HorizontalScroll(id="columns")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self._timer = self.set_interval(LOOK_EVERY_S, self.look)
        self.look()

    def on_unmount(self) -> None:
        """Call the hunt off."""
        self.hunt.cancel()

    def look(self) -> None:
        """Put up what was found since the last look."""
        is_running = self.hunt.is_running
        found = self.hunt.found[self._num_looked_at :]
        self._num_looked_at += len(found)
        for handle in found:
            entry = self.book.entry(handle)
            if isinstance(entry.fields.get("response"), str):
                self._put_up(entry)
        if found or not is_running:
            self._say(is_running)
            self._spread()
        if not is_running:
            self._timer.stop()

    def _put_up(self, entry: Entry) -> None:
        self.num_columns += 1
        if self.num_columns > MOST_COLUMNS:
            return
        page = Page()
        column = Vertical(Static(Content(title(entry.fields))), page, classes="column")
        self.query_one("#columns").mount(column)
        self.call_after_refresh(page.show, clean(entry.fields["response"]) or "(empty)")
        if self.num_columns == 1:
            self.call_after_refresh(page.focus)
            self._asked = clean(str(entry.fields.get("question", "")))[:2000]

    def _spread(self) -> None:
        """Give the columns the width of the screen, or as much as it takes to read them."""
        columns = self.query(".column")
        for column in columns:
            column.styles.width = max(COLUMN_WIDTH, self.size.width // len(columns))

    def _say(self, is_running: bool) -> None:
        state = "searching ..." if is_running else "all found"
        more = f", the first {MOST_COLUMNS} are shown" if self.num_columns > MOST_COLUMNS else ""
        head = f"{clean(self.question_id)}: {self.num_columns} replies ({state}{more})"
        self.query_one("#asked", Static).update(Content(cut(f"{head}\n{self._asked}")))

    def action_step(self, step: int) -> None:
        """Focus the column beside."""
        pages = list(self.query(Page))
        place = next((number for number, page in enumerate(pages) if page.has_focus), 0)
        if pages:
            pages[(place + step) % len(pages)].focus()
