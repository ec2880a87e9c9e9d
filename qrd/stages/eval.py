"""eval: questions to predictions and a table.

Reads:   questions; a run folder of train, or models by name.
Does:    asks every student, its untrained base and any other model each question; combines students to an ensemble.
Writes:  one prediction a line, as replies come in; the table on standard error; --summary.
Never:   asks again for a prediction that is in OUTPUT; shows a model more than the question.

Source: paper, section 3.1 and the set-up of 2.1 (a simple instruction and the question, no examples).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import msgspec

from qrd import evaluation, jsonl, prompts
from qrd.answers import grade
from qrd.backends import Backend, Budget, Reply, Request, Sampling, open_backend
from qrd.config import EvalConfig
from qrd.console import Console, Progress
from qrd.errors import ConfigError
from qrd.jsonl import Reader, Row, Writer
from qrd.manifest import Manifest, sha256_of
from qrd.records import Fields, Question, digest
from qrd.stages import asking
from qrd.stages.asking import Tally

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ENSEMBLE = "ensemble:logprob"


@dataclass(frozen=True)
class Candidate:
    """A model under evaluation: its name in the table, what is loaded, and the adapter put on it."""

    name: str
    model: str
    adapter: str | None = None
    is_student: bool = False

    def fingerprint(self) -> str:
        """What its replies depend on, the content of its weights included."""
        folder = File(self.adapter or self.model.removeprefix("hf:"))
        weights = sorted(folder.glob("*.safetensors")) if self.is_student else []
        return digest([self.model, [sha256_of(file) for file in weights]])


@dataclass
class Sheet:
    """All predictions of a run, and where new ones are written."""

    writer: Writer
    tally: Tally
    rows: dict[tuple[str, str, int], Fields]

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
    manifest = Manifest("eval", config, config.output)
    with Writer(config.output, resume=config.resume) as writer:
        sheet = Sheet(writer, Tally(num_in=reader.num_rows, num_bad=len(reader.bad)), {})
        expected = {candidate.name: candidate.fingerprint() for candidate in candidates}
        _keep(sheet, questions, expected, config)
        finished = False
        try:
            _ask_all(candidates, questions, sheet, config, console)
            _combine([c.name for c in candidates if c.is_student], questions, sheet, config)
            finished = True
        finally:
            sheet.tally.num_out = sheet.tally.num_kept + writer.num_written
            asking.report_failures(config.output, sheet.tally.failed, console)
            manifest.finish(
                inputs=reader.sha256, rows_in=sheet.tally.num_in, rows_out=sheet.tally.num_out, finished=finished,
                reasons={"failed": len(sheet.tally.failed), "bad": sheet.tally.num_bad},
                cost_usd=sheet.tally.cost_usd or None, run=_run_identity(config),
            )  # fmt: skip
    summary = summarised(list(sheet.rows.values()))
    show(summary, console)
    if config.summary:
        whole = msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"
        jsonl.write_whole(File(config.summary), whole)
    return sheet.tally


def _run_identity(config: EvalConfig) -> Fields | None:
    """The hash of the run's manifest, so that predictions can be traced to the training paths."""
    if config.run is None:
        return None
    return {"folder": config.run, "manifest_sha256": sha256_of(File(config.run) / "manifest.json")}


def candidates_of(config: EvalConfig) -> Iterator[Candidate]:
    """What is to be evaluated: bases, students, then models by name; students that share a base share its row.

    Raises: ConfigError where --run is no run folder, or nothing is named.
    """
    if config.run is None and not config.model:
        raise ConfigError("--run or --model must be given (qrd eval --help)")
    students = list(_students(File(config.run))) if config.run else []
    if config.baseline:
        bases: dict[str, str] = {}
        for student, base in students:
            bases.setdefault(base, f"base:{student.name}")
        yield from (Candidate(name, base) for base, name in bases.items())
    yield from (student for student, _ in students)
    for model in config.model:
        yield Candidate(model, model)


def _students(run: File) -> Iterator[tuple[Candidate, str]]:
    """(student, name of its base model) of each student in a run folder."""
    from qrd.training.students import parse_students

    for spec in parse_students(_named_students(run)):
        folder = run / "students" / spec.name
        base = spec.model if ":" in spec.model else f"hf:{spec.model}"
        if (folder / "adapter_config.json").is_file():
            yield Candidate(spec.name, base, str(folder), True), base
        elif (folder / "config.json").is_file():
            yield Candidate(spec.name, f"hf:{folder}", None, True), base
        else:
            raise ConfigError(f"{folder}: holds no student; has the training finished?")


def _named_students(run: File) -> list[str]:
    try:
        students = tomllib.loads((run / "config.toml").read_text("utf-8"))["train"]["student"]
    except (OSError, ValueError, KeyError):
        raise ConfigError(f"{run}: is no run folder of qrd train (its config.toml cannot be read)") from None
    return list(students)


def _keep(sheet: Sheet, questions: Sequence[Row[Question]], expected: dict[str, str], config: EvalConfig) -> None:
    """Take over the predictions that the output holds.

    Raises: ConfigError where one of them was made in another way.
    """
    wanted = {row.record.id: row.record for row in questions}
    for _, fields in sheet.writer.kept():
        sheet.tally.num_kept += 1
        sheet.tally.add_usage(fields)
        question = wanted.get(fields["id"])
        if question is None or (fields["model"] not in expected and fields["model"] != ENSEMBLE):
            continue
        name, sample = fields["model"], fields["sample"]
        if fields.get("answer") != question.answer:
            asking.refuse_mixture(config.output, config, f"the gold answer of {question.id}")
        if name != ENSEMBLE and fields.get("request_hash") != _request(question, sample, config).hash(
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
    console: Console,
) -> None:  # fmt: skip
    """Ask every candidate what it has not answered yet; candidates of one model share one load of it."""
    budget = Budget(config.max_cost, sheet.tally.cost_usd)
    with console.progress("eval", len(candidates) * len(questions) * config.samples) as progress:
        progress.advance(done=sum(1 for name, _, _ in sheet.rows if name != ENSEMBLE))
        for model in dict.fromkeys(candidate.model for candidate in candidates):
            group = [candidate for candidate in candidates if candidate.model == model]
            todo = {candidate: _unanswered(candidate, questions, sheet, config) for candidate in group}
            if not any(todo.values()):
                continue
            backend = open_backend(model, asking.settings_of(config, budget))
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
    """Write the ensemble's prediction wherever every student has one and it is not there yet."""
    if len(students) < 2:
        return
    for row in questions:
        for sample in range(config.samples):
            members = [sheet.rows.get((name, row.record.id, sample)) for name in students]
            known = [member for member in members if member is not None]
            if len(known) == len(students) and (ENSEMBLE, row.record.id, sample) not in sheet.rows:
                best = evaluation.by_logprob(known)
                sheet.write({**best, "model": ENSEMBLE, "chosen": best["model"], "usage": None})


def summarised(rows: Sequence[Fields]) -> Fields:
    """The content of --summary: accuracy with interval per model, over all and per task; shares from 0 to 1."""
    models = {}
    for model in dict.fromkeys(row["model"] for row in rows):
        mine = [row for row in rows if row["model"] == model]
        tasks = dict.fromkeys(row["task"] for row in mine)
        models[model] = {
            **_scores(mine),
            "tasks": {task: _scores([row for row in mine if row["task"] == task]) for task in tasks},
        }
    return {"models": models}


def _scores(rows: Sequence[Fields]) -> Fields:
    found = evaluation.accuracy((row["correct"], row["prediction"] is not None) for row in rows)
    cut = sum(row.get("finish_reason") == "length" for row in rows)
    return {
        "accuracy": found.share, "interval": list(found.interval), "right": found.num_right, "rows": found.num_rows,
        "answer_found": found.num_found, "cut": cut,
    }  # fmt: skip


def show(summary: Fields, console: Console) -> None:
    """Print the table; a column per task where there are several."""
    tasks = list(dict.fromkeys(task for scores in summary["models"].values() for task in scores["tasks"]))
    extra = tasks if len(tasks) > 1 else []
    rows = []
    for model, scores in summary["models"].items():
        by_task = [_shown(scores["tasks"][task]) if task in scores["tasks"] else "" for task in extra]
        rows.append([model, _shown(scores), *by_task, f"{scores['answer_found']}/{scores['rows']}", scores["cut"]])
    columns = ("model", "accuracy % [95 % interval]", *extra, "answers found", "cut at --max-tokens")
    console.table("Accuracy", columns, rows)


def _shown(scores: dict[str, Any]) -> str:
    low, high = scores["interval"]
    return f"{100 * scores['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
