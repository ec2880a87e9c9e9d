"""Everything a person sees: messages, tables and progress on standard error; records alone go to standard output.

Text of models and of files is untrusted: `clean` takes out control characters before it can reach a terminal, and
nothing is ever read as Rich markup.
"""

from __future__ import annotations

import os
import re
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, TextIO

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

PLAIN_LINE_EVERY_S, RENEWED_EVERY_S = 5.0, 0.5
BURST_S = 1.0  # rows that come in within it are a batch
PIPE_COLUMNS = 1000  # nothing folds a line in a pipe
CELL_CHARS = 100
NUMBERS_BEGIN = "0123456789+-<$"  # or nothing


class Console:
    """What one command shows, on standard error unless another stream is given; silent with `quiet`.

    A terminal gets colours and frames, a pipe plain text.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.quiet, self._given = quiet, stream
        self.is_terminal = self.stream.isatty() and os.environ.get("TERM") != "dumb"

    @property
    def stream(self) -> TextIO:
        """Where it is shown."""
        return self._given or sys.stderr

    def say(self, text: str) -> None:
        """Print one message."""
        if not self.quiet:
            self.error(text)

    def error(self, text: str) -> None:
        """Print one message even with `quiet`."""
        try:
            print(self._safe(text), file=self.stream, flush=True)
        except BrokenPipeError:
            if self._given is not None:
                raise
            self.quiet = True

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Print a table; columns of numbers are set right, but the first. Without a heading it has no head."""
        if self.quiet:
            return
        from rich.box import HEAVY_HEAD
        from rich.console import Console as RichConsole
        from rich.table import Table

        shown = RichConsole(file=self.stream, width=None if self.is_terminal else PIPE_COLUMNS, highlight=False)
        table = Table(box=HEAVY_HEAD if self.is_terminal else None, show_header=any(columns))
        cells = [[self._cell(cell) for cell in row] for row in rows]
        for position, column in enumerate(columns):
            width = max((row[position].cell_len for row in cells), default=0)
            is_name = position == 0 and 3 * width <= shown.width  # from others Rich takes room first
            heading = self._cell(column)
            if self.is_terminal:
                heading = _folded(heading, width)
            is_text = position == 0 or any(row[position].plain[:1] not in NUMBERS_BEGIN for row in cells)
            table.add_column(heading, justify="left" if is_text else "right", overflow="fold", no_wrap=is_name)
        for row in cells:
            table.add_row(*row)
        shown.print(self._cell(title), style="italic" if self.is_terminal else None)  # Rich folds one of its own
        shown.print(table)

    def _safe(self, text: str) -> str:
        """The text without control characters, in what the stream's encoding can say."""
        encoding = self.stream.encoding or "utf-8"
        return clean(text).encode(encoding, "backslashreplace").decode(encoding)

    def _cell(self, value: Any) -> Any:
        """A cell of one line, cut where it is long; Rich reads no markup in it."""
        from rich.text import Text

        text = " ".join(self._safe(str(value)).split())
        return Text(text if len(text) <= CELL_CHARS else text[: CELL_CHARS - 3] + "...")

    def progress(self, label: str, total: int | None, *, in_flight: Callable[[], int] | None = None) -> Progress:
        """A progress display to be used as a context manager; `in_flight` tells how many calls are under way."""
        return Progress(self, label, total, in_flight)


class Progress:
    """How far a stage is: a rich line on a terminal, elsewhere a plain line every few seconds.

    `advance(done=1, failed=0, tokens=..., cost_usd=...)` adds to named counts; `done` drives the bar, and
    earlier runs did `kept` of it. What is shown is renewed even while nothing comes in: a person sees calls that hang.
    """

    def __init__(
        self, console: Console, label: str, total: int | None, in_flight: Callable[[], int] | None = None
    ) -> None:
        self.console, self.label, self.total, self.in_flight = console, label, total, in_flight
        self._over = threading.Event()
        self.counts: dict[str, float] = {"done": 0}
        self.started = self._last_line = time.monotonic()
        self._began = self._last_row = self.started
        self._first: tuple[float, float] | None = None
        self._live: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if self.console.is_terminal and not self.console.quiet:
            self._start_live()
        if (self.in_flight is not None or self._live is not None) and not self.console.quiet:
            threading.Thread(target=self._renew, name="qrd-progress", daemon=True).start()
        return self

    def advance(self, **added: float) -> None:
        """Add to the named counts and show them."""
        for name, number in added.items():
            self.counts[name] = self.counts.get(name, 0) + number
        if self.counts["done"]:
            self._keep_pace(time.monotonic())
        self._show()

    def _keep_pace(self, now: float) -> None:
        """Note when rows came in. Those within BURST_S of the first tell no pace: they are a batch, or were there."""
        if self._first is None:
            self._began = now
        if now - self._began <= BURST_S:
            self._first = (now, self.counts["done"])
        self._last_row = now

    def _show(self) -> None:
        if self._live is not None:
            note = ", ".join(filter(None, (self._left(), self._note())))
            self._live.update(self._task, completed=self.counts["done"], note=note)
        elif time.monotonic() - self._last_line >= PLAIN_LINE_EVERY_S:
            self._last_line = time.monotonic()
            self.console.say(self._plain())

    def _renew(self) -> None:
        while not self._over.wait(RENEWED_EVERY_S):
            if self.counts["done"] or (self.in_flight is not None and self.in_flight()):
                self._show()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._live is not None:
            self._live.stop()
        if self.counts["done"]:
            self.console.say(self._plain())

    def _start_live(self) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import Progress as RichProgress

        from qrd.console.progress_line import Line

        shown = RichConsole(file=self.console.stream)
        self._live = RichProgress(Line(shown), console=shown, redirect_stdout=False)  # records go there untouched
        self._task = self._live.add_task(self.label, total=self.total, note="")
        self._live.start()

    def _note(self) -> str:
        num_calls = self.in_flight() if self.in_flight is not None else 0
        parts = [f"in flight {num_calls:,}"] if num_calls else []
        for name, number in list(self.counts.items()):
            if name == "cost_usd" and number:
                parts.append(f"${number:.4f}{self._projected(number)}")
            elif name not in ("done", "cost_usd") and number:
                parts.append(f"{name} {number:,.0f}")
        return ", ".join(parts)

    def _projected(self, cost_usd: float) -> str:
        """What all rows of this run will cost; those `kept` from earlier runs have cost it nothing."""
        kept = self.counts.get("kept", 0)
        if not self.total or not kept < self.counts["done"] < self.total:
            return ""
        return f" of about ${cost_usd * (self.total - kept) / (self.counts['done'] - kept):.4f}"

    def _seconds_left(self) -> float | None:
        """By the pace since the first rows: what was there before, and the loading of a model, do not count.

        Example: 128 rows, batches of 32 at 20, 40, 60 s: nothing is known before 40 s; then 40 s are left, at 50 s 30.
        """
        if not self.total or self._first is None or not self._first[1] < self.counts["done"] < self.total:
            return None
        since, before = self._first
        pace = (self._last_row - since) / (self.counts["done"] - before)
        left = pace * (self.total - self.counts["done"]) - (time.monotonic() - self._last_row)
        return left if left > 0 else None

    def _left(self) -> str:
        left = self._seconds_left()
        return "" if left is None else f"about {left:.0f} s left"

    def _plain(self) -> str:
        done, seconds = self.counts["done"], time.monotonic() - self.started
        of_total = f"/{self.total:,}" if self.total is not None else ""
        told = ", ".join(filter(None, (f"{done:,.0f}{of_total} in {seconds:.1f} s", self._left(), self._note())))
        return f"{self.label}: {told}"


def _folded(heading: Any, width: int) -> Any:
    """A heading in lines no wider than the cells of its column, where its words allow: it takes no room from others."""
    from rich.text import Text

    words = heading.plain.split()
    return Text("\n".join(textwrap.wrap(heading.plain, max([width, *map(len, words)])))) if words else heading


def clean(text: str) -> str:
    """`text` without control characters and direction overrides; tabs and line ends stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
