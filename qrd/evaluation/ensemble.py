"""One prediction out of several predictions on the same question: of several students, or samples of one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qrd.answers import equal

Fields = dict[str, Any]

WEIGHT_TIE = 1e-6  # what float32 leaves of sums that are equal


def by_logprob(predictions: Sequence[Fields]) -> Fields:
    """The prediction of the student that is surest of its reply: the highest mean log-probability of a token.

    The mean, not the sum, so that a long reply is not held against its student. A reply without an answer, or without
    a log-probability, gives way to one that has both; on a tie the first student counts.
    Source: contract of the ensembles: by log-probability, as published.
    """
    return max(predictions, key=_certainty)


def by_vote(predictions: Sequence[Fields]) -> tuple[Fields, bool]:
    """(prediction with the answer that most agree on, whether another answer had as many votes).

    A reply without an answer has no vote. Of tied answers, and among those who gave the winning one, the surest counts
    (`by_logprob`), so that a tie between two students is the ensemble by log-probability.
    """
    return by_weight(predictions, [1.0] * len(predictions))


def by_weight(predictions: Sequence[Fields], weights: Sequence[float]) -> tuple[Fields, bool]:
    """(prediction with the answer whose givers weigh most together, whether another answer weighs as much).

    As `by_vote`, with a weight in the place of each vote; sums that differ by less than WEIGHT_TIE are a tie.
    """
    camps = _camps(predictions)
    if not camps:
        return by_logprob(predictions), False
    weigh = {id(prediction): weight for prediction, weight in zip(predictions, weights)}
    totals = [sum(weigh[id(prediction)] for prediction in camp) for camp in camps]
    leading = [camp for camp, total in zip(camps, totals) if total > max(totals) - WEIGHT_TIE]
    return by_logprob([prediction for camp in leading for prediction in camp]), len(leading) > 1


def disagree(predictions: Sequence[Fields]) -> bool:
    """Whether more than one answer was given, so that votes or weights decide anything."""
    return len(_camps(predictions)) > 1


def _camps(predictions: Sequence[Fields]) -> list[list[Fields]]:
    """The predictions by their answers, in the order of first use; 0.5 and 1/2 are one answer."""
    camps: list[list[Fields]] = []
    for prediction in predictions:
        answer = prediction["prediction"]
        if answer is None:
            continue
        for camp in camps:
            if equal(prediction["task"], answer, camp[0]["prediction"]):
                camp.append(prediction)
                break
        else:
            camps.append([prediction])
    return camps


def _certainty(prediction: Fields) -> tuple[bool, float]:
    logprob = prediction.get("logprob")
    tokens = (prediction.get("usage") or {}).get("completion_tokens")
    mean = logprob / tokens if logprob is not None and tokens else float("-inf")
    return prediction.get("prediction") is not None, mean
