"""What a cell comes to: accuracy, which questions are right, the styles written, and what was routed where."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path as File
from typing import Any

from examples.study.tasks import Rows, read

STYLE_MARKS = (("```", "program"), ("Plan 1", "tot"), ("Check:", "backward"), ("Plus terms", "facts"), ("A ", "facts"))


def scored(predictions: Rows, order: Sequence[str]) -> dict[str, Any]:
    """Accuracy over all and by difficulty, the styles written, and which questions are right as bits in hexadecimal."""
    by_id = {row["id"]: row for row in predictions}
    right = [bool(by_id[identity]["correct"]) for identity in order]
    levels: dict[str, list[bool]] = defaultdict(list)
    for row in predictions:
        levels[row["meta"]["difficulty"]].append(bool(row["correct"]))
    return {
        "accuracy": round(sum(right) / len(right), 4),
        "levels": {level: round(sum(found) / len(found), 4) for level, found in sorted(levels.items())},
        "answered": sum(row["prediction"] is not None for row in predictions),
        "written": dict(Counter(style_of(row["response"]) for row in predictions).most_common()),
        "right": f"{int(''.join('01'[each] for each in right), 2):0{-(-len(right) // 4)}x}",
    }


def style_of(response: str) -> str:
    """The style that a student's reply is written in, told by its marks."""
    for mark, style in STYLE_MARKS:
        if mark in response:
            return style
    return "cot" if ":" in response.partition("Final")[0] else "vanilla"


def lesson(run: File) -> dict[str, dict[str, Any]]:
    """What each student trained on: its tokens, and the share of each style and difficulty routed to it at the end."""
    metrics, routing = read(run / "metrics.jsonl"), read(run / "routing.jsonl")
    late = routing[len(routing) // 2 :]
    found = {}
    for name in metrics[-1]["student_tokens"]:
        routed = {group: share(late, name, key) for group, key in (("style", style_key), ("level", level_key))}
        found[name] = {
            "tokens": sum(line["student_tokens"][name] for line in metrics), "steps": metrics[-1]["step"],
            "routed": routed,
        }  # fmt: skip
    return found


def style_key(line: dict[str, Any]) -> str:
    """The style of a line of routing.jsonl."""
    return str(line["style"])


def level_key(line: dict[str, Any]) -> str:
    """The family and level of a line of routing.jsonl, from the question's id."""
    return "-".join(str(line["id"]).rsplit("_s", 1)[0].rsplit("_", 1))


def share(lines: Rows, name: str, key: Callable[[dict[str, Any]], str]) -> dict[str, float]:
    """For each group of lines the share that went to the student."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for line in lines:
        groups[key(line)].append(name in line["routed"])
    return {group: round(sum(found) / len(found), 4) for group, found in sorted(groups.items())}
