"""A judge called the reasoning valid (paper, section 2.3, step 2; method, departure 10)."""

from __future__ import annotations

import msgspec

from qrd.filters.decision import KEEP, Decision, drop
from qrd.rows.records import Path


def verdict(path: Path) -> Decision:
    """Drop what is `invalid` and, of judged data, what is `unscored`; data that no judge has seen is kept."""
    return KEEP if path.verdict is msgspec.UNSET else verdict_known(path)


def verdict_known(path: Path) -> Decision:
    """As `verdict`, but a path that no judge has seen is dropped too."""
    if path.verdict == "valid":
        return KEEP
    return drop("invalid" if path.verdict == "invalid" else "unscored")
