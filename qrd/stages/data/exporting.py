"""data export: paths to the rows that other trainers read.

Reads:   paths, and the manifests behind them.
Does:    puts prompt and reply of each path in the form of TRL, LLaMA-Factory, ms-swift or axolotl.
Writes:  one row a path, in their order, the whole file at once, and its manifest; beside it what the trainer asks for;
         in a folder a card that tells how the data came to be. The same folder to the hub with --hub.
Never:   writes a cut, empty, refused or rejected reply; a public data set unless told so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from qrd import prompts
from qrd.config import DataExportConfig
from qrd.console import Console
from qrd.errors import ConfigError, DataError, GateError
from qrd.exports import card, hub_upload, lineage, parquet, trainers
from qrd.exports.card import Counts
from qrd.filters.finish import finish
from qrd.rows.disk import is_stream, write_whole
from qrd.rows.lines import bad_lines
from qrd.rows.manifest import Manifest
from qrd.rows.reader import Reader, Row
from qrd.rows.records import Fields, Path
from qrd.rows.writer import replacing
from qrd.stages import Tally, selecting

CARD = "README.md"


@dataclass
class Exported(Tally):
    """What an export counted, and of the exported paths what a card tells."""

    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True)
class Target:
    """Where an export goes: its file, in a folder with a card or not."""

    file: str
    has_card: bool

    @property
    def folder(self) -> File:
        """The folder of the file."""
        return File(self.file).parent


def run(config: DataExportConfig, console: Console) -> Exported:
    """Export all inputs; the counts.

    Raises: ConfigError; DataError naming every bad row, unless --skip-bad; GateError where nothing is left to export;
    BackendError where the hub refuses. The output is left as it was, but for a refusal of the hub.
    """
    with ExitStack() as stack:
        target = target_of(config, stack)
        if config.hub:
            hub_upload.needed(config.hub)
        reader = Reader(config.input, Path, unique="path_id", skip_bad=config.skip_bad, needs_rows=True)
        manifest, tally = Manifest("data export", config, target.file), Exported()
        with writer_of(target, config) as writer, console.progress("data export", None) as progress:
            for row in rows(reader, config, tally):
                writer.write(row)
                progress.advance(done=1)
            if reader.bad and not config.skip_bad:
                raise bad_lines(reader.bad)
            if not tally.counts.paths:
                left = _left_out(tally)
                raise GateError(f"no path is left to export{f'; left out: {left}' if left else ''}")
        _count(tally, reader)
        manifest.finish(
            inputs=reader.sha256, rows_in=tally.num_in, rows_out=tally.num_out, reasons=tally.counts.reasons
        )
        files = _beside(target, config, tally, reader)
        _report(target, config, tally, reader, console)
        if config.hub:
            console.say(f"uploaded: {hub_upload.upload(target.folder, files, config.hub, public=config.public)}")
    return tally


def target_of(config: DataExportConfig, stack: ExitStack) -> Target:
    """Where the rows go; for the hub alone a folder that goes away with `stack`.

    Raises: ConfigError for options that do not go together.
    """
    output = config.output
    is_folder = output != "-" and (output.endswith("/") or File(output).is_dir())
    if config.public and not config.hub:
        raise ConfigError("--public: only with --hub")
    if config.hub and output == "-":
        output, is_folder = f"{stack.enter_context(tempfile.TemporaryDirectory())}/{File(config.hub).name}/", True
    if config.hub and not is_folder:
        raise ConfigError(f"--hub: {output} is a file; give a folder (ends in /), or leave -o out")
    kind = config.format or ("parquet" if output.endswith(".parquet") else "jsonl")
    if is_folder:
        return Target(str(File(output) / f"train.{kind}"), has_card=True)
    if output.endswith((".jsonl", ".parquet")) and not output.endswith(kind):
        raise ConfigError(f"--format {kind}: {output} says otherwise")
    needs = "--format parquet" if kind == "parquet" else "--for llama-factory" if _is_registered(config) else None
    if needs and is_stream(output):
        raise ConfigError(f"{needs}: needs a file; give one with -o")
    return Target(output, has_card=False)


def writer_of(target: Target, config: DataExportConfig) -> AbstractContextManager[Any]:
    """The writer of the file, whose `write` takes a row."""
    kind = config.format or ("parquet" if target.file.endswith(".parquet") else "jsonl")
    if kind == "jsonl":
        return replacing(target.file, resume=config.resume)
    parquet.needed()
    is_list = trainers.takes_turns(config.for_ or "", config.form)
    names = ("messages",) if config.form == "messages" else ("prompt", "completion")
    columns = dict.fromkeys(names, is_list) | dict.fromkeys(trainers.KEPT, False)
    return parquet.replacing(target.file, columns, resume=config.resume)


def rows(reader: Reader[Path], config: DataExportConfig, tally: Exported) -> Iterator[Fields]:
    """The rows of the paths of --shard and --limit that may be trained on; `tally` counts the others by reason."""
    for row in selecting.selected(reader, config):
        reason = "rejected" if row.record.reject_reason else finish(row.record).reason
        if reason:
            tally.counts.reasons[reason] += 1
            continue
        try:
            fields = row_of(row, config)
        except DataError as error:
            reader.bad.append(error)
            continue
        tally.counts.add(row.record)
        yield fields


def row_of(row: Row[Path], config: DataExportConfig) -> Fields:
    """What the trainer reads of one path, and where it comes from.

    Raises: DataError where --prompt style finds no prompt.
    """
    path = row.record
    if config.prompt == "plain":
        asked = prompts.student_messages(path)
    elif path.prompt:
        asked = [{"role": message.role, "content": message.content} for message in path.prompt]
    else:
        raise DataError(row.file, row.line, "prompt", "found nothing, expected the teacher's prompt (--prompt plain)")
    kept = {name: getattr(path, name) for name in trainers.KEPT}
    return {**trainers.row_of(config.for_ or "", config.form, asked, path.response or ""), **kept}


def _is_registered(config: DataExportConfig) -> bool:
    return config.for_ == "llama-factory"


def _count(tally: Exported, reader: Reader[Path]) -> None:
    tally.num_in, tally.num_out, tally.num_bad = reader.num_rows, tally.counts.paths, len(reader.bad)
    tally.counts.reasons["bad"] = tally.num_bad
    left = tally.num_in - tally.num_out - sum(tally.counts.reasons.values())
    tally.counts.reasons["not_selected"] = left


def _beside(target: Target, config: DataExportConfig, tally: Exported, reader: Reader[Path]) -> list[str]:
    """The names of the files to upload: the rows, and those written beside them here."""
    names = [File(target.file).name]
    if _is_registered(config):
        names.append(trainers.register(target.file, config.form).name)
    if target.has_card:
        text = card.text(config, File(target.file), tally.counts, lineage.trail(reader.sha256))
        write_whole(target.folder / CARD, text.encode())
        names.append(CARD)
    return names


def _left_out(tally: Exported) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in tally.counts.reasons.items() if number)


def _report(target: Target, config: DataExportConfig, tally: Exported, reader: Reader[Path], console: Console) -> None:
    selecting.report_bad(reader, console)
    counts = tally.counts
    for number, words in ((counts.right, "known to be correct"), (counts.valid, "judged valid")):
        if number < counts.paths:
            console.say(
                f"warning: {counts.paths - number} of {counts.paths} paths are not {words}; qrd filter drops them"
            )
    left = _left_out(tally)
    console.say(f"{counts.paths} paths exported{f'; left out: {left}' if left else ''}")
    if not is_stream(target.file) and not (config.hub and config.output == "-"):
        told = trainers.settings(config.for_ or "", config.form, target.file)
        console.say(f"to train on them:\n{told}")
