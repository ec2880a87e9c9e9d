"""The paths that `generate` is asked for: every question in every style, by every teacher, so many times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from qrd import prompts
from qrd.config import GenerateConfig
from qrd.rows.reader import Row
from qrd.rows.records import Question, path_id


class Planned(NamedTuple):
    """One path to be written: its question, where it comes from and what is sent for it."""

    path_id: str
    row: Row[Question]
    teacher: str
    style: str
    sample: int
    messages: tuple[dict[str, str], ...]


def num_planned(config: GenerateConfig, num_questions: int) -> int:
    """How many paths this configuration asks for."""
    return num_questions * len(config.teacher) * len(prompts.styles(config.styles, config.style_file)) * config.samples


def planned(questions: Iterable[Row[Question]], config: GenerateConfig, teacher: str) -> Iterator[Planned]:
    """Every path that this configuration asks of a teacher, questions in their order."""
    styles = prompts.styles(config.styles, config.style_file)
    for row in questions:
        yield from paths_of(row, config, teacher, styles)


def paths_of(
    row: Row[Question], config: GenerateConfig, teacher: str, styles: Sequence[prompts.Style]
) -> Iterator[Planned]:
    """The paths that one question is asked for of one teacher."""
    for style in styles:
        messages = tuple(prompts.teacher_messages(row.record, style))
        for sample in range(config.samples):
            key = path_id(row.record.id, teacher, style.id, sample)
            yield Planned(key, row, teacher, style.id, sample, messages)
