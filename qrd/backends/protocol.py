"""What a backend is: requests in, replies out, in the order in which they are done.

A backend knows nothing of questions, paths or verdicts, and never grades. One bad reply is a `Reply` with an `error`;
what makes every further call pointless is a raised BackendError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from qrd.backends.hosts import base_of
from qrd.rows.records import Usage, plain_json


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a reply is drawn. `temperature` 0 is greedy; `max_tokens` caps the reply; `seed` is used where it can be."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call. `key` is the caller's name for it and is not sent.

    `starts`: the reply must begin with one of these texts. A backend that can constrain decoding (`guides` is True)
    picks the likeliest by the model's own probabilities; others ignore it, so the prompt must ask for it as well.
    `stop` ends the reply before any of these texts; where a start is chosen, they are looked for behind it.
    `response_format` is passed on to APIs: a JSON schema, for providers that hold a reply to it.
    """

    key: str
    messages: tuple[dict[str, str], ...]
    sampling: Sampling = Sampling()
    starts: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    want_logprob: bool = False
    response_format: dict[str, Any] | None = None

    def hash(self, model: str, api_base: str | None) -> str:
        """SHA-256 of everything that decides the reply: model, endpoint, messages and sampling."""
        return hashing(model, api_base, self.sampling, self.stop)(self.messages, self.sampling.seed)


def hashing(
    model: str, api_base: str | None, sampling: Sampling, stop: tuple[str, ...] = ()
) -> Callable[[tuple[dict[str, str], ...], int | None], str]:
    """What hashes requests that differ in their messages and their seed alone.

    It gives digest([model, endpoint, messages, [temperature, top_p, max_tokens, seed], stop]) at a tenth of the time:
    a run that goes on hashes all requests of its output before its first call.
    """
    begin = plain_json([model, base_of(model, api_base)])[:-1]
    drawn = f"[{sampling.temperature!r},{sampling.top_p!r},{sampling.max_tokens},".encode()
    end = plain_json(stop)

    def hashed(messages: tuple[dict[str, str], ...], seed: int | None) -> str:
        number = b"null" if seed is None else b"%d" % seed
        text = b"%s,%s,%s%s],%s]" % (begin, plain_json(messages), drawn, number, end)
        return hashlib.sha256(text).hexdigest()

    return hashed


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The answer to a request, or the error that took its place after `attempts` tries.

    `text` is None where the model gave none. `finish_reason` is `stop`, `length`, `content_filter` or what else the
    provider says. `logprob` is the sum of natural log-probabilities of the reply's tokens, end token included.
    `reasoning` is what an API tells of the model's thinking apart from the text.
    """

    key: str
    text: str | None = None
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    logprob: float | None = None
    error: str | None = None
    attempts: int = 1
    reasoning: str | None = None


class Backend(Protocol):
    """A model that answers."""

    model: str

    @property
    def guides(self) -> bool:
        """Whether a request's `starts` are honoured."""
        ...

    def complete(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply for each request, as they are done. `requests` is drawn from as capacity frees.

        Raises: BackendError where no further call can succeed, ConfigError where the model cannot be had.
        """
        ...

    def close(self) -> None:
        """Give back memory, processes and connections."""
        ...


class AdapterBackend(Backend, Protocol):
    """A model in this process that several adapters can take turns on."""

    def load_adapter(self, name: str, folder: str) -> None:
        """Put a PEFT folder on the base as `name`; the base itself goes on answering."""
        ...

    def student(self, name: str | None) -> AbstractContextManager[None]:
        """Within this context the adapter `name` answers; None is the base without any."""
        ...

    def effect(self, name: str) -> float:
        """How much the adapter `name` changes what the base says to a fixed text; 0 where it changes nothing.

        Raises: ConfigError for an adapter that is broken, or was fitted on another model.
        """
        ...
