"""How many calls may be under way at once: as many as the provider takes, found out by its refusals."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

ROUNDS_BEFORE_ONE_MORE = 2


class Gate:
    """Lets at most `limit` calls through at once, which begins at `most`.

    Each refusal for too many calls (429) takes one off, down to half in one round of calls; two rounds of replies
    without one put one back. What such a refusal asks to wait holds back all calls, for each would be refused.

    Example: a server takes 8 calls at once and 64 come. The 56 refusals of the first round lower the limit to 32,
    those of the second to 16, those of the third to 8; from then on about one call in 17 is a probe that is refused.
    """

    def __init__(self, most: int, sleep: Callable[[float], Awaitable[None]], is_over: Callable[[], bool]) -> None:
        self.most, self.limit, self.num_inside = most, float(most), 0
        self._sleep, self._is_over = sleep, is_over
        self._turns: deque[asyncio.Future[None]] = deque()
        self._opens_at = self._round_began = 0.0
        self._least = 1.0

    async def enter(self) -> bool:
        """Whether the call may be made, once it is its turn; False where the run is over."""
        while not self._is_over():
            wait_s = self._opens_at - time.monotonic()
            if wait_s > 0:
                await self._sleep(wait_s)
            elif self.num_inside < int(self.limit):
                self.num_inside += 1
                return True
            else:
                await self._turn()
        self._call_next()
        return False

    def leave(self) -> None:
        """Make room for the next call."""
        self.num_inside -= 1
        self._call_next()

    def answered(self) -> None:
        """Take note of a reply."""
        if self.limit < self.most:
            self.limit = min(self.most, self.limit + 1 / (ROUNDS_BEFORE_ONE_MORE * self.limit))

    def refused(self, began: float, wait_s: float | None) -> None:
        """Take note of a 429 to a call that began at `began` (by the monotonic clock)."""
        now = time.monotonic()
        if began >= self._round_began:
            self._round_began, self._least = now, max(1.0, self.limit // 2)
        self.limit = max(self._least, self.limit - 1)
        if wait_s:
            self._opens_at = max(self._opens_at, now + wait_s)

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
