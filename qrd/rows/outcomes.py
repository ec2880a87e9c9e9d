"""What became of a reply, in the same words wherever it is shown: an answer that nobody found is not a wrong one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RIGHT, WRONG, NO_ANSWER, NO_GOLD, UNGRADED = OUTCOMES = ("right", "wrong", "no answer", "no gold", "not graded")


def outcome_of(fields: Mapping[str, Any]) -> str:
    """The outcome of a path or a prediction, one of OUTCOMES; what says nothing of its answer is not graded."""
    correct, has_answer = fields.get("correct"), fields.get("prediction") is not None
    if correct is True:
        return RIGHT
    if correct is False:
        return NO_ANSWER if "prediction" in fields and not has_answer else WRONG
    if "correct" not in fields and "prediction" not in fields:
        return UNGRADED
    if fields.get("answer") is None:
        return NO_GOLD
    return UNGRADED if has_answer else NO_ANSWER
