"""The kind of a row, told by its fields, and what is wrong with a row of a kind that the contract describes."""

from __future__ import annotations

import msgspec

from qrd.rows.kinds import PATHS, kind_of
from qrd.rows.records import Fields, Identified, Path, Prediction, Question, checked

__all__ = ["CHECKS", "PATHS", "checked_kind", "kind_of"]

CHECKS: dict[str, type[Identified]] = dict.fromkeys(PATHS, Path) | {"prediction": Prediction, "question": Question}


def checked_kind(fields: Fields, *, file: str, line: int) -> str:
    """The kind of a row that is a whole record of that kind.

    Raises: DataError.
    """
    kind = kind_of(fields)
    record: type[msgspec.Struct] | None = CHECKS.get(kind)
    if record is not None:
        checked(fields, record, file=file, line=line)
    return kind
