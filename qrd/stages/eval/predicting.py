"""The predictions of `eval`: every candidate gets every question that it has not answered; one load for each base."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import msgspec

from qrd import prompts
from qrd.answers import grade
from qrd.backends import Backend, Reply, Request, base_of, open_backend
from qrd.config import EvalConfig
from qrd.console import Console, Progress
from qrd.models.names import ensemble_name
from qrd.rows.reader import Row
from qrd.rows.records import Fields, Question, digest
from qrd.rows.writer import Writer
from qrd.stages.asking import Asking, AskingTally, failed_row, sampling_of
from qrd.stages.eval.candidates import Candidate

BY_LOGPROB, BY_VOTE, BY_COMPETENCE = ENSEMBLES = tuple(map(ensemble_name, ("logprob", "vote", "competence")))
Todo = dict[str, tuple[Row[Question], int, Request]]


@dataclass
class Sheet:
    """All predictions of a run, and where new ones are written."""

    writer: Writer
    tally: AskingTally
    rows: dict[tuple[str, str, int], Fields]
    others: set[str] = field(default_factory=set)

    def write(self, fields: Fields) -> None:
        """Write one prediction and remember it for the table."""
        self.writer.write(fields)
        self.rows[(fields["model"], fields["id"], fields["sample"])] = fields
        self.tally.add_usage(msgspec.to_builtins(fields))


def request_of(question: Question, sample: int, config: EvalConfig) -> Request:
    """What a candidate is asked: the question as students are trained on it, with a seed of its own."""
    key = digest([question.id, sample])
    seed = int(digest([config.seed, key])[:8], 16) >> 1
    messages = tuple(prompts.student_messages(question))
    return Request(key=key, messages=messages, sampling=sampling_of(config, seed), want_logprob=True)


def ask_all(
    candidates: Sequence[Candidate], questions: Sequence[Row[Question]], sheet: Sheet, config: EvalConfig, asked: Asking
) -> None:
    """Ask every candidate what it has not answered yet; candidates of one model share one load of it.

    Raises: ConfigError for a model that cannot be had, or an adapter that is not for it.
    """
    with asked.progress(len(candidates) * len(questions) * config.samples) as progress:
        num_kept = sum(1 for name, _, _ in sheet.rows if name not in ENSEMBLES)
        progress.advance(done=num_kept, kept=num_kept)
        for model in dict.fromkeys(candidate.model for candidate in candidates):
            group = [candidate for candidate in candidates if candidate.model == model]
            every = {candidate: _unanswered(candidate, questions, sheet, config) for candidate in group}
            todo = {candidate: requests for candidate, requests in every.items() if requests}
            if not todo or asked.stopping.is_set():
                continue
            backend = open_backend(model, asked.settings())
            try:
                put_on(list(todo), backend, asked.console)
                for candidate, requests in todo.items():
                    _ask(backend, candidate, requests, sheet, config, progress)
            finally:
                backend.close()


def _unanswered(candidate: Candidate, questions: Sequence[Row[Question]], sheet: Sheet, config: EvalConfig) -> Todo:
    found = {}
    for row in questions:
        for sample in range(config.samples):
            if (candidate.name, row.record.id, sample) not in sheet.rows:
                request = request_of(row.record, sample, config)
                found[request.key] = (row, sample, request)
    return found


def _ask(
    backend: Backend, candidate: Candidate, todo: Todo, sheet: Sheet, config: EvalConfig, progress: Progress
) -> None:
    fingerprint, base = candidate.fingerprint(), base_of(candidate.model, config.api_base)
    with speaking(backend, candidate):
        for reply in backend.complete(request for _, _, request in todo.values()):
            row, sample, request = todo[reply.key]
            if reply.error is not None:
                identity = {"id": row.record.id, "model": candidate.name, "sample": sample}
                sheet.tally.failed.append(failed_row(identity, reply))
            else:
                told = {"model": candidate.name, "sample": sample}
                told["request_hash"] = request.hash(fingerprint, base)
                sheet.write({**row.fields, **told, **_graded(row.record, reply)})
            used = {"tokens": reply.usage.completion_tokens or 0, "cost_usd": reply.usage.cost_usd or 0.0}
            progress.advance(done=1, failed=int(reply.error is not None), **used)


def put_on(candidates: Sequence[Candidate], backend: Any, console: Console) -> None:
    """Put the adapters of all students on their base, before anybody answers, and see that each has an effect.

    All at once, since vLLM would start its engine anew for an adapter that comes late.
    Raises: ConfigError for an adapter that is broken, or was fitted on another model.
    """
    fitted = [candidate for candidate in candidates if candidate.adapter is not None]
    for candidate in fitted:
        backend.load_adapter(candidate.name, candidate.adapter)
    for candidate in fitted:
        if backend.effect(candidate.name) == 0:
            console.say(f"warning: {candidate.adapter}: changes nothing: its weights are those it had before training")


def speaking(backend: Any, candidate: Candidate) -> AbstractContextManager[None]:
    """A context in which the candidate answers: its adapter on the loaded base, or the base as it is."""
    if candidate.adapter is None:
        return nullcontext()
    student: AbstractContextManager[None] = backend.student(candidate.name)
    return student


def _graded(question: Question, reply: Reply) -> Fields:
    found = grade(question.task, reply.text or "", question.answer, question.choices)
    return {
        "response": reply.text or "",
        "finish_reason": reply.finish_reason,
        "prediction": found.prediction,
        "correct": found.correct,
        "logprob": reply.logprob,
        "usage": msgspec.to_builtins(reply.usage),
    }


Case = tuple[Question, int, list[Fields]]  # question, sample, a prediction of every student in their order
