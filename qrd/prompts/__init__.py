"""The words that models read, as data: reasoning styles, tasks and rubrics, each a TOML file with an id and a version.

A prompt is put together by joining whole texts and never by filling templates, so nothing a question or a reply
contains is read as markup. The question comes first and the style after it: calls that share a question share their
beginning, which providers and vLLM cache.

This room must not know how a model is called or what becomes of its reply.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path as File
from typing import Any, TypeVar

from qrd.errors import ConfigError
from qrd.masking import one_line
from qrd.rows.records import LETTERS, Question

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Messages = list[dict[str, str]]
Kind = TypeVar("Kind", "Style", "Rubric")
FORMS = ("verdict", "score", "steps")


@dataclass(frozen=True)
class Style:
    """A way of reasoning that a teacher is asked for. Source: paper, section 2.2; the texts are ours."""

    id: str
    version: int
    instruction: str
    summary: str = ""


@dataclass(frozen=True)
class Rubric:
    """What a judge is asked to look for. Source: paper, section 2.3; the text is ours.

    `form`: how it is to reply, `verdict`, `score` (valid from `threshold` on, 1 to 10) or `steps`.
    """

    id: str
    version: int
    instruction: str
    summary: str = ""
    form: str = "verdict"
    threshold: int | None = None


def styles(names: Sequence[str], files: Sequence[str] = ()) -> list[Style]:
    """The styles called `names`, from the six of the paper and from TOML files of the user's own.

    Every style of a file is used, whether it is named or not; naming it sets its place.
    Raises: ConfigError for an unknown name or a file that is no style.
    """
    own = {style.id: style for style in (_loaded(Style, File(file)) for file in files)}
    order = dict.fromkeys([*names, *own])
    return [own.get(name) or _shipped(Style, "styles", name, own) for name in order]


def rubric(name_or_file: str) -> Rubric:
    """The rubric of this name, or the one in this TOML file."""
    if name_or_file.endswith(".toml"):
        return _loaded(Rubric, File(name_or_file))
    return _shipped(Rubric, "judges", name_or_file)


# Where names are given, what they are called there, and how a file of one's own is given instead.
_ASKED_FOR = {
    "styles": ("--styles", "styles", "--style-file FILE.toml adds one of your own"),
    "judges": ("--rubric", "rubrics", "a file of your own ends in .toml"),
}


def question_text(question: Question) -> str:
    """The question as a model reads it: context, question, options."""
    task = _task(question.task)
    parts = []
    if question.context:
        parts.append(f"{task.get('context', 'Context')}:\n{question.context}")
    parts.append(f"{task['question']}: {question.question}")
    if question.choices:
        parts.append("\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, question.choices)))
    if "lead" in task:
        parts.append(task["lead"])
    return "\n\n".join(parts)


def teacher_messages(question: Question, style: Style) -> Messages:
    """What a teacher is sent for one path."""
    return _user(question_text(question), style.instruction.strip(), _task(question.task)["ending"].strip())


def student_messages(question: Question) -> Messages:
    """What a student is trained on and tested with: a simple instruction and the question (paper, section 2.1)."""
    return _user(question_text(question), "Reason step by step.", _task(question.task)["ending"].strip())


def _user(*parts: str) -> Messages:
    return [{"role": "user", "content": "\n\n".join(parts)}]


@cache
def _task(name: str) -> dict[str, Any]:
    return tomllib.loads(_folder("tasks").joinpath(f"{name}.toml").read_text("utf-8"))


def _folder(kind: str) -> Any:
    return resources.files(__name__).joinpath(kind)


def _shipped(kind: type[Kind], folder: str, name: str, own: Iterable[str] = ()) -> Kind:
    names: list[str] = sorted(entry.name.removesuffix(".toml") for entry in _folder(folder).iterdir())
    if name not in names:
        flag, called, other = _ASKED_FOR[folder]
        known: list[str] = [*names, *own]
        close = get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]}?" if close else other
        raise ConfigError(f"{flag}: {name!r} is not one of the {called} {', '.join(known)}; {hint}")
    return _parsed(kind, _folder(folder).joinpath(f"{name}.toml").read_text("utf-8"), name)


def _loaded(kind: type[Kind], file: File) -> Kind:
    try:
        return _parsed(kind, file.read_text("utf-8"), str(file))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8 text") from None


def _parsed(kind: type[Kind], text: str, place: str) -> Kind:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{place}: not TOML: {one_line(error)}") from None
    known = [field.name for field in dataclasses.fields(kind)]
    unknown = set(found) - set(known)
    if unknown:
        raise ConfigError(f"{place}: unknown keys {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    for name, wanted in (("id", str), ("version", int), ("instruction", str)):
        if not isinstance(found.get(name), wanted) or not found[name]:
            raise ConfigError(f"{place}: {name}: found {found.get(name)!r}, expected a {wanted.__name__}")
    _check_form(found, place)
    return kind(**found)


def _check_form(found: dict[str, Any], place: str) -> None:
    form, threshold = found.get("form", "verdict"), found.get("threshold")
    if form not in FORMS:
        raise ConfigError(f"{place}: form: found {form!r}, expected one of {', '.join(FORMS)}")
    if (form == "score") != (threshold is not None):
        raise ConfigError(f"{place}: threshold: goes with the form score, which needs one")
    if threshold is not None and (type(threshold) is not int or not 1 <= threshold <= 10):
        raise ConfigError(f"{place}: threshold: found {threshold!r}, expected a whole number from 1 to 10")
