"""A backend that says its last message backwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qrd.backends.protocol import Reply, Request
from qrd.backends.settings import BackendSettings
from qrd.rows.records import Usage


class Reversed:
    """Replies with the prompt reversed, and what its name says behind it."""

    guides = False

    def __init__(self, model: str, settings: BackendSettings) -> None:
        self.model = model

    def complete(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply for each request, in their order."""
        for request in requests:
            text = request.messages[-1]["content"][::-1] + self.model.partition(":")[2]
            yield Reply(key=request.key, text=text, finish_reason="stop", usage=Usage(cost_usd=0.0))

    def close(self) -> None:
        """There is nothing to give back."""
