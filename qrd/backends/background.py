"""An event loop beside a caller that knows nothing of one."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any

LET_GO_S = 1.0  # what Ctrl-C waits for, at most


class Background:
    """An event loop in a thread; leaving the context cancels what runs in it."""

    def __enter__(self) -> Background:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="qrd-api", daemon=True)
        self._thread.start()
        return self

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in the loop."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def __exit__(self, *_: object) -> None:
        stopped = asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop)
        # A client that does not let go must not hold up Ctrl-C; the thread is a daemon.
        with contextlib.suppress(concurrent.futures.TimeoutError):
            stopped.result(timeout=LET_GO_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=LET_GO_S)

    @staticmethod
    async def _cancel_all() -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
