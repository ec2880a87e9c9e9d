"""Question, Path, Verdict, Prediction: what a row must hold, and messages that name file, line and field.

Rows travel as plain dictionaries so that fields nobody here knows survive from input to output; these classes check
them. The field names are the project's contract with its users and are listed in the README.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args

import msgspec

from qrd.config.tasks import TASKS, TaskName
from qrd.errors import DataError

Correctness = Literal["valid", "invalid", "unscored"]
Ending = Literal["whole", "cut", "refused", "tool", "other"]
Fields = dict[str, Any]

# What providers call an ending that the model itself chose; None is a reply whose origin does not say.
WHOLE_ENDS = frozenset({None, "stop", "eos", "end_turn", "stop_sequence", "STOP"})
_ENDS_OF: dict[Ending, str] = {
    "whole": r"|ok|stop([ _]?(sequence|token|word|string|str))?|eos([ _]?token)?|end(_of)?(_?(turn|text|sequence))?"
    r"|com?pleted?|done|finish(ed)?|success|normal",
    "cut": r".*(length|max|limit|trunc|incomplete|abort|cancel|interrupt|insufficient|time_?out|pause|error|fail).*",
    "refused": r".*(filter|safety|refus|block|prohibit|recitation|spii|guardrail|sensitive|moderat|polic|denied).*",
    "tool": r".*(tool|function).*",
}
_ENDINGS: tuple[tuple[Ending, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(told, re.IGNORECASE | re.DOTALL)) for kind, told in _ENDS_OF.items()
)
SAID_LATER = ("verdicts", "verdict", "judge_score", "reject_reason", "flags")  # of a path, by judge and filter

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Identified(msgspec.Struct, frozen=True, kw_only=True):
    """A row that belongs to the question of this id."""

    id: str


class Question(Identified, frozen=True, kw_only=True):
    """A question with its gold answer; `answer` is None where there is no gold."""

    task: TaskName
    question: str
    answer: str | None = None
    context: str | None = None
    choices: list[str] | None = None
    meta: Fields | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of a prompt."""

    role: str
    content: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens and US dollars of one request; None where the backend does not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one judge said of a path, by its rubric a score (1 to 10) or a word for each step; `raw` is its reply.

    `finish_reason` is there where the reply did not end by itself.
    """

    judge: str
    verdict: Correctness
    reason: str | None = None
    raw: str | None = None
    score: int | None = None
    steps: list[Correctness] | None = None
    first_faulty_step: int | None = None
    finish_reason: str | None = None


class Path(Question, frozen=True, kw_only=True):
    """A question with one reply of a teacher, graded or not, judged or not."""

    path_id: str
    response: str | None
    request_hash: str | None = None
    teacher: str = "unknown"
    style: str = "vanilla"
    sample: int = 0
    prompt: list[Message] | None = None
    finish_reason: str | None = None
    prediction: str | msgspec.UnsetType | None = msgspec.UNSET
    correct: bool | msgspec.UnsetType | None = msgspec.UNSET
    usage: Usage | None = None
    verdicts: list[Verdict] | None = None
    verdict: Correctness | msgspec.UnsetType | None = msgspec.UNSET
    judge_score: float | None = None
    reject_reason: str | None = None
    flags: list[str] | None = None


class Prediction(Question, frozen=True, kw_only=True):
    """A question with one reply of a model under evaluation."""

    model: str
    sample: int = 0
    response: str | None
    prediction: str | None = None
    correct: bool | None = None
    logprob: float | None = None
    usage: Usage | None = None


R = TypeVar("R", bound=msgspec.Struct)


def checked(fields: Mapping[str, Any], kind: type[R], *, file: str, line: int) -> R:
    """`fields` as a `kind`.

    Raises: DataError with file, line, field, what was found and what was expected.
    """
    try:
        record = msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        field, problem = _explained(str(error))
        raise DataError(file, line, field, problem) from None
    problem_at = misfit(record) if isinstance(record, Question) else None
    if problem_at:
        raise DataError(file, line, *problem_at)
    return record


def ending_of(finish_reason: str | None) -> Ending:
    """What a reply's finish reason means, in the words of any provider; `other` for those that nobody knows."""
    told = (finish_reason or "").strip()
    return next((kind for kind, pattern in _ENDINGS if pattern.fullmatch(told)), "other")


def unsaid(fields: Fields) -> Fields:
    """The fields of a question without what judge and filter say of a path: no row may bring its own verdict along."""
    return {name: value for name, value in fields.items() if name not in SAID_LATER}


def path_id(question_id: str, teacher: str, style: str, sample: int) -> str:
    """16 hexadecimal digits that depend on these four values only."""
    return hashlib.sha256(plain_json([question_id, teacher, style, sample])).hexdigest()[:16]


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`, in hexadecimal: keys sorted, no spaces, no needless escape."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def plain_json(value: Any) -> bytes:
    """The canonical JSON of a value without floats, which can have another text here; a tenth of the time."""
    try:
        return msgspec.json.encode(value, order="sorted")
    except UnicodeEncodeError:  # half a character
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass")


def in_shard(question_id: str, part: int, total: int) -> bool:
    """Whether a question belongs to part `part` (from 1) of `total`; every id is in exactly one part, on any machine.

    Only the id decides, so all paths of a question stay together and adding questions moves none of the others.
    """
    if total == 1:
        return True
    number = hashlib.sha256(question_id.encode("utf-8", "surrogatepass")).digest()[:8]
    return int.from_bytes(number, "big") % total == part - 1


def misfit(record: Question) -> tuple[str, str] | None:
    """(field, problem) where the parts of a question do not fit together, else None."""
    if not record.id:
        return "id", "found an empty string, expected a unique id"
    task = TASKS[record.task]
    if task.has_choices and not 2 <= len(record.choices or ()) <= len(LETTERS):
        return (
            "choices",
            f"found {len(record.choices or ())} choices, expected 2 to {len(LETTERS)} for task {task.name}",
        )
    if record.answer is None:
        return None
    accepted = task.accepted(record.choices)
    if not accepted or record.answer in accepted:
        return None
    return "answer", f"found {record.answer!r}, expected {task.in_words(record.choices)}"


def _explained(message: str) -> tuple[str | None, str]:
    """(field, problem) out of msgspec's message, such as 'Expected `str`, got `int` - at `$.id`'."""
    text, _, place = message.partition(" - at ")
    field = place.strip("`").removeprefix("$.") or None
    wrong_type = re.fullmatch(r"Expected `(.+)`, got `(.+)`", text)
    if wrong_type:
        return field, f"found {wrong_type[2]}, expected {wrong_type[1]}"
    absent = re.fullmatch(r"Object missing required field `(.+)`", text)
    if absent:
        return ".".join(part for part in (field, absent[1]) if part), "found nothing, expected this field"
    not_listed = re.fullmatch(r"Invalid enum value (.+)", text)
    if not_listed and field:
        words = get_args(TaskName if field == "task" else Correctness)
        return field, f"found {not_listed[1]}, expected one of {', '.join(words)}"
    return field, text[:1].lower() + text[1:]
