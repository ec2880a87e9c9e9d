"""How one call to an API is made, whoever makes it: what goes in, what comes out, what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from qrd.backends.api.refusals import Refusal
from qrd.backends.protocol import Request

# A reply, spelt as JSON escapes, must fit a line that can be read again (16 MiB); no honest one has a tenth of it.
MAX_REPLY_BYTES = 4 * 2**20
TOO_LONG = Refusal(kind="row", message=f"the answer is longer than {MAX_REPLY_BYTES // 2**20} MiB", may_be_billed=True)


@dataclass(frozen=True)
class Answer:
    """What a provider answered; `num_prompt` and `num_reply` are its counts of tokens, None where it gives none.

    `reasoning` is what it tells of the model's thinking apart from the text.
    """

    text: str | None
    finish_reason: str | None
    num_prompt: int | None
    num_reply: int | None
    reasoning: str | None = None

    @property
    def is_too_long(self) -> bool:
        """Whether it fits no row."""
        return len(self.text or "") + len(self.reasoning or "") > MAX_REPLY_BYTES


class Client(Protocol):
    """Makes single calls. Used in one event loop at a time, between `open` and `close`."""

    @property
    def address(self) -> str:
        """Where it calls, without secrets."""
        ...

    async def open(self) -> None:
        """Get ready for calls in the running loop."""
        ...

    async def call(self, request: Request) -> Answer:
        """The answer to one call, which is made once.

        Raises: CallFailed.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def body_of(request: Request, *, takes_seed: bool) -> dict[str, Any]:
    """What all clients send, by the names of OpenAI's protocol."""
    sampling = request.sampling
    body: dict[str, Any] = {
        "messages": [dict(message) for message in request.messages],
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
    }
    if sampling.top_p != 1:
        body["top_p"] = sampling.top_p
    if request.stop:
        body["stop"] = list(request.stop)
    if sampling.seed is not None and takes_seed:
        body["seed"] = sampling.seed
    if request.response_format is not None:
        body["response_format"] = request.response_format
    return body
