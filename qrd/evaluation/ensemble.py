"""One prediction out of several students' predictions on the same question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Fields = dict[str, Any]


def by_logprob(predictions: Sequence[Fields]) -> Fields:
    """The prediction of the student that is surest of its reply: the highest mean log-probability of a token.

    The mean, not the sum, so that a long reply is not held against its student. A reply without an answer, or without
    a log-probability, gives way to one that has both; on a tie the first student counts.
    Source: contract of the ensembles: by log-probability, as published.
    """
    return max(predictions, key=_certainty)


def _certainty(prediction: Fields) -> tuple[bool, float]:
    logprob = prediction.get("logprob")
    tokens = (prediction.get("usage") or {}).get("completion_tokens")
    mean = logprob / tokens if logprob is not None and tokens else float("-inf")
    return prediction.get("prediction") is not None, mean
