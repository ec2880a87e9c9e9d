"""The reply came to its end: a cut, empty or refused one is never training data."""

from __future__ import annotations

from qrd.filters.decision import KEEP, Decision, drop
from qrd.records import WHOLE_ENDS, Path


def finish(path: Path) -> Decision:
    """Drop what is `empty`, and what is `truncated` by length, a content filter or anything else but the model."""
    if not path.response or path.response.isspace():
        return drop("empty")
    return KEEP if path.finish_reason in WHOLE_ENDS else drop("truncated")
