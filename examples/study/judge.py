"""The judge: a program that knows the teacher's slips, so that the share of unsound paths it lets through is none.

As in the paper only paths with the right answer are judged; the others fall to the answer check.
"""

from __future__ import annotations

from typing import Any

JUDGE = "study-judge"


def judged(path: dict[str, Any]) -> dict[str, Any]:
    """The path with its verdict, in the records of `qrd judge`."""
    if not path["correct"]:
        return {**path, "verdicts": [], "verdict": None}
    verdict = "invalid" if path["fault"] else "valid"
    reason = "one step does not follow" if path["fault"] else "every step follows"
    said = {"judge": JUDGE, "verdict": verdict, "reason": reason, "raw": None}
    return {**path, "verdicts": [said], "verdict": verdict}
