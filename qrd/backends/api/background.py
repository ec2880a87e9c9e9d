"""An event loop beside a caller that knows nothing of one."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, Protocol

LET_GO_S = 1.0  # what Ctrl-C waits for, at most


class Opened(Protocol):
    """What lives in an event loop."""

    async def open(self) -> None:
        """Begin, in the running loop."""
        ...

    async def close(self) -> None:
        """End, in the same loop."""
        ...


class Background:
    """An event loop in a thread, in which a client is open; leaving the context cancels what runs in it."""

    def __init__(self, client: Opened) -> None:
        self._client = client
        self._running: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Background:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="qrd-api", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._client.open(), self._loop).result()
        return self

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in the loop."""
        self._loop.call_soon_threadsafe(self._keep, work)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._running.add(task)  # the loop itself only holds on to tasks weakly
        task.add_done_callback(self._running.discard)

    def __exit__(self, *_: object) -> None:
        ended = asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        # A client that does not let go must not hold up Ctrl-C; the thread is a daemon.
        with contextlib.suppress(concurrent.futures.TimeoutError):
            ended.result(timeout=LET_GO_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=LET_GO_S)
        if not self._thread.is_alive():
            self._loop.close()

    async def _end(self) -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._client.close()
