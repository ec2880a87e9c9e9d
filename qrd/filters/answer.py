"""The final answer is the gold answer (paper, section 2.3, step 1)."""

from __future__ import annotations

from qrd.filters.decision import KEEP, Decision, drop
from qrd.rows.records import Path


def answer(path: Path) -> Decision:
    """Drop what has `no_answer` or the `wrong_answer`; without gold (`correct` is None) only the former."""
    if not isinstance(path.prediction, str):
        return drop("no_answer")
    return drop("wrong_answer") if path.correct is False else KEEP


def answer_known(path: Path) -> Decision:
    """As `answer`, but a path without gold is dropped too: nothing shows that it is right."""
    decision = answer(path)
    return drop("wrong_answer") if decision.keep and path.correct is not True else decision
