"""Ctrl-C without loss: no request more is sent, and replies under way, which are paid for, may still come in."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from qrd.errors import Interrupted

DRAIN_S = 7.0  # then what is under way is left; with the clients' own closing it stays under 10 s
_SAID = b"\nqrd: stopping; replies under way may still come, for at most 7 s (the same signal again: at once)\n"


class Stopping:
    """Whether a run is to stop. Used as a context by the main thread, the first SIGINT or SIGTERM sets it.

    Backends look at `is_set` before each call. A second signal, or DRAIN_S after the first, raises Interrupted; so does
    the end of the context, once it is set.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._event = threading.Event()
        self._quiet, self._signal = quiet, 0
        self._before: dict[int, Any] = {}

    def is_set(self) -> bool:
        """Whether no further request may be sent."""
        return self._event.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Whether no further request may be sent, as soon as that is so, else after so long."""
        return self._event.wait(timeout_s)

    def set(self) -> None:
        """Let no further request be sent."""
        self._event.set()

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._asked)
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._over)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._signal and error is None:
            raise self.interrupted()

    def _asked(self, number: int, frame: FrameType | None) -> None:
        if self._signal:
            raise self.interrupted()
        self._signal = number
        self._event.set()
        signal.setitimer(signal.ITIMER_REAL, DRAIN_S)
        if not self._quiet:
            os.write(2, _SAID)

    def _over(self, number: int, frame: FrameType | None) -> None:
        raise self.interrupted()

    def interrupted(self) -> Interrupted:
        """The error with which a run ends that a signal has stopped."""
        return Interrupted("stopped by a signal", signal_number=self._signal)
