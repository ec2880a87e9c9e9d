"""Predictions in groups that may be told apart: difficulty, answer found or not, length of the reply, cut or whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Fields = dict[str, Any]

UNKNOWN = "unknown"
WORDS = (25, 50, 100, 200, 400)  # upper ends of the groups by length


def difficulty(row: Fields) -> str:
    """What the question's `meta` says: its `difficulty`, else its `level`."""
    meta = row.get("meta") or {}
    told = meta.get("difficulty", meta.get("level"))
    return str(told) if isinstance(told, (str, int, float)) else UNKNOWN


def answer(row: Fields) -> str:
    """Whether the reply holds an answer."""
    return "none" if row["prediction"] is None else "found"


def length(row: Fields) -> str:
    """The reply's words, as a range; words, since tokens of two models are not the same thing."""
    num = len((row.get("response") or "").split())
    low = 0
    for high in WORDS:
        if num <= high:
            return f"{low}-{high} words"
        low = high + 1
    return f"over {WORDS[-1]} words"


def ending(row: Fields) -> str:
    """Whether the reply ran into --max-tokens; predictions from elsewhere may not say."""
    reason = row.get("finish_reason")
    return UNKNOWN if reason is None else "cut" if reason == "length" else "whole"


GROUPINGS: dict[str, Callable[[Fields], str]] = {
    "difficulty": difficulty,
    "answer": answer,
    "length": length,
    "ending": ending,
}


def in_order(names: set[str]) -> list[str]:
    """Names of groups, numbers in them by their value, the unknown last.

    Example: 2, 10; 0-25 words, 26-50 words, over 400 words.
    """
    return sorted(names, key=lambda name: (name == UNKNOWN, name.startswith("over"), len(name), name))
