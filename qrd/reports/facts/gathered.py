"""What a report is made of: inputs told apart by their content, and what manifests lead to.

A manifest may come from anywhere: a file it names is read only where its hash is the one that the manifest gives, and
rejected paths, of which it gives none, only from the folder of the paths that were kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as File

import msgspec

from qrd.config import ReportConfig
from qrd.errors import ConfigError, DataError
from qrd.evaluation import breakdown
from qrd.evaluation.agreement import Agreement
from qrd.evaluation.together import checked_together
from qrd.filters import ledger
from qrd.inspection.kinds import PATHS, kind_of
from qrd.models.names import base_name
from qrd.reports.facts.census import Census, Origin
from qrd.reports.facts.run_folder import Routed, Run, opened
from qrd.reports.facts.sample import Sample, shown
from qrd.reports.facts.verdicts import Verdicts
from qrd.rows.manifest import input_files, located, stored
from qrd.rows.reader import Reader, Row
from qrd.rows.records import Fields, Path, Prediction, checked

ORDER = ("data import", "data paths", "generate", "judge", "filter", "train", "eval")


class AnyRow(msgspec.Struct):
    """A row of no kind in particular."""


@dataclass(frozen=True)
class Stage:
    """A file or folder that qrd wrote, with its manifest."""

    command: str
    file: str
    manifest: Fields


@dataclass
class Gathered:
    """All that the inputs say. `answers` are predictions whose `model` is unique over the files; `names` leads to it
    from (file, model), `runs_of` from a file of predictions to the number of its run."""

    runs: list[Run]
    sample: Sample
    census: Census = field(default_factory=Census)
    verdicts: Verdicts = field(default_factory=Verdicts)
    agreement: Agreement = field(default_factory=Agreement)
    answers: list[Fields] = field(default_factory=list)
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    runs_of: dict[str, int] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    tokens: dict[str, Counter[str]] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)
    traced: list[str] = field(default_factory=list)
    num_rows: int = 0
    num_bad: int = 0
    is_difficulty_told: bool = False


def gather(config: ReportConfig) -> Gathered:
    """Everything that the inputs, and the manifests beside them, tell.

    Raises: ConfigError for an input that is not there or no run folder; DataError naming bad rows.
    """
    folders = [name for name in config.input if name != "-" and File(name).is_dir()]
    given = list(dict.fromkeys(name for name in config.input if name not in folders))
    if config.compare and len(folders) < 2:
        raise ConfigError(f"--compare sets runs side by side; found {len(folders)} run folder, expected two or more")
    found = Gathered([opened(folder, name) for folder, name in _named(folders).items()], Sample(config.sample))
    found.traced = [file for file in _traced(found.runs) if not _is_among(file, given)] if config.trace else []
    files = [*given, *found.traced]
    origins = _origins(files)
    rows = [row for name in files for row in _read(name, origins[name], found, config)]
    _name_answers(checked_together(rows), found)
    found.is_difficulty_told = any(q.difficulty != breakdown.UNKNOWN for q in found.census.questions.values())
    for number, run in enumerate(found.runs):
        _read_logs(number, run, found, config)
    found.stages = _chain([*files, *folders])
    return found


def _named(folders: list[str]) -> dict[str, str]:
    """Each folder with its parent's and its own name, or as it was given where two are called alike."""
    short = {folder: "/".join(File(folder).resolve().parts[-2:]) for folder in folders}
    counts = Counter(short.values())
    return {folder: name if counts[name] == 1 else folder for folder, name in short.items()}


def _is_among(file: str, given: list[str]) -> bool:
    return any(name != "-" and File(name).resolve() == File(file).resolve() for name in given)


def _traced(runs: list[Run]) -> list[str]:
    """The paths that the runs were trained on, and what their filter was given and rejected, where unchanged."""
    found: dict[str, None] = {}
    for run in runs:
        for entry in input_files(run.manifest.get("inputs")):
            kept = located(entry, File(run.folder))
            if kept is not None:
                found |= dict.fromkeys([str(kept), *_around_filter(kept)])
    return list(found)


def _around_filter(kept: File) -> Iterator[str]:
    manifest = stored(str(kept))
    config = manifest.get("config")
    if manifest.get("command") != "filter" or not isinstance(config, dict):
        return
    rejects = config.get("rejects")
    if isinstance(rejects, str) and (beside := kept.parent / File(rejects).name).is_file():
        yield str(beside)
    for entry in input_files(manifest.get("inputs")):
        if (judged := located(entry, kept.parent)) is not None:
            yield str(judged)


def _origins(files: list[str]) -> dict[str, Origin]:
    """What each file tells of its paths by being what it is."""
    found = dict.fromkeys(files, Origin.UNKNOWN)
    places = {File(name).resolve(): name for name in files if name != "-"}
    for name in files:
        manifest = stored(name)
        config = manifest.get("config")
        if manifest.get("command") != "filter" or not isinstance(config, dict) or config.get("flag"):
            continue
        found[name] = Origin.KEPT
        for entry in input_files(manifest.get("inputs")):
            source = located(entry, File(name).parent)
            if source is not None and source.resolve() in places:
                found[places[source.resolve()]] = Origin.SIFTED
    return found


def _read(name: str, origin: Origin, found: Gathered, config: ReportConfig) -> Iterator[Row[Prediction]]:
    """The predictions of a file; its paths are counted.

    Raises: DataError naming the bad rows.
    """
    reader = Reader([name], AnyRow, unique=None, skip_bad=config.skip_bad, wanted="path or prediction")
    for row in reader:
        try:
            if kind_of(row.fields) in PATHS:
                path = checked(row.fields, Path, file=row.file, line=row.line)
                _take_path(path, row.fields, origin, found)
            else:
                yield _prediction(row)
        except DataError as error:
            reader.refuse(row, error)
    reader.refuse_bad()
    found.num_rows += reader.num_rows
    found.num_bad += len(reader.bad)
    found.sha256 |= reader.sha256


def _prediction(row: Row[AnyRow]) -> Row[Prediction]:
    if (kind := kind_of(row.fields)) != "prediction":
        raise DataError(row.file, row.line, None, f"found a row of kind {kind}, expected a path or a prediction")
    record = checked(row.fields, Prediction, file=row.file, line=row.line)
    return Row(row.fields, record, row.file, row.line, b"")


def _take_path(path: Path, fields: Fields, origin: Origin, found: Gathered) -> None:
    num_before = len(found.census)
    entry, is_new_verdict = found.census.add(path, origin=origin, difficulty=breakdown.difficulty(fields))
    if len(found.census) > num_before and path.usage is not None:
        _spend(found, "generate", msgspec.to_builtins(path.usage))
    if is_new_verdict:
        found.verdicts.add(path, entry.answer)
        found.agreement.add(verdict.verdict for verdict in path.verdicts or ())
        usage = fields.get("judge_usage")
        for item in usage if isinstance(usage, list) else ():
            _spend(found, "judge", item if isinstance(item, dict) else {})
    found.sample.add_path(path, entry)


def _spend(found: Gathered, command: str, usage: Fields) -> None:
    for name in ("prompt_tokens", "completion_tokens"):
        number = usage.get(name)
        if isinstance(number, int):
            found.tokens.setdefault(command, Counter())[name] += number


def _name_answers(rows: list[Row[Prediction]], found: Gathered) -> None:
    """Put the predictions under names that no other file uses: its run's or its own name told along where needed."""
    by_hash = {run.manifest_sha256: number for number, run in enumerate(found.runs)}
    files: dict[str, list[str]] = {}
    for row in rows:
        if row.file not in files.setdefault(row.record.model, []):
            files[row.record.model].append(row.file)
    for file in dict.fromkeys(row.file for row in rows):
        run = stored(file).get("run")
        number = by_hash.get(run.get("manifest_sha256")) if isinstance(run, dict) else None
        if number is not None:
            found.runs_of[file] = number
    labels = {file: found.runs[number].name for file, number in found.runs_of.items()}
    clashing = {label for label, number in Counter(labels.values()).items() if number > 1}
    for row in rows:
        model, label = row.record.model, labels.get(row.file, row.file)
        name = model
        if len(files[model]) > 1:
            name = f"{model} ({row.file if label in clashing else label})"
        found.names[(row.file, model)] = name
        graded = {"prediction": row.record.prediction, "correct": row.record.correct}
        found.answers.append({**row.fields, **graded, "model": name, "sample": row.record.sample})
        if row.record.usage is not None:
            _spend(found, "eval", msgspec.to_builtins(row.record.usage))
    for row in rows:
        base = base_of(found, row.file, row.record.model)
        found.sample.add_answer(row.record, found.names[(row.file, row.record.model)], base)


def base_of(found: Gathered, file: str, model: str) -> str | None:
    """The report's name of the untrained base of a model that answered in a file; None where that did not answer."""
    number = found.runs_of.get(file)
    bases = found.runs[number].bases if number is not None else {}
    return found.names.get((file, bases.get(model, base_name(model))))


def _read_logs(number: int, run: Run, found: Gathered, config: ReportConfig) -> None:
    browsed = found.sample.paths()

    def take(line: Routed) -> dict[str, str]:
        for path in browsed.get(line.path_id, ()):
            path.setdefault("routed", {})[shown(run.name)] = [shown(student) for student in line.routed]
        entry = found.census.train(line.path_id, number)
        return {} if entry is None else groups_of(found, entry.question)

    run.read_curves(skip_bad=config.skip_bad)
    run.read_routing(take, skip_bad=config.skip_bad)
    if not run.students:
        run.students = dict.fromkeys(run.shares.students, "")
    found.num_bad += run.num_bad
    found.sha256 |= run.sha256


def groups_of(found: Gathered, question: str) -> dict[str, str]:
    """The difficulty and the data set of a question, where they are known: told by its `meta`, or by its pass rate."""
    asked = found.census.questions[question]
    told = asked.difficulty if found.is_difficulty_told else ledger.difficulty(asked.num_right, asked.num_graded)
    return {"difficulty": told, **({"dataset": asked.dataset} if asked.dataset else {})}


def _chain(files: list[str]) -> list[Stage]:
    """Every stage on the way to these files, in the order of the pipeline."""
    found: dict[File, Stage] = {}

    def follow(name: str) -> None:
        place = File(name).resolve()
        manifest = stored(name) if name != "-" else {}
        command = manifest.get("command")
        if place in found or not isinstance(command, str):
            return
        found[place] = Stage(command, name, manifest)
        for entry in input_files(manifest.get("inputs")):
            source = located(entry, place.parent)
            if source is not None:
                follow(str(source))

    for name in files:
        follow(name)
    return sorted(
        found.values(), key=lambda stage: ORDER.index(stage.command) if stage.command in ORDER else len(ORDER)
    )
