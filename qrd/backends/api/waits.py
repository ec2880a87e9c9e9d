"""How long a refusal asks to wait, in any of the ways in which providers say so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h|d)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,15}(\.\d+)?")
EPOCH_S, EPOCH_MS = 1e9, 1e12  # a number past these is a moment: no provider asks to wait for thirty years
# When a limit is set back, and what is left of it: one with something left is not what refused the call.
_LIMITS = (
    ("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests"),
    ("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens"),
    ("anthropic-ratelimit-requests-reset", "anthropic-ratelimit-requests-remaining"),
    ("anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-tokens-remaining"),
    ("x-ratelimit-reset", "x-ratelimit-remaining"),
    ("ratelimit-reset", "ratelimit-remaining"),
)


def wait_s(headers: Mapping[str, Any], *, is_limit: bool) -> float | None:
    """Seconds to wait by `retry-after-ms`, else `Retry-After`, else, where a limit refused, by when it is set back.

    None for nonsense, which plain backing off covers.
    """
    now = _date(str(headers.get("date", ""))) or datetime.now(timezone.utc)  # by the clock that set it, if it is told
    asked_ms = str(headers.get("retry-after-ms", "")).strip()
    if _NUMBER.fullmatch(asked_ms):
        return float(asked_ms) / 1000
    asked = seconds_of(str(headers.get("retry-after", "")), now)
    if asked is not None or not is_limit:
        return asked
    resets = (headers.get(reset) for reset, left in _LIMITS if str(headers.get(left, "0")).strip() in ("0", "0.0", ""))
    waits = [seconds_of(str(reset), now) for reset in resets if reset is not None]
    return max((wait for wait in waits if wait is not None), default=None)


def seconds_of(said: str, now: datetime) -> float | None:
    """Seconds until what is said: a number of them, a length of time, seconds since 1970, a date of HTTP or of ISO.

    Example: "1.5", "1s", "6m0s", "120ms" and "Fri, 31 Dec 1999 23:59:59 GMT" are read; "soon" is None.
    """
    said = said.strip()
    if _NUMBER.fullmatch(said):
        number = float(said)
        if number < EPOCH_S:
            return number
        return max(0.0, (number / 1000 if number >= EPOCH_MS else number) - now.timestamp())
    if re.fullmatch(rf"(?:{_LENGTH.pattern}\s*)+", said, re.IGNORECASE):
        return sum(float(amount) * _UNITS[unit.lower()] for amount, unit in _LENGTH.findall(said))
    until = _date(said) or _iso(said)
    return None if until is None else max(0.0, (until - now).total_seconds())


def _date(said: str) -> datetime | None:
    """The moment that a date of HTTP means."""
    try:
        found = parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _iso(said: str) -> datetime | None:
    """The moment that a date of ISO 8601 means; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", said))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
