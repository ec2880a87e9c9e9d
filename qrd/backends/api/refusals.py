"""What a failed API call means: for this row alone, for every further call, or only for now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from qrd.backends.api.advice import advised, translated
from qrd.backends.api.waits import wait_s
from qrd.masking import one_line

# Refusals that some providers send as 400 or 429 although no retry and no other row will fare better.
_FOR_GOOD = re.compile(
    r"insufficient[_ ]quota|credit balance is too low|insufficient (?:balance|credits)|billing_hard_limit"
    r"|api key not valid|invalid[_ ]api[_ ]key|api_key_invalid|account_deactivated|missing credentials",
    re.IGNORECASE,
)
_PERMANENT = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405})
_PASSING = frozenset({408, 409, 425, 429})
TOO_MANY = 429
_GAVE_UP = frozenset({504, 524})  # a gateway's word that the server behind it took too long: it may still do the work
# What aiohttp and httpcore raise before a request is sent. httpx's own ConnectError tells less: litellm's transport
# raises it also for a connection that is lost on the way.
_NEVER_SENT = frozenset(
    {
        ("aiohttp", "ClientConnectorError"),
        ("aiohttp", "ConnectionTimeoutError"),
        ("httpcore", "ConnectError"),
        ("httpcore", "ConnectTimeout"),
    }
)
_OBJECT = re.compile(r" ssl:(?:<[^>]*>|\w+)")  # how aiohttp says which settings of TLS a connection has
LONGEST_WAIT_S = 600.0  # a provider that asks for more is asked again by a later run


class CallFailed(Exception):
    """One call that failed, and what follows from it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """`row`: this request will never succeed; `passing`: a later try may; `permanent`: no request will succeed.

    `retry_after_s` is what the provider asks for. `may_be_billed`: the provider may have done the work. `too_many`:
    the provider had too many calls. `is_unreached`: there was no connection to a server.
    """

    kind: Literal["row", "passing", "permanent"]
    message: str
    retry_after_s: float | None = None
    may_be_billed: bool = False
    too_many: bool = False
    is_unreached: bool = False

    @property
    def asks_too_long(self) -> bool:
        """Whether the provider asks to wait longer than a run waits."""
        return (self.retry_after_s or 0.0) > LONGEST_WAIT_S


def answered(status: int, said: str, headers: Mapping[str, str]) -> Refusal:
    """What an HTTP answer means that is no reply; `headers` have names in lower case, or do not mind."""
    message = advised(one_line(said))
    if status in _PERMANENT or _FOR_GOOD.search(said):
        return Refusal(kind="permanent", message=message)
    if 400 <= status < 500 and status not in _PASSING:
        return Refusal(kind="row", message=message)
    return Refusal(
        kind="passing",
        message=message,
        retry_after_s=wait_s(headers, is_limit=status == TOO_MANY),
        may_be_billed=status in _GAVE_UP,
        too_many=status == TOO_MANY,
    )


def unanswered(error: BaseException | str, *, was_sent: bool = True) -> Refusal:
    """What it means that no whole answer came: the provider may have done the work of a call that was sent."""
    message = one_line(error)
    if not was_sent:
        message = _OBJECT.sub("", message)
    return Refusal(kind="passing", message=message, may_be_billed=was_sent, is_unreached=not was_sent)


def may_be_sent(error: BaseException) -> bool:
    """Whether a call that ended in `error` may have reached a server; False where there was no connection."""
    return _no_connection(error) is None


def _no_connection(error: BaseException) -> BaseException | None:
    """The cause of an error that tells of no connection, where one does."""
    for cause in _chain(error):
        kinds = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(cause).__mro__}
        if kinds & _NEVER_SENT:
            return cause
    return None


def late(timeout_s: float) -> Refusal:
    """No whole answer came in time."""
    return unanswered(f"no whole answer within --timeout {timeout_s:g} s")


def understood(error: Exception) -> Refusal:
    """What an error of litellm means."""
    said = " ".join(f"{e} {getattr(e, 'code', '')} {getattr(e, 'body', '')}" for e in _chain(error))
    # litellm refuses a sampling option that the model does not have before it calls, and would for every row.
    if _FOR_GOOD.search(said) or "UnsupportedParams" in type(error).__name__:
        return Refusal(kind="permanent", message=translated(one_line(error)))
    if (cause := _no_connection(error)) is not None:
        return unanswered(cause, was_sent=False)
    status = getattr(error, "status_code", None)
    headers = getattr(error, "litellm_response_headers", None)  # None where no answer came
    if not isinstance(status, int) or status < 400:
        return unanswered(error)
    refusal = answered(status, str(error), headers or {})
    return unanswered(error) if refusal.kind == "passing" and headers is None else refusal


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__
