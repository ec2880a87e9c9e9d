"""A model on a Ray cluster: its workers ask, the process of the run alone hands over and writes.

Workers are actors, which Ray places and starts anew where they are lost, not maps of Ray Data. Those take the whole
input before they begin, give replies back in blocks, and ask a whole block again where a worker is lost: here a reply
that has arrived is never asked for again, and a run that is killed loses what was under way and no more. Nor is there
a scheduler: a worker whose own queue runs low is handed the next requests.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import fields
from typing import Any

from qrd import __version__, errors
from qrd.backends.cluster import reaching
from qrd.backends.cluster.work import Member, Work
from qrd.backends.cluster.worker import Failure, News, Opened, Worker
from qrd.backends.local.turns import Turns
from qrd.backends.protocol import Reply, Request
from qrd.backends.settings import BackendSettings
from qrd.errors import BackendError, ConfigError, QrdError
from qrd.masking import one_line
from qrd.models.names import parsed

WAKES_EVERY_S = 0.5
MOST_RESTARTS = 3  # of a worker in one call, after which it is one that cannot live
OF_THE_RUN = ("budget", "stopping", "flight", "on", "workers", "batch_file")  # what a worker's settings do not hold


class OnRay:
    """A backend whose replies come from several workers, as one backend's would.

    Limits are shared among them: each has its part of `concurrency`, `rpm` and `tpm`.
    """

    def __init__(self, model: str, settings: BackendSettings) -> None:
        self.model, self.settings = model, settings
        self.turns = Turns[str]()
        self._ray = reaching.connected(settings.on or "ray")
        number = reaching.num_workers(self._ray, model, settings)
        self._members = [Member(self._actor(share, number)) for share in range(number)]
        try:
            self.guides = self._opened()
        except BaseException:
            self.close()
            raise

    def load_adapter(self, name: str, folder: str) -> None:
        """Put a PEFT folder on the base of every worker.

        Raises: ConfigError where a worker cannot.
        """
        self.turns.adapters[name] = os.path.abspath(folder)
        self.guides = self._opened()

    def student(self, name: str | None) -> AbstractContextManager[None]:
        """Within this context the adapter `name` answers; None is the base without any.

        Raises: ConfigError for a name that was not loaded.
        """
        return self.turns.student(name)

    def effect(self, name: str) -> float:
        """What the adapter changes, by the first worker.

        Raises: ConfigError for an adapter that is broken, or was fitted on another model.
        """
        effect = self._ray.get(self._members[0].actor.effect.remote(name))
        if isinstance(effect, Failure):
            raise _error(effect)
        return float(effect)

    def complete(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply for each request, as they are done, by whichever worker.

        Raises: what a worker's backend raises; BackendError where workers cannot be started anew, or the cluster is
        lost.
        """
        work = Work(iter(requests))
        try:
            calls = {self._begun(member): member for member in self._members}
            while calls:
                self._heed_stop(work)
                ready, _ = self._ray.wait(list(calls), num_returns=1, timeout=WAKES_EVERY_S)
                for call in ready:
                    member = calls.pop(call)
                    yield from self._answered(member, call, work)
                    following = self._next_call(member, work)
                    if following is not None:
                        calls[following] = member
        except BaseException as error:
            self.close()  # nobody waits any more for what is under way
            if not isinstance(error, QrdError) and isinstance(error, Exception) and not self._ray.is_initialized():
                lost = f"--on {self.settings.on}: the cluster is lost: {one_line(error)}; the same command goes on"
                raise BackendError(lost) from None
            raise
        finally:
            for member in self._members:
                self.settings.flight.add(-len(member.given))
                member.given.clear()

    def close(self) -> None:
        """End the workers."""
        for member in self._members:
            with suppress(Exception):  # of a cluster that is lost, the workers are too
                self._ray.kill(member.actor, no_restart=True)
            self.settings.flight.add(-len(member.given))
        self._members = []

    def _heed_stop(self, work: Work) -> None:
        if self.settings.stopping.is_set() and not work.is_stopped:
            work.stop()
            for member in self._members:
                member.actor.stop.remote()

    def _actor(self, number: int, of: int) -> Any:
        plain = {each.name: getattr(self.settings, each.name) for each in fields(self.settings)}
        for name in OF_THE_RUN:
            del plain[name]
        for name in ("concurrency", "rpm", "tpm"):
            plain[name] = reaching.share(plain[name], number, of)
        one = reaching.needs(self.model, self.settings, self._ray.cluster_resources().get("GPU", 0))
        # A call that is lost with its worker is made again on the one that follows, which knows that it is new.
        options = {
            "num_cpus": one.get("CPU", 0),
            "num_gpus": one.get("GPU", 0),
            "max_concurrency": 3,
            "max_restarts": -1,
            "max_task_retries": MOST_RESTARTS,
            "scheduling_strategy": "SPREAD",
        }
        return self._ray.remote(Worker).options(**options).remote(_anywhere(self.model), plain)

    def _opened(self) -> bool:
        """Whether the model is guided, once all workers have it.

        Raises: what opening it raised there; ConfigError for another version of qrd there.
        """
        found: list[Opened] = [
            self._told(call) for call in [m.actor.open.remote(self.turns.adapters) for m in self._members]
        ]
        for opened in found:
            if opened.failure is not None:
                raise _error(opened.failure)
            if opened.version != __version__:
                raise ConfigError(f"--on: a worker runs qrd {opened.version}, this is {__version__}")
        return all(opened.guides for opened in found)

    def _begun(self, member: Member) -> Any:
        """The call that begins a new session of a worker."""
        member.begin(secrets.token_hex(8))
        return member.actor.begin.remote(member.session, self.turns.adapters, self.turns.name)

    def _answered(self, member: Member, call: Any, work: Work) -> Iterator[Reply]:
        """The replies that a call brought."""
        news = self._told(call)
        if news.failure is not None:
            raise _error(news.failure)
        if isinstance(news, News):
            before = len(member.given)
            yield from work.taken(member, news)
            self.settings.flight.add(len(member.given) - before)

    def _next_call(self, member: Member, work: Work) -> Any:
        """What a worker is called for next; None where it is through."""
        if member.is_lost or member.is_through:
            return self._begun(member) if work.has_more() else None
        chunk = work.chunk(member)
        self.settings.flight.add(len(chunk))
        return member.actor.exchange.remote(member.session, chunk, work.is_last(member))

    def _told(self, call: Any) -> Any:
        """What a call gave back.

        Raises: BackendError where its worker cannot be started anew.
        """
        try:
            return self._ray.get(call)
        except self._ray.exceptions.RayActorError as error:
            raise BackendError(
                f"{self.model}: a worker is lost and cannot be started anew: {one_line(error)}"
            ) from None


def _anywhere(model: str) -> str:
    """The model's name for a process that runs in another folder."""
    found = parsed(model)
    return f"{found.kind}:{os.path.abspath(found.source)}" if found.kind and os.path.exists(found.source) else model


def _error(failure: Failure) -> Exception:
    """The error as it was raised in the worker: of the user's tree where it was of that."""
    kind = getattr(errors, failure.kind, None)
    if isinstance(kind, type) and issubclass(kind, QrdError):
        return kind(failure.text) if kind.__init__ is Exception.__init__ else BackendError(failure.text)
    return RuntimeError(f"{failure.kind} in a worker: {failure.text}")
