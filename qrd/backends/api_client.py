"""How one call to an API is made, whoever makes it: what goes in, what comes out, what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from qrd.backends.protocol import Request
from qrd.backends.refusals import Refusal

# A reply, spelt as JSON escapes, must fit a line that can be read again (16 MiB); no honest one has a tenth of it.
MAX_REPLY_BYTES = 4 * 2**20
TOO_LONG = Refusal(kind="row", message=f"the answer is longer than {MAX_REPLY_BYTES // 2**20} MiB", may_be_billed=True)

MOST_TOKENS = 2**40  # what is past it is no count; nor is true, which is an int to Python and none to a record
_ENDINGS = {"max_tokens": "length", "max_length": "length", "eos_token": "eos"}


@dataclass(frozen=True)
class Answer:
    """What a provider answered; `num_prompt` and `num_reply` are its counts of tokens, None where it gives none."""

    text: str | None
    finish_reason: str | None
    num_prompt: int | None
    num_reply: int | None


class Client(Protocol):
    """Makes single calls. Used in one event loop at a time, between `open` and `close`."""

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


def answer_of(completion: Any) -> Answer:
    """The answer in the JSON of a chat completion, whatever of it is missing."""
    choices = _field(completion, "choices")
    usage = _field(completion, "usage")
    tokens = [_field(usage, name) for name in ("prompt_tokens", "completion_tokens")]
    num_prompt, num_reply = (n if type(n) is int and 0 <= n <= MOST_TOKENS else None for n in tokens)
    if not (isinstance(choices, list) and choices):
        return Answer(None, "empty", num_prompt, num_reply)
    text = _field(_field(choices[0], "message"), "content")
    ending = _field(choices[0], "finish_reason")
    ending = _ENDINGS.get(ending, ending) if isinstance(ending, str) else None
    return Answer(text if isinstance(text, str) else None, ending, num_prompt, num_reply)


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)
