"""python -m examples.study FOLDER: run the cells that are not there yet, then write the table and the figures."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path as File
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded: cells run beside each other, one core each
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from examples.study.conditions import ALL, BASE, BY_NAME, REFERENCE
from qrd.errors import ConfigError

if TYPE_CHECKING:
    from examples.study.layout import Size, Study
    from examples.study.tasks import Rows

SHORT = (BASE, "unfiltered", REFERENCE, "exclusive", "full")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 0, or 1 where a cell failed."""
    asked = parsed(arguments)
    from examples.study import drift
    from examples.study.layout import SIZES, Study

    study = Study(File(asked.folder).resolve(), size_of(File(asked.folder), asked.short))
    failed = 0
    if not asked.report:
        study.prepare(say)
        cells = list(wanted(study, asked))
        say(f"{len(cells)} cells to run")
        failed = run_all(study, cells, jobs=asked.jobs)
        if study.size == SIZES["long"]:
            drift.run(study.folder / "report" / "drift.json")
    report(study.folder)
    return int(failed > 0)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    names = ", ".join(condition.name for condition in ALL)
    parser = argparse.ArgumentParser(prog="python -m examples.study", description=__doc__)
    parser.add_argument("folder", help="where everything is put; the same folder again goes on where it stopped")
    parser.add_argument("--short", action="store_true", help=f"a small size, seed 0, {', '.join(SHORT)}: 10 minutes")
    parser.add_argument("--seeds", default=None, help="comma-separated (default: 0,1,2; with --short: 0)")
    parser.add_argument("--conditions", default=None, help=f"separated by semicolons, of {names} (default: all)")
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time, each on one core (default: 2)")
    parser.add_argument("--report", action="store_true", help="run nothing; only table and figures of what is there")
    asked = parser.parse_args(arguments)
    asked.seeds = [int(seed) for seed in (asked.seeds or ("0" if asked.short else "0,1,2")).split(",")]
    chosen = asked.conditions.split(";") if asked.conditions else SHORT if asked.short else tuple(BY_NAME)
    asked.conditions = [name.strip() for name in chosen]
    if unknown := set(asked.conditions) - BY_NAME.keys():
        parser.error(f"--conditions: {', '.join(sorted(unknown))} is not one of {names}")
    return asked


def size_of(folder: File, short: bool) -> Size:
    """The size asked for; that of the study in the folder, where there is one and --short is not given."""
    from examples.study.layout import SIZES, Size

    file = folder / "size.json"
    if file.is_file() and not short:
        return Size(**json.loads(file.read_text("utf-8")))
    return SIZES["short" if short else "long"]


def wanted(study: Study, asked: argparse.Namespace) -> Iterator[tuple[int, str]]:
    """The cells that are not done; the base, which no seed changes, once."""
    for seed in asked.seeds:
        for name in asked.conditions:
            place = 0 if name == BASE else seed
            if not (name == BASE and seed != asked.seeds[0]) and not study.rows(place, BY_NAME[name]).is_file():
                yield place, name


def run_all(study: Study, cells: Sequence[tuple[int, str]], *, jobs: int) -> int:
    """Run the cells, `jobs` at a time, and tell of each; how many failed."""
    begin, failed = time.perf_counter(), 0
    for seed in sorted({seed for seed, _ in cells}):
        study.seed_paths(seed)  # before two cells of a seed could both make them
    for number, (seed, name, rows) in enumerate(finished(study, cells, jobs=jobs), start=1):
        minutes = (time.perf_counter() - begin) / 60
        failed += isinstance(rows, str)
        scores = rows if isinstance(rows, str) else [f"{row['student']} {100 * row['accuracy']:.1f} %" for row in rows]
        say(f"{number}/{len(cells)}, {minutes:.1f} min: seed {seed}, {name}: {scores}")
    return failed


def finished(study: Study, cells: Sequence[tuple[int, str]], *, jobs: int) -> Iterator[tuple[int, str, Rows | str]]:
    """Seed, condition, and rows of each cell as it is done, or what went wrong with it."""
    from examples.study.cells import run  # not of this module: a fresh process does not import what `-m` was given

    if jobs == 1:
        yield from ((seed, name, run(study, seed, BY_NAME[name])) for seed, name in cells)
        return
    with ProcessPoolExecutor(max_workers=jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(run, study, seed, BY_NAME[name]): (seed, name) for seed, name in cells}
        for done in as_completed(running):
            error = done.exception()
            yield *running[done], (f"failed: {error}" if error else done.result())


def report(folder: File) -> None:
    """Write rows.jsonl, table.md, summary.json and the figures from all cells that are there."""
    from dataclasses import asdict

    from examples.study import analysis, drift, plots, tasks

    rows = [row for file in sorted(folder.glob("seed-*/*/rows.jsonl")) for row in tasks.read(file)]
    if not rows:
        say("no cell is done yet")
        return
    order = {condition.name: place for place, condition in enumerate(ALL)}
    rows.sort(key=lambda row: (order[row["condition"]], row["seed"], row["student"]))
    found = analysis.figures(rows)
    place = folder / "report"
    tasks.write(place / "rows.jsonl", rows)
    tables = analysis.table(found)
    if (place / "drift.json").is_file():
        tables += f"\n{drift.table(drift.run(place / 'drift.json'))}"
    (place / "table.md").write_text(tables, "utf-8")
    (place / "summary.json").write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", "utf-8")
    plots.draw(place, rows, found)
    say(f"{len(rows)} rows of {len(found)} conditions: {place}\n{tables}")


def say(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ConfigError as error:
        say(str(error))
        sys.exit(2)
