"""One record in full, on a page that scrolls."""

from __future__ import annotations

import re

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from qrd.console import clean
from qrd.inspection import record
from qrd.inspection.book import Entry

PAGE_CHARS = 60_000  # a page of more takes a noticeable time to fold


class Page(VerticalScroll):
    """A text that is shown as it is; `found` is set off in it."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._body = Static(markup=False)

    def compose(self) -> ComposeResult:
        """The text alone."""
        yield self._body

    def show(self, text: str, found: str | None = None) -> None:
        """Put another text on the page, from its top."""
        content = Content(cut(text))
        if found:
            content = content.highlight_regex(re.compile(re.escape(found), re.IGNORECASE), style="reverse")
        self._body.update(content)
        self.scroll_home(animate=False)


def text_of(entry: Entry) -> str:
    """A record as a person reads it; a row that is none as it stands in the file, with what is wrong."""
    place = f"{entry.file}:{entry.number}"
    if entry.kind == "bad":
        raw = entry.raw[: 4 * PAGE_CHARS].decode("utf-8", "replace")
        return clean(f"{place}\n\nnot a whole record: {entry.problem}\n\n{raw}")
    if entry.kind == "blank":
        return clean(f"{place}\n\n(blank line)")
    return clean(place + "\n" + "\n".join(record.lines(entry.fields, entry.kind)))


def cut(text: str) -> str:
    """What a page holds of a text."""
    if len(text) <= PAGE_CHARS:
        return text
    return f"{text[:PAGE_CHARS]}\n\n... and {len(text) - PAGE_CHARS:,} more characters; an export has them all"
