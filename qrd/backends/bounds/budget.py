"""The ceiling of `--max-cost`: money is set aside before a call and given back after it, and a file remembers both."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass

from qrd.backends.bounds.account import Account

# Sums of floats must not refuse the very last call: a millionth of a cent.
SLACK_USD = 1e-8


@dataclass(frozen=True)
class Hold:
    """Money set aside for one call."""

    name: str
    usd: float


class Budget:
    """US dollars that calls may cost. Safe to share between threads: a panel of judges has one.

    `spent` is what the rows of the output say that they have cost. An `account` also knows what calls without a row
    have cost, in this run, in earlier ones (also killed ones) and in other runs that share it: the larger of the two
    counts.
    """

    def __init__(self, ceiling: float | None, spent: float = 0.0, account: Account | None = None) -> None:
        self.ceiling, self.account = ceiling, account
        self._before = self._known = spent
        self._paid = self._settled = 0.0
        self._held: dict[str, float] = {}
        self._names = itertools.count()
        self._lock = threading.Lock()
        if account is not None:
            self._before = max(0.0, spent - account.total())

    @property
    def spent(self) -> float:
        """What has been paid so far, or may have been."""
        with self._lock:
            return self._total() - sum(self._held.values())

    @property
    def own(self) -> float:
        """What the output has cost: of an account that others use too, what was known before and what this run paid."""
        if self.account is None or not self.account.shared:
            return self.spent
        with self._lock:
            return self._known + self._settled

    @property
    def is_holding(self) -> bool:
        """Whether calls under way may give something back."""
        return bool(self._held)

    def hold(self, usd: float, name: str | None = None) -> Hold | None:
        """`usd` set aside; None where the ceiling leaves no room for it. With a `name` it outlives this process."""
        with self._lock:
            if usd and self.ceiling is not None and self._total() + usd > self.ceiling + SLACK_USD:
                return None
            hold = Hold(name or str(next(self._names)), usd)
            if usd:
                # Another process may take the same room between look and note; the account looks once more.
                if self.account is not None and not self.account.hold(hold.name, usd, self._room()):
                    return None
                if name is None or self.account is None:
                    self._held[hold.name] = usd
            return hold

    def settle(self, hold: Hold, cost_usd: float) -> None:
        """Give back what was set aside and count `cost_usd` as paid."""
        with self._lock:
            self._held.pop(hold.name, None)
            self._settled += cost_usd
            if self.account is not None and (hold.usd or cost_usd):
                self.account.settle(hold.name, cost_usd)
            else:
                self._paid += cost_usd

    def close(self) -> None:
        """Leave the account for the next run."""
        if self.account is not None:
            self.account.close()

    def _total(self) -> float:
        """All that is paid or set aside."""
        known = self.account.total() if self.account is not None else self._paid + sum(self._held.values())
        return self._before + known

    def _room(self) -> float | None:
        return None if self.ceiling is None else self.ceiling + SLACK_USD - self._before
