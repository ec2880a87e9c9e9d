"""MATH: `problem`, `solution` with a last \\boxed answer, `level` ("Level 5"), `type`; MATH-500 adds `answer`.

Published as a folder of one JSON file a problem (train/algebra/1.json) and as JSONL or Parquet.

Source: https://github.com/hendrycks/math; EleutherAI/hendrycks_math and HuggingFaceH4/MATH-500 on the hub.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from qrd.published.row import Published
from qrd.rows.records import Fields

_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])\s*")
_ARGUMENTS = {f"\\{name}": 2 for name in ("frac", "dfrac", "tfrac", "cfrac", "binom")} | {
    f"\\{name}": 1 for name in ("sqrt", "text", "textbf", "mathrm", "mathbf", "overline")
}
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)


def question(row: Published) -> Fields:
    """The question of a row.

    Raises: DataError.
    """
    answer = row.maybe_text("answer") or last_boxed(row.text("solution"))
    if not answer:
        raise row.problem("solution", "a solution with a \\boxed answer")
    meta = {
        "source_id": row.source_id("unique_id", "id") or _file_id(row),
        "subject": row.maybe_text(row.first_of("subject", "type")),
        "level": _level(row),
    }
    return {"task": "math", "question": row.text("problem"), "answer": answer, "meta": meta}


def last_boxed(solution: str) -> str | None:
    r"""What stands in the last box: `\frac{1}{2}` for `... \boxed{\frac{1}{2}}.`, `5` for `\boxed 5`; None without.

    A box whose brace is never closed holds nothing.
    """
    found = None
    for box in _BOX.finditer(solution):
        rest = solution[box.end() :]
        if not rest.startswith("{"):
            found = _unbraced(rest)
        else:
            end = _closing(rest)
            found = rest[1:end].strip() if end is not None else None
    return found or None


def _unbraced(rest: str) -> str | None:
    r"""What TeX puts in a box without a brace, with the arguments that a reader means: `\frac{1}{2}` of `\frac12.`."""
    token = re.match(r"\\[a-zA-Z]+|[^\s$]", rest)
    if token is None:
        return None
    taken, behind = token[0], rest[token.end() :]
    for _ in range(_ARGUMENTS.get(token[0], 0)):
        behind = behind.lstrip()
        end = _closing(behind) if behind.startswith("{") else 0
        if end is None or not behind:
            return None
        taken += behind[: end + 1] if behind.startswith("{") else f"{{{behind[0]}}}"
        behind = behind[end + 1 :]
    return taken


def _closing(text: str) -> int | None:
    r"""Offset of the brace that closes the one at the start; `\{` and `\}` are text."""
    depth = 0
    for match in _BRACE.finditer(text):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.start()
    return None


def _level(row: Published) -> int | str | None:
    level = row.fields.get("level")
    if isinstance(level, int):
        return level
    number = re.fullmatch(r"(?:Level )?(\d+)", row.maybe_text("level") or "")
    return int(number[1]) if number else row.maybe_text("level")


def _file_id(row: Published) -> str | None:
    """`algebra/1` for a problem that is a file of its own, which has a number for a name."""
    file = PurePath(row.file)
    return f"{file.parent.name}/{file.stem}" if file.suffix == ".json" and file.stem.isdecimal() else None
