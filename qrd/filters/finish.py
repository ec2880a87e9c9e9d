"""The reply came to its end: a cut, empty or refused one is never training data."""

from __future__ import annotations

from qrd.filters.decision import KEEP, Decision, drop
from qrd.rows.records import Path, ending_of


def finish(path: Path) -> Decision:
    """Drop what is `empty`, and what is `truncated` by length, a content filter or a call of a tool.

    An ending that nobody knows says nothing against a reply that has a text.
    """
    if not path.response or path.response.isspace():
        return drop("empty")
    return KEEP if ending_of(path.finish_reason) in ("whole", "other") else drop("truncated")
