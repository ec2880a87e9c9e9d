"""Whether a model that has not answered yet ever will: a run that cannot succeed ends early and says why."""

from __future__ import annotations

import re
import time
from collections import Counter

from qrd.backends.api.refusals import Refusal
from qrd.errors import BackendError

LEAST_UNREACHED, LEAST_S = 3, 1.0  # a server that is just starting may refuse a burst of calls, all at the same moment
MORE_THAN_A_ROUND = 4  # rows that are refused alike, beside those of the first round


class Outlook:
    """What stands against one model so far; its first answer ends the doubt, and each row then stands for itself."""

    def __init__(self, model: str, address: str, concurrency: int) -> None:
        self.model, self.address = model, address
        self._most_alike = concurrency + MORE_THAN_A_ROUND
        self._is_settled = self._was_reached = False
        self._num_unreached, self._since = 0, 0.0
        self._alike: Counter[str] = Counter()

    def answered(self) -> None:
        """Take note of an answer."""
        self._is_settled = True

    def hopeless(self, refusal: Refusal, *, began: float, is_last: bool) -> BackendError | None:
        """Why no further call is worth making, once a refusal tells.

        `began`: when the call did, by the monotonic clock; `is_last`: it is not tried again.
        """
        if self._is_settled:
            return None
        if refusal.is_unreached:
            return self._unreached(refusal, began, is_last)
        self._was_reached = True
        if refusal.kind != "row" or refusal.may_be_billed:
            return None
        return self._refused(refusal)

    def _unreached(self, refusal: Refusal, began: float, is_last: bool) -> BackendError | None:
        self._since = self._since or began  # calls that got no connection for half a minute have waited long enough
        self._num_unreached += 1
        is_lasting = self._num_unreached >= LEAST_UNREACHED and time.monotonic() - self._since >= LEAST_S
        if self._was_reached or not (is_last or is_lasting):
            return None
        return BackendError(
            f"{self.model}: no server was reached at {self.address} ({refusal.message}); see that it is up and that "
            "--api-base is right, and the same command goes on"
        )

    def _refused(self, refusal: Refusal) -> BackendError | None:
        # Numbers, and names with one, tell of the row: how long it was, or which request it has been.
        self._alike[re.sub(r"[\w.-]*\d[\w.-]*", "#", refusal.message)] += 1
        (_, number), *_ = self._alike.most_common(1)
        if number < self._most_alike:
            return None
        return BackendError(
            f"{self.model}: refuses all requests alike, {number} so far and none answered: {refusal.message}; what it "
            "refuses mended, the same command goes on"
        )
