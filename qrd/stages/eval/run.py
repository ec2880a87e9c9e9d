"""The door of eval: candidates asked, ensembles combined, figures shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path as File

from qrd.backends import Request, base_of
from qrd.config import EvalConfig
from qrd.console import Console
from qrd.evaluation.families import BASES, Answering, Families, families
from qrd.evaluation.summary import summarised, unchanged
from qrd.evaluation.table import show
from qrd.rows import fingerprints
from qrd.rows.manifest import input_files, sha256_of, stored
from qrd.rows.reader import Reader, Row
from qrd.rows.records import Fields, Question
from qrd.rows.writer import Writer
from qrd.stages import Tally, selecting
from qrd.stages.asking import Asking, refuse_mixture
from qrd.stages.eval.candidates import Candidate, candidates_of
from qrd.stages.eval.comparing import write_summary
from qrd.stages.eval.contamination import stamp
from qrd.stages.eval.ensembles import combine
from qrd.stages.eval.predicting import ENSEMBLES, Sheet, ask_all, request_of
from qrd.stages.outcomes import on_predictions


def run(config: EvalConfig, console: Console) -> Tally:
    """Evaluate all candidates; the counts of this run.

    Raises: ConfigError for a folder that is no run, DataError before any call.
    """
    candidates = list(candidates_of(config))
    reader = Reader(config.input, Question, unique="id", skip_bad=config.skip_bad, needs_rows=True)
    questions = list(selecting.selected(reader, config))
    selecting.report_bad(reader, console)
    contamination = _stamp(config, reader, console)
    _warn_of_other_bases(config, console)
    asked = Asking("eval", config, console, reader, (each.model for each in candidates))
    with Writer(config.output, resume=config.resume) as writer:
        sheet = Sheet(writer, asked.tally, {})
        _keep(sheet, questions, {each.name: each for each in candidates}, config)
        if sheet.others:
            console.say(f"{config.output}: predictions of {', '.join(sorted(sheet.others))} stay as they are")

        def told() -> Fields:
            _tell_outcomes(sheet, config, console)
            return {"run": _run_identity(config, candidates), "contamination": contamination}

        with asked.begun(writer, told=told):
            ask_all(candidates, questions, sheet, config, asked)
            combine(candidates, questions, sheet, config, console)
    _tell(candidates, list(sheet.rows.values()), contamination, config, console)
    return sheet.tally


def _tell_outcomes(sheet: Sheet, config: EvalConfig, console: Console) -> None:
    """Say what became of the replies of all candidates; what ensembles say is one of these."""
    outcomes = sheet.tally.outcomes
    for (name, _, _), fields in sheet.rows.items():
        if name not in ENSEMBLES:
            outcomes.add(fields)
    outcomes.tell(console, on_predictions(config.max_tokens), num_failed=len(sheet.tally.failed))


def _tell(
    candidates: Sequence[Candidate],
    rows: Sequence[Fields],
    contamination: Fields | None,
    config: EvalConfig,
    console: Console,
) -> None:
    """Show the tables and write --summary."""
    versus_base = [(student.name, student.base) for student in candidates if student.base is not None]
    summary = summarised(rows, _versus_base(candidates), seed=config.seed)
    summary |= {"contamination": contamination, "unchanged": unchanged(rows, versus_base)}
    show(summary, console)
    for name in summary["unchanged"]:
        console.say(f"warning: {name}: every reply is its base's, word for word; what was fitted changed nothing here")
    write_summary(config, summary)


def _warn_of_other_bases(config: EvalConfig, console: Console) -> None:
    """Say which students of --run have a base that is not the one they were fitted on."""
    models = input_files(stored(config.run).get("models")) if config.run else []
    for what in fingerprints.changed([entry for entry in models if entry.get("model") != "--encoder"]):
        console.say(f"warning: {what}: not what it was when {config.run} was trained; the adapter is of another base")


def _versus_base(candidates: Sequence[Candidate]) -> Families:
    models = [Answering(each.name, each.name, "", each.is_student, each.base) for each in candidates]
    return families(models, [BASES])


def _run_identity(config: EvalConfig, candidates: Sequence[Candidate]) -> Fields | None:
    """The hash of the run's manifest, which traces predictions to training paths; its students with their bases."""
    if config.run is None:
        return None
    students = {each.name: each.base for each in candidates if each.is_student}
    manifest_sha256 = sha256_of(File(config.run) / "manifest.json")
    return {"folder": config.run, "manifest_sha256": manifest_sha256, "students": students}


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


def _keep(
    sheet: Sheet, questions: Sequence[Row[Question]], candidates: dict[str, Candidate], config: EvalConfig
) -> None:
    """Take over the predictions that the output holds.

    Raises: ConfigError where one of them was made in another way.
    """
    wanted = {row.record.id: row.record for row in questions}
    expected = {name: _hashes_of(candidate, config) for name, candidate in candidates.items()}
    for _, fields in sheet.writer.kept():
        sheet.tally.num_kept += 1
        sheet.tally.add_usage(fields)
        if not {"id", "model", "sample"} <= fields.keys():
            refuse_mixture(config.output, config, "rows that are no predictions")
        question = wanted.get(fields["id"])
        if fields["model"] not in candidates and fields["model"] not in ENSEMBLES:
            sheet.others.add(fields["model"])
            continue
        if question is None:
            continue
        name, sample = fields["model"], fields["sample"]
        if fields.get("answer") != question.answer:
            refuse_mixture(config.output, config, f"the gold answer of {question.id}")
        made = name in ENSEMBLES or fields.get("request_hash") in expected[name](request_of(question, sample, config))
        if not made:
            refuse_mixture(config.output, config, f"the model {name}, its endpoint or the prompt of {question.id}")
        sheet.rows[(name, question.id, sample)] = fields


def _hashes_of(candidate: Candidate, config: EvalConfig) -> Callable[[Request], list[str]]:
    """What gives the hashes that a row of a request to a candidate may have."""
    names = dict.fromkeys((candidate.fingerprint(), candidate.fingerprint_by_name()))
    base = base_of(candidate.model, config.api_base)
    return lambda request: [request.hash(name, base) for name in names]
