"""Limits per minute that are kept from the first second on: no burst, unlike a bucket that starts full."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class Pace:
    """Lets `per_minute` units through a minute, evenly; None lets all through.

    Example: at 60 a minute, two calls of 5 units each: the first goes at once, the second 5 s later.
    """

    def __init__(self, per_minute: int | None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._unit_s = 60 / per_minute if per_minute else 0.0
        self._free_at = 0.0

    async def take(self, amount: float) -> None:
        """Wait for this call's turn."""
        now = time.monotonic()
        begin = max(now, self._free_at)
        self._free_at = begin + amount * self._unit_s
        await self._sleep(begin - now)

    def give_back(self, amount: float) -> None:
        """Return units that were taken and not used."""
        self._free_at -= amount * self._unit_s
