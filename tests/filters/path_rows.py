"""Rows of paths as `filter` reads them."""

from itertools import count

import msgspec

from qrd.rows.records import Path

NUMBERS = count()
NOUNS = """apple river stone candle window garden silver thunder paper ocean mountain yellow basket quiet engine forest
letter pocket winter bridge copper donkey feather hammer island jacket kettle ladder marble"""
WORDS = NOUNS.split()


def path_row(**fields):
    """A whole, right, judged path."""
    number = next(NUMBERS)
    return {
        "id": "q", "task": "math", "question": f"How much is {number} + 1?", "answer": "5",
        "path_id": f"p{number}", "response": "2 and 3 make 5.", "teacher": "t", "style": "cot", "finish_reason": "stop",
        "prediction": "5", "correct": True, "verdict": "valid",
    } | fields  # fmt: skip


def a_path(**fields):
    return msgspec.convert(path_row(**fields), Path)
