"""The list of rows: only those on the screen are ever read."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from qrd.inspection.book import Book, Entry
from qrd.inspection.browser.view import View
from qrd.inspection.glance import Glance, glance
from qrd.inspection.marks import BAD, GOOD

HELD_ROWS = 1024
WIDTHS = (22, 10, 10, 10)  # of name, style, grade and verdict; the text takes the rest
NARROW, NARROW_WIDTHS = 100, (16, 8, 5, 8)
MIN_NUMBER_WIDTH = 5
SIGNS = {GOOD: "+", BAD: "-", None: " "}


class Rows(ScrollView, can_focus=True):
    """The rows of a view, with a cursor. `mark_of` tells the mark of a row, `selected` holds handles."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "end(-1)", "first", show=False),
        Binding("end,G", "end(1)", "last", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor", "rows--number", "rows--good", "rows--bad"}
    DEFAULT_CSS = """
    Rows { overflow-x: hidden; }
    Rows > .rows--cursor { background: $accent 40%; text-style: bold; }
    Rows > .rows--number { color: $text-muted; }
    Rows > .rows--good { color: $text-success; }
    Rows > .rows--bad { color: $text-error; }
    """

    class Moved(Message):
        """The cursor stands on another row, or on none."""

    def __init__(self, book: Book, view: View, mark_of: Callable[[Entry], str | None]) -> None:
        super().__init__()
        self.book, self.view, self.mark_of = book, view, mark_of
        self.selected: set[int] = set()
        self.cursor = 0
        self._glances: LRUCache[int, tuple[Glance, str | None]] = LRUCache(HELD_ROWS)

    def show(self, view: View) -> None:
        """List another view, with the cursor on the same row where it is there."""
        before = self.handle
        self.view = view
        self.look()
        self.put(0 if before is None else min(view.row(before), max(0, view.num_rows - 1)))

    @property
    def handle(self) -> int | None:
        """The handle under the cursor; None where nothing is listed."""
        return self.view.handle(self.cursor) if self.cursor < self.view.num_rows else None

    def look(self) -> None:
        """Take in what has been found since the last look."""
        size = Size(self.size.width, self.view.num_rows)
        if size != self.virtual_size:
            had_none = not self.virtual_size.height
            self.virtual_size = size
            self.refresh()
            if had_none:
                self.post_message(self.Moved())

    def forget(self) -> None:
        """Read what is shown anew: rows or marks have changed."""
        self._glances.clear()
        self.refresh()

    def put(self, row: int) -> None:
        """Set the cursor on a row and bring it to the screen."""
        self.cursor = max(0, min(row, self.view.num_rows - 1))
        height = max(1, self.size.height)
        top = self.scroll_offset.y
        if not top <= self.cursor < top + height:
            top = self.cursor if self.cursor < top else self.cursor - height + 1
            if abs(top - self.scroll_offset.y) > height:
                top = self.cursor - height // 2
            self.scroll_to(y=max(0, top), animate=False, immediate=True)
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, step: int) -> None:
        """One row up or down."""
        self.put(self.cursor + step)

    def action_page(self, step: int) -> None:
        """One screen up or down."""
        self.put(self.cursor + step * max(1, self.size.height - 1))

    def action_end(self, step: int) -> None:
        """To the first row or to the last."""
        self.put(0 if step < 0 else self.view.num_rows - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse points."""
        self.put(self.scroll_offset.y + event.y)

    def on_resize(self) -> None:
        """Keep the cursor on the screen."""
        self.look()
        if self.view.num_rows:
            self.put(self.cursor)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        row = self.scroll_offset.y + y
        if row >= self.view.num_rows:
            return Strip.blank(self.size.width, self.rich_style)
        handle = self.view.handle(row)
        glanced, mark = self._glance(handle)
        number = f"{self.book.row(handle) + 1:,}".rjust(max(MIN_NUMBER_WIDTH, len(f"{self.book.num_rows:,}")))
        sign = SIGNS[mark] + ("*" if handle in self.selected else " ")
        styles = {GOOD: "rows--good", BAD: "rows--bad"}
        parts = [Segment(number, self.get_component_rich_style("rows--number", partial=True))]
        tone = self.get_component_rich_style(styles[mark], partial=True) if mark in styles else Style()
        parts.append(Segment(f" {sign} ", tone))
        widths = NARROW_WIDTHS if self.size.width < NARROW else WIDTHS
        cells = [_cell(text, width) for text, width in zip(glanced[:-1], widths)]
        parts += [Segment(" ".join([*cells, glanced.text]))]
        strip = Strip(parts).adjust_cell_length(self.size.width)
        is_cursor = row == self.cursor
        return strip.apply_style(self.get_component_rich_style("rows--cursor") if is_cursor else self.rich_style)

    def _glance(self, handle: int) -> tuple[Glance, str | None]:
        known = self._glances.get(handle)
        if known is None:
            entry = self.book.entry(handle)
            known = self._glances[handle] = (glance(entry), self.mark_of(entry))
        return known


def _cell(text: str, width: int) -> str:
    """The text in exactly so many cells of the terminal."""
    strip = Strip([Segment(text)])
    if strip.cell_length > width:
        text = strip.crop(0, width - 1).text + "…"
    return text + " " * (width - Strip([Segment(text)]).cell_length)
