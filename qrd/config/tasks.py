"""The tasks: what a question asks for, each one value in one table.

All that reads a table of tasks reads this one: rows are checked against it, options offer its names, `answers` finds
its readers through it. It holds names and words alone, so a command that grades nothing loads no pattern for it.

To add a task, four files:

1. ``answers/NAME.py`` with what ``answers.readers.Reader`` asks of it: `extract`, `canonical` and, where equal answers
   may be written in two ways, `compare`.
2. A line in `TASKS` below.
3. ``prompts/tasks/NAME.toml`` with the words in which a model is asked.
4. ``tests/answers/golden/NAME.jsonl`` with replies and what a careful person reads in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, Literal


@dataclass(frozen=True)
class Task:
    """A kind of question. `name` is also that of its prompt, `reader` the module of `answers` that finds its answers.

    `gold` are the gold answers it accepts, none where any text is one. With `has_choices` a question lists its choices,
    and their letters are accepted.
    """

    name: str
    reader: str
    gold: tuple[str, ...] = ()
    has_choices: bool = False

    def accepted(self, choices: Sequence[str] | None) -> tuple[str, ...]:
        """The gold answers to a question with these choices; empty where any text is one."""
        return tuple(ascii_uppercase[: len(choices or ())]) if self.has_choices else self.gold

    def in_words(self, choices: Sequence[str] | None) -> str:
        """The gold answers that it accepts, in words."""
        if self.has_choices:
            return f"a letter from A to {ascii_uppercase[len(choices or 'A') - 1]}"
        return one_of(self.gold) if self.gold else "a text"


def one_of(names: Sequence[str]) -> str:
    """The names as a choice: "entailment, neutral or contradiction"."""
    return f"{', '.join(names[:-1])} or {names[-1]}"


_ALL = (
    Task("choice", "choice", has_choices=True),
    Task("boolean", "boolean", ("yes", "no")),
    Task("nli", "nli", ("entailment", "neutral", "contradiction")),
    Task("math", "maths.answer"),
    Task("text", "text"),
)
TASKS = {task.name: task for task in _ALL}
if TYPE_CHECKING:
    TaskName = str
else:
    TaskName = Literal[tuple(TASKS)]  # what msgspec checks a row's field with
