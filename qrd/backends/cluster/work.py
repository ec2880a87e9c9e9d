"""Who owes which answer: the requests of a run, handed to workers, handed on where a worker is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from qrd.backends.cluster.worker import News
from qrd.backends.protocol import Reply, Request

CHUNK = 16  # requests handed to a worker at once
MOST_LOSSES = 3  # of workers that were at a request; then it is one that ends them


@dataclass(eq=False)
class Member:
    """A worker, the session it is in, and the requests that it owes an answer."""

    actor: Any
    session: str = ""
    given: dict[str, Request] = field(default_factory=dict)
    is_hungry: bool = True
    is_last_sent: bool = False
    is_lost: bool = False
    is_through: bool = False

    def begin(self, session: str) -> None:
        """A new session, in which nothing is owed."""
        self.session, self.is_hungry = session, True
        self.is_last_sent = self.is_lost = self.is_through = False


class Work:
    """The requests of one run, drawn as workers ask for them."""

    def __init__(self, requests: Iterator[Request]) -> None:
        self._waiting = requests
        self._again: deque[Request] = deque()
        self._losses: dict[str, int] = {}
        self.is_over = self.is_stopped = False

    def stop(self) -> None:
        """Hand nothing more to anybody."""
        self.is_over = self.is_stopped = True
        self._again.clear()

    def taken(self, member: Member, news: News) -> Iterator[Reply]:
        """The replies that a worker tells of, and errors for requests that ended too many workers."""
        if news.is_lost:
            yield from self._lost(member)
        for reply in news.replies:
            if member.given.pop(reply.key, None) is not None:
                yield reply
        member.is_hungry, member.is_through = news.is_hungry, news.is_over

    def chunk(self, member: Member) -> tuple[Request, ...]:
        """What a worker is handed next; what others lost comes first."""
        found: list[Request] = []
        while member.is_hungry and self._again and len(found) < CHUNK:
            found.append(self._again.popleft())
        if member.is_hungry and not self.is_over:
            found += islice(self._waiting, CHUNK - len(found))
            self.is_over = len(found) < CHUNK
        member.given |= {request.key: request for request in found}
        return tuple(found)

    def is_last(self, member: Member) -> bool:
        """Whether a worker is to be told, now, that nothing more comes."""
        is_news = self.is_over and not self._again and not member.is_last_sent
        member.is_last_sent = member.is_last_sent or is_news
        return is_news

    def has_more(self) -> bool:
        """Whether there is, or may be, something to hand over."""
        return bool(self._again) or not self.is_over

    def _lost(self, member: Member) -> Iterator[Reply]:
        member.is_lost = True
        for key, request in member.given.items():
            self._losses[key] = self._losses.get(key, 0) + 1
            if self._losses[key] >= MOST_LOSSES:
                problem = f"its worker was lost {self._losses[key]} times"
                yield Reply(key=key, error=problem, attempts=self._losses[key])
            elif not self.is_stopped:
                self._again.append(request)
        member.given.clear()
