"""Models behind an API, through litellm: many calls at once, one layer of retries, a ceiling on the cost.

The calls run in an event loop in a thread of its own; requests are drawn, and replies handed over, in the caller's.
"""

from __future__ import annotations

import asyncio
import os
import queue
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qrd.backends import prices
from qrd.backends.background import Background
from qrd.backends.budget import Budget
from qrd.backends.pace import Pace
from qrd.backends.protocol import Reply, Request
from qrd.backends.refusals import CallFailed, Refusal, understood
from qrd.backends.settings import BackendSettings
from qrd.errors import BackendError, ConfigError
from qrd.records import Usage

STOP_LOOKED_FOR_S = 0.25
LONGEST_WAIT_S = 600.0  # a provider that asks for more is asked again by a later run
# Servers of one's own seldom want a key, and the clients refuse to start without one.
KEYLESS = {"openai": "OPENAI_API_KEY", "hosted_vllm": "HOSTED_VLLM_API_KEY", "custom_openai": "OPENAI_API_KEY"}


class Unasked(Exception):
    """A try that was not made, since the run is to stop."""


@dataclass
class Ask:
    """A request under way and the money set aside for it."""

    request: Request
    reserved_usd: float
    attempts: int = 0
    charged_usd: float = 0.0


Arrived = queue.SimpleQueue[Reply | BaseException | None]


class LitellmApi:
    """A model behind an API. `starts` are not constrained: `guides` is False."""

    guides = False

    def __init__(self, model: str, settings: BackendSettings) -> None:
        self.model, self.settings = model, settings
        self.provider = prices.provider_of(model)
        self.budget = settings.budget or Budget(settings.max_cost, settings.spent_usd)
        self._options = self._fixed_options()
        if self.budget.ceiling is not None and not settings.allow_unpriced and prices.price(model, 1, 1) is None:
            raise ConfigError(f"--max-cost: the price of {model} is not known; --allow-unpriced counts it as free")
        self._is_stopping = settings.stopping.is_set
        self._calls, self._tokens = Pace(settings.rpm, self._sleep), Pace(settings.tpm, self._sleep)

    def complete(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply for each request, as they are done, `concurrency` in flight.

        Raises: BackendError where the provider refuses for good or the budget is spent.
        """
        waiting, arrived = iter(requests), Arrived()
        with Background() as background:
            num_running, following = 0, None
            while True:
                while num_running < self.settings.concurrency and not self._is_stopping():
                    following = following or next(waiting, None)
                    ask = self._reserved(following, wait=not num_running) if following else None
                    if ask is None:
                        break
                    background.start(self._deliver(ask, arrived))
                    num_running, following = num_running + 1, None
                if not num_running:
                    return
                reply = arrived.get()
                if isinstance(reply, BaseException):
                    raise reply
                num_running -= 1
                if reply is not None:
                    yield reply

    def close(self) -> None:
        """Nothing is kept between calls of `complete`."""

    def _reserved(self, request: Request, *, wait: bool) -> Ask | None:
        """The request with its money set aside; None where calls in flight may give back what it needs, or on a stop.

        Raises: BackendError where nothing in flight can.
        """
        most = prices.price(self.model, prices.most_tokens(request.messages), request.sampling.max_tokens) or 0.0
        while not self.budget.reserve(most):
            if not wait or self._is_stopping():
                return None
            if not self.budget.reserved:
                raise self._spent()
            time.sleep(0.05)  # another model of the same run holds it
        return Ask(request, most)

    def _spent(self) -> BackendError:
        return BackendError(
            f"--max-cost {self.budget.ceiling:g}: ${self.budget.spent:.6f} are spent and the next call may cost more "
            "than what is left; raise it, and the same command goes on"
        )

    async def _deliver(self, ask: Ask, arrived: Arrived) -> None:
        try:
            arrived.put(await self._settled(ask))
        except asyncio.CancelledError:
            raise
        except Unasked:
            arrived.put(None)
        except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
            arrived.put(error)

    async def _settled(self, ask: Ask) -> Reply:
        """The reply after all tries; the money set aside is settled whatever comes."""
        try:
            reply = await self._tried(ask)
        except CallFailed as failure:
            refusal = failure.refusal
            if refusal.kind == "permanent":
                raise BackendError(f"{self.model}: refused for good: {refusal.message}") from None
            reply = Reply(key=ask.request.key, error=refusal.message, attempts=ask.attempts)
        finally:
            self.budget.settle(ask.reserved_usd, ask.charged_usd)
        return reply

    async def _tried(self, ask: Ask) -> Reply:
        import tenacity

        settings = self.settings
        backing_off = tenacity.wait_random_exponential(multiplier=settings.first_wait_s, max=60)

        def wait_s(state: tenacity.RetryCallState) -> float:
            refusal = _refusal_of(state)
            asked = refusal.retry_after_s if refusal else None
            # What is asked for is a lower bound; the jitter keeps all rows from coming back at once.
            return (asked or 0.0) + backing_off(state)

        tries = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(settings.retries + 1),
            wait=wait_s,
            retry=lambda state: getattr(_refusal_of(state), "kind", None) == "passing",
            retry_error_callback=_last_error,
            sleep=self._sleep,
        )
        reply: Reply = await tries(self._one_try, ask)
        return reply

    async def _sleep(self, seconds: float) -> None:
        """Wait, but not on when the run is to stop."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._is_stopping():
            await asyncio.sleep(min(left, STOP_LOOKED_FOR_S))

    async def _one_try(self, ask: Ask) -> Reply:
        """One call.

        Raises: CallFailed; BackendError where the provider asks for a longer wait than a run should make; Unasked.
        """
        request = ask.request
        num_tokens = prices.likely_tokens(request.messages) + request.sampling.max_tokens
        await self._tokens.take(num_tokens)
        await self._calls.take(1)
        if self._is_stopping():
            raise Unasked
        ask.attempts += 1
        try:
            call = prices.litellm().acompletion(**self._options, **self._body(request))
            response = await asyncio.wait_for(call, self.settings.timeout)
        except asyncio.TimeoutError:
            message = f"no whole answer within --timeout {self.settings.timeout:g} s"
            raise self._failed(ask, Refusal(kind="passing", message=message, may_be_billed=True)) from None
        except Exception as error:  # noqa: BLE001  litellm lets its providers' own errors through
            raise self._failed(ask, understood(error)) from None
        reply = self._read(ask, response)
        used = (reply.usage.prompt_tokens or 0) + (reply.usage.completion_tokens or 0)
        self._tokens.give_back(max(0, num_tokens - used) if used else 0)
        ask.charged_usd += reply.usage.cost_usd or 0.0
        return reply

    def _failed(self, ask: Ask, refusal: Refusal) -> CallFailed | BackendError:
        """The error to raise; a call that may have been billed counts at its ceiling, and a retry needs new money."""
        if refusal.retry_after_s is not None and refusal.retry_after_s > LONGEST_WAIT_S:
            return BackendError(
                f"{self.model}: asks to wait {refusal.retry_after_s:.0f} s; the same command goes on later"
            )
        if refusal.may_be_billed and ask.reserved_usd:
            if ask.attempts <= self.settings.retries and not self.budget.reserve(ask.reserved_usd):
                ask.charged_usd += ask.reserved_usd
                return self._spent()
            self._charge_lost(ask)
        return CallFailed(refusal)

    def _charge_lost(self, ask: Ask) -> None:
        if ask.attempts <= self.settings.retries:
            self.budget.settle(ask.reserved_usd, ask.reserved_usd)
        else:
            ask.charged_usd += ask.reserved_usd

    def _read(self, ask: Ask, response: Any) -> Reply:
        """The reply in a response, whatever of it is missing."""
        choices = getattr(response, "choices", None) or []
        usage = getattr(response, "usage", None)
        tokens = [getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
        num_prompt, num_reply = (n if isinstance(n, int) and n >= 0 else None for n in tokens)
        cost = None
        if num_prompt is not None and num_reply is not None:
            cost = prices.price(self.model, num_prompt, num_reply)
        elif ask.reserved_usd:
            cost = ask.reserved_usd  # without usage the ceiling is all that is known
        text = choices[0].message.content if choices else None
        return Reply(
            key=ask.request.key,
            text=text if isinstance(text, str) else None,
            finish_reason=choices[0].finish_reason if choices else "empty",
            usage=Usage(prompt_tokens=num_prompt, completion_tokens=num_reply, cost_usd=cost),
            attempts=ask.attempts,
        )

    def _fixed_options(self) -> dict[str, Any]:
        settings = self.settings
        options: dict[str, Any] = {"model": self.model, "num_retries": 0, "max_retries": 0}
        options["timeout"] = settings.timeout + 5  # `wait_for` decides: it also bounds an answer that drips in
        if settings.api_base:
            options["api_base"] = settings.api_base
            if self.provider in KEYLESS and not os.environ.get(KEYLESS[self.provider]):
                options["api_key"] = "none"
        else:
            missing = prices.litellm().validate_environment(self.model).get("missing_keys") or []
            if missing:
                raise ConfigError(f"{self.model}: needs a key; set the environment variable {missing[0]}")
        return options

    def _body(self, request: Request) -> dict[str, Any]:
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
        if sampling.seed is not None and self._takes_seed:
            body["seed"] = sampling.seed
        return body

    @cached_property
    def _takes_seed(self) -> bool:
        known = prices.litellm().get_supported_openai_params(model=self.model, custom_llm_provider=self.provider)
        return "seed" in (known or ())


def _refusal_of(state: Any) -> Refusal | None:
    error = state.outcome.exception()
    return error.refusal if isinstance(error, CallFailed) else None


def _last_error(state: Any) -> Any:
    """The outcome of the last try, raised as it is and not wrapped."""
    return state.outcome.result()
