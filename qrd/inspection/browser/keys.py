"""What each key does."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS = """\
up down j k PgUp PgDn Home End   move; Tab goes to the record and back, the mouse works too
Enter          the record alone, or with the list again
/  n  N        search a text from here on; the next one, the one before
g              go to an id or path_id, or to row :123
f              filter: style=cot  verdict!=valid  "a text"; an empty one lists all rows
s              all replies to this question side by side
d              difference of two rows: the two that are selected, or the selected one and this one
space          select
e              export: the selected rows, or all that are listed, byte for byte
+  -  u        mark good, bad, or neither, in FILE.marks.jsonl; `qrd judge --against` reads it
y              copy the id
t              counts of what is listed
r              take in rows that were appended meanwhile
Escape         call off a search, a filter or an export; go back
q              quit
"""


class Help(ModalScreen[None]):
    """The keys, over what is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss(None)", "back")]
    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll { width: 108; max-width: 90%; height: auto; max-height: 90%; background: $surface;
                            border: round $accent; padding: 1 2; }
    """

    def compose(self) -> ComposeResult:
        """A box with the keys."""
        with VerticalScroll():
            yield Static(Content(KEYS))
