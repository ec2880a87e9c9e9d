"""What a rule says of a path."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from qrd.records import Path


class Decision(NamedTuple):
    """Keep or drop, and why it was dropped."""

    keep: bool
    reason: str | None = None


KEEP = Decision(True)


def drop(reason: str) -> Decision:
    """The decision to drop for `reason`, one of the contract's names."""
    return Decision(False, reason)


class Rule(Protocol):
    """A question asked of each path alone."""

    def __call__(self, path: Path) -> Decision:
        """Keep, or drop with a reason."""
        ...
