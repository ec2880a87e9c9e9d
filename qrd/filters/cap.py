"""No more than so many paths of one question share a style, or a teacher."""

from __future__ import annotations

from array import array
from collections.abc import Callable

from qrd.filters.decision import KEEP, Decision, drop
from qrd.rows.ordinals import Ordinals
from qrd.rows.records import Path


class Cap:
    """Drop as `over_cap` what comes after the first `most` paths of a question whose `share` is the same."""

    def __init__(self, most: int, share: Callable[[Path], str]) -> None:
        self.most, self.share = most, share
        self._groups, self._taken = Ordinals(), array("I")

    def __call__(self, path: Path) -> Decision:
        """Keep the first ones, in the order of the file."""
        group = self._groups.number(f"{path.id}\0{self.share(path)}")
        if group == len(self._taken):
            self._taken.append(0)
        if self._taken[group] >= self.most:
            return drop("over_cap")
        self._taken[group] += 1
        return KEEP


def style(path: Path) -> str:
    """The style of a path."""
    return path.style


def teacher(path: Path) -> str:
    """The teacher of a path."""
    return path.teacher
