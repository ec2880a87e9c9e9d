"""The reply came to its end: a cut, empty or refused one is never training data."""

from __future__ import annotations

from qrd.filters.decision import KEEP, Decision, drop
from qrd.records import Path

# What providers call an ending that the model itself chose; None is a reply whose origin does not say.
WHOLE = (None, "stop", "eos", "end_turn", "stop_sequence", "STOP")


def finish(path: Path) -> Decision:
    """Drop what is `empty`, and what is `truncated` by length, a content filter or anything else but the model."""
    if not path.response or path.response.isspace():
        return drop("empty")
    return KEEP if path.finish_reason in WHOLE else drop("truncated")
