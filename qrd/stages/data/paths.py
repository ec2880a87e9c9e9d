"""data paths: replies made elsewhere to paths.

Reads:   rows of `id` and `response` (and teacher, style, sample, finish_reason, usage, prompt where they have them) or
         conversations, whose last turn replies to the question of their `id` or else of their text; and the questions.
Does:    puts question and reply together, numbers several replies to one question, grades each. What a reply's model
         thought, where a field of its own says it (`reasoning_content`, `thinking`), is the path's `reasoning`.
Writes:  one path a line in the order of the replies, the whole file at once; OUTPUT.manifest.json.
Never:   takes a reply's own word for what qrd finds out: its grade, verdict and ids are not read from the row.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import msgspec

from qrd import prompts
from qrd.answers import GradeItem, Grader
from qrd.config import DataPathsConfig
from qrd.console import Console
from qrd.errors import ConfigError, DataError
from qrd.published.forms.conversation import question_and_context
from qrd.published.forms.turns import PARTS, READERS, form_of, reasoning_of
from qrd.published.row import Published, shown
from qrd.published.sameness import normalised
from qrd.rows.lines import bad_lines
from qrd.rows.manifest import Manifest
from qrd.rows.reader import Reader, Row
from qrd.rows.records import Fields, Identified, Message, Path, Question, Usage, checked, in_shard, path_id, unsaid
from qrd.rows.writer import replacing
from qrd.stages import Tally, selecting

OWN_FIELDS = ("path_id", "request_hash", "prediction", "correct", "verdicts", "verdict", "reject_reason")


class Loose(msgspec.Struct, frozen=True, kw_only=True):
    """A row before it is known what form it has."""


class Reply(Identified, frozen=True, kw_only=True):
    """One reply to a question; null is a reply that was refused or lost."""

    response: str | None
    teacher: str | None = None
    style: str | None = None
    sample: Annotated[int, msgspec.Meta(ge=0)] | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    prompt: list[Message] | None = None


class Given(NamedTuple):
    """One reply with all fields of its row, and where that stands."""

    fields: Fields
    record: Reply
    file: str
    line: int


@dataclass
class Numbering:
    """Sample numbers: those that rows name, and the next free one of the same id, teacher and style for the rest."""

    first_use: dict[str, str] = field(default_factory=dict)
    upcoming: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def numbered(self, given: Given, teacher: str, style: str) -> tuple[int, str]:
        """(sample, path_id) of a reply.

        Raises: DataError where the row names a sample that is taken.
        """
        key, place = (given.record.id, teacher, style), f"{given.file}:{given.line}"
        sample = self.upcoming[key] if given.record.sample is None else given.record.sample
        while (identity := path_id(*key, sample)) in self.first_use:
            if given.record.sample is not None:
                used = self.first_use[identity]
                raise DataError(given.file, given.line, "sample", f"found {sample} again, first used at {used}")
            sample += 1
        self.first_use[identity] = place
        if given.record.sample is None:
            self.upcoming[key] = sample + 1
        return sample, identity


class Questions:
    """The questions by id, and by what they ask."""

    def __init__(self, reader: Reader[Question], name: str) -> None:
        self.name = name
        self.by_id = {row.record.id: row.fields for row in reader}
        self._by_text: dict[tuple[str, str], str | None] | None = None

    def id_of(self, row: Published, asked: str, context: str | None) -> str:
        """The id of the one question that asks this, alone or in the words in which qrd asks a student.

        Raises: DataError where none or several do.
        """
        if self._by_text is None:
            self._by_text = self._index()
        key = normalised(asked), normalised(context or "")
        if key not in self._by_text:
            raise row.error("id", f"found nothing, and no question of {self.name} asks {shown(asked)}")
        found = self._by_text[key]
        if found is None:
            raise row.error("id", f"found nothing, and several questions of {self.name} ask {shown(asked)}")
        return found

    def _index(self) -> dict[tuple[str, str], str | None]:
        index: dict[tuple[str, str], str | None] = {}
        for identity, fields in self.by_id.items():
            question = msgspec.convert(fields, Question)
            asked = {(question.question, question.context or ""), (prompts.question_text(question), "")}
            asked.add((prompts.student_messages(question)[0]["content"], ""))
            for key in {(normalised(text), normalised(context)) for text, context in asked}:
                index[key] = None if key in index else identity
        return index


def run(config: DataPathsConfig, console: Console) -> Tally:
    """Turn replies into paths; the counts.

    Raises: ConfigError; DataError naming every bad row, unless --skip-bad, and then the output is left as it was. The
    questions must be whole in any case: without one, its replies would be lost unseen.
    """
    if config.questions == "-" and "-" in config.input:
        raise ConfigError("--questions: standard input is read for the replies; give the questions as a file")
    known = Reader((config.questions or "",), Question, unique="id")
    questions = Questions(known, config.questions or "")
    replies = Reader(config.input, Loose, unique=None, skip_bad=config.skip_bad, needs_rows=True, wanted="reply")
    manifest = Manifest("data paths", config, config.output)
    with (
        replacing(config.output, resume=config.resume) as writer,
        console.progress("data paths", None) as progress,
    ):
        for path in graded(paths(replies, questions, config)):
            writer.write(path)
            progress.advance(done=1)
        if replies.bad and not config.skip_bad:
            raise bad_lines(replies.bad)
    selecting.report_bad(replies, console)
    num_in, num_out, num_bad = replies.num_rows, writer.num_written, len(replies.bad)
    manifest.finish(
        inputs=known.sha256 | replies.sha256,
        rows_in=num_in,
        rows_out=num_out,
        reasons={"bad": num_bad, "not_selected": num_in - num_out - num_bad},
    )
    return Tally(num_in=num_in, num_out=num_out, num_bad=num_bad)


def paths(replies: Reader[Loose], questions: Questions, config: DataPathsConfig) -> Iterator[Fields]:
    """The path of each reply of --shard and --limit, not graded; a reply that fits no question is in `replies.bad`."""
    numbering, num_out = Numbering(), 0
    for loose in replies:
        try:
            given = reply_of(loose, questions)
            if not in_shard(given.record.id, *config.shard_parts()):
                continue
            if config.limit is not None and num_out >= config.limit:
                if replies.is_stream:
                    return
                continue  # a file is read to its end, so that its hash is that of the whole
            path = path_of(given, questions, numbering, config)
        except DataError as error:
            replies.refuse(loose, error)
            continue
        yield path
        num_out += 1


def reply_of(loose: Row[Loose], questions: Questions) -> Given:
    """The row as a reply: as it is, or the last turn of a conversation with the turns before it as prompt.

    Raises: DataError.
    """
    fields, form = loose.fields, form_of(loose.fields)
    if form and "response" not in fields:
        row = Published(fields, loose.file, loose.line)
        exchange = READERS[form](row)
        if exchange.reply is None:
            raise row.error(PARTS[form][-1], "found no reply at the end")
        identity = fields.get("id")
        if identity is None:
            identity = questions.id_of(row, *question_and_context(row, exchange, form))
        others = {name: value for name, value in fields.items() if name not in PARTS[form]}
        prompt = [{"role": turn.role, "content": turn.content} for turn in exchange.prompt]
        fields = {**others, "id": identity, "prompt": prompt, "response": exchange.reply.content}
        if exchange.reply.reasoning is not None:
            fields["reasoning"] = exchange.reply.reasoning
    elif "reasoning" not in fields and (thought := reasoning_of(fields)) is not None:
        fields = {**fields, "reasoning": thought}
    return Given(fields, checked(fields, Reply, file=loose.file, line=loose.line), loose.file, loose.line)


def path_of(given: Given, questions: Questions, numbering: Numbering, config: DataPathsConfig) -> Fields:
    """The path of one reply: the question's fields, the reply's fields that nobody here knows, and the path's own.

    Raises: DataError where the id is no question's, or the sample is taken.
    """
    reply = given.record
    question = questions.by_id.get(reply.id)
    if question is None:
        raise DataError(given.file, given.line, "id", f"found {reply.id!r}, expected an id of {questions.name}")
    teacher, style = reply.teacher or config.teacher, reply.style or config.style
    sample, identity = numbering.numbered(given, teacher, style)
    fields = {
        **unsaid(question),
        **{name: value for name, value in given.fields.items() if name not in OWN_FIELDS and name not in question},
        "path_id": identity,
        "request_hash": None,
        "teacher": teacher,
        "style": style,
        "sample": sample,
        "prompt": given.fields.get("prompt"),
        "response": reply.response or "",
        "finish_reason": reply.finish_reason,
        "usage": given.fields.get("usage"),
    }
    checked(fields, Path, file=given.file, line=given.line)
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
