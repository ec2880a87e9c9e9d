"""Taking secrets out of text before anybody sees or keeps it (error messages, tracebacks, logs)."""

from __future__ import annotations

import os
import re

MASK = "***"
SHORTEST_SECRET = 8  # a shorter value, such as KEY=1, would mask half of every message

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_SHAPES = (
    re.compile(r"(?<=://)[^/\s@'\"]+(?=@)"),  # user and password of a URL
    re.compile(r"(?<=\?)[^\s'\"<>)]*=[^\s'\"<>)]*"),  # a URL's query
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{8,}"),
    re.compile(r"\b(?:(?:sk|pk|rk|xai|glpat)-[\w-]{12,}|(?:hf|gsk|ghp)_[A-Za-z0-9]{20,}|AIza[\w-]{20,})"),
)


def masked(text: str) -> str:
    """`text` without the values of secret-looking environment variables, URL credentials and queries, and keys."""
    for name, value in os.environ.items():
        secret = value.strip()  # as it is sent
        if len(secret) >= SHORTEST_SECRET and _SECRET_NAME.search(name):
            text = text.replace(secret, MASK)
    for shape in _SHAPES:
        text = shape.sub(MASK, text)
    return text


def one_line(error: BaseException | str) -> str:
    """The first line of an error's text, masked, and cut to what a terminal shows."""
    return (masked(str(error)).strip().splitlines() or [type(error).__name__])[0][:300]
