"""The difference of two replies, side by side."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from qrd.console import clean
from qrd.inspection.book import Entry
from qrd.inspection.browser.page import cut
from qrd.inspection.difference import Side, difference, likeness
from qrd.inspection.glance import name_of, title

DIFFERS = "bold reverse"  # not a colour alone


class Apart(Screen[None]):
    """Two replies, with the words that only one of them has set off."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,d", "dismiss(None)", "back")]

    def __init__(self, left: Entry, right: Entry) -> None:
        super().__init__()
        self.left, self.right = left, right

    def compose(self) -> ComposeResult:
        """One page with both."""
        with VerticalScroll():
            yield Static("comparing ...", id="difference", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Compare in a thread: long replies take a while."""
        self.query_one(VerticalScroll).focus()
        self._compare()

    @work(thread=True)
    def _compare(self) -> None:
        left, right = (cut(clean(_text(entry))) for entry in (self.left, self.right))
        heads = [Text(f"{name_of(entry.fields) or ''}  {title(entry.fields)}") for entry in (self.left, self.right)]
        table = Table(box=None, expand=True, padding=(0, 1), title_justify="left")
        for head in heads:
            table.add_column(head, ratio=1)
        for pair in difference(left, right):
            table.add_row(_side(pair.left), _side(pair.right))
        share = f"{likeness(left, right):.0%} of the words in common, in their order"
        self.app.call_from_thread(self._show, table, share)

    def _show(self, table: Table, share: str) -> None:
        table.title = Text(share)
        self.query_one("#difference", Static).update(table)


def _text(entry: Entry) -> str:
    response = entry.fields.get("response")
    return response if isinstance(response, str) else str(entry.fields.get("question", ""))


def _side(side: Side | None) -> Text:
    return Text("") if side is None else Text.assemble(*((text, DIFFERS if differs else "") for text, differs in side))
