"""How many calls may be under way at once: as many as the provider takes, found out by its refusals."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from qrd.backends.bounds.evidence import Evidence

ROUNDS_BEFORE_ONE_MORE = 2
NONE_PASSES = 3  # refusals in a row; where they are drawn by lot, a whole round of them


class Gate:
    """Lets at most `limit` calls through at once, which begins at `most`.

    Each refusal for too many calls (429) takes one off, down to half in one round of calls; two rounds of replies
    without one put one back. Refusals that fall on calls with few beside them as on those with many are not due to
    the number at once (a provider that is short of machines draws them by lot): they take nothing off, and each reply
    puts one back. What a refusal asks to wait is its own call's affair, until none passes: then it holds back all.

    Example: a server takes 8 calls at once and 64 come. The 56 refusals of the first round lower the limit to 32,
    those of the second to 16, those of the third to 8; from then on about one call in 17 is a probe that is refused.
    """

    def __init__(self, most: int, sleep: Callable[[float], Awaitable[None]], is_over: Callable[[], bool]) -> None:
        self.most, self.limit, self.num_inside = most, float(most), 0
        self.is_by_lot = False
        self._sleep, self._is_over = sleep, is_over
        self._turns: deque[asyncio.Future[None]] = deque()
        self._opens_at = self._round_began = 0.0
        self._least = 1.0
        self._evidence, self._num_in_a_row = Evidence(), 0

    async def enter(self) -> int:
        """The place of the call, 1 for one that is alone, once it is its turn; 0 where the run is over."""
        while not self._is_over():
            wait_s = self._opens_at - time.monotonic()
            if wait_s > 0:
                await self._sleep(wait_s)
            elif self.num_inside < int(self.limit):
                self.num_inside += 1
                return self.num_inside
            else:
                await self._turn()
        self._call_next()
        return 0

    def leave(self) -> None:
        """Make room for the next call."""
        self.num_inside -= 1
        self._call_next()

    def answered(self, place: int) -> None:
        """Take note of a reply to the call that had this place."""
        self._evidence.add(place, is_refused=False)
        self._num_in_a_row = 0
        if self.limit < self.most:
            step = 1.0 if self.is_by_lot else 1 / (ROUNDS_BEFORE_ONE_MORE * self.limit)
            self.limit = min(self.most, self.limit + step)

    def refused(self, place: int, began: float, wait_s: float | None) -> None:
        """Take note of a 429 to the call that had this place and began at `began` (by the monotonic clock)."""
        now = time.monotonic()
        self._evidence.add(place, is_refused=True)
        self._num_in_a_row += 1
        self.is_by_lot = self._evidence.is_by_lot()
        if not self.is_by_lot:
            self._take_one_off(began, now)
        if self._num_in_a_row >= min(self.most, self.limit + NONE_PASSES if self.is_by_lot else NONE_PASSES):
            self._none_passes(now + (wait_s or 0.0))

    def _none_passes(self, until: float) -> None:
        self._opens_at = max(self._opens_at, until)
        if self.is_by_lot:
            self.is_by_lot = False
            self._evidence.doubt()

    def _take_one_off(self, began: float, now: float) -> None:
        if began >= self._round_began:
            self._round_began, self._least = now, max(1.0, self.limit // 2)
        self.limit = max(self._least, self.limit - 1)

    async def _turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            self._call_next()
            raise

    def _call_next(self) -> None:
        """Wake as many as there is room for; who comes too late waits again."""
        room = max(1, int(self.limit) - self.num_inside)
        while self._turns and room:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                room -= 1
