"""inspect: any of these files, shown.

Reads:   rows of any kind: questions, paths, judged and rejected paths, predictions, replies, failures, metrics.
Does:    checks each row, counts, and picks those of --where and --id.
Writes:  tables and records on standard output, since they are what was asked for: with rich on a terminal, plain text
         in a pipe. A person at a terminal gets the browser, which writes what that person marks or exports.
Never:   lets a text of a model act on the terminal; holds more than one row in memory (the browser: a few blocks).
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path as File

from qrd.config import InspectConfig
from qrd.console import Console
from qrd.errors import ConfigError, DataError
from qrd.inspection import record
from qrd.inspection.kinds import checked_kind
from qrd.inspection.overview import Overview
from qrd.inspection.where import Condition, condition
from qrd.rows.lines import bad_lines, open_input
from qrd.rows.packed import Unpacked
from qrd.rows.reader import Reader
from qrd.rows.records import AnyRow, Fields
from qrd.stages import Tally

TABLE_ROWS = 30


def run(config: InspectConfig, console: Console) -> Tally:
    """Show the files; the counts.

    A terminal on both sides opens the browser, unless records or --plain are asked for.
    Raises: ConfigError for a condition that is none, or an id that no record has; DataError after everything that can
    be shown was, naming the bad rows.
    """
    if is_browsed(config):
        return _browsed(config)
    page = Console(stream=sys.stdout)
    reader = Reader(config.input, AnyRow, unique=None, skip_bad=True)
    overview, missing = Overview(), set(config.id)
    to_show = config.show or (sys.maxsize if config.id else 0)
    for kind, fields in picked(reader, config):
        overview.add(kind, fields)
        missing -= {name for name in missing if name in _names(fields)}
        if overview.kinds.total() <= to_show:
            page.say("\n".join(record.lines(fields, kind)))
    if not config.id:
        for title, columns, rows in overview.tables():
            page.table(title, columns, rows[:TABLE_ROWS])
            if len(rows) > TABLE_ROWS:
                page.say(f"... and {len(rows) - TABLE_ROWS} more")
    if reader.bad:
        raise bad_lines(reader.bad)
    if missing:
        raise ConfigError(f"--id: no record has {', '.join(sorted(missing))}")
    return Tally(num_in=reader.num_rows, num_out=overview.kinds.total())


def is_browsed(config: InspectConfig) -> bool:
    """Whether a person sits at a terminal and wants to look around in files that can be read anywhere."""
    if config.plain or config.show or config.id or os.environ.get("TERM") == "dumb":
        return False
    streams = (sys.stdin, sys.stdout, sys.stderr)  # textual draws on the last
    return all(stream.isatty() for stream in streams) and all(map(_is_seekable, config.input))


def _is_seekable(name: str) -> bool:
    """Whether any line of a file can be gone to: it is a file, and not compressed."""
    if not File(name).is_file():
        return False
    with open_input(name) as stream:
        return not isinstance(stream, Unpacked)


def _browsed(config: InspectConfig) -> Tally:
    from qrd.inspection.browser.app import browse

    for text in config.where:
        condition(text)
    num_rows = browse(config.input, shlex.join(config.where))
    return Tally(num_in=num_rows, num_out=num_rows)


def picked(reader: Reader[AnyRow], config: InspectConfig) -> Iterator[tuple[str, Fields]]:
    """(kind, fields) of each whole record that --where and --id pick; rows that are not whole are in `reader.bad`."""
    conditions: list[Condition] = [condition(text) for text in config.where]
    for row in reader:
        try:
            kind = checked_kind(row.fields, file=row.file, line=row.line)
        except DataError as error:
            reader.bad.append(error)
            continue
        if config.id and not any(name in config.id for name in _names(row.fields)):
            continue
        if all(holds(row.fields) for holds in conditions):
            yield kind, row.fields


def _names(fields: Fields) -> list[str]:
    """The ids of a record, of the question and of the path."""
    return [name for name in (fields.get("id"), fields.get("path_id")) if isinstance(name, str)]
