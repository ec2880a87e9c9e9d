"""Paths with their grades: those that lack one are graded on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from qrd.rows.lines import encode
from qrd.rows.reader import Row
from qrd.rows.records import Path

if TYPE_CHECKING:
    from qrd.answers import Grade, GradeItem


GRADED_AT_ONCE, GRADED_BYTES = 64, 2**22


def graded(rows: Iterable[Row[Path]], *, regrade: bool) -> Iterator[Row[Path]]:
    """Each path, graded where it was not (all with `regrade`), in their order."""
    ahead = iter(rows)
    for row in ahead:
        if regrade or _lacks_grade(row):
            yield from _grading(chain((row,), ahead), regrade=regrade)
            return
        yield row


def _lacks_grade(row: Row[Path]) -> bool:
    return row.record.prediction is msgspec.UNSET


def _grading(rows: Iterator[Row[Path]], *, regrade: bool) -> Iterator[Row[Path]]:
    from qrd.answers import Grader  # most files are graded: their start need not wait for this

    with Grader() as grader:
        asked = ((batch, _items(batch, regrade=regrade)) for batch in _batches(rows))
        for batch, grades in grader.grade_lists(asked):
            told = iter(grades)
            yield from (_with_grade(row, next(told)) if regrade or _lacks_grade(row) else row for row in batch)


def _items(batch: list[Row[Path]], *, regrade: bool) -> list[GradeItem]:
    from qrd.answers import GradeItem

    lacking = (row.record for row in batch if regrade or _lacks_grade(row))
    return [GradeItem(path.task, path.response or "", path.answer, path.choices) for path in lacking]


def _batches(rows: Iterator[Row[Path]]) -> Iterator[list[Row[Path]]]:
    batch: list[Row[Path]] = []
    num_bytes = 0
    for row in rows:
        batch.append(row)
        num_bytes += len(row.raw)
        if len(batch) >= GRADED_AT_ONCE or num_bytes >= GRADED_BYTES:
            yield batch
            batch, num_bytes = [], 0
    if batch:
        yield batch


def _with_grade(row: Row[Path], grade: Grade) -> Row[Path]:
    told = {"prediction": grade.prediction, "correct": grade.correct}
    fields = {**row.fields, **told}
    return replace(row, fields=fields, record=structs.replace(row.record, **told), raw=encode(fields))
