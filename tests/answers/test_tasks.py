"""The table of tasks, and what hangs on a line of it."""

from __future__ import annotations

import pytest

from qrd import prompts
from qrd.answers import canonical_gold
from qrd.config.tasks import TASKS
from qrd.rows.records import Question, misfit


def _question(task: str, answer: str | None) -> Question:
    choices = ["north", "south", "east"] if TASKS[task].has_choices else None
    return Question(id="q", task=task, question="Which way?", answer=answer, choices=choices)


@pytest.mark.parametrize("task", TASKS)
def test_a_question_of_every_task_can_be_asked(task: str) -> None:
    (message,) = prompts.student_messages(_question(task, None))
    assert "Which way?" in message["content"]


@pytest.mark.parametrize("task", TASKS)
def test_a_gold_answer_that_a_row_may_hold_is_in_the_form_that_its_reader_gives(task: str) -> None:
    choices = _question(task, None).choices
    accepted = TASKS[task].accepted(choices)
    assert [canonical_gold(task, answer, choices) for answer in accepted] == list(accepted)
    assert all(misfit(_question(task, answer)) is None for answer in accepted or ("any text",))


@pytest.mark.parametrize("task", [task for task in TASKS.values() if task.accepted("AB")], ids=lambda task: task.name)
def test_a_gold_answer_that_a_task_does_not_accept_is_told_with_those_that_it_does(task) -> None:
    assert misfit(_question(task.name, "north")) == ("answer", f"found 'north', expected {task.in_words('ABC')}")


def test_an_unknown_task_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="unknown task 'maths': expected choice, boolean, nli, math or text"):
        canonical_gold("maths", "5")
