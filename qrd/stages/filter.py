"""filter: paths to the paths worth training on.

Reads:   paths, judged or not.
Does:    grades paths that have no `prediction` (all of them with --regrade), then asks each rule.
Writes:  the paths kept, in their order; the others to --rejects with `reject_reason`; counts to --summary.
Never:   changes a path it keeps, but for the grade; counts a path twice or loses one: in = kept + rejected + bad.

Source: paper, section 2.3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path as File
from typing import Any

import msgspec

from qrd import filters, jsonl
from qrd.answers import GradeItem, Grader
from qrd.config import FilterConfig
from qrd.console import Console
from qrd.errors import GateError
from qrd.jsonl import Reader, Row
from qrd.manifest import Manifest
from qrd.records import Fields, Path
from qrd.stages import asking
from qrd.stages.asking import Tally

GRADED_AT_ONCE = 512
KEPT = "kept"


@dataclass
class Ledger:
    """Counts of what became of the paths; `kept_of` counts the kept paths of each question."""

    by_kind: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    kept_of: Counter[str] = field(default_factory=Counter)

    def count(self, path: Path, reason: str) -> None:
        """Count one path under its reason, style and teacher."""
        self.by_kind[(reason, path.style, path.teacher)] += 1
        self.kept_of[path.id] += int(reason == KEPT)

    def by_reason(self) -> dict[str, int]:
        """Paths by reason, `kept` among them."""
        totals: Counter[str] = Counter()
        for (reason, _, _), number in self.by_kind.items():
            totals[reason] += number
        return dict(totals.most_common())

    def coverage(self) -> dict[int, int]:
        """How many questions keep 0, 1, ... k paths."""
        return dict(sorted(Counter(self.kept_of.values()).items()))

    def as_json(self) -> Fields:
        """The content of --summary."""
        kinds = sorted(self.by_kind.items())
        table = [{"reason": r, "style": s, "teacher": t, "paths": number} for (r, s, t), number in kinds]
        coverage = {str(kept): number for kept, number in self.coverage().items()}
        return {"paths": self.by_reason(), "by_reason_style_teacher": table, "questions_by_kept_paths": coverage}


def run(config: FilterConfig, console: Console) -> Tally:
    """Filter all inputs; the counts of this run.

    Raises: DataError at the end where lines are damaged; GateError where fewer than --min-kept paths are left.
    """
    reader = Reader(config.input, Path, unique="path_id", skip_bad=config.skip_bad)
    chosen = filters.rules(require=config.require, min_tokens=config.min_tokens, max_tokens=config.max_tokens)
    manifest, ledger = Manifest("filter", config, config.output), Ledger()
    with ExitStack() as stack:
        kept = stack.enter_context(jsonl.replacing(config.output, resume=config.resume))
        rejects = stack.enter_context(jsonl.replacing(config.rejects, resume=config.resume)) if config.rejects else None
        progress = stack.enter_context(console.progress("filter", None))
        for path, fields in graded(asking.selected(reader, config), regrade=config.regrade):
            decision = filters.decide(path, chosen)
            if decision.keep:
                kept.write(fields)
            elif rejects is not None:
                rejects.write({**fields, "reject_reason": decision.reason})
            ledger.count(path, KEPT if decision.keep else str(decision.reason))
            progress.advance(done=1)
    tally = _tally(reader, ledger)
    if config.summary:
        whole = msgspec.json.format(msgspec.json.encode(ledger.as_json()), indent=2) + b"\n"
        jsonl.write_whole(File(config.summary), whole)
    manifest.finish(inputs=reader.sha256, rows_in=tally.num_in, rows_out=tally.num_out, reasons=tally.reasons)
    _show(ledger, reader, console)
    if tally.num_out < config.min_kept:
        raise GateError(
            f"{tally.num_out} paths are left, fewer than --min-kept {config.min_kept}; see --rejects for why"
        )
    return tally


def graded(rows: Iterator[Row[Path]], *, regrade: bool) -> Iterator[tuple[Path, Fields]]:
    """Each path with its fields, graded where it was not (all with `regrade`), in their order."""
    with Grader() as grader:
        while batch := list(islice(rows, GRADED_AT_ONCE)):
            lacking = [row for row in batch if regrade or row.record.prediction is msgspec.UNSET]
            grades = grader.grade_many(_item(row.record) for row in lacking)
            fresh = {row.record.path_id: grade for row, grade in zip(lacking, grades)}
            for row in batch:
                grade = fresh.get(row.record.path_id)
                if grade is None:
                    yield row.record, row.fields
                else:
                    told = {"prediction": grade.prediction, "correct": grade.correct}
                    yield msgspec.structs.replace(row.record, **told), {**row.fields, **told}


def _item(path: Path) -> GradeItem:
    return GradeItem(path.task, path.response or "", path.answer, path.choices)


def _tally(reader: Reader[Any], ledger: Ledger) -> Tally:
    reasons = ledger.by_reason()
    num_kept = reasons.pop(KEPT, 0)
    num_bad = len(reader.bad)
    return Tally(num_in=reader.num_rows, num_out=num_kept, num_bad=num_bad, reasons={**reasons, "bad": num_bad})


def _show(ledger: Ledger, reader: Reader[Any], console: Console) -> None:
    asking.report_bad(reader, console)
    reasons = list(ledger.by_reason())
    styles = sorted({(style, teacher) for _, style, teacher in ledger.by_kind})
    rows: list[Iterable[Any]] = []
    for style, teacher in styles:
        rows.append([style, teacher, *(ledger.by_kind[(reason, style, teacher)] for reason in reasons)])
    rows.append(["all", "", *ledger.by_reason().values()])
    console.table("Paths by style, teacher and reason", ("style", "teacher", *reasons), [list(row) for row in rows])
    coverage = [(kept, number) for kept, number in ledger.coverage().items()]
    console.table("Questions by paths kept", ("paths kept", "questions"), coverage)
