"""How fast and how fully replies are graded: one line per set of questions and replies.

Usage: python benchmarks/grading.py FOLDER, where FOLDER holds questions/NAME.jsonl and teacher/NAME.jsonl (rows of
`id` and `response`, in the same order). Each set is graded with a fresh pool, so that starting workers is counted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qrd.answers import GradeItem, Grader


def rows(file: Path) -> Iterator[dict[str, Any]]:
    """Each row of a JSONL file."""
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def items(folder: Path, name: str) -> list[GradeItem]:
    """The replies of one set beside their questions.

    Raises: ValueError where the two files differ in order or length.
    """
    pairs = zip(rows(folder / "questions" / name), rows(folder / "teacher" / name), strict=True)
    found = []
    for question, reply in pairs:
        if question["id"] != reply["id"]:
            raise ValueError(f"{name}: {question['id']} stands beside {reply['id']}")
        found.append(GradeItem(question["task"], reply["response"], question["answer"], question.get("choices")))
    return found


def measure(name: str, batch: list[GradeItem]) -> str:
    """One line: rows, share found, share right, seconds."""
    start = time.perf_counter()
    with Grader() as grader:
        grades = list(grader.grade_many(batch))
    seconds = time.perf_counter() - start
    found = sum(grade.prediction is not None for grade in grades) / len(grades)
    right = sum(bool(grade.correct) for grade in grades) / len(grades)
    each = f"{seconds / len(grades) * 1e6:6.0f} us a row"
    return f"{name:32} {len(grades):6} rows   found {found:7.2%}   right {right:7.2%}   {seconds:6.2f} s   {each}"


def main(folder: Path) -> None:
    """Print the line of each set, and of the maths sets at the sizes of their published test splits."""
    for file in sorted((folder / "questions").glob("*.jsonl")):
        batch = items(folder, file.name)
        print(measure(file.stem, batch), flush=True)
        if batch[0].task == "math":
            repeated = (batch * (1319 // len(batch) + 1))[:1319]
            print(measure(f"{file.stem}, to 1,319 rows", repeated), flush=True)
            opened = [item._replace(answer=f"{item.answer}+x-x") for item in batch]
            print(measure(f"{file.stem}, each by algebra", opened), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
