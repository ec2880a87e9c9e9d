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
arrows j k PgUp PgDn Home End   move; Tab to the record and back, or click
Enter    the record alone, or with the list again
/ n N    search a text from here on; the next one, the one before
g        go to an id or path_id, or to row :123
f        filter: style=cot  verdict!=valid  "a text"; nothing: all rows
s        all replies to this question side by side
d        difference of two selected rows, or of the selected and this one
space    select
e        export, byte for byte: the selected rows, or all that are listed
+ - u    mark good, bad, neither, in FILE.marks.jsonl (judge --against)
y        copy the id
t        counts of what is listed
r        take in rows that were appended meanwhile
Escape   call off a search, a filter or an export; go back
q        quit
"""


class Help(ModalScreen[None]):
    """The keys, over what is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "dismiss(None)", "back")]
    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll { width: 78; max-width: 100%; height: auto; max-height: 100%; background: $surface;
                            border: round $accent; padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        """A box with the keys."""
        with VerticalScroll():
            yield Static(Content(KEYS))
