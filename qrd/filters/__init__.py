"""Rules that decide whether a path is worth training on, one a file; the first that says no gives the reason.

A rule sees one path and must not know where it comes from or goes.
"""

from __future__ import annotations

from collections.abc import Sequence

from qrd.filters.answer import answer, answer_known
from qrd.filters.decision import KEEP, Decision, Rule
from qrd.filters.finish import finish
from qrd.filters.length import Length
from qrd.filters.verdict import verdict, verdict_known

__all__ = ["KEEP", "Decision", "Length", "Rule", "answer", "answer_known", "decide", "finish", "rules", "verdict"]


def rules(*, require: Sequence[str], min_tokens: int | None, max_tokens: int | None) -> list[Rule]:
    """The rules in their order; an empty `require` means correct and valid, each where the data knows it."""
    chosen: list[Rule] = [finish]
    if not require:
        chosen += [answer, verdict]
    if "correct" in require:
        chosen.append(answer_known)
    if "valid" in require:
        chosen.append(verdict_known)
    if min_tokens is not None or max_tokens is not None:
        chosen.append(Length(min_tokens, max_tokens))
    return chosen


def decide(path: object, chosen: Sequence[Rule]) -> Decision:
    """What the first rule that drops says, or KEEP."""
    for rule in chosen:
        decision = rule(path)  # type: ignore[arg-type]
        if not decision.keep:
            return decision
    return KEEP
