"""The kind of a row, told by its fields, and what is wrong with a row of a kind that the contract describes."""

from __future__ import annotations

import msgspec

from qrd.records import Fields, Identified, Path, Prediction, Question, checked

# The first kind all of whose fields a row has is its kind.
MARKS = (
    ("rejected path", ("path_id", "response", "reject_reason")),
    ("path", ("path_id", "response")),
    ("failed request", ("error", "attempts")),
    ("prediction", ("model", "response")),
    ("reply", ("id", "response")),
    ("question", ("id", "question")),
    ("routing", ("path_id", "probability", "routed")),
    ("metrics", ("step", "loss")),
)
PATHS = ("path", "judged path", "rejected path")
CHECKS: dict[str, type[Identified]] = dict.fromkeys(PATHS, Path) | {"prediction": Prediction, "question": Question}


def kind_of(fields: Fields) -> str:
    """The kind of a row; `other` where none fits."""
    kind = next((kind for kind, marks in MARKS if all(mark in fields for mark in marks)), "other")
    return "judged path" if kind == "path" and fields.get("verdict") is not None else kind


def checked_kind(fields: Fields, *, file: str, line: int) -> str:
    """The kind of a row that is a whole record of that kind.

    Raises: DataError.
    """
    kind = kind_of(fields)
    record: type[msgspec.Struct] | None = CHECKS.get(kind)
    if record is not None:
        checked(fields, record, file=file, line=line)
    return kind
