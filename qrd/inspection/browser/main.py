"""The first screen: a list of rows, the record under the cursor, and a key for everything one does with them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path as File
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from qrd.console import clean
from qrd.errors import QrdError
from qrd.inspection.book import Book, Entry
from qrd.inspection.browser.apart import Apart
from qrd.inspection.browser.ask import Ask
from qrd.inspection.browser.beside import Beside
from qrd.inspection.browser.counts import Counts
from qrd.inspection.browser.export import Exporter, listed
from qrd.inspection.browser.keys import Help
from qrd.inspection.browser.page import Page, text_of
from qrd.inspection.browser.rows import Rows
from qrd.inspection.browser.search import Search
from qrd.inspection.browser.view import Filtered, View
from qrd.inspection.glance import name_of
from qrd.inspection.marks import Marks, key_of
from qrd.inspection.wanted import All, Id, Text, Wanted, wanted

LOOK_EVERY_S = 0.05


class Main(Screen[None]):
    """A book on the screen. `query` is the filter it opens with."""

    DEFAULT_CSS = """
    Main {
        #status { height: 1; padding: 0 1; background: $surface; }
        #both { height: 1fr; layout: vertical; }
        #both > * { width: 1fr; height: 1fr; }
        #page { padding: 0 1; border-top: solid $surface-lighten-2; }
        #page:focus { background: $surface; }
        #both.-page-only Rows { display: none; }
        &.-wide #both { layout: horizontal; }
        &.-wide #page { border-top: none; border-left: solid $surface-lighten-2; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "help"),  # first, since a narrow screen cuts the others off
        Binding("q", "app.quit", "quit"),
        Binding("slash", "search", "search"),
        Binding("n", "next(1)", "next", show=False),
        Binding("N", "next(-1)", "previous", show=False),
        Binding("f", "filter", "filter"),
        Binding("g", "go_to", "go to"),
        Binding("enter", "zoom", "whole page", show=False),
        Binding("space", "select", "select"),
        Binding("s", "beside", "side by side"),
        Binding("d", "apart", "diff"),
        Binding("plus", "mark('valid')", "good"),
        Binding("minus", "mark('invalid')", "bad"),
        Binding("u", "mark(None)", "unmark", show=False),
        Binding("y", "copy", "copy id"),
        Binding("e", "export", "export"),
        Binding("t", "counts", "counts"),
        Binding("r", "reload", "reload", show=False),
        Binding("escape", "back", "cancel", show=False),
    ]

    def __init__(self, book: Book, marks: Sequence[Marks], query: str = "") -> None:
        super().__init__()
        self.book, self.marks, self._query = book, dict(zip((lines.name for lines in book.files), marks)), query
        self._ending = threading.Event()
        self._search, self._exporter = Search(book), Exporter(book)
        self.rows, self.page = Rows(book, book, self._mark_of), Page(id="page")
        self._status = Static(id="status", markup=False)
        self._text: str | None = None
        self._shown_state = ""
        self._counter = threading.Thread(target=book.count, args=(self._ending.is_set,), daemon=True)

    def compose(self) -> ComposeResult:
        """The state above, the rows and the record in the middle, the keys below."""
        yield self._status
        with Container(id="both"):
            yield self.rows
            yield self.page
        yield Footer()

    def on_mount(self) -> None:
        """Begin to index; the screen is there at once."""
        self._counter.start()
        self.set_interval(LOOK_EVERY_S, self.look)
        self.rows.focus()
        if self._query:
            self._filter(self._query)

    def on_unmount(self) -> None:
        """Call off whatever is under way."""
        self._ending.set()
        self._search.call_off()
        self._drop_filter()
        self._exporter.call_off()
        self._exporter.join()

    def look(self) -> None:
        """Take in what the threads have so far."""
        self.rows.look()
        if news := self._search.news():
            self.say(news)
        if told := self._exporter.news():
            self.say(told)
        if (row := self._search.row(self.rows.view)) is not None:
            self.rows.put(row)
        if (state := self._state()) != self._shown_state:
            self._shown_state = state
            self._status.update(Content(state), layout=False)

    def on_rows_moved(self) -> None:
        """Show the record under the cursor."""
        handle = self.rows.handle
        self.page.show("(no row)" if handle is None else text_of(self.book.entry(handle)), self._text)

    def action_search(self) -> None:
        """Ask for a text and look for it from here on."""
        self.app.push_screen(Ask("Search, in capitals or not:", self._text or ""), self._search_for)

    def _search_for(self, text: str | None) -> None:
        if text:
            self._text = text
            self._seek(Text(text), 1)

    def action_next(self, step: int) -> None:
        """Look for the same again, forwards or backwards."""
        if self._search.wanted is None:
            self.say("nothing was looked for yet: / searches")
        else:
            self._seek(self._search.wanted, step)

    def action_go_to(self) -> None:
        """Ask for an id and go to its next row, or to a row by its number."""
        self.app.push_screen(Ask("Go to an id or path_id, or to a row as :123"), self._go_to)

    def _go_to(self, text: str | None) -> None:
        if not text:
            return
        if text[0] == ":" and text[1:].replace(",", "").isdecimal():
            number = int(text[1:].replace(",", "")[:15])
            self.rows.put(self.rows.view.row(self.book.handle(max(0, number - 1))))
        else:
            self._seek(Id(text), 1)

    def _seek(self, looked_for: Wanted, step: int) -> None:
        self._search.start(looked_for, self.rows.view, self.rows.handle, step)

    def action_filter(self) -> None:
        """Ask for a filter; an empty one lists all rows."""
        view = self.rows.view
        now = view.query if isinstance(view, Filtered) else ""
        words = 'Only rows with FIELD=VALUE, FIELD!=VALUE or a text, such as  style=cot correct=false "carry the"'
        self.app.push_screen(Ask(f"{words}\n(nothing: all rows)", now), self._filter)

    def _filter(self, query: str | None) -> None:
        if query is None:
            return
        try:
            view: View = Filtered(self.book, wanted(query), query) if query else self.book
        except QrdError as error:
            self.say(str(error), is_bad=True)
            return
        self._drop_filter()
        self.rows.show(view)

    def action_zoom(self) -> None:
        """The page alone, or with the list again."""
        both = self.query_one("#both")
        both.toggle_class("-page-only")
        (self.page if both.has_class("-page-only") else self.rows).focus()

    def action_back(self) -> None:
        """Call off what is under way; else go back to the list."""
        if self._exporter.is_running:
            self._exporter.call_off()
        elif self._search.is_running:
            self._search.call_off()
            self.say("search cancelled")
        elif isinstance(self.rows.view, Filtered) and not self.rows.view.is_whole:
            self.rows.view.hunt.cancel()
            self.say("filter stopped: only what was found is listed")
        elif self.query_one("#both").has_class("-page-only"):
            self.action_zoom()
        else:
            self.rows.focus()

    def action_select(self) -> None:
        """Select the row, or no longer."""
        if self.rows.handle is not None:
            self.rows.selected ^= {self.rows.handle}
            self.rows.action_move(1)

    def action_beside(self) -> None:
        """All replies to this question."""
        entry = self._entry()
        if entry is not None and isinstance(entry.fields.get("id"), str):
            self.app.push_screen(Beside(self.book, entry.fields["id"]))
        else:
            self.say("this row has no id", is_bad=True)

    def action_apart(self) -> None:
        """The difference of the two selected rows, or of the selected one and this one."""
        handles = sorted(self.rows.selected)
        if len(handles) == 1 and self.rows.handle is not None:
            handles.append(self.rows.handle)
        if len(handles) != 2 or handles[0] == handles[1]:
            self.say("select one row (space) and put the cursor on the other, or select two", is_bad=True)
            return
        self.app.push_screen(Apart(self.book.entry(handles[0]), self.book.entry(handles[1])))

    def action_mark(self, verdict: str | None) -> None:
        """Mark the row, on the disk at once, and go on to the next."""
        entry = self._entry()
        if entry is None or entry.kind in ("bad", "blank") or key_of(entry.fields) is None:
            self.say("this row has no id to mark it by", is_bad=True)
            return
        if self._mark_of(entry) == verdict:
            self.rows.action_move(1)
            return
        try:
            self.marks[entry.file].put(entry.fields, verdict)
        except QrdError as error:
            self.say(str(error), is_bad=True)
            return
        self.rows.forget()
        self.rows.action_move(1)

    def action_copy(self) -> None:
        """Put the id into the clipboard of the terminal, by the escape OSC 52."""
        entry = self._entry()
        name = None if entry is None else name_of(entry.fields)
        if name is None:
            self.say("this row has no id", is_bad=True)
            return
        self.app.copy_to_clipboard(name)
        self.say(f"copied, where the terminal lets programs do so: {name}")

    def action_export(self) -> None:
        """Ask for a file and write the selected rows to it; where none is selected, those that are listed."""
        selected = sorted(self.rows.selected)
        what = f"{len(selected):,} selected rows" if selected else "all rows that are listed"
        first = File(self.book.files[0].name)
        name = str(first.with_name(f"{first.name.removesuffix('.jsonl')}.selected.jsonl"))
        self.app.push_screen(Ask(f"Write {what} to:", name), partial(self._export, selected))

    def _export(self, selected: Sequence[int], name: str | None) -> None:
        if self._exporter.is_running:
            self.say("an export is under way; Escape calls it off", is_bad=True)
        elif name:
            self._exporter.start(selected or listed(self.rows.view), name)

    def action_counts(self) -> None:
        """Tables of what is listed."""
        view = self.rows.view
        self.app.push_screen(Counts(self.book, view.wanted if isinstance(view, Filtered) else All(())))

    def action_reload(self) -> None:
        """Take in what was appended to the files since they were indexed."""
        if self._counter.is_alive():
            return
        self._counter = threading.Thread(target=self.book.count, args=(self._ending.is_set,), daemon=True)
        self._counter.start()
        self.rows.forget()
        if isinstance(self.rows.view, Filtered):
            self._filter(self.rows.view.query)

    def action_help(self) -> None:
        """All keys."""
        self.app.push_screen(Help())

    def say(self, text: str, *, is_bad: bool = False) -> None:
        """A short message in the corner."""
        self.notify(clean(text), severity="error" if is_bad else "information", markup=False)

    def _entry(self) -> Entry | None:
        handle = self.rows.handle
        return None if handle is None else self.book.entry(handle)

    def _mark_of(self, entry: Entry) -> str | None:
        return self.marks[entry.file].of(entry.fields)

    def _state(self) -> str:
        """The line above the list."""
        rows, view = self.rows, self.rows.view
        first = self.book.files[0].name
        names = first if len(self.book.files) == 1 else f"{first} and {len(self.book.files) - 1} more"
        parts = [f"row {rows.cursor + 1 if view.num_rows else 0:,} of {view.num_rows:,}"]
        if not self.book.is_whole:
            parts.append("indexing ...")
        if isinstance(view, Filtered):
            parts.append(f"filter: {view.query}" + ("" if view.is_whole else " ... (Escape stops)"))
        if rows.selected:
            parts.append(f"{len(rows.selected):,} selected")
        if self._search.is_running:
            parts.append("searching ... (Escape cancels)")
        if self._exporter.is_running:
            parts.append("writing ... (Escape calls it off)")
        return clean("   ".join([*parts, names]))

    def _drop_filter(self) -> None:
        if isinstance(self.rows.view, Filtered):
            self.rows.view.hunt.cancel()
