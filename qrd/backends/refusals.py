"""What a failed API call means: for this row alone, for every further call, or only for now."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from qrd.masking import one_line

# Refusals that some providers send as 400 or 429 although no retry and no other row will fare better.
_FOR_GOOD = re.compile(
    r"insufficient[_ ]quota|credit balance is too low|insufficient (?:balance|credits)|billing_hard_limit"
    r"|api key not valid|invalid[_ ]api[_ ]key|api_key_invalid|account_deactivated|missing credentials",
    re.IGNORECASE,
)


class CallFailed(Exception):
    """One call that failed, and what follows from it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """`row`: this request will never succeed; `passing`: a later try may; `permanent`: no request will succeed.

    `retry_after_s` is what the provider asks for. `may_be_billed`: the provider may have done the work.
    """

    kind: Literal["row", "passing", "permanent"]
    message: str
    retry_after_s: float | None = None
    may_be_billed: bool = False


def understood(error: Exception) -> Refusal:
    """What a call's error means."""
    message = one_line(error)
    status = _status(error)
    answered = status is not None and status >= 400 and _headers(error) is not None
    said = " ".join(f"{e} {getattr(e, 'code', '')} {getattr(e, 'body', '')}" for e in _chain(error))
    # litellm refuses a sampling option that the model does not have before it calls, and would for every row.
    if _FOR_GOOD.search(said) or status in (401, 402, 403, 404, 405) or "UnsupportedParams" in type(error).__name__:
        return Refusal(kind="permanent", message=message)
    if status is not None and 400 <= status < 500 and status not in (408, 409, 425, 429):
        return Refusal(kind="row", message=message)
    return Refusal(kind="passing", message=message, retry_after_s=_retry_after_s(error), may_be_billed=not answered)


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _headers(error: Exception) -> Any:
    """The headers of the provider's answer; None where no answer came."""
    return getattr(error, "litellm_response_headers", None)


def _retry_after_s(error: Exception) -> float | None:
    """Seconds of the header Retry-After; None for a date or nonsense, which plain backing off covers."""
    found = str((_headers(error) or {}).get("retry-after", ""))
    return float(found) if re.fullmatch(r"\d{1,9}(\.\d+)?", found) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__
