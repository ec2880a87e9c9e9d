"""The response does not shout."""

from __future__ import annotations

from qrd.filters.decision import KEEP, Decision, drop
from qrd.rows.records import Path


def calm(path: Path) -> Decision:
    """Drop what is `shouted`: all in capitals."""
    return drop("shouted") if (path.response or "").isupper() else KEEP
