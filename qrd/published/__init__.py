"""Data sets as their authors publish them, turned into questions: one file per form, and the ways rows come in.

Why it exists: every published form is read in one place, apart from qrd's own records. It must not know of models,
prompts, stages or output files; a form sees one row and gives the fields of one question, without its id.

    files   local files and standard input      hub   the package datasets      gym   the package reasoning-gym
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from qrd.published.forms import (
    anli,
    conversation,
    date,
    gsm8k,
    hendrycks_math,
    mmlu,
    multiple_choice,
    plain,
    strategy_qa,
    tabmwp,
)
from qrd.published.forms.turns import READERS
from qrd.published.row import Published
from qrd.published.ways.hub import Hub
from qrd.rows.records import Fields

__all__ = ["FORMS", "Form", "Published"]


@dataclass(frozen=True)
class Form:
    """How rows of one data set become questions, and where the hub has them.

    `part_field` is the field of `meta` that --subset selects by in local files; `takes_task` says that rows need not
    tell their task: `question` has an argument `task` then.
    """

    question: Callable[..., Fields]
    hub: Hub | None = None
    part_field: str | None = None
    takes_task: bool = False


MATH_SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)

FORMS = {
    "gsm8k": Form(gsm8k.question, Hub("openai/gsm8k", ("main", "socratic"))),
    "math": Form(hendrycks_math.question, Hub("EleutherAI/hendrycks_math", MATH_SUBJECTS, every=True), "subject"),
    "arc": Form(multiple_choice.arc, Hub("allenai/ai2_arc", ("ARC-Challenge", "ARC-Easy"))),
    "commonsense_qa": Form(multiple_choice.commonsense_qa, Hub("tau/commonsense_qa")),
    "mmlu": Form(mmlu.question, Hub("cais/mmlu", ("all",)), "subject"),
    "strategy_qa": Form(strategy_qa.question, Hub("ChilleD/StrategyQA")),
    "anli": Form(anli.question, Hub("facebook/anli", ("r1", "r2", "r3"), every=True, in_split=True), "round"),
    "date": Form(date.question, Hub("tasksource/bigbench", ("date_understanding",))),
    "tabmwp": Form(tabmwp.question),
    "plain": Form(plain.question, takes_task=True),
} | {form: Form(partial(conversation.question, form=form), takes_task=True) for form in READERS}
