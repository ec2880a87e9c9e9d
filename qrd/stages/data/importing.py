"""data import: data sets as published to questions.

Reads:   the files of a data set, standard input, the hub, or a task of reasoning-gym.
Does:    turns each row into a question with an id that only its position decides; finds questions that came before.
Writes:  one question a line, the whole file at once; OUTPUT.manifest.json.
Never:   writes a row that is no question, leaves one out without a count, or puts one question in two parts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from qrd.config import DataImportConfig
from qrd.console import Console
from qrd.errors import ConfigError, DataError, WrongKind
from qrd.published import sameness
from qrd.published.row import Published
from qrd.published.sameness import Repeats
from qrd.published.sources import Source, source_of
from qrd.rows import kinds
from qrd.rows.lines import BadLines, bad_lines
from qrd.rows.manifest import Manifest
from qrd.rows.records import Fields, Question, checked, in_shard
from qrd.rows.writer import replacing
from qrd.stages import Tally

SUBSET, SHARD, PART, DUPLICATE, BAD = "other_subset", "other_shard", "other_part", "duplicate", "bad"


@dataclass
class Intake:
    """What became of the rows so far."""

    num_in: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    bad: BadLines = field(default_factory=BadLines)
    repeats: Repeats = field(default_factory=Repeats)
    num_without_answer: int = 0
    kinds_of_bad: Counter[str] = field(default_factory=Counter)


def run(config: DataImportConfig, console: Console) -> Tally:
    """Import a data set; the counts.

    Raises: ConfigError; DataError naming every bad row, unless --skip-bad, and then the output is left as it was.
    """
    source, intake = source_of(config), Intake()
    manifest = Manifest("data import", config, config.output)
    with (
        replacing(config.output, resume=config.resume) as writer,
        console.progress("data import", source.total) as progress,
    ):
        for question in questions(source, config, intake):
            writer.write(question)
            progress.advance(done=1)
        if not writer.num_written:
            _refuse_own_files(intake)
        if intake.bad and not config.skip_bad:
            raise bad_lines(intake.bad)
        if not intake.num_in:
            raise DataError(", ".join(source.inputs) or config.name or "", None, None, "holds no row")
    _report(intake, config, console)
    manifest.finish(
        inputs=source.inputs,
        rows_in=intake.num_in,
        rows_out=writer.num_written,
        reasons=intake.reasons,
        origin=source.origin,
        duplicates=intake.repeats.num,
        without_answer=intake.num_without_answer,
    )
    return Tally(num_in=intake.num_in, num_out=writer.num_written, num_bad=len(intake.bad))


def questions(source: Source, config: DataImportConfig, intake: Intake) -> Iterator[Fields]:
    """The questions of --subset, --part, --shard and --limit, in the order of their rows; `intake` gets the rest."""
    shares = part_shares(config)
    first_use: dict[str, str] = {}
    num_out = 0
    for row in source.rows:
        intake.num_in += 1
        try:
            if isinstance(row, DataError):
                raise row
            question = question_of(row, intake.num_in - 1, source, config)
            reason = _left_out(question, source, config, shares)
            if reason is None and intake.repeats.note(question) and config.drop_duplicates:
                reason = DUPLICATE
            elif reason is None and not in_shard(question["id"], *config.shard_parts()):
                reason = SHARD
            if config.keep_ids and reason is None:  # ids made of positions differ anyway
                _note_use(question["id"], row, first_use)
        except DataError as error:
            intake.bad.append(error)
            intake.kinds_of_bad[kinds.OTHER if isinstance(row, DataError) else kinds.kind_of(row.fields)] += 1
            reason = BAD
        if reason is not None:
            intake.reasons[reason] += 1
            continue
        intake.num_without_answer += question["answer"] is None
        yield question
        num_out += 1
        if num_out == config.limit:
            return


def question_of(row: Published, position: int, source: Source, config: DataImportConfig) -> Fields:
    """The checked question of row number `position`; a bad row takes a number too, so that mending it moves no id.

    Raises: DataError.
    """
    fields = source.question(row)
    meta = {"dataset": source.name, **fields["meta"]}
    if config.dataset:
        meta["dataset"] = config.dataset
    number = f"{_id_part(config.dataset or source.name)}-{_id_part(config.split)}-{position:05d}"
    if config.keep_ids and not meta.get("source_id"):
        raise row.error("id", "found nothing, expected an id to keep")
    fields |= {
        "id": meta["source_id"] if config.keep_ids else number,
        "meta": {name: value for name, value in meta.items() if value is not None},
    }
    try:
        checked(fields, Question, file=row.file, line=row.line or 0)
    except DataError as error:
        raise row.error(error.field, error.problem) from None
    return {"id": fields.pop("id"), **fields}


def _refuse_own_files(intake: Intake) -> None:
    """Nothing. Raises: WrongKind where all rows are bad and of a kind that only qrd writes."""
    if len(intake.kinds_of_bad) == 1 and (kind := next(iter(intake.kinds_of_bad))) in kinds.WRITTEN:
        held = f"holds {kinds.PLURALS[kind]}, expected a data set as published"
        raise WrongKind(intake.bad.first[0].file, None, None, held)


def part_shares(config: DataImportConfig) -> tuple[int, ...] | None:
    """The shares of --split-by; None without it.

    Raises: ConfigError.
    """
    if config.split_by is None and config.part is None:
        return None
    if config.split_by is None or config.part is None:
        raise ConfigError("--split-by and --part go together: --split-by 80/10/10 --part train")
    shares = sameness.shares_of(config.split_by)
    if config.part not in sameness.PARTS[len(shares)]:
        raise ConfigError(f"--part: {config.split_by} has no {config.part}; it is train and test")
    return shares


def _left_out(question: Fields, source: Source, config: DataImportConfig, shares: tuple[int, ...] | None) -> str | None:
    """Why a good question is not wanted here; None where it is. A row that does not name its part is of --subset."""
    if config.subset and source.part_field:
        found = question["meta"].setdefault(source.part_field, config.subset)
        if _plain_name(found) != _plain_name(config.subset):
            return SUBSET
    if shares and sameness.part_of(question, shares) != config.part:
        return PART
    return None


def _report(intake: Intake, config: DataImportConfig, console: Console) -> None:
    repeats = intake.repeats
    if repeats.num:
        done = "left out" if config.drop_duplicates else "kept; --drop-duplicates leaves them out"
        more = [f"... and {repeats.num - len(repeats.named)} more"] if repeats.num > len(repeats.named) else []
        told = f"{repeats.num} questions came before, {repeats.num_contradicting} of them with another answer ({done})"
        console.say("\n".join([f"{told}:", *repeats.named, *more]))
    if intake.num_without_answer:
        console.say(f"{intake.num_without_answer} questions have no answer to grade against")
    if intake.bad:
        console.say(f"{len(intake.bad)} bad rows set aside:\n{bad_lines(intake.bad)}")


def _plain_name(value: Any) -> str:
    """`counting_and_probability` for `Counting & Probability`."""
    return re.sub(r"[^a-z0-9]+", "_", str(value).lower().replace("&", "and"))


def _id_part(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "_", name)


def _note_use(question_id: str, row: Published, first_use: dict[str, str]) -> None:
    place = str(row.error(None, "")).removesuffix(": ")
    first = first_use.setdefault(question_id, place)
    if first != place:
        raise row.error("id", f"found {question_id!r} again, first used at {first}")
