"""data paths: replies made elsewhere to paths.

Reads:   rows of `id` and `response` (and teacher, style, sample, finish_reason, usage, prompt where they have them),
         and the questions they answer.
Does:    puts question and reply together, numbers several replies to one question, grades each.
Writes:  one path a line in the order of the replies, the whole file at once; OUTPUT.manifest.json.
Never:   takes a reply's own word for what qrd finds out: its grade, verdict and ids are not read from the row.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from qrd import jsonl
from qrd.answers import GradeItem, Grader
from qrd.config import DataPathsConfig
from qrd.console import Console
from qrd.errors import ConfigError, DataError
from qrd.jsonl import Reader, Row
from qrd.manifest import Manifest
from qrd.records import Fields, Identified, Message, Path, Question, Usage, checked, path_id
from qrd.stages import asking

OWN_FIELDS = ("path_id", "request_hash", "prediction", "correct", "verdicts", "verdict", "reject_reason")


class Reply(Identified, frozen=True, kw_only=True):
    """One reply to a question; null is a reply that was refused or lost."""

    response: str | None
    teacher: str | None = None
    style: str | None = None
    sample: Annotated[int, msgspec.Meta(ge=0)] | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    prompt: list[Message] | None = None


@dataclass(frozen=True)
class Summary:
    """Counts of one run: replies read, paths written, rows that were no reply to a question."""

    num_in: int
    num_out: int
    num_bad: int


@dataclass
class Numbering:
    """Sample numbers: those that rows name, and the next free one of the same id, teacher and style for the rest."""

    first_use: dict[str, str] = field(default_factory=dict)
    upcoming: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def numbered(self, row: Row[Reply], teacher: str, style: str) -> tuple[int, str]:
        """(sample, path_id) of a reply.

        Raises: DataError where the row names a sample that is taken.
        """
        key, place = (row.record.id, teacher, style), f"{row.file}:{row.line}"
        sample = self.upcoming[key] if row.record.sample is None else row.record.sample
        while (identity := path_id(*key, sample)) in self.first_use:
            if row.record.sample is not None:
                used = self.first_use[identity]
                raise DataError(row.file, row.line, "sample", f"found {sample} again, first used at {used}")
            sample += 1
        self.first_use[identity] = place
        if row.record.sample is None:
            self.upcoming[key] = sample + 1
        return sample, identity


def run(config: DataPathsConfig, console: Console) -> Summary:
    """Turn replies into paths; the counts.

    Raises: ConfigError; DataError naming every bad row, unless --skip-bad, and then the output is left as it was. The
    questions must be whole in any case: without one, its replies would be lost unseen.
    """
    if config.questions == "-" and "-" in config.input:
        raise ConfigError("--questions: standard input is read for the replies; give the questions as a file")
    known = Reader((config.questions or "",), Question, unique="id")
    questions = {row.record.id: row.fields for row in known}
    replies = Reader(config.input, Reply, unique=None, skip_bad=config.skip_bad)
    manifest = Manifest("data paths", config, config.output)
    with (
        jsonl.replacing(config.output, resume=config.resume) as writer,
        console.progress("data paths", None) as progress,
    ):
        for path in graded(paths(replies, questions, config)):
            writer.write(path)
            progress.advance(done=1)
        if replies.bad and not config.skip_bad:
            raise jsonl.bad_lines(replies.bad)
    asking.report_bad(replies, console)
    num_in, num_out, num_bad = replies.num_rows, writer.num_written, len(replies.bad)
    manifest.finish(
        inputs=known.sha256 | replies.sha256, rows_in=num_in, rows_out=num_out,
        reasons={"bad": num_bad, "not_selected": num_in - num_out - num_bad},
    )  # fmt: skip
    return Summary(num_in, num_out, num_bad)


def paths(replies: Reader[Reply], questions: dict[str, Fields], config: DataPathsConfig) -> Iterator[Fields]:
    """The path of each reply of --shard and --limit, not graded; a reply that fits no question is in `replies.bad`."""
    numbering = Numbering()
    for row in asking.selected(replies, config):
        try:
            yield path_of(row, questions, numbering, config)
        except DataError as error:
            replies.bad.append(error)


def path_of(row: Row[Reply], questions: dict[str, Fields], numbering: Numbering, config: DataPathsConfig) -> Fields:
    """The path of one reply: the question's fields, the reply's fields that nobody here knows, and the path's own.

    Raises: DataError where the id is no question's, or the sample is taken.
    """
    reply = row.record
    question = questions.get(reply.id)
    if question is None:
        raise DataError(row.file, row.line, "id", f"found {reply.id!r}, expected an id of {config.questions}")
    teacher, style = reply.teacher or config.teacher, reply.style or config.style
    sample, identity = numbering.numbered(row, teacher, style)
    fields = {
        **question,
        **{name: value for name, value in row.fields.items() if name not in OWN_FIELDS and name not in question},
        "path_id": identity, "request_hash": None, "teacher": teacher, "style": style, "sample": sample,
        "prompt": row.fields.get("prompt"), "response": reply.response or "", "finish_reason": reply.finish_reason,
        "usage": row.fields.get("usage"),
    }  # fmt: skip
    checked(fields, Path, file=row.file, line=row.line)
    return fields


def graded(paths: Iterator[Fields]) -> Iterator[Fields]:
    """Each path with its `prediction` and `correct`, in their order."""
    waiting: deque[Fields] = deque()

    def items() -> Iterator[GradeItem]:
        for path in paths:
            waiting.append(path)
            yield GradeItem(path["task"], path["response"], path.get("answer"), path.get("choices"))

    with Grader() as grader:
        for grade in grader.grade_many(items()):
            yield waiting.popleft() | {"prediction": grade.prediction, "correct": grade.correct}
