"""The functions that hang on the table of tasks: for each task, how its answers are found and compared."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from qrd.config.tasks import TASKS, Task, one_of


class Reader:
    """What the module of one task offers: `extract` and `canonical`, and `compare` where it has one.

    ``extract(text)`` gives the canonical answer a reply settles on, ``canonical(answer)`` the gold answer in the same
    form, each None where there is none; where the task has choices, they take those too. ``compare(prediction, gold)``
    tells whether answers that are written differently are equal, None where only algebra can.
    """

    def __init__(self, task: Task) -> None:
        self._module: Any = import_module(f"qrd.answers.{task.reader}")
        self._has_choices = task.has_choices

    def extract(self, text: str, choices: Sequence[str] | None) -> str | None:
        """The canonical answer the text settles on; None where it settles on none."""
        found: str | None = self._module.extract(text, choices) if self._has_choices else self._module.extract(text)
        return found

    def canonical(self, answer: str, choices: Sequence[str] | None) -> str | None:
        """The gold answer in the form `extract` gives; None where it is not of the task's form."""
        canonical = self._module.canonical
        form: str | None = canonical(answer, choices) if self._has_choices else canonical(answer)
        return form

    def equal(self, prediction: str, gold: str) -> bool | None:
        """Whether two canonical answers are equal; None where only algebra can tell."""
        if prediction == gold:
            return True
        told: bool | None = self._module.compare(prediction, gold) if hasattr(self._module, "compare") else False
        return told


# All are loaded with the room, not one when its task comes up: a grader forks, and what is loaded then is loaded once.
_READERS = {name: Reader(task) for name, task in TASKS.items()}


def reader_of(task: str) -> Reader:
    """The reader of a task's answers.

    Raises: ValueError for an unknown task.
    """
    try:
        return _READERS[task]
    except KeyError:
        raise ValueError(f"unknown task {task!r}: expected {one_of(tuple(TASKS))}") from None
