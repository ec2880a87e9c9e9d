"""One line of progress that fits its terminal: bar, count and time stay, what is said beside them is cut."""

from __future__ import annotations

from typing import NamedTuple

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

SHORTEST_BAR, LONGEST_BAR = 10, 40
SHORTEST_NOTE = 8  # less of it tells nothing


class Widths(NamedTuple):
    """Columns of the terminal for each part; 0 for one that is left out."""

    label: int
    bar: int
    note: int


def widths(terminal: int, *, label: int, kept: int, note: int) -> Widths:
    """How wide each part is: `kept` are the columns of count and time, `label` and `note` what the others would like.

    Example: 80 columns, a label of 8, count and time of 18, a note of 60: 8, 10 and 40, with a blank between the parts.
    """
    room = terminal - kept - 3  # blanks between label, bar, count and time
    label = max(0, min(label, room - SHORTEST_BAR))
    rest = room - label - SHORTEST_BAR
    shown = min(note, rest - 1)
    if shown < min(note, SHORTEST_NOTE):
        shown = 0
    used = shown + 1 if shown else 0
    return Widths(label, max(1, min(LONGEST_BAR, SHORTEST_BAR + rest - used)), shown)


class Line(ProgressColumn):
    """All of a task's progress, laid out for the width that the terminal has now."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console, self.count, self.elapsed = console, MofNCompleteColumn(), TimeElapsedColumn()
        self.max_refresh = None

    def render(self, task: Task) -> Table:
        """The line."""
        count, elapsed = self.count.render(task), self.elapsed.render(task)
        label, note = Text(task.description), Text(str(task.fields.get("note", "")))
        kept = count.cell_len + elapsed.cell_len
        wide = widths(self.console.width, label=label.cell_len, kept=kept, note=note.cell_len)
        label.truncate(wide.label, overflow="ellipsis")
        note.truncate(wide.note, overflow="ellipsis")
        parts: list[RenderableType] = [label, BarColumn(bar_width=wide.bar).render(task), count, elapsed, note]
        sizes = (wide.label, wide.bar, count.cell_len, elapsed.cell_len, wide.note)
        shown = [(part, size) for part, size in zip(parts, sizes) if size]
        line = Table.grid(padding=(0, 1))
        for _, size in shown:
            line.add_column(width=size, no_wrap=True)
        line.add_row(*(part for part, _ in shown))
        return line
