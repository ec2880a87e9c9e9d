"""The ensembles of `eval`: one prediction out of those of all students of a run, by three rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from qrd import evaluation
from qrd.config import EvalConfig
from qrd.console import Console
from qrd.rows.reader import Row
from qrd.rows.records import Fields, Question
from qrd.stages.eval.candidates import Candidate
from qrd.stages.eval.predicting import BY_COMPETENCE, BY_LOGPROB, BY_VOTE, Case, Sheet


def combine(
    candidates: Sequence[Candidate],
    questions: Sequence[Row[Question]],
    sheet: Sheet,
    config: EvalConfig,
    console: Console,
) -> None:
    """Write the ensembles' predictions wherever every student has one and theirs are not there yet."""
    students = [candidate for candidate in candidates if candidate.is_student]
    if len(students) < 2:
        return
    cases = list(_cases([student.name for student in students], questions, sheet, config))
    for question, sample, members in cases:
        if (BY_LOGPROB, question.id, sample) not in sheet.rows:
            _write(sheet, BY_LOGPROB, evaluation.by_logprob(members), {})
        if (BY_VOTE, question.id, sample) not in sheet.rows:
            best, tie = evaluation.by_vote(members)
            _write(sheet, BY_VOTE, best, {"tie": tie})
    waiting = [case for case in cases if (BY_COMPETENCE, case[0].id, case[1]) not in sheet.rows]
    if waiting:
        _combine_by_competence(students, waiting, sheet, config, console)


def _combine_by_competence(
    students: Sequence[Candidate], cases: Sequence[Case], sheet: Sheet, config: EvalConfig, console: Console
) -> None:
    """Write what the students' answers, each weighed by its student's competence, come to.

    Weights are read only where the students disagree: elsewhere they decide nothing, and `weights` is null.
    """
    from qrd.stages.eval import competence

    learnt = competence.learnt(str(config.run))
    if learnt is None:
        what = "it was trained without mutual distillation (--lambda-mutual 0, or another --objective)"
        console.say(f"no {BY_COMPETENCE}: {config.run}/router holds no competence; {what}")
        return
    split = [case for case in cases if evaluation.disagree(case[2])]
    weights = competence.weights(learnt, students, split, config, console)
    known = {(question.id, sample): found for (question, sample, _), found in zip(split, weights)}
    for question, sample, members in cases:
        told: Mapping[str, float] | None = known.get((question.id, sample))
        given = [told[member["model"]] if told else 1.0 for member in members]
        best, tie = evaluation.by_weight(members, given)
        _write(sheet, BY_COMPETENCE, best, {"tie": tie, "weights": told})


def _cases(
    names: Sequence[str], questions: Sequence[Row[Question]], sheet: Sheet, config: EvalConfig
) -> Iterator[Case]:
    for row in questions:
        for sample in range(config.samples):
            members = [sheet.rows.get((name, row.record.id, sample)) for name in names]
            known = [member for member in members if member is not None]
            if len(known) == len(names):
                yield row.record, sample, known


def _write(sheet: Sheet, rule: str, best: Fields, told: Fields) -> None:
    sheet.write({**best, "model": rule, "chosen": best["model"], **told, "usage": None})
