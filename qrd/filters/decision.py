"""What a rule says of a path."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from qrd.rows.records import Path


class Decision(NamedTuple):
    """Keep or drop, and why it was dropped."""

    keep: bool
    reason: str | None = None


KEEP = Decision(True)
KEPT = "kept"  # where ledgers name what became of a path


def drop(reason: str) -> Decision:
    """The decision to drop for `reason`, one of the contract's names or one that the README lists beside them."""
    return Decision(False, reason)


class Rule(Protocol):
    """A question asked of each path.

    A rule that compares paths (a cap, duplicates) is asked only of those that every rule before it keeps, in the order
    of the file, and remembers what it has kept.
    """

    def __call__(self, path: Path) -> Decision:
        """Keep, or drop with a reason."""
        ...
