"""The ceiling of `--max-cost`: money is set aside before a call and given back after it."""

from __future__ import annotations

import threading


class Budget:
    """US dollars that calls may cost. Safe to share between threads: a panel of judges has one.

    `spent` counts what earlier runs of the same output have cost.
    """

    def __init__(self, ceiling: float | None, spent: float = 0.0) -> None:
        self.ceiling, self.spent, self.reserved = ceiling, spent, 0.0
        self._lock = threading.Lock()

    def reserve(self, amount: float) -> bool:
        """Whether `amount` could be set aside within the ceiling; if so, it is."""
        with self._lock:
            # A millionth of a cent of slack: sums of floats must not refuse the very last call.
            if self.ceiling is not None and self.spent + self.reserved + amount > self.ceiling + 1e-8:
                return False
            self.reserved += amount
            return True

    def settle(self, amount: float, cost: float) -> None:
        """Give `amount` back and count `cost` as spent."""
        with self._lock:
            self.reserved = max(0.0, self.reserved - amount)
            self.spent += cost
