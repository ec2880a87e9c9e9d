"""A provider's batches: requests are submitted, the process ends, and a later one collects the replies at half price.

What is under way stands in a file beside the output (`batches`). A batch is noted before it is submitted, under a
token that the provider keeps with it: a process that was killed in between finds it by that and submits nothing twice.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path as File
from typing import Any

from qrd.backends.api import prices
from qrd.backends.api.client import TOO_LONG
from qrd.backends.api.direct import endpoint_of
from qrd.backends.api.refusals import CallFailed
from qrd.backends.api.replies import answer_of
from qrd.backends.api.words import words_of
from qrd.backends.batch import notes
from qrd.backends.batch.calls import OVER, BatchCalls
from qrd.backends.batch.notes import Batch
from qrd.backends.bounds.budget import Budget
from qrd.backends.protocol import Reply, Request
from qrd.backends.settings import BackendSettings
from qrd.errors import BackendError, ConfigError
from qrd.masking import one_line
from qrd.models.names import parsed
from qrd.rows.records import Usage

MOST_REQUESTS, MOST_BYTES = 50_000, 100 * 2**20  # OpenAI's limits are 50,000 and 200 MB
UNRUN = "batch_expired"


class BatchApi:
    """A model behind a batch API of OpenAI's protocol. `starts` are not constrained: `guides` is False."""

    guides = False

    def __init__(self, model: str, settings: BackendSettings) -> None:
        endpoint = endpoint_of(model, settings.api_base) if parsed(model).provider in prices.OWN_SERVERS else None
        if endpoint is None:
            raise ConfigError(f"--batch: {model} is not reached by a batch API of OpenAI's protocol")
        self.model, self.settings = model, settings
        self.budget = settings.budget or Budget(settings.max_cost, settings.spent_usd)
        if self.budget.ceiling is not None and not settings.allow_unpriced and prices.price(model, 1, 1) is None:
            raise ConfigError(f"--max-cost: the price of {model} is not known; --allow-unpriced counts it as free")
        self.calls = BatchCalls(model, endpoint, settings)
        self.file = File(settings.batch_file or "")
        noted = notes.opened(self.file).batches
        self.batches = [batch for batch in noted if batch.model == model]

    def complete(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """The replies that are there. What has none yet is submitted, once, and counted in `flight.num_left`.

        Raises: BackendError where the provider refuses a batch, or the budget has no room for it; ConfigError where
        a batch under way holds one of the requests, asked in another way.
        """
        wanted = {request.key: request for request in requests}
        self._refuse_other_work(wanted)
        for batch in list(self.batches):
            yield from self._collected(batch, wanted)
        rest = list(wanted.values())
        while rest and not self.settings.stopping.is_set():
            rest = rest[self._submitted(rest) :]

    def close(self) -> None:
        """Nothing is kept open."""

    def _refuse_other_work(self, wanted: dict[str, Request]) -> None:
        for batch in self.batches:
            for key, before in zip(batch.keys, batch.hashes):
                if key in wanted and before != self._hash(wanted[key]):
                    raise ConfigError(
                        f"{self.file}: a batch under way asks {key} in another way; collect it with the options of "
                        "then, or remove the file to give it up"
                    )

    def _hash(self, request: Request) -> str:
        return request.hash(self.model, self.settings.api_base)

    def _collected(self, batch: Batch, wanted: dict[str, Request]) -> Iterator[Reply]:
        """The replies of one batch; what it settles, or still works on, is taken out of `wanted`."""
        mine = {key for key in batch.keys if key in wanted}
        if not mine:
            return
        if not self._is_submitted(batch):
            self._forget(batch)
            return
        told = self.calls.look(str(batch.id))
        if told.status == "failed":
            self._forget(batch)
            raise BackendError(f"{self.model}: refused batch {told.id}: {one_line(told.problem)}")
        if told.status not in OVER:
            for key in mine:
                del wanted[key]
            self.settings.flight.leave(len(mine))
            return
        costs: dict[str, float] = {}  # also of replies that an earlier run wrote before it was killed
        for name in told.files:
            for line in self.calls.answers(name):
                key = _named(line, batch)
                reply = self._reply(key, line) if key and key not in costs else None
                if reply is None:
                    continue
                costs[key] = reply.usage.cost_usd or 0.0
                if key not in mine or (reply.error is not None and batch.is_collected):
                    continue
                mine.discard(key)
                del wanted[key]
                yield reply
        if not batch.is_collected:
            self.budget.settle(batch.hold, sum(costs.values()))
            batch.is_collected = True
            self._save()

    def _is_submitted(self, batch: Batch) -> bool:
        """Whether the provider has the batch, also where we were killed before it could say so."""
        if batch.id is None:
            batch.id = self.calls.find(batch.token)
            self._save()
        return batch.id is not None

    def _forget(self, batch: Batch) -> None:
        if not batch.is_collected:
            self.budget.settle(batch.hold, 0.0)
        self.batches.remove(batch)
        self._save()

    def _submitted(self, requests: Sequence[Request]) -> int:
        """How many of the requests, from the first, were submitted as one batch."""
        lines: list[bytes] = []
        num_bytes = 0
        for line in self.calls.lines(requests[:MOST_REQUESTS]):
            num_bytes += len(line)
            if lines and num_bytes > MOST_BYTES:
                break
            lines.append(line)
        taken = requests[: len(lines)]
        most_usd = sum(self._most(request) for request in taken)
        batch = Batch(
            model=self.model,
            token=secrets.token_hex(8),
            keys=[request.key for request in taken],
            hashes=[self._hash(request) for request in taken],
            held_usd=most_usd,
        )
        if self.budget.hold(most_usd, batch.hold.name) is None:
            raise BackendError(
                f"--max-cost {self.budget.ceiling:g}: ${self.budget.spent:.6f} are spent and a batch of {len(taken)} "
                f"may cost ${most_usd:.6f}; raise it, or take a part with --limit"
            )
        self.batches.append(batch)
        self._save()
        batch.id = self.calls.create(self.calls.upload(b"".join(lines)), batch.token)
        self._save()
        self.settings.flight.leave(len(taken))
        return len(taken)

    def _save(self) -> None:
        notes.put(self.file, self.model, self.batches)

    def _most(self, request: Request) -> float:
        num_prompt = prices.most_tokens(request.messages)
        return prices.batch_price(self.model, num_prompt, request.sampling.max_tokens) or 0.0

    def _reply(self, key: str, line: dict[str, Any]) -> Reply | None:
        """The reply in a line of a provider's file; None for a request that was not run."""
        error = line.get("error")
        response = line.get("response")
        if isinstance(error, dict) and error.get("code") == UNRUN:
            return None
        status = response.get("status_code") if isinstance(response, dict) else None
        body = response.get("body") if isinstance(response, dict) else None
        if status != 200 or not isinstance(body, dict):
            said = words_of(body) or words_of(error) or words_of(response) or "the line says nothing"
            return Reply(key=key, error=one_line(f"{status or 'no answer'}: {said}"))
        try:
            answer = answer_of(body)
        except CallFailed as failure:
            return Reply(key=key, error=failure.refusal.message)
        if answer.is_too_long:
            return Reply(key=key, error=TOO_LONG.message)
        cost_usd = None
        if answer.num_prompt is not None and answer.num_reply is not None:
            cost_usd = prices.batch_price(self.model, answer.num_prompt, answer.num_reply)
        usage = Usage(prompt_tokens=answer.num_prompt, completion_tokens=answer.num_reply, cost_usd=cost_usd)
        return Reply(
            key=key, text=answer.text, finish_reason=answer.finish_reason, usage=usage, reasoning=answer.reasoning
        )


def _named(line: dict[str, Any], batch: Batch) -> str:
    """The key of the request that a line belongs to; empty where it belongs to none."""
    number = line.get("custom_id")
    if not isinstance(number, str) or not re.fullmatch("[0-9]{1,9}", number) or int(number) >= len(batch.keys):
        return ""
    return batch.keys[int(number)]
