"""Predictions that are compared: of the same questions, with the same gold answers."""

from __future__ import annotations

from qrd.errors import DataError
from qrd.rows.reader import Row
from qrd.rows.records import Prediction


def checked_together(rows: list[Row[Prediction]]) -> list[Row[Prediction]]:
    """The rows, once no id stands for two questions and no prediction is there twice.

    Raises: DataError.
    """
    questions: dict[str, Row[Prediction]] = {}
    places: dict[tuple[str, str, str, int], int] = {}
    for row in rows:
        record = row.record
        first = questions.setdefault(record.id, row)
        for field in ("question", "answer"):
            if getattr(record, field) != getattr(first.record, field):
                problem = f"another {field} than at {first.file}:{first.line} for the question {record.id!r}"
                raise DataError(row.file, row.line, field, problem)
        place = places.setdefault((row.file, record.model, record.id, record.sample), row.line)
        if place != row.line:
            problem = f"found {record.model!r}, {record.id!r}, {record.sample} again, first at line {place}"
            raise DataError(row.file, row.line, "sample", problem)
    return rows
