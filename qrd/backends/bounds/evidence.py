"""Whether fewer calls at once would be refused less: what the latest calls tell of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import sqrt

RECENT = 256  # calls; older ones tell of another hour
LEAST = 8  # calls on either side, and refusals, below which chance decides
NEARLY_ALL = 0.8  # refused: whatever the cause, fewer calls are in order
SURE = 2.0  # standard errors


class Evidence:
    """The latest calls: how many were under way as each began, and whether it was refused."""

    def __init__(self) -> None:
        self._calls: deque[tuple[int, bool]] = deque(maxlen=RECENT)
        self._least = LEAST

    def doubt(self) -> None:
        """Forget all and ask for twice as much: what was taken for a lot refused a whole round of calls."""
        self._calls.clear()
        self._least *= 2

    def add(self, place: int, *, is_refused: bool) -> None:
        """Take note of a call that was the `place`-th under way as it began."""
        self._calls.append((place, is_refused))

    def is_by_lot(self) -> bool:
        """Whether refusals fall alike on calls at low places and at high ones; False where too little is known.

        Example: of 16 at once 5 are refused, at any places: by lot. A server that takes 4 at once refuses those at the
        places 5 to 16 and none of the others: not by lot.
        """
        if not self._calls:
            return False
        few, many = self._halves()
        num_refused = sum(few) + sum(many)
        if min(len(few), len(many), num_refused) < self._least:
            return False
        share = num_refused / (len(few) + len(many))
        share_few, share_many = sum(few) / len(few), sum(many) / len(many)
        error = sqrt(share * (1 - share) * (1 / len(few) + 1 / len(many)))
        is_alike = share_many - share_few < SURE * error and share_few >= share_many / 2
        return is_alike and share < NEARLY_ALL

    def _halves(self) -> tuple[Sequence[bool], Sequence[bool]]:
        """Refused or not: calls with few beside them, and those with many."""
        places = sorted(place for place, _ in self._calls)
        middle = places[len(places) // 2]
        if places[-1] == middle:  # most calls have the last place: a run keeps as many under way as it may
            middle -= 1
        few = [is_refused for place, is_refused in self._calls if place <= middle]
        return few, [is_refused for place, is_refused in self._calls if place > middle]
