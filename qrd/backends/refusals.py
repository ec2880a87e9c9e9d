"""What a failed API call means: for this row alone, for every further call, or only for now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Literal

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
        ("aiohttp", "ClientConnectorError"), ("aiohttp", "ConnectionTimeoutError"),
        ("httpcore", "ConnectError"), ("httpcore", "ConnectTimeout"),
    }
)  # fmt: skip
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
    the provider had too many calls.
    """

    kind: Literal["row", "passing", "permanent"]
    message: str
    retry_after_s: float | None = None
    may_be_billed: bool = False
    too_many: bool = False

    @property
    def asks_too_long(self) -> bool:
        """Whether the provider asks to wait longer than a run waits."""
        return (self.retry_after_s or 0.0) > LONGEST_WAIT_S


def answered(status: int, said: str, headers: Mapping[str, str]) -> Refusal:
    """What an HTTP answer means that is no reply; `headers` have names in lower case, or do not mind."""
    message = one_line(said)
    if status in _PERMANENT or _FOR_GOOD.search(said):
        return Refusal(kind="permanent", message=message)
    if 400 <= status < 500 and status not in _PASSING:
        return Refusal(kind="row", message=message)
    wait_s = _retry_after_s(headers)
    return Refusal(
        kind="passing", message=message, retry_after_s=wait_s, may_be_billed=status in _GAVE_UP,
        too_many=status == TOO_MANY,
    )  # fmt: skip


def unanswered(error: BaseException | str, *, was_sent: bool = True) -> Refusal:
    """What it means that no whole answer came: the provider may have done the work of a call that was sent."""
    return Refusal(kind="passing", message=one_line(error), may_be_billed=was_sent)


def may_be_sent(error: BaseException) -> bool:
    """Whether a call that ended in `error` may have reached a server; False where there was no connection."""
    kinds = {kind for cause in _chain(error) for kind in type(cause).__mro__}
    return _NEVER_SENT.isdisjoint((kind.__module__.partition(".")[0], kind.__name__) for kind in kinds)


def late(timeout_s: float) -> Refusal:
    """No whole answer came in time."""
    return unanswered(f"no whole answer within --timeout {timeout_s:g} s")


def understood(error: Exception) -> Refusal:
    """What an error of litellm means."""
    said = " ".join(f"{e} {getattr(e, 'code', '')} {getattr(e, 'body', '')}" for e in _chain(error))
    # litellm refuses a sampling option that the model does not have before it calls, and would for every row.
    if _FOR_GOOD.search(said) or "UnsupportedParams" in type(error).__name__:
        return Refusal(kind="permanent", message=one_line(error))
    if not may_be_sent(error):
        return unanswered(error, was_sent=False)
    status = getattr(error, "status_code", None)
    headers = getattr(error, "litellm_response_headers", None)  # None where no answer came
    if not isinstance(status, int) or status < 400:
        return unanswered(error)
    refusal = answered(status, str(error), headers or {})
    return unanswered(error) if refusal.kind == "passing" and headers is None else refusal


def _retry_after_s(headers: Mapping[str, Any]) -> float | None:
    """Seconds of the header Retry-After, which may be a date; None for nonsense, which plain backing off covers."""
    found = str(headers.get("retry-after", ""))
    if re.fullmatch(r"\d{1,9}(\.\d+)?", found):
        return float(found)
    until = _date(found)
    if until is None:
        return None
    now = _date(str(headers.get("date", ""))) or datetime.now(timezone.utc)  # by the clock that set it, if it is told
    return max(0.0, (until - now).total_seconds())


def _date(said: str) -> datetime | None:
    """The moment that a date of HTTP means."""
    try:
        found = parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__
