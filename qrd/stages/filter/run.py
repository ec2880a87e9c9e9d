"""The door of filter: rows in, each rule asked, rows out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path as File
from tempfile import TemporaryFile
from typing import Any

from qrd import filters
from qrd.config import FilterConfig
from qrd.console import Console
from qrd.errors import ConfigError, GateError
from qrd.filters import Rules
from qrd.filters.decision import KEPT
from qrd.filters.duplicates import Duplicates
from qrd.filters.ledger import Ledger
from qrd.filters.top_k import TopK
from qrd.rows.disk import is_stream, write_json
from qrd.rows.lines import ByteCount, open_input
from qrd.rows.manifest import Manifest
from qrd.rows.reader import Reader
from qrd.rows.records import Path, Question
from qrd.rows.writer import replacing
from qrd.stages import Tally, selecting
from qrd.stages.filter.counts import dropped, show, summary_of, tally_of
from qrd.stages.filter.grading import graded
from qrd.stages.filter.outputs import BestOfQuestion, Outputs
from qrd.stages.filter.workers import Workers

HELPED_BYTES = 2**24
SHOWN_EVERY = 256


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
    _tell_memory(rules, reader, console)
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
    tally, coverage = tally_of(reader, ledger, config), ledger.coverage()
    if config.summary:
        write_json(File(config.summary), summary_of(ledger, coverage))
    manifest.finish(
        inputs=reader.sha256,
        rows_in=tally.num_in,
        rows_out=tally.num_out,
        reasons=tally.reasons,
        flagged=dropped(ledger) if config.flag else None,
        decontaminated=[{"file": file, "sha256": sha256} for file, sha256 in tests.sha256.items()],
    )
    show(ledger, coverage, reader, console)
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


def _outputs(config: FilterConfig, ledger: Ledger, stack: ExitStack) -> Outputs | BestOfQuestion:
    kept = stack.enter_context(replacing(config.output, resume=config.resume))
    rejects = stack.enter_context(replacing(config.rejects, resume=config.resume)) if config.rejects else None
    outputs = Outputs(kept, rejects, ledger, flag=config.flag)
    if config.top_k is None:
        return outputs
    # Beside the output: it may need as much room, which a small /tmp need not have.
    folder = None if is_stream(config.output) else File(config.output).parent
    return BestOfQuestion(outputs, TopK(config.top_k), stack.enter_context(TemporaryFile(dir=folder)))


def _sort(reader: Reader[Path], config: FilterConfig, rules: Rules, outputs: Outputs | BestOfQuestion) -> Iterator[int]:
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


def _is_worth_workers(reader: Reader[Any], config: FilterConfig, rules: Rules) -> bool:
    """Whether the input is large and every path can be decided on alone."""
    if rules.comparing or config.top_k or config.flag or config.regrade or config.limit or config.shard:
        return False
    return not reader.is_stream and sum(File(name).stat().st_size for name in reader.files) >= HELPED_BYTES


def _tell_memory(rules: Rules, reader: Reader[Any], console: Console) -> None:
    """Say how much memory --dedupe takes, before it takes it; nothing without --dedupe."""
    rule = next((rule for rule in rules.comparing if isinstance(rule, Duplicates)), None)
    if rule is None:
        return
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
