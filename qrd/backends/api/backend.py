"""Models behind an API: many calls at once, one layer of retries, a ceiling on the cost.

The calls run in an event loop in a thread of its own; requests are drawn, and replies handed over, in the caller's.
How one call is made is a `Client`'s affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qrd.backends.api import prices
from qrd.backends.api.background import Background
from qrd.backends.api.client import Answer, Client
from qrd.backends.api.outlook import Outlook
from qrd.backends.api.refusals import CallFailed, Refusal
from qrd.backends.bounds.budget import Budget, Hold
from qrd.backends.bounds.gate import Gate
from qrd.backends.bounds.pace import Pace
from qrd.backends.bounds.stopping import DRAIN_S
from qrd.backends.protocol import Reply, Request
from qrd.backends.settings import BackendSettings
from qrd.errors import BackendError, ConfigError
from qrd.rows.records import Usage

try:
    import resource
except ImportError:  # not a POSIX system
    resource = None  # type: ignore[assignment]

STOP_LOOKED_FOR_S = 0.25
OTHER_FILES = 256
LONGEST_BACKING_OFF_S = 60.0


def make_room_for_files(number: int) -> None:
    """Let this process open so many connections beside what else it needs, as far as the system allows."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + OTHER_FILES if hard == resource.RLIM_INFINITY else min(number + OTHER_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Unasked(Exception):
    """A try that was not made, since the run is to stop."""


@dataclass
class Ask:
    """A request under way and the money set aside for it. `began`: its last call; `is_sent`: that may be billed."""

    request: Request
    hold: Hold
    num_likely: int
    attempts: int = 0
    began: float = 0.0
    charged_usd: float = 0.0
    is_sent: bool = False


class Rest:
    """Word that a call has given its place to another and will be tried again."""


Arrived = queue.SimpleQueue[Reply | BaseException | Rest | None]
MOST_RESTING = 3  # for each call at once: their money is set aside, and all come back


class Api:
    """A model behind an API. `starts` are not constrained: `guides` is False."""

    guides = False

    def __init__(self, model: str, client: Client, settings: BackendSettings) -> None:
        self.model, self.client, self.settings = model, client, settings
        self.budget = settings.budget or Budget(settings.max_cost, settings.spent_usd)
        if self.budget.ceiling is not None and not settings.allow_unpriced and prices.price(model, 1, 1) is None:
            raise ConfigError(f"--max-cost: the price of {model} is not known; --allow-unpriced counts it as free")
        make_room_for_files(settings.concurrency)
        self._has_failed, self._arrived, self._num_resting = False, Arrived(), 0
        self._outlook = Outlook(model, client.address, settings.concurrency)
        self._calls, self._tokens = Pace(settings.rpm, self._sleep), Pace(settings.tpm, self._sleep)
        self._gate = Gate(settings.concurrency, self._sleep, self._is_stopping)

    def complete(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply for each request, as they are done, `concurrency` in flight.

        Raises: BackendError where the provider refuses for good or the budget is spent, after the replies under way.
        """
        waiting, arrived = iter(requests), Arrived()
        self._has_failed, self._arrived, self._num_resting = False, arrived, 0
        with Background(self.client) as background:
            num_running, following = 0, None
            while True:
                while num_running - self._num_free() < self.settings.concurrency and not self._is_stopping():
                    following = following or next(waiting, None)
                    ask = self._held(following, wait=not num_running) if following else None
                    if ask is None:
                        break
                    background.start(self._deliver(ask, arrived))
                    num_running, following = num_running + 1, None
                if not num_running:
                    return
                reply = arrived.get()
                if isinstance(reply, Rest):
                    continue
                if isinstance(reply, BackendError):
                    yield from self._drained(arrived, num_running - 1)
                    raise reply
                if isinstance(reply, BaseException):
                    raise reply
                num_running -= 1
                if reply is not None:
                    yield reply

    def _drained(self, arrived: Arrived, num_running: int) -> Iterator[Reply]:
        """Replies of calls that were under way when the run failed: they are paid for. Nothing more is sent."""
        end = time.monotonic() + DRAIN_S
        while num_running:
            try:
                reply = arrived.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return
            num_running -= not isinstance(reply, Rest)
            if isinstance(reply, Reply):
                yield reply

    def _num_free(self) -> int:
        """How many calls that wait for their next try have given their places to others."""
        return min(self._num_resting, MOST_RESTING * self.settings.concurrency)

    def _is_stopping(self) -> bool:
        """Whether no further call may be made."""
        return self._has_failed or self.settings.stopping.is_set()

    def close(self) -> None:
        """Nothing is kept between calls of `complete`."""

    def _held(self, request: Request, *, wait: bool) -> Ask | None:
        """The request with its money set aside; None where calls in flight may give back what it needs, or on a stop.

        Raises: BackendError where nothing in flight can.
        """
        num_likely = prices.likely_tokens(request.messages) + request.sampling.max_tokens
        most = prices.price(self.model, prices.most_tokens(request.messages), request.sampling.max_tokens) or 0.0
        while (hold := self.budget.hold(most)) is None:
            if not wait or self._is_stopping():
                return None
            if not self.budget.is_holding:
                raise self._spent()
            time.sleep(0.05)  # another model of the same run holds it
        return Ask(request, hold, num_likely)

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
            self._has_failed = True
            arrived.put(error)

    async def _settled(self, ask: Ask) -> Reply:
        """The reply after all tries; the money set aside is settled whatever comes."""
        try:
            answer = await self._tried(ask)
        except CallFailed as failure:
            if failure.refusal.may_be_billed:
                ask.charged_usd = ask.hold.usd
            if failure.refusal.kind == "permanent":
                raise BackendError(f"{self.model}: refused for good: {failure.refusal.message}") from None
            return Reply(key=ask.request.key, error=failure.refusal.message, attempts=ask.attempts)
        except asyncio.CancelledError:
            ask.charged_usd = ask.hold.usd if ask.is_sent else 0.0
            raise
        finally:
            self.budget.settle(ask.hold, ask.charged_usd)
        return self._reply(ask, answer)

    async def _tried(self, ask: Ask) -> Answer:
        """The answer to the first try that gets one. Raises: CallFailed after the last."""
        while True:
            try:
                return await self._one_try(ask)
            except CallFailed as failure:
                refusal = failure.refusal
                if refusal.asks_too_long:
                    raise self._asked_to_wait(refusal) from None
                is_last = refusal.kind != "passing" or ask.attempts > self.settings.retries
                if (hopeless := self._outlook.hopeless(refusal, began=ask.began, is_last=is_last)) is not None:
                    raise hopeless from None
                if is_last:
                    raise
                if refusal.may_be_billed:
                    await self._charge_lost(ask)
                await self._wait(self._wait_s(refusal, ask.attempts), gives_way=refusal.too_many)

    def _asked_to_wait(self, refusal: Refusal) -> BackendError:
        return BackendError(f"{self.model}: asks to wait {refusal.retry_after_s:.0f} s; the same command goes on later")

    def _wait_s(self, refusal: Refusal, attempts: int) -> float:
        """What is asked for is a lower bound; the jitter keeps all rows from coming back at once.

        It grows from try to try, except where refusals are drawn by lot: a later call has no better luck.
        """
        growth = 0 if refusal.too_many and self._gate.is_by_lot else min(attempts - 1, 30)
        longest = min(LONGEST_BACKING_OFF_S, self.settings.first_wait_s * 2**growth)
        return (refusal.retry_after_s or 0.0) + random.uniform(0, longest)

    async def _wait(self, seconds: float, *, gives_way: bool) -> None:
        """Wait for the next try. Where refusals are drawn by lot, another call takes the place meanwhile."""
        is_resting = gives_way and self._gate.is_by_lot
        if is_resting:
            self._num_resting += 1
            self._arrived.put(Rest())
        try:
            await self._sleep(seconds)
        finally:
            self._num_resting -= is_resting

    async def _sleep(self, seconds: float) -> None:
        """Wait, but not on when the run is to stop."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._is_stopping():
            await asyncio.sleep(min(left, STOP_LOOKED_FOR_S))

    async def _one_try(self, ask: Ask) -> Answer:
        """The answer to one call. Raises: CallFailed; Unasked."""
        place = await self._gate.enter()
        if not place:
            raise Unasked
        try:
            await self._tokens.take(ask.num_likely)
            await self._calls.take(1)
            if self._is_stopping():
                raise Unasked
            return await self._called(ask, place)
        finally:
            self._gate.leave()

    async def _called(self, ask: Ask, place: int) -> Answer:
        ask.began = time.monotonic()
        ask.attempts += 1
        ask.is_sent = True
        try:
            with self.settings.flight.one_more():
                answer = await self.client.call(ask.request)
        except CallFailed as failure:
            ask.is_sent = failure.refusal.may_be_billed
            if failure.refusal.too_many:
                self._gate.refused(place, ask.began, failure.refusal.retry_after_s)
            if not failure.refusal.may_be_billed:
                self._tokens.give_back(ask.num_likely)
            raise
        self._gate.answered(place)
        self._outlook.answered()
        used = (answer.num_prompt or 0) + (answer.num_reply or 0)
        self._tokens.give_back(max(0, ask.num_likely - used) if used else 0)
        ask.charged_usd = self._cost(ask, answer) or 0.0
        return answer

    async def _charge_lost(self, ask: Ask) -> None:
        """Count a call that may have been billed at its ceiling: the retry needs new money.

        Raises: BackendError where there is none, and calls in flight will give none back; Unasked.
        """
        most = ask.hold.usd
        if not most:
            return
        self.budget.settle(ask.hold, most)
        ask.hold, ask.is_sent = Hold(ask.hold.name, 0.0), False
        while (again := self.budget.hold(most)) is None:
            if self._is_stopping():
                raise Unasked
            if not self.budget.is_holding:
                raise self._spent()
            await asyncio.sleep(0.05)
        ask.hold = again

    def _cost(self, ask: Ask, answer: Answer) -> float | None:
        if answer.num_prompt is None or answer.num_reply is None:
            return ask.hold.usd or None  # without usage the ceiling is all that is known
        return prices.price(self.model, answer.num_prompt, answer.num_reply)

    def _reply(self, ask: Ask, answer: Answer) -> Reply:
        cost_usd = self._cost(ask, answer)
        usage = Usage(prompt_tokens=answer.num_prompt, completion_tokens=answer.num_reply, cost_usd=cost_usd)
        return Reply(
            key=ask.request.key,
            text=answer.text,
            finish_reason=answer.finish_reason,
            usage=usage,
            attempts=ask.attempts,
            reasoning=answer.reasoning,
        )
