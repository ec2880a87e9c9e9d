"""eval: questions to predictions and a table.

Reads:   questions; a run folder of train, or models by name.
Does:    asks every student, its untrained base and any other model each question; combines students to an ensemble.
Writes:  one prediction a line, as replies come in; the table on standard error; --summary.
Never:   asks again for a prediction that is in OUTPUT; shows a model more than the question.

The competence of a student (eq. 6) is a function of its hidden states, which no backend gives: there is no ensemble by
competence here.
Source: paper, section 3.1 and the set-up of 2.1 (a simple instruction and the question, no examples).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

import msgspec

from qrd import evaluation, prompts
from qrd.answers import grade
from qrd.backends import Backend, Budget, Flight, Reply, Request, Sampling, Stopping, open_backend
from qrd.config import EvalConfig
from qrd.console import Console, Progress
from qrd.evaluation.summary import summarised, unchanged
from qrd.evaluation.table import show
from qrd.jsonl import Reader, Row, Writer
from qrd.manifest import Manifest, sha256_of
from qrd.records import Fields, Question, digest
from qrd.stages import asking
from qrd.stages.asking import Tally
from qrd.stages.eval_candidates import Candidate, candidates_of
from qrd.stages.eval_compare import write_summary
from qrd.stages.eval_contamination import stamp

BY_LOGPROB, BY_VOTE = ENSEMBLES = ("ensemble:logprob", "ensemble:vote")


@dataclass
class Sheet:
    """All predictions of a run, and where new ones are written."""

    writer: Writer
    tally: Tally
    rows: dict[tuple[str, str, int], Fields]
    others: set[str] = field(default_factory=set)

    def write(self, fields: Fields) -> None:
        """Write one prediction and remember it for the table."""
        self.writer.write(fields)
        self.rows[(fields["model"], fields["id"], fields["sample"])] = fields
        self.tally.add_usage(msgspec.to_builtins(fields))


def run(config: EvalConfig, console: Console) -> Tally:
    """Evaluate all candidates; the counts of this run.

    Raises: ConfigError for a folder that is no run, DataError before any call.
    """
    candidates = list(candidates_of(config))
    reader = Reader(config.input, Question, unique="id", skip_bad=config.skip_bad)
    questions = list(asking.selected(reader, config))
    asking.report_bad(reader, console)
    contamination = _stamp(config, reader, console)
    manifest = Manifest("eval", config, config.output)
    with Writer(config.output, resume=config.resume) as writer:
        sheet = Sheet(writer, Tally(num_in=reader.num_rows, num_bad=len(reader.bad)), {})
        expected = {candidate.name: candidate.fingerprint() for candidate in candidates}
        _keep(sheet, questions, expected, config)
        if sheet.others:
            console.say(f"{config.output}: predictions of {', '.join(sorted(sheet.others))} stay as they are")
        manifest.begin()
        budget, finished = asking.budget_of(config, sheet.tally.cost_usd), False
        try:
            _ask_all(candidates, questions, sheet, config, console, budget)
            _combine([c.name for c in candidates if c.is_student], questions, sheet, config)
            finished = True
        finally:
            sheet.tally.num_out = sheet.tally.num_kept + writer.num_written
            asking.report_failures(config.output, sheet.tally.failed, console)
            manifest.finish(
                inputs=reader.sha256, rows_in=sheet.tally.num_in, rows_out=sheet.tally.num_out, finished=finished,
                reasons={"failed": len(sheet.tally.failed), "bad": sheet.tally.num_bad},
                cost_usd=asking.closed(budget, sheet.tally), run=_run_identity(config),
                contamination=contamination,
            )  # fmt: skip
    _tell(candidates, list(sheet.rows.values()), contamination, config, console)
    return sheet.tally


def _tell(
    candidates: Sequence[Candidate], rows: Sequence[Fields], contamination: Fields | None, config: EvalConfig,
    console: Console,
) -> None:  # fmt: skip
    """Show the tables and write --summary."""
    versus_base = [(student.name, student.base) for student in candidates if student.base is not None]
    summary = summarised(rows, versus_base, seed=config.seed)
    summary |= {"contamination": contamination, "unchanged": unchanged(rows, versus_base)}
    show(summary, console)
    for name in summary["unchanged"]:
        console.say(f"warning: {name}: every reply is its base's, word for word; what was fitted changed nothing here")
    write_summary(config, summary)


def _run_identity(config: EvalConfig) -> Fields | None:
    """The hash of the run's manifest, so that predictions can be traced to the training paths."""
    if config.run is None:
        return None
    return {"folder": config.run, "manifest_sha256": sha256_of(File(config.run) / "manifest.json")}


def _stamp(config: EvalConfig, reader: Reader[Question], console: Console) -> Fields | None:
    """Whether the run's training paths were checked against these questions, said aloud; None without a run."""
    if config.run is None:
        return None
    found = stamp(config.run, reader.sha256)
    if found["checked"]:
        console.say("the training paths were checked against these questions (filter --decontaminate)")
    for problem in found["problems"]:
        console.say(f"warning: {problem}; the students may have seen these questions (filter --decontaminate)")
    return found


def _keep(sheet: Sheet, questions: Sequence[Row[Question]], expected: dict[str, str], config: EvalConfig) -> None:
    """Take over the predictions that the output holds.

    Raises: ConfigError where one of them was made in another way.
    """
    wanted = {row.record.id: row.record for row in questions}
    for _, fields in sheet.writer.kept():
        sheet.tally.num_kept += 1
        sheet.tally.add_usage(fields)
        question = wanted.get(fields["id"])
        if fields["model"] not in expected and fields["model"] not in ENSEMBLES:
            sheet.others.add(fields["model"])
            continue
        if question is None:
            continue
        name, sample = fields["model"], fields["sample"]
        if fields.get("answer") != question.answer:
            asking.refuse_mixture(config.output, config, f"the gold answer of {question.id}")
        if name not in ENSEMBLES and fields.get("request_hash") != _request(question, sample, config).hash(
            expected[name], config.api_base
        ):
            asking.refuse_mixture(config.output, config, f"the model {name} or the prompt of {question.id}")
        sheet.rows[(name, question.id, sample)] = fields


def _request(question: Question, sample: int, config: EvalConfig) -> Request:
    key = digest([question.id, sample])
    seed = int(digest([config.seed, key])[:8], 16) >> 1
    sampling = Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens, seed=seed)
    messages = tuple(prompts.student_messages(question))
    return Request(key=key, messages=messages, sampling=sampling, want_logprob=True)


def _ask_all(
    candidates: Sequence[Candidate], questions: Sequence[Row[Question]], sheet: Sheet, config: EvalConfig,
    console: Console, budget: Budget,
) -> None:  # fmt: skip
    """Ask every candidate what it has not answered yet; candidates of one model share one load of it."""
    flight = Flight()
    num_planned = len(candidates) * len(questions) * config.samples
    shown = console.progress("eval", num_planned, in_flight=lambda: flight.num_calls)
    with Stopping(quiet=config.quiet) as stopping, shown as progress:
        progress.advance(done=sum(1 for name, _, _ in sheet.rows if name not in ENSEMBLES))
        for model in dict.fromkeys(candidate.model for candidate in candidates):
            group = [candidate for candidate in candidates if candidate.model == model]
            todo = {candidate: _unanswered(candidate, questions, sheet, config) for candidate in group}
            if not any(todo.values()) or stopping.is_set():
                continue
            backend = open_backend(model, asking.settings_of(config, budget, stopping, flight))
            try:
                for candidate, requests in todo.items():
                    _ask(backend, candidate, requests, sheet, config, progress)
            finally:
                backend.close()


def _unanswered(
    candidate: Candidate, questions: Sequence[Row[Question]], sheet: Sheet, config: EvalConfig
) -> dict[str, tuple[Row[Question], int, Request]]:
    found = {}
    for row in questions:
        for sample in range(config.samples):
            if (candidate.name, row.record.id, sample) not in sheet.rows:
                request = _request(row.record, sample, config)
                found[request.key] = (row, sample, request)
    return found


def _ask(
    backend: Backend, candidate: Candidate, todo: dict[str, tuple[Row[Question], int, Request]], sheet: Sheet,
    config: EvalConfig, progress: Progress,
) -> None:  # fmt: skip
    fingerprint = candidate.fingerprint()
    with _speaking(backend, candidate):
        for reply in backend.complete(request for _, _, request in todo.values()):
            row, sample, request = todo[reply.key]
            if reply.error is not None:
                identity = {"id": row.record.id, "model": candidate.name, "sample": sample}
                sheet.tally.failed.append(asking.failed_row(identity, reply))
            else:
                told = {"model": candidate.name, "sample": sample}
                told["request_hash"] = request.hash(fingerprint, config.api_base)
                sheet.write({**row.fields, **told, **_graded(row.record, reply)})
            progress.advance(done=1, failed=int(reply.error is not None), tokens=reply.usage.completion_tokens or 0)


def _speaking(backend: Any, candidate: Candidate) -> AbstractContextManager[None]:
    """A context in which the candidate answers: its adapter put on the loaded base, or the base as it is."""
    if candidate.adapter is None:
        return nullcontext()
    backend.load_adapter(candidate.name, candidate.adapter)
    student: AbstractContextManager[None] = backend.student(candidate.name)
    return student


def _graded(question: Question, reply: Reply) -> Fields:
    found = grade(question.task, reply.text or "", question.answer, question.choices)
    return {
        "response": reply.text or "", "finish_reason": reply.finish_reason, "prediction": found.prediction,
        "correct": found.correct, "logprob": reply.logprob, "usage": msgspec.to_builtins(reply.usage),
    }  # fmt: skip


def _combine(students: Sequence[str], questions: Sequence[Row[Question]], sheet: Sheet, config: EvalConfig) -> None:
    """Write the ensembles' predictions wherever every student has one and theirs are not there yet."""
    if len(students) < 2:
        return
    for row in questions:
        for sample in range(config.samples):
            members = [sheet.rows.get((name, row.record.id, sample)) for name in students]
            known = [member for member in members if member is not None]
            if len(known) < len(students):
                continue
            if (BY_LOGPROB, row.record.id, sample) not in sheet.rows:
                best = evaluation.by_logprob(known)
                sheet.write({**best, "model": BY_LOGPROB, "chosen": best["model"], "usage": None})
            if (BY_VOTE, row.record.id, sample) not in sheet.rows:
                best, tie = evaluation.by_vote(known)
                sheet.write({**best, "model": BY_VOTE, "chosen": best["model"], "tie": tie, "usage": None})
