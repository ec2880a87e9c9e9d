"""The door of filter: rows in, each rule asked, rows out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from pathlib import Path as File
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from qrd import filters
from qrd.config import FilterConfig
from qrd.console import Console
from qrd.errors import ConfigError, GateError
from qrd.filters import Rules
from qrd.filters.decision import KEPT
from qrd.filters.duplicates import Duplicates
from qrd.filters.ledger import Coverage, Ledger
from qrd.filters.top_k import TopK
from qrd.rows.lines import ByteCount, encode, open_input
from qrd.rows.manifest import Manifest
from qrd.rows.reader import Reader, Row
from qrd.rows.records import Fields, Path, Question
from qrd.rows.writer import is_stream, replacing, write_whole
from qrd.stages import selecting
from qrd.stages.filter.outputs import Contest, Outputs
from qrd.stages.filter.workers import Workers
from qrd.stages.selecting import Tally

if TYPE_CHECKING:
    from qrd.answers import Grade, GradeItem

GRADED_AT_ONCE, GRADED_BYTES = 64, 2**22
HELPED_BYTES = 2**24
SHOWN_EVERY = 256
SHOWN_ROWS = 40


def run(config: FilterConfig, console: Console) -> Tally:
    """Filter all inputs; the counts of this run.

    Raises: DataError at the end where lines are damaged; GateError where fewer than --min-kept paths are left.
    """
    _refuse_one_file_for_two(config)
    needs_rows = config.min_kept > 0
    reader = Reader(config.input, Path, unique="path_id", skip_bad=config.skip_bad, needs_rows=needs_rows)
    manifest, ledger = Manifest("filter", config, config.output), Ledger()
    tests = Reader(config.decontaminate, Question, unique=None, needs_rows=bool(config.decontaminate))
    rules = filters.rules(config, (row.record for row in tests))
    for rule in rules.comparing:
        if isinstance(rule, Duplicates):
            _tell_memory(rule, reader, console)
    with ExitStack() as stack:
        workers = stack.enter_context(Workers(rules)) if _is_worth_workers(reader, config, rules) else None
        outputs = _outputs(config, ledger, stack)
        progress = stack.enter_context(console.progress("filter", None))
        if isinstance(outputs, Outputs) and workers is not None:
            steps = _sort_with_workers(reader, rules, outputs, workers)
        else:
            steps = _sort(reader, config, rules, outputs)
        for num_paths in steps:
            progress.advance(done=num_paths)
        outputs.finish()
    tally, coverage = _tally(reader, ledger, config), ledger.coverage()
    if config.summary:
        write_whole(File(config.summary), _summary(ledger, coverage))
    manifest.finish(
        inputs=reader.sha256, rows_in=tally.num_in, rows_out=tally.num_out, reasons=tally.reasons,
        flagged=_dropped(ledger) if config.flag else None,
        decontaminated=[{"file": file, "sha256": sha256} for file, sha256 in tests.sha256.items()],
    )  # fmt: skip
    _show(ledger, coverage, reader, console)
    num_kept = ledger.by_reason().get(KEPT, 0)
    if num_kept < config.min_kept:
        raise GateError(f"{num_kept} paths are left, fewer than --min-kept {config.min_kept}; see --rejects for why")
    return tally


def _refuse_one_file_for_two(config: FilterConfig) -> None:
    """Nothing. Raises: ConfigError where what is written in one place would replace what stands, or comes, there."""
    read = (*config.input, *config.decontaminate)
    whose = {os.path.realpath(name): "an input" for name in read if not is_stream(name)}
    for option, name in (("--output", config.output), ("--rejects", config.rejects), ("--summary", config.summary)):
        if name is None or is_stream(name):
            continue
        if what := whose.get(os.path.realpath(name)):
            raise ConfigError(f"{option} {name}: this file is {what} too; give it one of its own")
        whose[os.path.realpath(name)] = f"that of {option}"


def _outputs(config: FilterConfig, ledger: Ledger, stack: ExitStack) -> Outputs | Contest:
    kept = stack.enter_context(replacing(config.output, resume=config.resume))
    rejects = stack.enter_context(replacing(config.rejects, resume=config.resume)) if config.rejects else None
    outputs = Outputs(kept, rejects, ledger, flag=config.flag)
    if config.top_k is None:
        return outputs
    # Beside the output: it may need as much room, which a small /tmp need not have.
    folder = None if is_stream(config.output) else File(config.output).parent
    return Contest(outputs, TopK(config.top_k), stack.enter_context(TemporaryFile(dir=folder)))


def _sort(reader: Reader[Path], config: FilterConfig, rules: Rules, outputs: Outputs | Contest) -> Iterator[int]:
    """The number of paths after each step of putting them where they belong."""
    ask = filters.all_objections if config.flag else filters.objections
    number = 0
    for number, row in enumerate(graded(selecting.selected(reader, config), regrade=config.regrade), 1):
        outputs.take(row, ask(row.record, rules))
        if not number % SHOWN_EVERY:
            yield SHOWN_EVERY
    yield number % SHOWN_EVERY


def _sort_with_workers(reader: Reader[Path], rules: Rules, outputs: Outputs, workers: Workers) -> Iterator[int]:
    """As `_sort`; what a worker could not sift goes the usual way."""
    for block, sifted in workers.sift(reader.blocks()):
        if sifted is not None and reader.accept(block, sifted.path_ids):
            outputs.take_sifted(block.lines, sifted)
        else:
            for row in graded(reader.rows(block), regrade=False):
                outputs.take(row, filters.objections(row.record, rules))
        yield len(block.lines)
    reader.refuse_bad()


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


def _is_worth_workers(reader: Reader[Any], config: FilterConfig, rules: Rules) -> bool:
    """Whether the input is large and every path can be decided on alone."""
    if rules.comparing or config.top_k or config.flag or config.regrade or config.limit or config.shard:
        return False
    return not reader.is_stream and sum(File(name).stat().st_size for name in reader.files) >= HELPED_BYTES


def _tell_memory(rule: Duplicates, reader: Reader[Any], console: Console) -> None:
    """Say how much memory --dedupe takes, before it takes it."""
    if reader.is_stream:
        a_thousand = rule.memory_bytes(1000) / 2**20
        console.say(f"--dedupe holds {a_thousand:.0f} MB for each 1,000 paths that it keeps")
        return
    num_rows = sum(_estimated_rows(File(name)) for name in reader.files)
    console.say(f"--dedupe will take up to {rule.memory_bytes(num_rows) / 2**20:,.0f} MB, for about {num_rows:,} paths")


def _estimated_rows(file: File) -> int:
    """The lines of a file, told from its first megabyte and the bytes of the file that hold it."""
    size, taken = file.stat().st_size, ByteCount()
    with open_input(str(file), taken) as stream:
        beginning = stream.read(2**20)
    return round(size * max(1, beginning.count(b"\n")) / max(1, taken.num_bytes)) if beginning else 0


def _dropped(ledger: Ledger) -> dict[str, int]:
    return {reason: number for reason, number in ledger.by_reason().items() if reason != KEPT}


def _tally(reader: Reader[Any], ledger: Ledger, config: FilterConfig) -> Tally:
    num_bad = len(reader.bad)
    dropped = {} if config.flag else _dropped(ledger)
    not_selected = reader.num_rows - num_bad - len(ledger)
    reasons = {**dropped, "bad": num_bad, "not_selected": not_selected}
    num_out = len(ledger) - sum(dropped.values())
    return Tally(num_in=reader.num_rows, num_out=num_out, num_bad=num_bad, reasons=reasons)


def _summary(ledger: Ledger, coverage: Coverage) -> bytes:
    names = ("reason", "style", "teacher", "difficulty", "paths")
    rows = [dict(zip(names, (*kind, number))) for kind, number in sorted(ledger.by_kind().items())]
    whole: Fields = {"paths": ledger.by_reason(), **coverage.as_json(), "ledger": rows}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def _show(ledger: Ledger, coverage: Coverage, reader: Reader[Any], console: Console) -> None:
    selecting.report_bad(reader, console)
    reasons = tuple(ledger.by_reason())
    counts: Counter[tuple[str, ...]] = Counter()
    for (reason, style, teacher, level), number in ledger.by_kind().items():
        counts.update({(style, teacher, reason): number, (level, reason): number})
    groups = sorted({key[:2] for key in counts if len(key) == 3})
    rows = [[*group, *(counts[(*group, reason)] for reason in reasons)] for group in groups[:SHOWN_ROWS]]
    rows.append(["all", "", *ledger.by_reason().values()])
    console.table("Paths by style, teacher and reason", ("style", "teacher", *reasons), rows)
    levels = [(level, *(counts[(level, reason)] for reason in reasons)) for level in coverage.by_level]
    console.table("Paths by difficulty of their question and reason", ("difficulty", *reasons), levels)
    console.table("Questions by paths kept", ("paths kept", "questions"), coverage.by_kept.items())
    if coverage.only_styles:
        styles = list(coverage.only_styles.items())[:SHOWN_ROWS]
        console.table("Questions kept in one style alone", ("style", "questions"), styles)
    if coverage.warning():
        console.say(str(coverage.warning()))
